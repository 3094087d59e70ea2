"""How a limit is divided among dialers, so that together they never exceed it. Pure.

Each limit (a trunk's, a campaign's, a node's channels; calls a second) is dealt out in shares. A share is
written down as *granted*, and a dialer keeps its calls under its own *limit*, which is never more than what
it was granted. So the sum of what is granted is what everybody may use at once, and it grows only by what is
free. To give something up a dialer first lowers its limit, and a step later, when no call can exceed it any
more, what it was granted:

    limit falls in memory -> (a step later) granted falls in the database -> another dialer may be granted it

Calls under way are never cut: a dialer that uses more than its new limit keeps what it uses granted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Key = tuple[str, str]  # ("trunk" | "campaign" | "node", its name or id)


@dataclass(frozen=True, slots=True)
class Share:
    """Calls at a time, calls a second."""

    channels: int = 0
    cps: float = 0.0

    def within(self, channels: int, cps: float) -> "Share":
        """No more of it than the whole limit; without calls a second there are no calls at all."""
        return Share(min(self.channels, channels) if self.cps > 0 else 0, min(self.cps, cps))


@dataclass(frozen=True, slots=True)
class Claims:
    """A dialer's side: every limit in force, what it keeps to of each, how many calls it has. What is
    `whole` one dialer has all of: two that call for the same operators would call twice as many people.
    """

    caps: Mapping[Key, Share]
    limits: Mapping[Key, Share] = field(default_factory=dict)
    used: Mapping[Key, int] = field(default_factory=dict)
    whole: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """What is granted from now on, to be written down, and what to keep to once it is."""

    granted: dict[Key, Share]
    limits: dict[Key, Share]


def settle(claims: Claims, others: Mapping[Key, Sequence[Share]], able: Sequence[str], me: str) -> Settled:
    """One step of a dialer. `others`: what each other dialer is granted; `able`: those that can dial."""
    granted, limits = {}, {}
    for key, cap in claims.caps.items():
        kept, used = claims.limits.get(key, Share()), claims.used.get(key, 0)
        taken = others.get(key, ())
        free = cap.channels - sum(share.channels for share in taken)
        among = sorted(able)[:1] if key in claims.whole else able
        channels = min(_part(cap.channels, among, me), free)
        free_cps = cap.cps - sum(share.cps for share in taken)
        cps = min(cap.cps / len(among) if me in among else 0.0, free_cps)
        granted[key] = Share(max(kept.channels, used, channels), max(kept.cps, cps))
        limits[key] = Share(max(0, channels), max(0.0, cps))
    return Settled(granted, limits)


def _part(cap: int, able: Sequence[str], me: str) -> int:
    """An equal part; what is left over goes to the first by name."""
    if me not in able:
        return 0
    whole, over = divmod(cap, len(able))
    return whole + (sorted(able).index(me) < over)

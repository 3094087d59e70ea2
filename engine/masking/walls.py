"""What keeps a masked line from being misused for calls on the company's account. Pure.

The second number only ever comes from a binding that is open; beside that, in this order:

| rule | a call does not go on |
|---|---|
| prefix | the other side's number begins as none that may be called (masking.prefixes) |
| calls-at-once | the order has masking.calls_at_once calls under way |
| calls-hour | the driver, or the phone, made masking.calls_hour calls within the last hour |

CFCA puts the damage of one such incident at 10,000 to 250,000 dollars.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from storage.vocab import MaskRule

RULES = (MaskRule.PREFIX, MaskRule.CALLS_AT_ONCE, MaskRule.CALLS_HOUR)


@dataclass(frozen=True, slots=True)
class Standing:
    """`at_once`: calls of the order under way; `hour`: calls of this caller in the last hour; `crossed`: one
    of those whom he wants is calling him.
    """

    at_once: int
    hour: int
    crossed: bool


@dataclass(frozen=True, slots=True)
class Walls:
    """As the settings have them."""

    prefixes: tuple[str, ...]
    calls_at_once: int
    calls_hour: int

    def against(self, peers: Sequence[str], standing: Standing) -> MaskRule:
        """The rule that a call to these phones meets; NONE: it may go on."""
        if not all(peer.startswith(self.prefixes) for peer in peers):
            return MaskRule.PREFIX
        if standing.at_once >= self.calls_at_once:
            return MaskRule.CALLS_AT_ONCE
        return MaskRule.CALLS_HOUR if standing.hour >= self.calls_hour else MaskRule.NONE

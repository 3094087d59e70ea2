"""Whose turn it is when several campaigns want a trunk's calls. Pure.

Strictly by priority; among equals by weight, over time: each call makes its campaign wait 1/weight, and the
one that has waited most is next (stride scheduling). A campaign that wants nothing gives its part away, and
gets nothing for it later: who comes, or comes back, begins level with the one that is next.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """A campaign would make so many calls now, on any of these trunks, the first the dearest to it."""

    campaign: UUID
    priority: int
    weight: int
    wants: int
    trunks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What each campaign has had: calls divided by weight, from a common beginning."""

    had: Mapping[UUID, float] = field(default_factory=dict)

    def present(
        self, campaigns: Mapping[UUID, int], without_leads: Collection[UUID] = frozenset()
    ) -> "Ledger":
        """The ledger of those who want calls now (campaign -> priority); the others are forgotten.

        Those `without_leads` are brought level, so that what they gave away does not add up.
        """
        levels: dict[int, list[UUID]] = {}
        for campaign, priority in campaigns.items():
            levels.setdefault(priority, []).append(campaign)
        had: dict[UUID, float] = {}
        for equals in levels.values():
            known = [one for one in equals if one in self.had]
            busy = [one for one in known if one not in without_leads] or known
            least = min((self.had[one] for one in busy), default=0.0)
            had |= {one: max(0.0, self.had.get(one, least) - least) for one in equals}
        return Ledger(had)

    def charged(self, campaign: UUID, weight: int, calls: int = 1) -> "Ledger":
        """After so many calls of a campaign."""
        return Ledger({**self.had, campaign: self.had.get(campaign, 0.0) + calls / weight})

    def order(self, campaign: UUID, priority: int) -> tuple[int, float]:
        """Sorts campaigns: the smallest is next."""
        return -priority, self.had.get(campaign, 0.0)


def divide(ledger: Ledger, free: Mapping[str, int], claims: Sequence[Claim]) -> dict[UUID, int]:
    """How many calls each may make, when the trunks have so many turns free; in the order of their turns.

    Whoever is named makes one at least. What one then does not use is to be divided again without him.
    """
    left = Counter(free)
    wants = {claim.campaign: claim.wants for claim in claims}
    given: Counter[UUID] = Counter()
    while True:
        able = [one for one in claims if wants[one.campaign] > 0 and _trunk(one, left)]
        if not able:
            return dict(given)
        claim = min(able, key=lambda one: ledger.order(one.campaign, one.priority))
        left[_trunk(claim, left)] -= 1
        wants[claim.campaign] -= 1
        given[claim.campaign] += 1
        ledger = ledger.charged(claim.campaign, claim.weight)


Take = Callable[[UUID, int], Counter[str]]


def serve(ledger: Ledger, free: Counter[str], claims: Sequence[Claim], take: Take) -> Ledger:
    """Let everybody `take` his turns, and divide again what somebody could not use; the ledger after it.

    `take` makes up to so many calls of a campaign and tells their trunks, which are `free` no more.
    """
    priorities = {claim.campaign: claim.priority for claim in claims}
    ledger, waiting = ledger.present(priorities), {claim.campaign: claim for claim in claims}
    without_leads: set[UUID] = set()
    while turns := divide(ledger, free, list(waiting.values())):
        for campaign, most in turns.items():
            claim = waiting[campaign]
            asked = min(most, sum(max(0, free[trunk]) for trunk in claim.trunks))
            made = take(campaign, asked) if asked else Counter[str]()
            free.subtract(made)
            ledger = ledger.charged(campaign, claim.weight, made.total())
            waiting[campaign] = replace(claim, wants=claim.wants - made.total())
            if made.total() < asked:
                without_leads.add(campaign)
                del waiting[campaign]
    return ledger.present(priorities, without_leads)


def _trunk(claim: Claim, left: Mapping[str, int]) -> str:
    """The first of a campaign's trunks that has a turn left; "" when none has."""
    return next((trunk for trunk in claim.trunks if left.get(trunk, 0) > 0), "")

"""Which trunk a call takes, and from which number it comes. Pure.

A trunk is asked only if the called number begins with one of its prefixes (none named: every number does),
if it is not shut (its breaker open, its endpoint unreachable) and if it has room in this beat. Of those the
first is taken, in the order of

1. priority, the higher first
2. the longest prefix that fits
3. cost, the lower first
4. the share of its room that is used in this beat, the smaller first

A lead that a trunk has just failed goes by another, if another that is not shut takes its number, even if
that one is full now: then it waits for a moment. So a trunk that fails at once cannot win its calls back by
being idle.

The number to call from is the same for a person as long as it is well, and people are spread evenly over the
numbers: each (person, number) has a weight by hash, and the heaviest number is his (rendezvous hashing).
When a number rests, only its own people move.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Way:
    """A trunk of a campaign in one beat: `free` calls may go out by it now; `cost` in kopecks a minute."""

    name: str
    free: int
    shut: bool = False
    prefixes: tuple[str, ...] = ()
    priority: int = 0
    cost: int = 0

    def fits(self, e164: str) -> int:
        """Digits of the longest prefix that fits, 0 where the trunk takes all numbers, -1 when it does not
        take this one.
        """
        if not self.prefixes:
            return 0
        number = e164.removeprefix("+")
        return max((len(one) for one in map(_digits, self.prefixes) if number.startswith(one)), default=-1)


def _digits(prefix: str) -> str:
    return prefix.removeprefix("+")


def choose(ways: Sequence[Way], taken: Mapping[str, int], e164: str, avoids: str = "") -> Way | None:
    """The way for a call, of those that have room beside what is `taken` already; None: not now."""
    fitting = {way.name: fit for way in ways if (fit := way.fits(e164)) >= 0}
    working = [way for way in ways if way.name in fitting and not way.shut]
    others = [way for way in working if way.name != avoids]
    open_ = [way for way in others or working if taken.get(way.name, 0) < way.free]

    def order(way: Way) -> tuple[int, int, int, float, str]:
        share = taken.get(way.name, 0) / way.free
        return -way.priority, -fitting[way.name], way.cost, share, way.name

    return min(open_, key=order, default=None)


def takes(ways: Sequence[Way], e164: str) -> bool:
    """Is there a trunk for this number at all, whatever its room?"""
    return any(way.fits(e164) >= 0 for way in ways)


def caller_for(person: UUID, numbers: Collection[str]) -> str:
    """The one of these numbers that calls this person; "" when there is none."""
    return max(numbers, key=lambda number: (_weight(person, number), number), default="")


def _weight(person: UUID, number: str) -> bytes:
    return blake2b(number.encode(), key=person.bytes, digest_size=8).digest()

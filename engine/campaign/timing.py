"""When somebody is best called: how good this local hour is beside the other lawful hours of his zone. Pure.

    rate(hour)  = (answered + PRIOR x mean) / (placed + PRIOR)     of the zone's own calls, old ones for less
    score(hour) = rate(hour) / the mean rate of the zone's lawful hours, in percent, in steps of STEP

Zones differ in how many answer at all; that says nothing of the hour, so each is compared with itself. PRIOR
calls at the zone's own mean keep a few lucky ones from deciding, and STEP keeps equal what is nearly so:
among equals the longest due is called first, as it is where nothing is known.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.contact.law import Law

WEEK = 168  # hours; 0 begins on Monday at midnight
HOUR = timedelta(hours=1)
PRIOR = 200.0
STEP = 5
EVEN = 100  # the score of an hour like any other
CONTROL = 10  # one lead in so many is called in turn, so that the gain can be measured


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls of one hour of the week, and how many of them somebody answered; both shrink with age."""

    placed: float = 0.0
    answered: float = 0.0


Week = Mapping[int, Tally]
NOTHING = Tally()


def hour_of(at: datetime, zone: ZoneInfo) -> int:
    """The hour of the week that it is there, 0 to 167."""
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour


def lawful(law: Law, zones: Collection[ZoneInfo], at: datetime) -> frozenset[int]:
    """Hours of the coming week, in the first zone's time, in whose middle all of them may be called."""
    first = next(iter(zones))
    moments = [at.replace(minute=30, second=0, microsecond=0) + ahead * HOUR for ahead in range(WEEK)]
    return frozenset(hour_of(moment, first) for moment in moments if law.open(zones, moment))


def score(week: Week, hour: int, hours: Collection[int]) -> int:
    """How good an hour is beside these, in percent: EVEN is as good as they are on the whole."""
    placed = sum(tally.placed for tally in week.values())
    if not placed or not hours:
        return EVEN
    mean = sum(tally.answered for tally in week.values()) / placed

    def rate(one: int) -> float:
        tally = week.get(one, NOTHING)
        return (tally.answered + PRIOR * mean) / (tally.placed + PRIOR)

    usual = sum(map(rate, hours)) / len(hours)
    return round(rate(hour) / usual * EVEN / STEP) * STEP if usual else EVEN


def is_control(lead: int) -> bool:
    """Is the lead of this id (as a number) one of those by which the order is measured? It stays one.

    Ids are UUIDs of version 7: their last 32 bits are random.
    """
    return lead % (1 << 32) % CONTROL == 0

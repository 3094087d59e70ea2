"""A campaign's trunks in one beat, and which of them its permitted leads take."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine import telemetry
from engine.campaign.caller_ids import CallerIds
from engine.campaign.callers import NEW, usable
from engine.campaign.dispatch import Permit
from engine.campaign.routing import Way, caller_for, choose, takes
from engine.sections import Trunk
from engine.settings import Settings

FULL = timedelta(seconds=2)  # until a lead is looked at again whose trunks have no room
NONE = timedelta(minutes=10)  # and one whose number no trunk takes: somebody may mend the settings


log = telemetry.logger("trunks")


@dataclass(frozen=True, slots=True)
class Routed:
    """A permitted lead with its way out; without a trunk it waits for `wait`."""

    permit: Permit
    trunk: str = ""
    caller_id: str = ""
    wait: timedelta = FULL


class Trunks:
    """The settings' trunks for one dialer."""

    def __init__(self, settings: Settings) -> None:
        self._trunks = {trunk.name: trunk for trunk in settings.trunk}
        self._callers = CallerIds()
        self._numbers: dict[str, list[str]] = {}
        self._told: dict[str, str] = {}

    def refresh(self, connection: Connection, now: datetime) -> None:
        """See which numbers rest."""
        self._callers.read(connection, now)
        for name, trunk in self._trunks.items():
            known = self._callers.of(name)
            self._numbers[name] = usable(trunk.caller_ids, known, now)
            resting = all(known.get(number, NEW).resting(now) for number in trunk.caller_ids)
            self._tell(trunk, resting)

    def _tell(self, trunk: Trunk, resting: bool) -> None:
        """Say it when all numbers of a trunk rest, and when one is well again."""
        numbers, state = self._numbers[trunk.name], ""
        if trunk.caller_ids and resting:
            state = f"calls go on from {numbers[0]}" if numbers else "an operator rests them: no calls by it"
        if state != self._told.get(trunk.name, ""):
            say = log.error if state else log.info
            say("all caller ids rest" if state else "caller ids are well", trunk=trunk.name, now=state)
        self._told[trunk.name] = state

    def ways(self, names: Collection[str], free: Mapping[str, int], shut: Collection[str]) -> list[Way]:
        """The trunks of a campaign; those that are in no settings are left out."""
        known = [self._trunks[name] for name in names if name in self._trunks]
        return [_way(one, free.get(one.name, 0), one.name in shut) for one in known]

    @property
    def mute(self) -> frozenset[str]:
        """Trunks that have numbers to call from, none of which may be used."""
        named = (name for name, trunk in self._trunks.items() if trunk.caller_ids)
        return frozenset(name for name in named if not self._numbers.get(name))

    def route(self, ways: Sequence[Way], permits: Sequence[Permit]) -> list[Routed]:
        """Each lead with its trunk and the number to call from; the trunks fill as they are given out."""
        taken: Counter[str] = Counter()
        routed = []
        for permit in permits:
            way = choose(ways, taken, permit.e164, permit.lead.avoids)
            if way is None:
                routed.append(Routed(permit, wait=FULL if takes(ways, permit.e164) else NONE))
                continue
            taken[way.name] += 1
            numbers = self._numbers.get(way.name, ())
            routed.append(Routed(permit, way.name, caller_for(permit.lead.person_id, numbers)))
        return routed


def _way(trunk: Trunk, free: int, shut: bool) -> Way:
    return Way(trunk.name, max(0, free), shut, tuple(trunk.prefixes), trunk.priority, trunk.cost)

"""A campaign's trunks in one beat, and which of them its permitted leads take."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.campaign.dispatch import Permit
from engine.campaign.routing import Way, caller_for, choose, takes
from engine.sections import Trunk
from engine.settings import Settings

FULL = timedelta(seconds=2)  # until a lead is looked at again whose trunks have no room
NONE = timedelta(minutes=10)  # and one whose number no trunk takes: somebody may mend the settings


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

    def ways(self, names: Collection[str], free: Mapping[str, int], shut: Collection[str]) -> list[Way]:
        """The trunks of a campaign; those that are in no settings are left out."""
        known = [self._trunks[name] for name in names if name in self._trunks]
        return [_way(trunk, free.get(trunk.name, 0), trunk.name in shut) for trunk in known]

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
            numbers = self._trunks[way.name].caller_ids
            routed.append(Routed(permit, way.name, caller_for(permit.lead.person_id, numbers)))
        return routed


def _way(trunk: Trunk, free: int, shut: bool) -> Way:
    return Way(trunk.name, max(0, free), shut, tuple(trunk.prefixes), trunk.priority, trunk.cost)

"""Asterisk nodes come, go, are drained and die in mid-campaign; everybody is called once."""

import asyncio
from collections import Counter

from scene import Scene

from engine.gateways.fake_callee import Callee
from engine.sections import Asterisk, Trunk
from storage import dialer as store
from storage.db import writing
from storage.vocab import LeadState
from tests.builders import NOON

WIDE = [Trunk(cps=75, channels=60)]


class Pair(Scene):
    """Two nodes; people talk for half a second."""

    def __init__(self, folder, leads: int = 40) -> None:
        super().__init__(folder, leads, nodes=("north", "south"), speed=1, cps=15.0, given={"trunk": WIDE})
        for fake in self.fakes.values():
            fake.script = lambda _number: Callee(200, hangs_up_s=0.5)

    def at(self, node: str) -> int:
        return self.dialled_by(node).total()


def test_both_nodes_are_used_and_one_dies_the_other_goes_on(tmp_path, monkeypatch):
    for module in ("board", "line"):
        monkeypatch.setattr(f"engine.campaign.{module}.CALL_GRACE_S", 3 - 30)
        monkeypatch.setattr(f"engine.campaign.{module}.RING_GRACE_S", 3 - 10)

    async def story() -> None:
        scene = Pair(tmp_path)
        async with scene.running() as dialer:
            await scene.until(lambda: min(scene.at("north"), scene.at("south")) >= 4)
            await scene.fakes["north"].stop()
            dead = scene.at("north")
            await scene.until_done()
            assert scene.at("north") == dead
            assert not dialer._told()["nodes"]["north"]["connected"]
        assert scene.dialled == Counter(scene.numbers)
        assert scene.leads == {LeadState.DONE: 40}
        outcomes = Counter(row.outcome for row in scene.attempts if row.outcome != "cancelled")
        assert outcomes["unknown"] + outcomes["answered-partial"] == 40
        assert outcomes["unknown"] <= dead, "only those of the dead one"

    asyncio.run(story())


def test_a_drained_node_gets_no_new_calls_until_it_is_undrained(tmp_path):
    async def story() -> None:
        scene = Pair(tmp_path, 60)
        async with scene.running():
            await scene.until(lambda: min(scene.at("north"), scene.at("south")) >= 3)
            with writing(scene.engine) as connection:
                store.turn_on(connection, "drain:north", NOON, "test", "new disk")
            await asyncio.sleep(1.2)  # what waits for it goes out within a second
            drained, other = scene.at("north"), scene.at("south")
            await asyncio.sleep(1)
            assert scene.at("north") == drained
            assert scene.at("south") > other
            with writing(scene.engine) as connection:
                store.turn_off(connection, "drain:north")
            await scene.until(lambda: scene.at("north") > drained)
            await scene.until_done()
        assert scene.dialled == Counter(scene.numbers)

    asyncio.run(story())


def test_a_node_is_added_and_another_taken_away_without_a_stop(tmp_path):
    async def story() -> None:
        scene = Pair(tmp_path, 60)
        both = scene.settings
        north, south = (
            both.model_copy(update={"asterisk": [Asterisk(name=name)]}) for name in ("north", "south")
        )
        scene.settings = north
        async with scene.running() as dialer:
            await scene.until(lambda: scene.at("north") >= 5)
            assert scene.at("south") == 0
            dialer.reload(both)
            await scene.until(lambda: scene.at("south") >= 3)
            dialer.reload(south)
            await asyncio.sleep(1.2)
            gone = scene.at("north")
            await scene.until_done()
            assert scene.at("north") == gone
        assert scene.dialled == Counter(scene.numbers)
        assert {row.outcome for row in scene.attempts} <= {"answered-partial", "cancelled"}

    asyncio.run(story())

"""What is switched for all dialers, and how a dialer obeys: stop, hang up, drain. On the fake Asterisk."""

import asyncio
from collections import Counter

from scene import Scene

from engine.campaign.changing import change
from engine.campaign.switches import Switches
from engine.gateways.fake import Callee


def test_a_stop_of_everything_is_obeyed_within_a_second_and_lifted_again(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=60, cps=20.0)
        switches = Switches(scene.engine, scene.settings)
        async with scene.running():
            await scene.until(lambda: len(scene.dialled) >= 5)
            await asyncio.to_thread(switches.stop, "wrong text", "anna", hangup=False)
            await asyncio.sleep(1)
            sent = len(scene.dialled)
            await asyncio.sleep(1.5)
            assert len(scene.dialled) == sent < 60
            assert scene.state() == "running"
            await asyncio.to_thread(switches.release, "", "anna")
            await scene.until_done()
        assert scene.dialled == Counter(scene.numbers)

    asyncio.run(story())


def test_with_a_hangup_every_call_under_way_ends_asked_once(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=12)
        scene.fake.script = lambda _number: Callee(200, hangs_up_s=None)
        scene.fake.fallback_s = 500.0
        switches = Switches(scene.engine, scene.settings)
        async with scene.running():
            await scene.until(lambda: sum(call.answered for call in scene.fake.calls) == 12)
            await asyncio.to_thread(switches.stop, "", "anna", hangup=True)
            await scene.until(lambda: all(row.ended_at for row in scene.attempts))
        asked = Counter(
            action.get("Channel") for _user, action in scene.fake.received if action.get("Action") == "Hangup"
        )
        assert asked == Counter(call.channel for call in scene.fake.calls)

    asyncio.run(story())


def test_a_node_that_is_drained_gets_no_new_calls_and_its_campaign_waits(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=30, cps=10.0)
        switches = Switches(scene.engine, scene.settings)
        await asyncio.to_thread(switches.drain, "asterisk", "", "anna")
        async with scene.running():
            await asyncio.sleep(1.5)
            assert scene.dialled == Counter()
            (node,) = await asyncio.to_thread(switches.nodes)
            assert (node["dialer"], node["connected"], node["drained"]) == ("me", True, True)
            await asyncio.to_thread(switches.undrain, "asterisk", "anna")
            await scene.until(lambda: len(scene.dialled) > 3)

    asyncio.run(story())


def test_a_campaign_that_is_set_faster_is_dialled_faster_at_once(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=60, cps=0.5)
        async with scene.running():
            await scene.until(lambda: len(scene.dialled) >= 1)
            assert len(scene.dialled) < 10
            await asyncio.to_thread(change, scene.engine, scene.settings, "autumn", ["cps=100"], "anna")
            await scene.until_done()  # at the old pace: two minutes
        assert scene.dialled == Counter(scene.numbers)

    asyncio.run(story())

"""What is switched for all dialers, and how a dialer obeys: stop, hang up, drain. On the fake Asterisk."""

import asyncio
from collections import Counter

from scene import Scene

from engine.campaign.changing import change
from engine.campaign.switches import Switches
from engine.gateways.fake_callee import Callee


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


def test_with_a_hangup_every_call_under_way_is_hung_up_once_and_tried_again_only_if_it_failed(tmp_path):
    async def story() -> None:
        scene, asked = Scene(tmp_path, leads=12), Counter()
        scene.fake.script = lambda _number: Callee(200, hangs_up_s=None)
        scene.fake.fallback_s = 500.0

        def hang_up_late(session, action) -> bool:
            """The first time there is no such channel; the second time all is well, and the call goes on."""
            if action.get("Action") != "Hangup":
                return False
            asked[action.get("Channel")] += 1
            answers = ("Error", "No such channel"), ("Success", "Channel Hungup")
            session.reply(action, *answers[asked[action.get("Channel")] > 1])
            return True

        scene.fake.on_action = hang_up_late
        switches = Switches(scene.engine, scene.settings)
        async with scene.running():
            await scene.until(lambda: sum(call.answered for call in scene.fake.calls) == 12)
            await asyncio.to_thread(switches.stop, "", "anna", hangup=True)
            twice = Counter({call.channel: 2 for call in scene.fake.calls})
            await scene.until(lambda: asked == twice)
            await asyncio.sleep(1)  # some beats
            assert asked == twice
            for call in scene.fake.calls:
                call.phone.hang_up()
            await scene.until(lambda: all(row.ended_at for row in scene.attempts))

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

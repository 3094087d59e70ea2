"""Two trunks on the shipped fake Asterisk: what one refuses the other carries, and no phone rings twice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from scene import Scene

from engine.gateways.fake_callee import Callee

TRUNKS = [
    {"name": "first", "endpoint": "first", "priority": 9, "cps": 50, "caller_ids": ["+74950000001"]},
    {"name": "second", "endpoint": "second", "cps": 50, "caller_ids": ["+74950000002"]},
]
DIALER = {"name": "me", "dial_timeout_s": 10, "max_call_s": 30, "retry_scale": 0}


def two_trunks(folder: Path, carrier: Callee | None = None, **campaign: Any) -> Scene:
    """Leads who all answer, a first trunk whose carrier does what it is told, and a second that is well."""
    given = {"trunk": TRUNKS, "dialer": DIALER}
    scene = Scene(folder, given=given, trunks=["first", "second"], **campaign)
    scene.fake.script = lambda _number: Callee(200, hangs_up_s=0.1)
    scene.fake.endpoints = {"first", "second"}
    if carrier:
        scene.fake.carriers["first"] = carrier
    return scene


def test_what_one_trunk_refuses_another_carries_and_no_phone_rings_twice(tmp_path: Path) -> None:
    async def story() -> None:
        scene = two_trunks(tmp_path, Callee(503, rings=False), attempts=3)
        async with scene.running():
            await scene.until_done()
        rang = Counter(call.number for call in scene.fake.calls if call.endpoint == "second")
        assert rang == Counter(scene.numbers)
        tried = Counter((row.trunk, row.outcome, row.refund) for row in scene.attempts)
        refused = tried.pop(("first", "congestion", True))
        assert tried == {("second", "answered-partial", False): len(scene.numbers)}
        assert refused <= len(scene.numbers), "the trunk that failed a lead is not asked for it again"

    asyncio.run(story())


def test_a_phone_that_rang_is_not_called_again_by_another_trunk(tmp_path: Path) -> None:
    async def story() -> None:
        scene = two_trunks(tmp_path, Callee(503, rings=True, after_s=0.1), leads=4, attempts=1)
        async with scene.running():
            await scene.until_done()
        assert scene.dialled == Counter(scene.numbers)
        assert {call.endpoint for call in scene.fake.calls} == {"first"}

    asyncio.run(story())


def test_no_lead_goes_where_nobody_answers_while_another_trunk_does(tmp_path: Path) -> None:
    async def story() -> None:
        scene = two_trunks(tmp_path)
        scene.fake.unreachable.add("first")
        async with scene.running():
            await scene.until_done()
        assert scene.dialled == Counter(scene.numbers)
        assert {row.trunk for row in scene.attempts} == {"second"}

    asyncio.run(story())

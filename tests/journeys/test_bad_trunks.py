"""A carrier that refuses everything, or answers nothing: dialling over it stops by itself, nobody is called
twice, and it goes on when the carrier is well again.
"""

import asyncio
from collections import Counter

import pytest
from scene import Scene

from engine.gateways.fake_callee import Callee
from engine.sections import Trunk

BROKEN = {
    "503 to all": Callee(503, after_s=0.01, rings=False),
    "silent": Callee(0, rings=False),
}


@pytest.mark.parametrize(
    ("how", "outcome", "speed"), [("503 to all", "congestion", 20), ("silent", "trunk-fault", 1)]
)
def test_a_trunk_that_fails_is_left_alone_and_taken_up_again(
    tmp_path, how, outcome, speed, monkeypatch, capsys
):
    monkeypatch.setattr("engine.campaign.breaker.OPEN_S", 2.0)

    async def story() -> None:
        given = {
            "trunk": [Trunk(cps=50, channels=60)],
            "dialer": {"name": "me", "dial_timeout_s": 10, "max_call_s": 30, "retry_scale": 0},
            "contact": {"attempts_day": 0},
        }
        scene = Scene(tmp_path, 60, cps=50.0, attempts=1, speed=speed, given=given)
        well = scene.fake.script
        scene.fake.script = lambda _number: BROKEN[how]
        async with scene.running() as dialer:
            await scene.until(lambda: dialer._board.told(0)["trunk"]["breaker"] == "open")
            await asyncio.sleep(0.3)
            tried = scene.dialled.total()
            told = dialer._told()["trunks"]["trunk"]
            assert (told["cps"], len(told["offenders"])) == (0, 10)
            await asyncio.sleep(0.7)
            assert scene.dialled.total() == tried, "the rest waits"
            assert {row.outcome for row in scene.attempts if row.ended_at} <= {outcome, "cancelled"}
            assert all(row.refund for row in scene.attempts if row.outcome == outcome)
            scene.fake.script = well
            await scene.until_done(40)
        # Each was called once in the end; a call that never rang is not one.
        reached = Counter(row.outcome for row in scene.attempts if row.outcome not in (outcome, "cancelled"))
        assert reached.total() == 60
        told = capsys.readouterr().out
        assert "trunk fails: not used" in told
        assert "trunk is tried again" in told
        assert "trunk is well again" in told

    asyncio.run(story())

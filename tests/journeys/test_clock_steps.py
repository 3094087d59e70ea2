"""The clock is stepped by an hour in mid-campaign: nothing new is dialled in doubt, and limits hold after."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from scene import Scene

from engine.gateways.fake_callee import Callee
from engine.sections import Trunk
from storage import campaign as campaigns
from storage.db import Record
from storage.vocab import LeadState
from tests.builders import rows_of

HOLD_S = 1.5
WIDE = [Trunk(cps=50, channels=50)]
AFTERNOON = datetime(2026, 1, 21, 14, tzinfo=UTC)  # 17 h in Moscow


@pytest.fixture(autouse=True)
def short_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.campaign.clock.HOLD_S", HOLD_S)


def due_after(scene: Scene, moment: datetime) -> list[Record]:
    """Leads that wait for a later time."""
    rows = rows_of(scene.engine, campaigns.lead)
    return [row for row in rows if row.state == LeadState.PENDING and row.due_at > moment]


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_steps_away_from_the_databases_stops_dialling_until_it_is_set_right(
    tmp_path, hours, capsys
):
    async def story() -> None:
        scene = Scene(tmp_path, 30, cps=10.0, given={"trunk": WIDE})
        async with scene.running() as dialer:
            await scene.until(lambda: len(scene.dialled) >= 5)
            with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
                await asyncio.sleep(0.5)  # the beat that was under way
                before = len(scene.dialled)
                await asyncio.sleep(HOLD_S + 1)
                assert len(scene.dialled) == before
                assert dialer._board.waiting == 0, "it is given back"
            # Who was given back by a clock that is fast is due when that hour has come, and not lost.
            soon = datetime.now(UTC) + timedelta(minutes=30)
            await scene.until(lambda: len(scene.dialled) + len(due_after(scene, soon)) == 30)
        assert set(scene.dialled.values()) == {1}
        assert len(scene.dialled) > before
        assert hours > 0 or due_after(scene, soon) == []
        told = capsys.readouterr().out
        assert f"the clock jumped by {3600 * hours:+d} s" in told
        assert f"the clock is {3600 * hours:+d} s beside the database's" in told

    asyncio.run(story())


def test_an_order_made_by_the_stepped_clock_is_not_sent(tmp_path):
    """The beat that is the first to see the step has taken leads by it."""

    async def story() -> None:
        scene = Scene(tmp_path, 30, cps=50.0, given={"trunk": WIDE})
        beat, stepped = scene.books.beat, time_machine.travel(datetime.now(UTC) + timedelta(hours=1))
        sent: list[int] = []

        def steps(errand):
            if not sent and len(scene.dialled) >= 5 and errand.wants:
                stepped.start()
                news = beat(errand)
                sent.append(len(scene.dialled))
                assert news.orders
                return news
            return beat(errand)

        scene.books.beat = steps
        async with scene.running():
            try:
                await scene.until(lambda: bool(sent))
                await asyncio.sleep(0.5)
                # None but those that waited from the beat before while this one was under way.
                assert len(scene.dialled) == sent[0]
            finally:
                stepped.stop()

    asyncio.run(story())


@pytest.mark.parametrize("limit", [{"attempts_day": 1}, {"attempts_day": 0, "gap_s": 600}])
@pytest.mark.parametrize("hours", [1, -1])
def test_limits_hold_after_a_step_of_the_whole_machine(tmp_path, monkeypatch, limit, hours):
    monkeypatch.setattr("engine.campaign.clock.SKEW_S", 1e9)  # the database's clock goes with ours
    if hours > 0 and "gap_s" in limit:
        limit = limit | {"gap_s": 7200}

    async def story() -> None:
        given = {"trunk": WIDE, "contact": limit, "dialer": {"name": "me", "retry_scale": 0}}
        scene = Scene(tmp_path, 10, cps=20.0, attempts=3, given=given)
        scene.fake.script = lambda _number: Callee(486, rings=False)
        async with scene.running():
            await scene.until(lambda: len(scene.dialled) == 10)
            with time_machine.travel(AFTERNOON + timedelta(hours=hours), tick=True):
                await asyncio.sleep(HOLD_S + 1.5)
        assert scene.dialled == Counter(scene.numbers)

    with time_machine.travel(AFTERNOON, tick=True):
        asyncio.run(story())

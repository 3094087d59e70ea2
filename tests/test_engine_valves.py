"""Trunks slow down, stop and come back: a carrier without room, through the whole dialer."""

import asyncio
from collections import Counter

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from test_engine_dialer import Scene

from engine.campaign.books import Books
from engine.campaign.valves import Valves
from engine.gateways.fake_callee import Callee
from engine.sections import Trunk
from storage import calls
from storage import campaign as campaigns
from storage.db import new_id
from storage.vocab import CampaignState, LeadState, Outcome
from tests.builders import rows_of

NO_ROOM = Callee(503, rings=False, after_s=0.05)


def gauge(name: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"trunk": "trunk"})


def test_a_trunk_that_is_in_no_settings_takes_no_call() -> None:
    valves = Valves([Trunk(name="one")])
    valves.used_more("other", 1)
    valves.unsent("other", new_id())
    valves.judge("other", new_id(), Outcome.CONGESTION, 0)
    assert not valves.ready("other", 0)
    assert valves.shut("other")
    assert valves.free({"other": 3}) == {"one": 3}
    assert valves.used == {"one": 0}


def test_what_waits_lasts_until_the_next_beat_is_committed() -> None:
    valves = Valves([Trunk(name="one", cps=5)])
    for next_s, enough in ((0.2, 3), (0.5, 5), (1.0, 7)):
        valves.step(0, 0, next_s)
        assert valves.free({}) == {"one": enough}
        assert valves.free({"one": enough - 1}) == {"one": 1}
        assert valves.free({"one": enough + 1}) == {"one": 0}


def test_what_goes_out_and_how_it_went_is_measured() -> None:
    valves = Valves([Trunk(cps=20)])
    valves.step(0, 0)
    assert (gauge("zvonar_trunk_rate"), gauge("zvonar_trunk_breaker")) == (5, 0)
    for _ in range(20):
        valves.judge("trunk", new_id(), Outcome.TRUNK_FAULT, 0)
    valves.step(1, 0)
    assert (gauge("zvonar_trunk_rate"), gauge("zvonar_trunk_breaker")) == (0, 2)
    valves.step(30, 0)
    assert (gauge("zvonar_trunk_rate"), gauge("zvonar_trunk_breaker")) == (1, 1)


def test_a_trial_has_room_for_five_and_what_was_not_sent_is_none_of_them() -> None:
    valves = Valves([Trunk(cps=20)])
    for _ in range(20):
        valves.judge("trunk", new_id(), Outcome.CONGESTION, 0)
    assert valves.out_of_order == {"trunk"}
    valves.step(30, 0)
    assert not valves.out_of_order
    attempts = [new_id() for _ in range(5)]
    for second, attempt in enumerate(attempts):
        assert valves.ready("trunk", 30 + second)
        valves.take("trunk", attempt, 30 + second)
        assert not valves.ready("trunk", 30.8 + second)
    assert not valves.ready("trunk", 60)
    assert valves.free({}) == {"trunk": 0}
    valves.unsent("trunk", attempts[0])
    assert valves.ready("trunk", 60)
    assert valves.free({}) == {"trunk": 1}
    assert valves.free({"trunk": 1}) == {"trunk": 0}


def test_a_trunk_starts_slowly_with_its_first_call_and_again_after_it_was_shut() -> None:
    valves, now = Valves([Trunk(cps=100)]), 0.0

    def rate_after(seconds: int) -> float:
        nonlocal now
        for _ in range(seconds):
            valves.step(now, 0)
            now += 1
        return valves.told(now)["trunk"]["cps"]

    assert rate_after(20) == 20
    attempts = [new_id() for _ in range(24)]
    for attempt in attempts[:20]:
        valves.take("trunk", attempt, now)
    assert 20 < rate_after(3) < 60
    assert rate_after(10) == 100
    for attempt in attempts[:20]:
        valves.judge("trunk", attempt, Outcome.TRUNK_FAULT, now)
    assert rate_after(29) == 0
    assert rate_after(2) == 1
    for attempt in attempts[20:]:
        valves.take("trunk", attempt, now)
        valves.judge("trunk", attempt, None, now)
    assert valves.told(now)["trunk"]["cps"] == 20


def test_a_carrier_without_room_is_left_alone_and_nobody_rings_twice(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.campaign.breaker.OPEN_S", 2.0)
    monkeypatch.setattr("engine.campaign.valves.TRIAL_CPS", 5.0)

    async def story() -> None:
        scene = Scene(tmp_path, leads=40, attempts=20)
        dialer = scene.settings.dialer.model_copy(update={"retry_scale": 0.0})
        trunk = Trunk(cps=50, channels=100)
        changed = scene.settings.model_copy(update={"trunk": [trunk], "dialer": dialer})
        scene.settings, scene.books = changed, Books(scene.engine, changed, scene.fleet)
        storm = True
        scene.fake.script = lambda number: NO_ROOM if storm else Callee(200, hangs_up_s=0.1)
        async with scene.running() as dialer:
            await scene.until(lambda: dialer._board.told(0)["trunk"]["breaker"] == "open")
            told = dialer._board.told(0)["trunk"]
            sent = scene.dialled.total()
            await asyncio.sleep(1)
            assert scene.dialled.total() - sent <= 3  # those that were on their way
            storm = False
            await scene.until(lambda: scene.state() is CampaignState.DONE)
        attempts = {row.id: row for row in rows_of(scene.engine, calls.attempt)}
        failed = [row for row in attempts.values() if row.outcome == Outcome.CONGESTION]
        assert len(failed) >= 20
        assert all(row.refund for row in failed)
        assert {str(row.id) for row in failed} >= set(told["offenders"])
        assert len(told["offenders"]) == 10
        rang = Counter(call.number for call in scene.fake.calls if call.answered)
        assert rang == Counter(scene.numbers)
        assert {row.state for row in rows_of(scene.engine, campaigns.lead)} == {LeadState.DONE}

    with capture_logs() as logs:
        asyncio.run(story())
    told = [line["event"] for line in logs if line["event"].startswith(("trunk", "congestion"))]
    assert sorted(told[:2]) == ["congestion: rate halved", "trunk fails: not used"]
    assert told[2:] == ["trunk is tried again", "trunk is well again"]

"""What masked talks cost in an hour, and who hears of it when it is too much."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, after, rows_of, settings
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from engine.masking import spending as module
from engine.masking.spending import Spending, Talks, spent
from engine.settings import Settings
from storage import mask_calls, mask_events
from storage.db import new_id, writing

HOOK = {
    "url": "http://localhost/",
    "secrets": ["0123456789abcdef"],
    "allow_private": True,
    "tells": "masking",
}


@pytest.mark.parametrize(
    ("seconds", "kopecks"), [(0, 0), (1, 150), (60, 150), (61, 300), (120, 300), (3599, 9000)]
)
def test_a_minute_that_was_begun_is_paid_for(seconds: int, kopecks: int) -> None:
    assert spent([Talks("trunk", seconds, 1)], {"trunk": 150}) == kopecks


@given(st.lists(st.builds(Talks, st.sampled_from("ab"), st.integers(0, 7200), st.integers(1, 50))))
def test_each_trunk_has_its_price_and_no_order_matters(talks: list[Talks]) -> None:
    found = spent(talks, {"a": 7})
    assert found == spent(reversed(talks), {"a": 7})
    assert found == 7 * sum((one.seconds + 59) // 60 * one.calls for one in talks if one.trunk == "a")


def of(folder: Path, limit: int, **changes: Any) -> Settings:
    trunks = [{"name": "trunk", "cost": 100}, {"name": "dear", "cost": 1000}]
    return settings(folder, trunk=trunks, masking={"alarm_kopecks_hour": limit}, **changes)


def add_talk(engine: Engine, begun_s: float, talk_s: float | None, **changes: Any) -> None:
    """A call answered so long after noon; talk_s None: it has no end."""
    begun = after(begun_s)
    ended = None if talk_s is None else begun + timedelta(seconds=talk_s)
    row = {"id": new_id(begun - timedelta(seconds=20)), "begun_at": begun - timedelta(seconds=20)}
    row |= {"did": "+78120000001", "caller": "+79210000001", "party": "d7", "role": "driver", "rule": "live"}
    row |= {"trunk": "trunk", "answered_at": begun, "ended_at": ended}
    with writing(engine) as connection:
        mask_calls.add(connection, row | changes)


@pytest.fixture
def hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "now", lambda _: after(3600))


def cost() -> float:
    found = REGISTRY.get_sample_value("zvonar_masked_kopecks_hour")
    assert found is not None
    return found


@pytest.mark.usefixtures("hour_later")
def test_the_last_hours_talks_are_what_counts(engine: Engine, tmp_path: Path) -> None:
    add_talk(engine, 0, 600)  # answered an hour ago to the second: counts no more
    add_talk(engine, 1, 61)
    add_talk(engine, 100, 60, back=True)  # we rang both
    add_talk(engine, 200, 30, trunk="dear")
    add_talk(engine, 300, 30, trunk="gone")
    add_talk(engine, 3550, None)  # they still talk
    add_talk(engine, 400, None)  # its end was lost: as long as a talk may be, and no longer
    add_talk(engine, 500, None, answered_at=None)  # it never was
    Spending(engine, of(tmp_path, 0)).step()
    assert cost() == 200 + 200 + 1000 + 100 + 30 * 100


def test_the_alarm_is_told_once_an_hour_by_however_many_servers(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(module.log, "error", lambda _event, **more: said.append(more))
    now = [NOON]
    monkeypatch.setattr(Settings, "now", lambda _: now[0])
    found = of(tmp_path, 199, webhook=[HOOK])
    servers = [Spending(engine, found), Spending(engine, found)]
    told = []
    for minute in range(125):
        now[0] = after(minute * 60)
        add_talk(engine, minute * 60, None if minute % 2 else 61)
        for server in servers:
            server.step()
        told.append(len(rows_of(engine, mask_events.mask_event)))
    assert (told[0], told[1], told[60], told[61], told[124]) == (1, 1, 2, 2, 3)
    assert len(said) == 3 * len(servers)
    assert said[0] == {"kopecks": 200, "limit": 199}
    first = rows_of(engine, mask_events.mask_event)[0]
    assert (first.kind, first.order_id, first.body) == ("alarm", "", {"kopecks": 200, "limit": 199})


@pytest.mark.usefixtures("hour_later")
def test_what_costs_no_more_than_it_may_raises_none(engine: Engine, tmp_path: Path) -> None:
    add_talk(engine, 100, 120)
    for limit in (200, 0):
        Spending(engine, of(tmp_path, limit, webhook=[HOOK])).step()
    assert rows_of(engine, mask_events.mask_event) == []

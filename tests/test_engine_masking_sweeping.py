"""What masking leaves behind goes when nobody needs it, a piece at a time, and nothing else does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, rows_of, settings
from sqlalchemy import Engine, Table

from engine.masking import sweeping as module
from engine.masking.sweeping import Sweeping
from engine.settings import Settings
from storage import mask_calls, mask_events, masking, webhooks
from storage.db import new_id, writing
from storage.vocab import MaskRole

HOOK = {"secrets": ["0123456789abcdef"], "allow_private": True, "tells": "masking"}
OF = {"order_id": "A-1", "role": MaskRole.CLIENT, "mode": "replace", "version": 1}
MOMENT = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "now", lambda _: NOON)


def put(engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(table.insert(), rows)


def left(engine: Engine, table: Table, column: str) -> set[str]:
    return {getattr(row, column) for row in rows_of(engine, table)}


def days(count: float) -> datetime:
    """So many days ago."""
    return NOON - timedelta(days=count)


def route(caller: str, grace_until: datetime) -> dict[str, Any]:
    row = OF | {"did": "+78120000001", "caller": caller, "peers": [], "show": "", "record": False}
    return row | {"driver": "d7", "bound_at": days(9), "closes_at": days(8), "grace_until": grace_until}


def order(name: str, grace_until: datetime) -> dict[str, Any]:
    row = {"id": name, "version": 1, "digest": "", "mode": "replace", "driver": "d7", "client": ""}
    row |= {"record": False, "driver_dials": "", "client_dials": "", "fallback": False, "ended": "closed"}
    return row | {"effective_at": days(99), "closes_at": grace_until, "grace_until": grace_until}


def code(digits: str, hold_until: datetime) -> dict[str, Any]:
    return {"did": "", "code": digits, "order_id": "A-1", "role": "driver", "hold_until": hold_until}


def event(name: str, at: datetime, position: int | None) -> dict[str, Any]:
    row = {"id": new_id(at), "at": at, "kind": "bound", "order_id": name, "body": {}}
    return row | {"position": position}


def call(name: str, at: datetime, recording: str) -> dict[str, Any]:
    row = {"id": new_id(at), "begun_at": at, "did": "", "caller": "", "party": name, "role": "driver"}
    return row | {"rule": "live", "recording": recording}


def test_each_kind_goes_in_its_time(engine: Engine, tmp_path: Path) -> None:
    put(engine, masking.route, route("day", days(1)), route("over", days(1) - MOMENT))
    put(engine, masking.code, code("held", NOON + MOMENT), code("free", NOON))
    put(engine, masking.order, order("month", days(30)), order("over", days(30) - MOMENT))
    calls = [call("year", days(365), ""), *(call(kind, days(366), kind) for kind in ("", "wanted", "kept"))]
    put(engine, mask_calls.mask_call, *calls, call("removed", days(366), "removed"))
    assert Sweeping(engine, settings(tmp_path)).step() is False
    assert left(engine, masking.route, "caller") == {"day"}
    assert left(engine, masking.code, "code") == {"held"}
    assert left(engine, masking.order, "id") == {"month"}
    assert left(engine, mask_calls.mask_call, "party") == {"year", "wanted", "kept"}


def test_an_event_goes_when_every_webhook_of_masking_was_told_it_or_after_a_month(
    engine: Engine, tmp_path: Path
) -> None:
    hooks = [HOOK | {"name": name, "url": "http://localhost/"} for name in ("one", "other")]
    results = HOOK | {"name": "erp", "url": "http://localhost/", "tells": "results"}
    with writing(engine) as connection:
        for name, position in (("one", 9), ("other", 2)):
            webhooks.begin(connection, name, "masking", position)
        webhooks.begin(connection, "erp", "results", 1)
    events = [event(f"{position}", days(8), position) for position in (1, 2, 3)]
    put(engine, mask_events.mask_event, *events, event("fresh", days(6), 1), event("new", days(8), None))
    put(engine, mask_events.mask_event, event("old", days(31), None), event("older", days(31), 3))
    Sweeping(engine, settings(tmp_path, webhook=[*hooks, results])).step()
    assert left(engine, mask_events.mask_event, "order_id") == {"3", "fresh", "new"}
    Sweeping(engine, settings(tmp_path)).step()  # nobody listens any more
    assert left(engine, mask_events.mask_event, "order_id") == {"3", "fresh", "new"}


def test_much_goes_piece_by_piece_beside_other_servers(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 10)
    put(engine, masking.route, *(route(f"{n}", days(2)) for n in range(95)), route("day", days(1)))
    sweep = Sweeping(engine, settings(tmp_path))
    assert sweep.step() is True
    assert len(left(engine, masking.route, "caller")) == 86

    def run(_: int) -> None:
        for _turn in range(20):
            sweep.step()

    with ThreadPoolExecutor(4) as servers:
        list(servers.map(run, range(4)))
    assert left(engine, masking.route, "caller") == {"day"}
    assert sweep.step() is False

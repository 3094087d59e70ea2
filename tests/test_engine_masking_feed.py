"""Events of masking on their way to webhooks: none lost, none twice, in one order for everybody."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from builders import NOON, after, rows_of, settings
from client_system import KEY, ClientSystem, raw, status, verified
from sqlalchemy import Engine, update
from test_engine_delivery import SERVE, eventually

from engine import wiring
from engine.delivery.courier import Courier
from engine.delivery.service import Webhooks
from engine.masking.feed import EventsFeed
from engine.settings import Settings
from storage import mask_events, webhooks
from storage.db import new_id, open_engine, writing
from storage.migrations import upgrade


def of(folder: Path, *systems: ClientSystem, **changes: Any) -> Settings:
    """Settings with a webhook of masking for each system: taxi-0, taxi-1, ..."""
    hook = {"secrets": [KEY], "allow_private": True, "timeout_s": 5, "tells": "masking"} | changes
    return settings(
        folder, webhook=[hook | {"name": f"taxi-{n}", "url": s.url} for n, s in enumerate(systems)]
    )


def couriers_of(engine: Engine, found: Settings) -> list[Courier]:
    """Those who deliver; by now each webhook has begun."""
    feeds = wiring.feeds(engine, found)
    made = [Courier(engine, found, hook, feeds[hook.name]) for hook in found.webhooks]
    assert [courier.step() for courier in made] == [False] * len(made)
    return made


def row_of(order: str, at: datetime = NOON) -> dict[str, Any]:
    return {"id": new_id(at), "at": at, "kind": "bound", "order_id": order, "body": {"version": 1}}


def add(engine: Engine, *rows: dict[str, Any]) -> None:
    with writing(engine) as connection:
        for row in rows:
            mask_events.add(connection, row)


def orders(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["order"] for event in events]


def time_passes(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(webhooks.webhook).values(until=0.0))


def test_events_are_delivered_in_signed_batches_in_order_from_the_first_start_on(
    engine: Engine, tmp_path: Path
) -> None:
    add(engine, row_of("before"))
    with ClientSystem() as taxi:
        (courier,) = couriers_of(engine, of(tmp_path, taxi, batch=2))
        rows = [row_of(f"A-{n}", after(n)) for n in range(5)]
        add(engine, *rows[3:], *rows[:3])
        assert [courier.step() for _ in range(4)] == [True, True, False, False]
        assert all(verified(*delivery) for delivery in taxi.deliveries)
    assert [orders(body["events"]) for body in taxi.bodies] == [["A-0", "A-1"], ["A-2", "A-3"], ["A-4"]]
    assert [body["position"] for body in taxi.bodies] == [3, 5, 6]
    assert {body["webhook"] for body in taxi.bodies} == {"taxi-0"}
    assert taxi.events[0] == {
        "id": str(rows[0]["id"]),
        "position": 2,
        "at": "2026-01-21T12:00:00+00:00",
        "event": "bound",
        "order": "A-0",
        "version": 1,
    }


def test_what_fails_is_delivered_again_as_the_same_batch(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem(status(500), status(200)) as taxi:
        (courier,) = couriers_of(engine, of(tmp_path, taxi))
        add(engine, row_of("A-1"))
        courier.step()
        add(engine, row_of("A-2"))
        time_passes(engine)
        courier.step()
        courier.step()
    assert [orders(body["events"]) for body in taxi.bodies] == [["A-1"], ["A-1"], ["A-2"]]
    first, second, third = (UUID(headers["Zvonar-Delivery"]) for headers, _ in taxi.deliveries)
    assert first == second != third


def test_an_event_of_no_order_tells_of_none(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem() as taxi:
        (courier,) = couriers_of(engine, of(tmp_path, taxi))
        add(engine, row_of(""))
        courier.step()
    assert taxi.events[0]["order"] is None


def test_what_is_committed_late_comes_later_and_is_not_lost(engine: Engine, tmp_path: Path) -> None:
    """Its id is older than that of an event which was told already."""
    early, late = row_of("early", after(1)), row_of("late", after(0))
    with ClientSystem() as taxi:
        (courier,) = couriers_of(engine, of(tmp_path, taxi))
        if engine.dialect.name == "postgresql":
            with writing(engine) as open_yet:
                mask_events.add(open_yet, late)
                add(engine, early)  # nobody waits
                courier.step()
        else:  # one writes at a time
            add(engine, early)
            courier.step()
            add(engine, late)
        courier.step()
    assert [(event["order"], event["position"]) for event in taxi.events] == [("early", 1), ("late", 2)]


def test_servers_that_number_at_once_give_each_event_one_position(engine: Engine) -> None:
    add(engine, *(row_of(f"A-{n}") for n in range(40)))
    ready = threading.Barrier(4)

    def run(server: int) -> None:
        feed = EventsFeed(engine)
        ready.wait(20)
        for n in range(10):
            add(engine, row_of(f"B-{server}-{n}"))
            last = feed.last()
            seen = [row.position for row in feed.behind(0, last, 1000)]
            assert seen == list(range(1, last + 1)), "whoever reads up to the last one has missed none"

    with ThreadPoolExecutor(4) as servers:
        list(servers.map(run, range(4)))
    rows = rows_of(engine, mask_events.mask_event)
    assert sorted(row.position for row in rows) == list(range(1, 81))


def test_each_of_several_webhooks_is_told_everything(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem(status(500), status(200)) as one, ClientSystem() as other:
        couriers = couriers_of(engine, of(tmp_path, one, other))
        add(engine, row_of("A-1"), row_of("A-2", after(1)))
        for courier in couriers:
            courier.step()
        assert orders(other.events) == ["A-1", "A-2"]
        time_passes(engine)
        couriers[0].step()
    assert orders(one.events[2:]) == orders(other.events)


def test_positions_go_on_when_events_are_swept(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem() as taxi:
        (courier,) = couriers_of(engine, of(tmp_path, taxi))
        for name in ("A-1", "A-2"):
            add(engine, row_of(name))
            courier.step()
            with writing(engine) as connection:
                connection.execute(mask_events.mask_event.delete())
    assert [event["position"] for event in taxi.events] == [1, 2]


def test_a_webhook_that_is_told_something_else_begins_anew(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem() as taxi:
        couriers_of(engine, of(tmp_path, taxi, tells="results"))
        with writing(engine) as connection:
            connection.execute(update(webhooks.webhook).values(position=1000))
        found = of(tmp_path, taxi)
        desk = Webhooks(engine, found, wiring.feeds(engine, found))
        (listed,) = desk.list()
        assert (listed["tells"], listed["position"], listed["backlog"]) == ("masking", None, 0)
        (courier,) = couriers_of(engine, found)
        add(engine, row_of("A-1"))
        (listed,) = desk.list()
        assert (listed["position"], listed["backlog"]) == (0, 1)
        courier.step()
        assert desk.test("taxi-0").error == ""
        desk.reset("taxi-0", 0, "me")
        courier.step()
    assert [orders(body["events"]) for body in taxi.bodies] == [["A-1"], [], ["A-1"]]


def test_a_server_killed_while_it_tells_leaves_the_batch_to_the_next(tmp_path: Path) -> None:
    database = open_engine(f"sqlite:///{tmp_path / 'zvonar.db'}")
    upgrade(database)
    with ClientSystem(raw("HTTP", pause_s=60), status(200)) as taxi:
        found = of(tmp_path, taxi, timeout_s=60)
        (courier,) = couriers_of(database, found)
        add(database, row_of("A-1"))
        ours = {
            "ZVONAR_DATABASE_URL": str(database.url),
            "ZVONAR_DATA_DIR": str(tmp_path),
            "ZVONAR_WEB__BIND": "127.0.0.1:0",
            "ZVONAR_WEBHOOK__NAME": "taxi-0",
            "ZVONAR_WEBHOOK__TELLS": "masking",
            "ZVONAR_WEBHOOK__URL": taxi.url,
            "ZVONAR_WEBHOOK__SECRETS": json.dumps([KEY]),
            "ZVONAR_WEBHOOK__ALLOW_PRIVATE": "true",
            "ZVONAR_WEBHOOK__TIMEOUT_S": "60",
        }
        with subprocess.Popen([sys.executable, "-c", SERVE], env=os.environ | ours) as serving:
            eventually(lambda: len(taxi.deliveries) == 1)
            serving.send_signal(signal.SIGKILL)
        add(database, row_of("A-2"))
        courier.step()  # the lease of the dead stands yet
        assert len(taxi.deliveries) == 1
        time_passes(database)
        courier.step()
        courier.step()
    assert taxi.bodies[0] == taxi.bodies[1]
    assert [orders(body["events"]) for body in taxi.bodies] == [["A-1"], ["A-1"], ["A-2"]]
    database.dispose()

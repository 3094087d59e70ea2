"""Deliveries to webhooks: in order, at least once, one process at a time, through failures and kills."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import PHONE, add_campaign, add_lead, report, rows_of, settings
from client_system import KEY, ClientSystem, Handler, raw, status, verified
from sqlalchemy import Engine, update
from test_engine_results import add_result, done

from engine import rounds, telemetry, wiring
from engine.campaign import feed as results_feed
from engine.campaign.results import Results
from engine.delivery import courier as module
from engine.delivery import feed
from engine.delivery.courier import Courier, couriers
from engine.delivery.service import Webhooks
from engine.errors import NotFound, SettingsError, UsageError
from engine.settings import Settings
from storage import audit, webhooks
from storage.db import Record, open_engine, reading, writing
from storage.migrations import upgrade
from storage.vocab import Outcome


def of(folder: Path, erp: ClientSystem, **changes: Any) -> Settings:
    """Settings with one webhook, `erp`."""
    hook = {"url": erp.url, "secrets": [KEY], "allow_private": True, "timeout_s": 5}
    return settings(folder, webhook=[hook | changes])


def delivery_of(engine: Engine, found: Settings) -> Courier:
    """Somebody who delivers; by now the webhook has begun, with what comes from here on."""
    hook = found.webhooks[0]
    made = Courier(engine, found, hook, wiring.feeds(engine, found)[hook.name])
    assert made.step() is False
    return made


def desk_of(engine: Engine, found: Settings) -> Webhooks:
    return Webhooks(engine, found, wiring.feeds(engine, found))


def begun(engine: Engine, found: Settings) -> rounds.Rounds:
    running = couriers(engine, found, wiring.feeds(engine, found))
    running.start()
    return running


def state(engine: Engine) -> Record:
    with reading(engine) as connection:
        found = webhooks.find(connection, "erp", "results")
    assert found is not None
    return found


def time_passes(engine: Engine) -> None:
    """So much that a lease or a delay before a retry is over."""
    with writing(engine) as connection:
        connection.execute(update(webhooks.webhook).values(until=0.0))


def add_results(engine: Engine, count: int, name: str = "autumn") -> list[dict[str, Any]]:
    campaign = add_campaign(engine, name)
    return [add_result(engine, done(engine, campaign)) for _ in range(count)]


def positions(erp: ClientSystem) -> list[list[int]]:
    """Of each delivery."""
    return [[result["position"] for result in body["results"]] for body in erp.bodies]


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_results_are_delivered_in_batches_in_order_and_once(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem() as erp:
        delivery = delivery_of(engine, of(tmp_path, erp, batch=2))
        add_results(engine, 5)
        assert [delivery.step() for _ in range(4)] == [True, True, False, False]
    assert positions(erp) == [[1, 2], [3, 4], [5]]
    assert [body["position"] for body in erp.bodies] == [2, 4, 5]
    for (headers, raw_body), body in zip(erp.deliveries, erp.bodies, strict=True):
        assert verified(headers, raw_body)
        assert (headers["Zvonar-Delivery"], body["webhook"]) == (body["delivery"], "erp")
    asked = json.loads(json.dumps(Results(engine).since(0, 10), default=feed._plain))
    assert erp.results == asked
    assert asked[0]["phone"] == PHONE
    now = state(engine)
    assert (now.position, now.upto, now.failures, now.error) == (5, None, 0, "")
    assert now.delivered_at is not None


def test_a_webhook_begins_with_the_results_that_come_after_it(engine: Engine, tmp_path: Path) -> None:
    add_results(engine, 3)
    with ClientSystem() as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        assert delivery.step() is False
        add_results(engine, 1, "winter")
        delivery.step()
    assert positions(erp) == [[4]]


def test_what_fails_is_delivered_again_as_the_same_batch_whatever_came_meanwhile(
    engine: Engine, tmp_path: Path
) -> None:
    with ClientSystem(status(500), raw("HTTP"), status(200)) as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        add_results(engine, 2)
        for failures, error in ((1, "HTTP 500"), (2, "the answer was cut off")):
            assert delivery.step() is False
            now = state(engine)
            assert (now.position, now.failures, now.error) == (0, failures, error)
            assert 0 < now.wait_s <= 2
            delivery.step()  # it is not time
            assert len(erp.deliveries) == failures
            add_results(engine, 1, f"more-{failures}")
            time_passes(engine)
        delivery.step()
        delivery.step()
    assert positions(erp) == [[1, 2], [1, 2], [1, 2], [3, 4]]
    first, second, third, fourth = (UUID(headers["Zvonar-Delivery"]) for headers, _ in erp.deliveries)
    assert first == second == third != fourth
    assert (state(engine).position, state(engine).failures) == (4, 0)


def test_a_system_that_asks_for_time_is_given_it(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem(status(429, Retry_After="1000")) as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        add_results(engine, 1)
        delivery.step()
    assert 900 < state(engine).wait_s <= 1000


def test_a_result_that_is_corrected_between_two_tries_comes_as_it_is_now(
    engine: Engine, tmp_path: Path
) -> None:
    with ClientSystem(status(503), status(200)) as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        _, corrected = add_results(engine, 2)
        delivery.step()
        report(engine, corrected, Outcome.ANSWERED_HEARD)
        time_passes(engine)
        delivery.step()
        delivery.step()
    assert positions(erp) == [[1, 2], [1], [3]]
    assert erp.bodies[0]["delivery"] == erp.bodies[1]["delivery"]
    assert erp.results[-1]["outcome"] == "answered-heard"


def test_a_webhook_of_some_campaigns_is_told_of_those_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    with ClientSystem() as erp:
        delivery = delivery_of(engine, of(tmp_path, erp, campaigns=["winter", "spring"]))
        add_results(engine, 5)
        add_results(engine, 2, "winter")
        steps = [delivery.step() for _ in range(5)]
    assert positions(erp) == [[6], [7]]
    assert steps[:2] == [True, True]  # there is more to look through, at once
    assert state(engine).position == 7


def test_two_processes_never_deliver_at_the_same_time_and_nothing_twice(
    engine: Engine, tmp_path: Path
) -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def slowly(handler: Handler) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1
        status(200)(handler)

    with ClientSystem(slowly) as erp:
        found = of(tmp_path, erp, batch=2)
        senders = [delivery_of(engine, found) for _ in range(3)]
        add_results(engine, 20)

        def run(delivery: Courier) -> None:
            while state(engine).position < 20:
                delivery.step()

        threads = [threading.Thread(target=run, args=(delivery,)) for delivery in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert [result["position"] for result in erp.results] == list(range(1, 21))
    assert most == 1


def test_who_lost_the_webhook_while_he_delivered_moves_nothing(engine: Engine, tmp_path: Path) -> None:
    def reset(handler: Handler) -> None:
        desk_of(engine, found).reset("erp", 0, "me")
        status(200)(handler)

    with ClientSystem(reset) as erp:
        found = of(tmp_path, erp)
        delivery = delivery_of(engine, found)
        add_results(engine, 2)
        assert delivery.step() is False
    assert (state(engine).position, state(engine).failures) == (0, 0)


def test_logs_hold_neither_numbers_nor_secrets(
    engine: Engine,
    tmp_path: Path,
    logging_kept: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    telemetry.setup("debug")
    monkeypatch.setattr(module, "log", telemetry.logger("webhooks"))  # one that writes where this test reads
    with ClientSystem(raw(f"HTTP/1.1 500 {PHONE} {KEY}\r\n\r\n"), status(500, Location=PHONE)) as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        add_results(engine, 1)
        for _ in range(2):
            delivery.step()
            time_passes(engine)
    said = capsys.readouterr()
    assert "not delivered" in said.err
    assert all(word not in said.err + said.out + state(engine).error for word in (PHONE, PHONE[1:], KEY))


def test_deliveries_run_beside_all_else_until_they_are_closed(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem(status(200)) as erp:
        running = begun(engine, of(tmp_path, erp))
        eventually(lambda: len(rows_of(engine, webhooks.webhook)) == 1)
        add_results(engine, 3)
        eventually(lambda: len(erp.results) == 3)
        running.stop()
        add_results(engine, 1, "winter")
        time.sleep(1.2)
    assert [result["position"] for result in erp.results] == [1, 2, 3]


def test_a_delivery_that_breaks_does_not_end_those_to_come(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broke = threading.Event()

    def broken(row: Record) -> dict[str, Any]:
        if not broke.is_set():
            broke.set()
            raise ZeroDivisionError
        return real(row)

    real = results_feed.told
    monkeypatch.setattr(rounds, "TROUBLE_S", 0.01)
    with ClientSystem() as erp:
        delivery_of(engine, found := of(tmp_path, erp))
        add_results(engine, 1)
        monkeypatch.setattr(results_feed, "told", broken)
        running = begun(engine, found)
        assert broke.wait(20)
        eventually(lambda: state(engine).wait_s > 0)
        time_passes(engine)
        eventually(lambda: len(erp.results) == 1)
        running.stop()


SERVE = "import sys; from cli.main import run; sys.exit(run(['serve', 'web']))"


def test_a_process_killed_in_the_middle_leaves_the_batch_to_the_next(tmp_path: Path) -> None:
    database = open_engine(f"sqlite:///{tmp_path / 'zvonar.db'}")
    upgrade(database)
    with ClientSystem(raw("HTTP", pause_s=60), status(200)) as erp:
        found = of(tmp_path, erp, timeout_s=60)
        delivery = delivery_of(database, found)
        add_results(database, 3)
        ours = {
            "ZVONAR_DATABASE_URL": str(database.url),
            "ZVONAR_DATA_DIR": str(tmp_path),
            "ZVONAR_WEB__BIND": "127.0.0.1:0",
            "ZVONAR_WEBHOOK__URL": erp.url,
            "ZVONAR_WEBHOOK__SECRETS": json.dumps([KEY]),
            "ZVONAR_WEBHOOK__ALLOW_PRIVATE": "true",
            "ZVONAR_WEBHOOK__TIMEOUT_S": "60",
        }
        with subprocess.Popen([sys.executable, "-c", SERVE], env=os.environ | ours) as serving:
            eventually(lambda: len(erp.deliveries) == 1)
            serving.send_signal(signal.SIGKILL)
        assert state(database).wait_s > 30
        delivery.step()  # the lease of the dead stands yet
        assert len(erp.deliveries) == 1
        time_passes(database)
        delivery.step()
    assert positions(erp) == [[1, 2, 3], [1, 2, 3]]
    assert erp.bodies[0] == erp.bodies[1]
    assert state(database).position == 3
    database.dispose()


def test_operators_see_each_webhook_and_set_it_back(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem(status(500), status(500), status(200)) as erp:
        desk = desk_of(engine, found := of(tmp_path, erp))
        (listed,) = desk.list()
        assert (listed["name"], listed["position"], listed["backlog"]) == ("erp", None, 0)
        with pytest.raises(NotFound):
            desk.reset("erp", None, "me")
        delivery = delivery_of(engine, found)
        add_results(engine, 2)
        delivery.step()
        (listed,) = desk.list()
        assert (listed["position"], listed["backlog"], listed["failures"]) == (0, 2, 1)
        assert (listed["error"], listed["delivered_at"]) == ("HTTP 500", None)
        assert listed["next_at"] is not None
        assert desk.test("erp").error == "HTTP 500"
        desk.reset("erp", None, "me")
        assert delivery.step() is False
        desk.reset("erp", 1, "me")
        delivery.step()
        (listed,) = desk.list()
        assert (listed["position"], listed["failures"], listed["next_at"]) == (2, 0, None)
    assert positions(erp) == [[1, 2], [], [1, 2], [2]]
    assert erp.bodies[1]["test"] is True
    assert erp.bodies[0]["delivery"] != erp.bodies[3]["delivery"]
    assert [row.deed for row in rows_of(engine, audit.audit)] == ["webhook.reset"] * 2
    with pytest.raises(UsageError, match="not there yet"):
        desk.reset("erp", 3, "me")
    with pytest.raises(SettingsError, match="there are: erp"):
        desk.test("other")


def test_a_call_under_way_is_not_delivered(engine: Engine, tmp_path: Path) -> None:
    with ClientSystem() as erp:
        delivery = delivery_of(engine, of(tmp_path, erp))
        add_lead(engine, add_campaign(engine))
        delivery.step()
    assert erp.deliveries == []

"""Results delivered to webhooks: in batches, in order, each at least once.

A webhook's position is that of the last result that it accepted (2xx). A batch, once tried, keeps its end
and its id until it is accepted, so whoever receives it twice can tell. Whatever else is answered is a
failure, and tried again for as long as it takes, at growing intervals: results stay where they are.

One process at a time has a webhook, by a lease that is longer than a delivery may take. One that is killed
meanwhile leaves the batch to the next, when the lease is over. Nothing here is waited for by a call.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import random
from threading import Event, Thread
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.campaign.results import told
from engine.errors import NotFound, UsageError
from engine.gateways.webhooks import Answer, delay_s, post
from engine.sections import Webhook
from engine.settings import Settings
from storage import audit, feed, results, webhooks
from storage.db import Record, is_down, new_id, reading, writing

IDLE_S = 1.0  # between two looks, and so between two batches that are not full
TROUBLE_S = 10.0
LEASE_S = 10.0  # longer than a delivery may take
WINDOW = 50_000  # positions looked through at a time for results of a few campaigns

log = telemetry.logger("webhooks")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be delivered next: results (rows) up to a position."""

    id: UUID
    upto: int
    rows: list[Record]

    def body(self, hook: str) -> bytes:
        """As it is sent."""
        return _body(hook, self.id, position=self.upto, results=[told(row) for row in self.rows])


class Delivery:
    """Delivers to one webhook; blocking, in a thread of its own."""

    def __init__(self, engine: Engine, settings: Settings, hook: Webhook) -> None:
        self._engine, self._settings, self._hook = engine, settings, hook
        self._me = new_id()

    def step(self) -> bool:
        """Deliver the next batch, if there is one and it is time; True when more is waiting."""
        name = self._hook.name
        with reading(self._engine) as connection:
            seen, last = webhooks.find(connection, name), feed.last(connection)
            if seen is not None:
                telemetry.webhook_backlog.labels(name).set(max(0, last - seen.position))
                if seen.wait_s > 0 or seen.position >= last:
                    return False
                batch = self._next(connection, seen, last)
        with writing(self._engine) as connection:
            if seen is None:
                webhooks.begin(connection, name, last)
                return False
            if not batch.rows:
                webhooks.skip(connection, seen, batch.upto)
                return batch.upto < last
            lease_s = self._hook.timeout_s + LEASE_S
            if not webhooks.take(connection, self._me, seen, batch.upto, batch.id, lease_s):
                return False
        answer = post(self._hook, batch.body(name), batch.id, datetime.now(UTC))
        return self._saved(seen, answer) and batch.upto < last and len(batch.rows) == self._hook.batch

    def _next(self, connection: Connection, seen: Record, last: int) -> Batch:
        """The batch that was tried before, as far as it is the same, or a new one."""
        upto = seen.upto or min(last, seen.position + WINDOW)
        rows = results.results(connection, seen.position, self._hook.batch, self._hook.campaigns, upto)
        if len(rows) == self._hook.batch:
            upto = rows[-1].position
        same = seen.delivery is not None and seen.upto == upto
        return Batch(seen.delivery if same else new_id(), upto, rows)

    def _saved(self, seen: Record, answer: Answer) -> bool:
        """Write down what became of the batch; True when it was accepted."""
        name, failures = self._hook.name, seen.failures + 1
        telemetry.webhook_deliveries.labels(name, "failed" if answer.error else "accepted").inc()
        with writing(self._engine) as connection:
            if not answer.error:
                return webhooks.accepted(connection, name, self._me, self._settings.now())
            delay = delay_s(failures, random(), answer.retry_after_s)
            webhooks.failed(connection, name, self._me, answer.error, delay)
        log.warning(
            "not delivered", webhook=name, reason=answer.error, failures=failures, again_s=round(delay)
        )
        return False


class Deliveries:
    """A thread for each webhook, from now until `close`."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._over = Event()
        self._longest = max((hook.timeout_s for hook in settings.webhooks), default=0.0)
        steps = [(hook.name, Delivery(engine, settings, hook).step) for hook in settings.webhooks]
        self._threads = [
            Thread(target=self._run, args=(step,), name=f"webhook-{name}", daemon=True)
            for name, step in steps
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End; a delivery under way is waited for."""
        self._over.set()
        for thread in self._threads:
            thread.join(self._longest + 1)

    def _run(self, step: Callable[[], bool]) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = 0.0 if step() else IDLE_S
            except Exception as error:
                pause = TROUBLE_S
                if not is_down(error):  # the next look may be luckier, and other webhooks go on
                    log.error("webhook broke", exc_info=error)


class Webhooks:
    """For operators."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def list(self) -> list[dict[str, Any]]:
        """How each webhook of the settings stands; position is None before its first start."""
        found = []
        with reading(self._engine) as connection:
            last = feed.last(connection)
            for hook in self._settings.webhooks:
                row = webhooks.find(connection, hook.name)
                waits = row is not None and row.failures and row.wait_s > 0
                found.append(
                    {
                        "name": hook.name,
                        "position": row.position if row else None,
                        "backlog": last - row.position if row else 0,
                        "failures": row.failures if row else 0,
                        "error": row.error if row else "",
                        "next_at": self._settings.now() + timedelta(seconds=row.wait_s)
                        if row and waits
                        else None,
                        "delivered_at": row.delivered_at if row else None,
                    }
                )
        return found

    def test(self, name: str) -> Answer:
        """Deliver a batch of nothing; its answer. Nothing is written down."""
        hook, delivery = self._settings.webhook_named(name), new_id()
        return post(
            hook, _body(name, delivery, position=0, results=[], test=True), delivery, datetime.now(UTC)
        )

    def reset(self, name: str, position: int | None, actor: str) -> None:
        """Try again at once; with a position: deliver what comes behind it, again or never.

        UsageError for a position that is not there yet, NotFound for a webhook that has not begun.
        """
        self._settings.webhook_named(name)
        with writing(self._engine) as connection:
            last = feed.last(connection)
            if position is not None and position > last:
                raise UsageError(f"position {position} is not there yet; the last one is {last}")
            if not webhooks.reset(connection, name, position):
                raise NotFound(f"webhook {name} has not begun: `zvonar serve web` begins it")
            now = self._settings.now()
            audit.note(connection, at=now, actor=actor, deed="webhook.reset", subject=name, position=position)


def _body(hook: str, delivery: UUID, **more: Any) -> bytes:
    whole = {"delivery": delivery, "webhook": hook} | more
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> str:
    """Moments and ids as text."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)

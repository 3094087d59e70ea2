"""A feed delivered to its webhook: in batches, in order, each at least once.

A webhook's position is that of the last row that it accepted (2xx). A batch, once tried, keeps its end
and its id until it is accepted, so whoever receives it twice can tell. Whatever else is answered is a
failure, and tried again for as long as it takes, at growing intervals: rows stay where they are.

One process at a time has a webhook, by a lease that is longer than a delivery may take. One that is killed
meanwhile leaves the batch to the next, when the lease is over. Nothing here is waited for by a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import random
from uuid import UUID

from sqlalchemy import Engine

from engine import telemetry
from engine.delivery.feed import Feed, body
from engine.gateways.webhooks import Answer, delay_s, post
from engine.rounds import Round, Rounds
from engine.sections import Webhook
from engine.settings import Settings
from storage import webhooks
from storage.db import Record, new_id, reading, writing

IDLE_S = 1.0  # between two looks, and so between two batches that are not full
LEASE_S = 10.0  # longer than a delivery may take
WINDOW = 50_000  # positions looked through at a time for rows that this webhook is told

log = telemetry.logger("webhooks")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be delivered next: rows up to a position."""

    id: UUID
    upto: int
    rows: Sequence[Record]


class Courier:
    """Delivers to one webhook; blocking, in a thread of its own."""

    def __init__(self, engine: Engine, settings: Settings, hook: Webhook, feed: Feed) -> None:
        self._engine, self._settings, self._hook, self._feed = engine, settings, hook, feed
        self._me = new_id()

    def step(self) -> bool:
        """Deliver the next batch, if there is one and it is time; True when more is waiting."""
        hook, last = self._hook, self._feed.last()
        with reading(self._engine) as connection:
            seen = webhooks.find(connection, hook.name, hook.tells)
        if seen is None:
            with writing(self._engine) as connection:
                webhooks.begin(connection, hook.name, hook.tells, last)
            return False
        telemetry.webhook_backlog.labels(hook.name).set(max(0, last - seen.position))
        if seen.wait_s > 0 or seen.position >= last:
            return False
        batch = self._next(seen, last)
        with writing(self._engine) as connection:
            if not batch.rows:
                webhooks.skip(connection, seen, batch.upto)
                return batch.upto < last
            if not webhooks.take(connection, self._me, seen, batch.upto, batch.id, hook.timeout_s + LEASE_S):
                return False
        sent = body(hook.name, batch.id, batch.upto, self._feed.told(batch.rows))
        answer = post(hook, sent, batch.id, datetime.now(UTC))
        return self._saved(seen, answer) and batch.upto < last and len(batch.rows) == hook.batch

    def _next(self, seen: Record, last: int) -> Batch:
        """The batch that was tried before, as far as it is the same, or a new one."""
        upto = seen.upto or min(last, seen.position + WINDOW)
        rows = self._feed.behind(seen.position, upto, self._hook.batch)
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


def couriers(engine: Engine, settings: Settings, feeds: Mapping[str, Feed]) -> Rounds:
    """One for each webhook of the settings, `feeds` by their names; a delivery under way is waited for."""
    steps = [
        (hook.name, Courier(engine, settings, hook, feeds[hook.name]).step) for hook in settings.webhooks
    ]
    longest = max((hook.timeout_s for hook in settings.webhooks), default=0.0)
    return Rounds([Round(f"webhook-{name}", step, IDLE_S) for name, step in steps], longest + 1)

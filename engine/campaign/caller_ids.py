"""The numbers that we call from, as counted from results once a minute and as read by whoever dials.

Any dialer may count; whoever does holds the mark up to which results are counted, so that none counts twice.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.campaign.callers import NEW, Call, Health, Marks, sickness
from engine.settings import Settings
from storage import audit
from storage import callers as store
from storage.db import Record, writing
from storage.vocab import Outcome

BATCH = 5000
FRESH = timedelta(seconds=2)
ACTOR = "caller-ids"
# The callee ended it before he had heard the message and without a word of his own.
CUT = Outcome.ANSWERED_PARTIAL

log = telemetry.logger("caller-ids")


class CallerIds:
    """What is known of the numbers, read at most each two seconds."""

    def __init__(self) -> None:
        self._known: Mapping[str, dict[str, Health]] = {}
        self._read_at: datetime | None = None

    def read(self, connection: Connection, now: datetime) -> None:
        """Bring it up to date, if it is not fresh."""
        if self._read_at is None or not timedelta(0) <= now - self._read_at < FRESH:
            self._known, self._read_at = by_trunk(store.callers(connection)), now

    def of(self, trunk: str) -> Mapping[str, Health]:
        """Number -> its health, of one trunk."""
        return self._known.get(trunk, {})


def by_trunk(rows: list[Record]) -> dict[str, dict[str, Health]]:
    """Trunk -> number -> its health."""
    found: dict[str, dict[str, Health]] = defaultdict(dict)
    for row in rows:
        values = row._asdict()
        trunk, number = values.pop("trunk"), values.pop("number")
        found[trunk][number] = Health(**values)
    return found


def row_of(trunk: str, number: str, health: Health) -> dict[str, object]:
    """A number as it is stored."""
    return {"trunk": trunk, "number": number} | asdict(health)


def learn(engine: Engine, settings: Settings) -> int:
    """Count the results that are new, a batch at a time, and lay the sick to rest; how many were counted."""
    learned, more = 0, True
    while more:
        with writing(engine) as connection:
            now = settings.now()
            mark = store.take_mark(connection, now)
            rows = store.results(connection, mark.position, BATCH) if mark else []
            if mark and rows:
                _learn(connection, rows, now - mark.faded_at, marks_of(settings), now)
                store.move_mark(connection, rows[-1].position, now)
        learned += len(rows)
        more = len(rows) == BATCH
    return learned


def marks_of(settings: Settings) -> Marks:
    """What makes a number sick."""
    told = settings.callers
    return Marks(told.short_s, told.short_share, told.answer_share, timedelta(hours=told.rest_h))


def _learn(
    connection: Connection, rows: list[Record], passed: timedelta, marks: Marks, now: datetime
) -> None:
    known = by_trunk(store.callers(connection, lock=True))
    for theirs in known.values():
        for number in theirs:
            theirs[number] = theirs[number].faded(max(passed, timedelta(0)))
    touched = set()
    for row in rows:
        health = known.setdefault(row.trunk, {}).get(row.caller_id, NEW)
        if row.caller_id and not health.resting(now):
            known[row.trunk][row.caller_id] = health.heard(_call(row), marks)
            touched.add((row.trunk, row.caller_id))
    for trunk, number in sorted(touched):
        _judge(connection, trunk, number, known[trunk], marks, now)
    store.save(
        connection, [row_of(trunk, number, one) for trunk in known for number, one in known[trunk].items()]
    )


def _call(row: Record) -> Call:
    lasted = (row.ended_at - row.answered_at).total_seconds() if row.answered_at else None
    return Call(lasted, row.outcome == CUT, row.tech_cause)


def _judge(
    connection: Connection, trunk: str, number: str, known: dict[str, Health], marks: Marks, now: datetime
) -> None:
    """Lay it to rest, if it is sick beside the trunk's others that do not rest."""
    others = sum((one for key, one in known.items() if key != number and not one.resting(now)), NEW)
    why = sickness(known[number], others, marks)
    if why:
        known[number] = rested = known[number].laid_to_rest(why, now, marks.rest)
        until = rested.rests_until
        log.warning("caller id rests", trunk=trunk, number=number, reason=why, until=str(until))
        detail = {"trunk": trunk, "reason": why, "until": str(until)}
        audit.note(connection, at=now, actor=ACTOR, deed="trunk.rest", subject=number, **detail)

"""Bindings and masked calls on one database, by a clock that the test sets."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from builders import NOON, rows_of, settings
from sqlalchemy import Engine

from engine.masking.binding import Wanted
from engine.masking.calls import Calls
from engine.masking.line import Line
from engine.masking.phrases import Phrases
from engine.masking.service import Bindings
from engine.masking.sheet import (
    Leg,
    MaskCall,
)
from engine.settings import Settings
from engine.speech.clip import Clip
from storage import mask_calls as store
from storage import mask_events, masking
from storage.db import Record, writing
from storage.vocab import MaskEnd, MaskMode, NumberState

COMPANY = "+78120000001"
POOL = [f"+7812000001{n}" for n in range(4)]
DRIVER, CLIENT, OTHER = "+79210000001", "+79210000002", "+79210000003"
ORDER = Wanted("A-1", 1, "d7", (DRIVER,), "Анна", (CLIENT,), MaskMode.REPLACE, 3600, record=False)
HOOK = {"name": "dispatch", "url": "https://dispatch", "tells": "masking", "secrets": ["0123456789abcdef"]}
TRUNKS = [{"name": "a", "endpoint": "pstn"}, {"name": "b", "endpoint": "spare", "priority": -1}]
HANDED_ON = replace(ORDER, version=2, driver="d8", driver_phones=(OTHER,))


class Clock:
    """Settings whose clock a test sets."""

    def __init__(self) -> None:
        self.now = NOON


class Said(Phrases):
    """Phrases that are there at once."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def __call__(self) -> Mapping[str, Clip]:
        return {}


class Office:
    """Bindings and calls on one database, by a clock that the test sets."""

    def __init__(self, engine: Engine, given: Settings, clock: Clock) -> None:
        self.engine, self.settings, self.clock = engine, given, clock
        self.bindings, self.calls = Bindings(engine, given), Calls(engine, given, Said(engine, given))

    def call(self, caller: str, did: str = COMPANY) -> tuple[Line, MaskCall]:
        return self.calls.open(did, caller)

    def reaches(self, caller: str, did: str = COMPANY) -> Leg:
        verdict = self.call(caller, did)[1].verdict
        assert isinstance(verdict, Leg), verdict
        return verdict

    def end(self, line: Line, end: MaskEnd | None) -> Record:
        """End it; its row, once that is written."""
        self.calls.save(line, end)
        while (row := self.row(line.id)).ended_at is None:
            time.sleep(0.01)
        return row

    def row(self, call_id: UUID) -> Record:
        return next(row for row in self.rows if row.id == call_id)

    @property
    def rows(self) -> list[Record]:
        return rows_of(self.engine, store.mask_call)

    @property
    def events(self) -> list[tuple[str, str]]:
        rows = sorted(rows_of(self.engine, mask_events.mask_event), key=lambda row: row.id)
        return [(row.kind, row.body.get("reason") or row.body.get("rule") or "") for row in rows]

    def pass_s(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)


def opened(engine: Engine, folder: Path, clock: Clock) -> Office:
    """The office with the company's number and four of a pool."""
    with writing(engine) as connection:
        for did, shared in [(COMPANY, True), *((did, False) for did in POOL)]:
            row = {"did": did, "shared": shared, "state": NumberState.ON, "label": ""}
            connection.execute(masking.number.insert(), [row])
    return Office(engine, settings(folder, webhook=[HOOK], trunk=TRUNKS), clock)

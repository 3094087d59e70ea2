"""Masked calls as the conversations need them: begun, taken by the other side, ended.

Blocking, each one short transaction; the end is written by a thread of its own, so that no call waits for it.
"""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.contact.numbers import e164
from engine.errors import NotFound, UsageError
from engine.masking import events
from engine.masking.judge import sheet
from engine.masking.later import Later
from engine.masking.line import Line
from engine.masking.phrases import Phrases
from engine.masking.routing import Route, still
from engine.masking.sheet import MaskCall, Taken
from engine.settings import Settings
from storage import mask_calls as store
from storage import masking
from storage.db import Record, again, new_id, reading, writing
from storage.vocab import MaskEnd, MaskEvent, MaskRole, Recording

MISSED = (MaskEnd.BUSY, MaskEnd.NO_ANSWER, MaskEnd.OFF)


class Calls:
    """Begins at once; `close` it at the end, so that the last calls' ends are written."""

    def __init__(self, engine: Engine, settings: Settings, phrases: Phrases) -> None:
        self._engine, self._settings, self._phrases = engine, settings, phrases
        self._later = Later()
        phrases.start()

    def close(self) -> None:
        """Write what is not written yet, and end."""
        self._phrases.stop()
        self._later.close()

    def serves(self, dialled: str) -> bool:
        """Is this number one of ours for masking?"""
        did = self._read(dialled)
        with reading(self._engine) as connection:
            return bool(did) and masking.is_ours(connection, did)

    def open(self, dialled: str, number: str) -> tuple[Line, MaskCall]:
        """A call on `dialled` from `number` ("" when nobody tells). VoiceError: nothing can be said yet."""
        phrases = self._phrases()
        call_id = new_id(self._settings.now())
        line = Line(self._engine, self._settings, call_id, self._read(dialled), self._read(number))
        again(line.begin)
        return line, sheet(self._settings, line.id, line.did, line.verdict, phrases)

    def ordered(self, call: str) -> tuple[Line, MaskCall]:
        """A call that we began, and that he whom we rang has taken. NotFound; VoiceError as `open`."""
        phrases = self._phrases()
        with reading(self._engine) as connection:
            row = self._find(connection, call)
        if not row.back or row.ended_at:
            raise NotFound("no call that we began, or it is over")
        line = Line(self._engine, self._settings, row.id, row.did, row.caller)
        line.ordered(row.order_id, MaskRole(row.role))
        return line, sheet(self._settings, line.id, line.did, line.verdict, phrases)

    def untaken(self, call: str) -> None:
        """He whom we rang did not take our call. NotFound for an id that names none."""
        with reading(self._engine) as connection:
            row = self._find(connection, call)
        self._later.do(partial(self._ended, row.id, MaskEnd.ABANDONED, self._settings.now()))

    def taken(self, call: str) -> Taken:
        """The other side has taken this call: may they still talk? NotFound for an id that names none."""
        row, end = again(partial(self._taken, call))
        recorded = row.recording == Recording.WANTED
        whisper = self._settings.masking.whisper
        return Taken(MaskRole(row.role), end, whisper, recorded, self._phrases())

    def _taken(self, call: str) -> tuple[Record, MaskEnd]:
        now = self._settings.now()
        with writing(self._engine) as connection:
            row = self._find(connection, call)
            end = self._still(connection, row)
            about = {"call": call, "from": row.role}
            if end is MaskEnd.NONE:
                store.change(connection, row.id, answered_at=now)
                events.note(connection, self._settings, MaskEvent.ANSWERED, row.order_id, **about)
            else:
                store.change(connection, row.id, ended=end)
        return row, end

    def joined(self, call: str) -> None:
        """They talk from now on, and are recorded. Written within a moment, nobody waits for it."""
        now = self._settings.now()
        self._later.do(partial(self._joined, UUID(call), now))

    def _joined(self, call_id: UUID, now: datetime) -> None:
        with writing(self._engine) as connection:
            store.change(connection, call_id, joined_at=now)

    def _still(self, connection: Connection, row: Record) -> MaskEnd:
        """NONE: the caller's side of the order still leads to this phone; else what came between."""
        now = self._settings.now()
        of_side = masking.routes_of_order(connection, row.order_id, MaskRole(row.role))
        if row.coded:
            rows = [one for one in of_side if one.version == row.version]
        else:
            rows = [one for one in of_side if one.caller == row.caller]
        if still([Route.of(one) for one in rows], row.peer, now):
            return MaskEnd.NONE
        order = masking.find(connection, row.order_id)
        return MaskEnd.CLOSED if order is None or order.closes_at <= now else MaskEnd.REASSIGNED

    def save(self, line: Line, end: MaskEnd | None) -> None:
        """The call is over; None: its conversation broke. Written within a moment, nobody waits for it."""
        now = self._settings.now()
        self._later.do(partial(self._ended, line.id, end or MaskEnd.LOST, now))

    def _ended(self, call_id: UUID, end: MaskEnd, now: datetime) -> None:
        with writing(self._engine) as connection:
            row = store.find(connection, call_id)
            if row is None or row.ended_at is not None:
                return
            talked = row.answered_at is not None
            end = MaskEnd.TALKED if talked and end in (MaskEnd.ABANDONED, MaskEnd.LOST) else end
            store.change(connection, call_id, ended_at=now, ended=end)
            if end is not MaskEnd.TALKED:
                store.change(connection, call_id, recording=Recording.NONE)
            if row.order_id:
                self._tell(connection, row, end, now)
        telemetry.masked_calls.labels(end, row.role).inc()

    def _tell(self, connection: Connection, row: Record, end: MaskEnd, now: datetime) -> None:
        """How it ended; of a call that was missed also how the other side may be connected after all."""
        talk_s = round((now - row.answered_at).total_seconds()) if row.answered_at else 0
        body: dict[str, Any] = {"call": str(row.id), "from": row.role, "reason": end, "talk_s": talk_s}
        if end in MISSED:
            other = MaskRole.CLIENT if row.role == MaskRole.DRIVER else MaskRole.DRIVER
            body["call_back"] = {"path": f"/v1/bindings/{row.order_id}/call", "from": other}
        events.note(connection, self._settings, MaskEvent.ENDED, row.order_id, **body)

    def _find(self, connection: Connection, call: str) -> Record:
        row = None
        with suppress(ValueError):
            row = store.find(connection, UUID(call))
        if row is None:
            raise NotFound("no masked call has such an id")
        return row

    def _read(self, number: str) -> str:
        """A number as a carrier writes it, in E.164; "" for what is none."""
        try:
            return e164(number, self._settings.region)
        except UsageError:
            return ""

"""What a conversation needs of the engine: the call's sheet at its start, its facts, its result at the end.

Each is at most one short transaction; none is held while audio plays. Blocking: to be called in a thread.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from engine import telemetry
from engine.campaign.attempts import NO_HOUR, Talk
from engine.campaign.retry import CALL_BACKS, next_hour
from engine.contact.blacklist import Blacklists
from engine.contact.cases import ZoneSets
from engine.errors import NotFound
from engine.settings import Settings
from engine.speech.clip import MS_A_CHARACTER, Clip
from engine.speech.message import message_of
from engine.speech.shipped import phrases
from storage import campaign as store
from storage import retry as late
from storage import speech as speech_store
from storage import talks as storage
from storage.db import Record, is_down, reading, writing
from storage.vocab import Outcome, Pacing, Recording

AHEAD = 500  # sheets read at a time
MOMENT_S = 0.2  # a beat of the dialer's, which reads them
DOWN_S = 1.0
CLOSE_S = 10

log = telemetry.logger("talks")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One attempt as its conversation needs it; `endpoint` is the trunk's, for a call to an operator.

    `manned`: its campaign calls for the operators of a queue, and he is led there at once.
    `later`: he may choose when he is called back, because his clock is known and not too much was promised.
    """

    attempt_id: UUID
    person_id: UUID
    e164: str
    message: tuple[Clip, ...]
    phrases: dict[str, Clip]
    operator: str
    endpoint: str
    recorded: bool
    manned: bool
    later: bool
    zones: tuple[ZoneInfo, ...] = ()


class Talks:
    """Serves the debtor's conversation; `close` it at the end, so that the last results are stored.

    Sheets are read ahead: ids are in order of time, so whoever is asked for first brings those that were
    prepared after him and have not answered yet. Nobody waits for the database with the phone at his ear.
    Results are stored by a thread of their own, all that came within a moment in one transaction; while
    the database is away they wait, and so does an opt-out: without a database nobody is called either.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._blacklists, self._zones = Blacklists(engine, settings), ZoneSets()
        # A campaign's phrases are made once, before its first call, and never change.
        self._phrases: dict[UUID, dict[str, Clip]] = {}
        self._ahead: dict[UUID, Sheet] = {}
        self._reading = Lock()
        # Results as rows, opt-outs that could not be stored as sheets, abandoned calls as ids; None: the end.
        self._said: SimpleQueue[dict[str, Any] | Sheet | UUID | None] = SimpleQueue()
        self._writer = Thread(target=self._write, name="talks", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Store what is not stored yet, and end; a database that stays away is not waited for longer."""
        self._said.put(None)
        self._writer.join(CLOSE_S)

    def at_hand(self, attempt: str) -> Sheet | None:
        """The sheet, if it was read ahead; never waits."""
        try:
            return self._ahead.pop(UUID(attempt), None)
        except ValueError:
            return None

    def open(self, attempt: str) -> Sheet:
        """The sheet of a call under way; NotFound for an id that names none, or one that is over."""
        try:
            attempt_id = UUID(attempt)
        except ValueError:
            raise NotFound("no attempt has such an id") from None
        with self._reading:
            if attempt_id not in self._ahead:
                self._read_from(attempt_id)
            sheet = self._ahead.pop(attempt_id, None)
        if sheet is None:
            raise NotFound("no open attempt with audio has this id")
        return sheet

    def _read_from(self, attempt_id: UUID) -> None:
        """Read the sheet of this attempt and of those prepared after it; the oldest unused ones go."""
        with reading(self._engine) as connection:
            zones = self._zones.read(connection)
            rows = storage.for_talks(connection, attempt_id, AHEAD)
            told = {key for key in {row.zone_id for row in rows} if self._one_clock(zones.get(key, ()))}
            for row in rows:
                if row.campaign_id not in self._phrases:
                    phrases_ = store.get(connection, row.campaign_id).phrases
                    self._phrases[row.campaign_id] = _clips(phrases_ or {})
                self._ahead[row.id] = self._sheet(row, zones.get(row.zone_id, ()), row.zone_id in told)
        for old in list(self._ahead)[: -2 * AHEAD]:
            self._ahead.pop(old, None)

    def _one_clock(self, zones: tuple[ZoneInfo, ...]) -> bool:
        """Do these zones show one time, and is there one?"""
        now = self._settings.now()
        return len({now.astimezone(zone).utcoffset() for zone in zones}) == 1

    def _sheet(self, row: Record, zones: tuple[ZoneInfo, ...], one_clock: bool) -> Sheet:
        words = self._phrases[row.campaign_id]  # those of a campaign begun before may have none for it
        return Sheet(
            attempt_id=row.id,
            person_id=row.person_id,
            e164=row.e164,
            message=tuple(_stored(*clip) for clip in row.clips or ()),
            phrases=words,
            operator=self._operator(row),
            endpoint=self._settings.trunk_named(row.trunk).endpoint,
            recorded=row.recording != Recording.NONE,
            manned=_manned(row),
            later="later" in words and one_clock and row.promised < CALL_BACKS,
            zones=zones,
        )

    def _operator(self, row: Record) -> str:
        """Where an operator is: in the campaign's own queue, or where the settings say."""
        return f"queue:{row.queue}" if _manned(row) else self._settings.company.operator

    def rehearsal(self, e164: str) -> Sheet:
        """A sheet for the newest lead of a number, made of texts only: nothing is spoken or changed."""
        with reading(self._engine) as connection:
            row = store.newest_lead(connection, e164)
            if row is None:
                raise NotFound("no campaign has a lead with this number")
            message = message_of(speech_store.template_of(connection, row.template_id))
        texts = phrases(row.lang or message.template.lang)["debtor"]
        made = {piece: _unspoken(piece.text) for piece in message.pieces(row.variables, row.lang)}
        return Sheet(
            attempt_id=row.id,
            person_id=row.person_id,
            e164=e164,
            message=tuple(message.clips(row.variables, made, row.lang)),
            phrases={
                name: _unspoken(text.replace("{company}", self._settings.company.name))
                for name, text in texts.items()
            },
            operator=self._operator(row),
            endpoint=self._settings.trunk_named(row.trunks[0]).endpoint,
            recorded=row.record,
            manned=_manned(row),
            later=True,
        )

    def opt_out(self, sheet: Sheet) -> None:
        """Never call this number again: blacklisted and taken out of every campaign, at once."""
        try:
            self._bar(sheet)
        except Exception as error:
            if not is_down(error):
                raise
            log.error("an opt-out waits for the database", call_id=str(sheet.attempt_id))
            self._said.put(sheet)

    def _bar(self, sheet: Sheet) -> None:
        call = f"call:{sheet.attempt_id}"
        self._blacklists.opt_out(sheet.e164, "call", call, sheet.attempt_id)

    def abandoned(self, sheet: Sheet) -> None:
        """Nobody was there for him in time; stored within a moment, nobody waits for it."""
        self._said.put(sheet.attempt_id)

    def joined(self, attempt: str) -> None:
        """An operator took the call; true also if the debtor is the first to hang up."""
        try:
            attempt_id = UUID(attempt)
        except ValueError:
            raise NotFound("no attempt has such an id") from None
        with writing(self._engine) as connection:
            storage.save_joined(connection, attempt_id)

    def save(self, sheet: Sheet, talk: Talk | None) -> None:
        """The conversation's result; None (it broke) is kept as partly heard. Stored within a moment."""
        said = talk or Talk(Outcome.ANSWERED_PARTIAL, 0, sum(clip.ms for clip in sheet.message))
        self._said.put(
            {
                "person_id_": sheet.person_id,
                "id_": sheet.attempt_id,
                "talk_": said.outcome.value,
                "heard_ms_": said.heard_ms,
                "message_ms_": said.message_ms,
                "pressed_": said.keys,
                "call_back_": None if said.hour == NO_HOUR else said.hour,
                "due_at_": None if said.hour == NO_HOUR else self._due(said.hour, sheet),
            }
        )

    def _due(self, hour: int, sheet: Sheet) -> datetime:
        return next_hour(hour, sheet.zones, self._settings.now())

    def _write(self) -> None:
        """The writer's life: wait for a result, then a moment for others, then store them together."""
        going = True
        while going:
            said = [self._said.get()]
            if said[0] is not None:
                time.sleep(MOMENT_S)
            while not self._said.empty():
                said.append(self._said.get())
            going = None not in said
            self._store(
                [one for one in said if isinstance(one, dict)],
                [one for one in said if isinstance(one, Sheet)],
                [one for one in said if isinstance(one, UUID)],
            )

    def _store(self, talks: list[dict[str, Any]], opt_outs: list[Sheet], abandoned: list[UUID]) -> None:
        """Tried until the database takes all of it; results that it will never take are dropped."""
        while talks or opt_outs or abandoned:
            try:
                for sheet in opt_outs:
                    self._bar(sheet)
                with writing(self._engine) as connection:
                    storage.save_abandoned(connection, abandoned)
                    storage.save_talks(connection, talks)
                    promised = [talk for talk in talks if talk["due_at_"]]
                    late.promise(connection, promised)
                return
            except Exception as error:
                if not is_down(error):
                    log.error("talks lost", talks=len(talks), opt_outs=len(opt_outs), exc_info=error)
                    return
                log.error("talks wait for the database", talks=len(talks), reason=type(error).__name__)
                time.sleep(DOWN_S)


def _manned(row: Record) -> bool:
    """Does its campaign call for the operators of its queue?"""
    return bool(row.pacing != Pacing.FILL)


def _unspoken(text: str) -> Clip:
    """A clip that has no file, about as long as the text takes to say."""
    return Clip("", MS_A_CHARACTER * len(text), text)


def _stored(name: str, ms: int, part: str = "") -> Clip:
    """A clip of a lead; those that were prepared before fragments were noted name none."""
    return Clip(name, ms, part=part)


def _clips(stored: dict[str, list[Any]]) -> dict[str, Clip]:
    return {name: Clip(*values) for name, values in stored.items()}

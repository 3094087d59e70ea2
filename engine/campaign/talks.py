"""What a conversation needs of the engine: the call's sheet at its start, its facts, its result at the end.

Each is at most one short transaction; none is held while audio plays. Blocking: to be called in a thread.
"""

import time
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine import telemetry
from engine.campaign.attempts import NO_DAY, NO_HOUR, Talk
from engine.campaign.inbound import CallsBack, Reported
from engine.campaign.retry import due_after
from engine.campaign.sheet import Sheet
from engine.campaign.sheets import Sheets
from engine.contact.blacklist import Blacklists
from engine.errors import NotFound
from engine.settings import Settings
from storage import retry as late
from storage import talks as storage
from storage.db import is_down, reading, writing
from storage.vocab import Amd, Outcome, Waits

AHEAD = 500  # sheets read at a time
MOMENT_S = 0.2  # a beat of the dialer's, which reads them
DOWN_S = 1.0
CLOSE_S = 10

log = telemetry.logger("talks")


class Talks:
    """Serves the debtor's conversation; `close` it at the end, so that the last results are stored.

    Sheets are read ahead: ids are in order of time, so whoever is asked for first brings those that were
    prepared after him and have not answered yet. Nobody waits for the database with the phone at his ear.
    Results are stored by a thread of their own, all that came within a moment in one transaction; while
    the database is away they wait, and so does an opt-out: without a database nobody is called either.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._blacklists, self._sheets = Blacklists(engine, settings), Sheets(engine, settings)
        self._calls_back = CallsBack(engine, settings, self._sheets)
        self._ahead: dict[UUID, Sheet] = {}
        self._reading = Lock()
        # Results as rows, those of calls to us, opt-outs that could not be stored as sheets, abandoned calls
        # as ids; None: the end.
        self._said: SimpleQueue[dict[str, Any] | Reported | Sheet | UUID | None] = SimpleQueue()
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
            rows = storage.for_talks(connection, attempt_id, AHEAD)
            for sheet in self._sheets.of(connection, rows):
                self._ahead[sheet.attempt_id] = sheet
        for old in list(self._ahead)[: -2 * AHEAD]:
            self._ahead.pop(old, None)

    def called_back(self, e164: str, dialled: str) -> Sheet | None:
        """The sheet of a call to us; None: it is nobody whom we have called from that number lately."""
        with self._reading:
            return self._calls_back.sheet(e164, dialled)

    def rehearsal(self, e164: str) -> Sheet:
        """A sheet for the newest lead of a number, made of texts only: nothing is spoken or changed."""
        return self._sheets.rehearsal(e164)

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

    def save(self, sheet: Sheet, talk: Talk | None, amd: Amd = Amd.NONE) -> None:
        """The conversation's result; None (it broke) is kept as partly heard. Stored within a moment."""
        message_ms = sum(clip.ms for clip in sheet.call.words.message)
        said = talk or Talk(Outcome.ANSWERED_PARTIAL, 0, message_ms)
        due = due_after(said, sheet.zones, self._settings.now())
        if sheet.back:
            self._said.put(Reported(sheet, said, due))
            return
        self._said.put(
            {
                "person_id_": sheet.person_id,
                "id_": sheet.attempt_id,
                "talk_": said.outcome.value,
                "heard_ms_": said.heard_ms,
                "message_ms_": said.message_ms,
                "pressed_": said.keys,
                "call_back_": None if said.hour == NO_HOUR else said.hour,
                "promised_on_": None if said.day == NO_DAY else said.day,
                "heard_": said.heard,
                "amd_": amd.value,
                "due_at_": due,
                "waits_": Waits.CALL_BACK if said.day == NO_DAY else Waits.PROMISE,
            }
        )

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
                [one for one in said if isinstance(one, Reported)],
                [one for one in said if isinstance(one, Sheet)],
                [one for one in said if isinstance(one, UUID)],
            )

    def _store(
        self,
        talks: list[dict[str, Any]],
        back: list[Reported],
        opt_outs: list[Sheet],
        abandoned: list[UUID],
    ) -> None:
        """Tried until the database takes all of it; results that it will never take are dropped."""
        while talks or back or opt_outs or abandoned:
            try:
                for sheet in opt_outs:
                    self._bar(sheet)
                with writing(self._engine) as connection:
                    storage.save_abandoned(connection, abandoned)
                    storage.save_talks(connection, talks)
                    promised = [talk for talk in talks if talk["due_at_"]]
                    late.promise(connection, promised)
                    self._calls_back.save(connection, back)
                return
            except Exception as error:
                if not is_down(error):
                    log.error(
                        "talks lost", talks=len(talks) + len(back), opt_outs=len(opt_outs), exc_info=error
                    )
                    return
                waiting = len(talks) + len(back)
                log.error("talks wait for the database", talks=waiting, reason=type(error).__name__)
                time.sleep(DOWN_S)

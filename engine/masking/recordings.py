"""The recordings of masked calls: what became of each, who may hear it, how long it is kept.

    wanted -> kept | missing | none (they did not talk)      kept, missing -> removed

They are people's private talk. So there is one way to them: `hear`, over HTTP, with a key that is good for
it; and whoever asks stands in the audit, whatever the answer is. The SHA-256 of a file is written when its
call is over, and compared whenever it is asked for: one that was changed since is not handed out.
"""

import hashlib
from datetime import timedelta
from io import BufferedReader
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.errors import Gone, NotFound, Refused, Unreachable, ZvonarError
from engine.masking import events
from engine.masking.judge import FOLDER
from engine.recording.clearing import Clearing, Keeping, Purged
from engine.recording.shelf import Shelf
from engine.recording.verdict import BYTES_A_MS, SLACK_MS, verdict
from engine.settings import Settings
from storage import audit
from storage import mask_recordings as store
from storage.db import Record, reading, writing
from storage.vocab import MaskEvent, Recording

SETTLE = timedelta(seconds=10)  # Asterisk ends the file a moment after the call
LOST = timedelta(
    hours=3
)  # a call that began before, and has no end, was lost: masking.max_talk_s is two at most
LOOK_S, CLEAR_S = 5.0, 86_400.0  # between two looks, and two clearings
BATCH = 100
MOST = 500
PATH = "/v1/recordings"
ACTOR = "zvonar"  # in the audit, of what is done by itself

log = telemetry.logger("mask")


class Found(NamedTuple):
    """A recording's file as it lies there."""

    state: Recording
    sha256: str = ""
    size: int = 0


class Heard(NamedTuple):
    """A recording that may be heard: `file` is open, at its end, `size` bytes of A-law."""

    file: BufferedReader
    size: int
    sha256: str


class MaskRecordings:
    """Blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.shelf = Shelf(settings.recordings_dir / FOLDER)
        keeping = Keeping(settings.masking.keep_days, store.remove)
        self.clearing = Clearing(engine, settings, self.shelf, keeping)

    def look(self) -> bool:
        """Look for the recordings of calls that are over, a batch of them; may more be waiting?

        A folder that cannot be looked at is told; then nothing is settled, and it is tried again.
        """
        try:
            return self.check() == BATCH
        except OSError as error:
            log.error("recordings cannot be looked at", reason=error.strerror, file=str(error.filename))
            return False

    def check(self) -> int:
        """The same; how many were looked for. OSError: the folder cannot be looked at."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            rows = store.wanted(connection, now - SETTLE, now - LOST, BATCH)
        found = [(row, self._found(row)) for row in rows]
        if found:
            with writing(self._engine) as connection:
                missing = [
                    row.id for row, one in found if self._settle(connection, row, one) is Recording.MISSING
                ]
            if missing:
                log.error(
                    "recordings missing",
                    calls=len(missing),
                    call_id=str(missing[0]),
                    folder=str(self.shelf.root),
                )
        if (free := self.shelf.free()) is not None:
            telemetry.recordings_free.set(free)
        return len(rows)

    def clear(self) -> bool:
        """Delete what was kept for `masking.keep_days`; nothing more is waiting."""
        done = Purged()
        try:
            self.clearing.run(ACTOR, done)
            with writing(self._engine) as connection:  # of those whose file somebody else has taken away
                store.outlived(connection, self.clearing.before)
        except ZvonarError as error:
            log.error("recordings stay for longer than they may", reason=str(error))
        if done.removed:
            log.info("recordings deleted", recordings=done.removed, bytes=done.bytes)
        return False

    def calls(self, order: str) -> dict[str, Any]:
        """An order's calls, the newest first, with what became of their recordings; nobody's phone."""
        with reading(self._engine) as connection:
            rows = store.of_order(connection, order, MOST)
        return {"order": order, "calls": [_told(row) for row in rows]}

    def hear(self, call: UUID, actor: str) -> Heard:
        """A call's recording, for whoever asks with the right to it; that he did stands in the audit.

        NotFound: no such call, or no file; Gone: it was deleted in time; Refused: the call is not over, or
        the file is not as it was recorded; Unreachable: the folder cannot be read.
        """
        with reading(self._engine) as connection:
            row = store.find(connection, call)
        try:
            heard = self._open(call, row)
        except ZvonarError as error:
            self._note(call, row, actor, str(error))
            raise
        self._note(call, row, actor, "given")
        return heard

    def _open(self, call: UUID, row: Record | None) -> Heard:
        if row is None or row.recording == Recording.NONE:
            raise NotFound("no such call was recorded")
        if row.recording == Recording.REMOVED:
            raise Gone("its time was over, it is deleted")
        if row.recording == Recording.WANTED:
            raise Refused("the call is not over, or was a moment ago")
        if not row.sha256:
            raise NotFound("its file is missing")
        try:
            file = self.shelf.path(call).open("rb")
        except FileNotFoundError:
            raise NotFound("its file is missing") from None
        except OSError as error:
            raise Unreachable(f"recordings cannot be read: {error.strerror}") from None
        sha256 = _digest(file)
        if sha256 != row.sha256:
            file.close()
            log.error("a recording was changed", call_id=str(call))
            telemetry.recordings.labels("changed").inc()
            raise Refused(f"its file was changed since: its SHA-256 is {sha256}, was {row.sha256}")
        return Heard(file, row.bytes, sha256)

    def _note(self, call: UUID, row: Record | None, actor: str, answer: str) -> None:
        order = row.order_id if row else ""
        about = {"actor": actor, "deed": "recording.hear", "subject": str(call)}
        with writing(self._engine) as connection:
            audit.note(connection, at=self._settings.now(), **about, order=order, answer=answer)

    def _found(self, row: Record) -> Found:
        """What there is of a call's recording. OSError."""
        try:
            with self.shelf.path(row.id).open("rb") as file:
                sha256, size = _digest(file), file.tell()
        except (FileNotFoundError, NotADirectoryError):
            sha256, size = "", 0
        talked_ms = _talked_ms(row)
        # Who is silent may send nothing, but hardly both of them for half of their talk.
        least_ms = max(0, talked_ms - SLACK_MS) // 2
        return Found(verdict(talked_ms, least_ms, size or None), sha256 if size else "", size)

    def _settle(self, connection: Connection, row: Record, found: Found) -> Recording:
        """Write it down, and tell the dispatch; what became of it, NONE if somebody else has seen to it."""
        if not store.settle(connection, row.id, *found):
            return Recording.NONE
        telemetry.recordings.labels(found.state or "none").inc()
        if found.state is Recording.KEPT:
            body = {"call": str(row.id), "ms": found.size // BYTES_A_MS, "sha256": found.sha256}
            kind = MaskEvent.RECORDING_READY
            events.note(connection, self._settings, kind, row.order_id, **body, path=f"{PATH}/{row.id}")
        return found.state


def _talked_ms(row: Record) -> int:
    """How long they talked; 0 if they did not, or if nobody can tell."""
    if row.joined_at is None or row.ended_at is None:
        return 0
    talked: timedelta = row.ended_at - row.joined_at
    return round(talked.total_seconds() * 1000)


def _digest(file: BufferedReader) -> str:
    """SHA-256 of all of an open file, which is at its end then."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def _told(row: Record) -> dict[str, Any]:
    """A call as the dispatch may know it."""
    talk_s = (
        round((row.ended_at - row.answered_at).total_seconds()) if row.ended_at and row.answered_at else 0
    )
    times = {"begun_at": row.begun_at, "answered_at": row.answered_at, "ended_at": row.ended_at}
    recording = {"recording": row.recording, "ms": row.bytes // BYTES_A_MS, "sha256": row.sha256}
    return {"call": row.id, "from": row.role, **times, "reason": row.ended, "talk_s": talk_s, **recording}

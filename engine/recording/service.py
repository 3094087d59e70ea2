"""The recordings of calls as operators and auditors handle them: what there is, handed out, deleted in time.

    wanted -> kept | missing | none (nobody answered)      kept, missing -> removed

`check` looks for the file of every call that is over. `purge` deletes what nobody has to keep any longer:
a recording is kept `recording.keep_days`, and longer where a law pack of its campaign asks for it. It goes by
the files, so that none is forgotten, and writes before it deletes: the next run makes good one cut short.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine import telemetry
from engine.contact.lists import moment
from engine.contact.packs import packs
from engine.errors import NotFound, UsageError, ZvonarError
from engine.files.drafts import drafted
from engine.recording import sound
from engine.recording.shelf import Folder, Shelf
from engine.recording.verdict import BYTES_A_MS, verdict
from engine.settings import Settings
from storage import audit
from storage import campaign as campaigns
from storage import recordings as store
from storage.db import Record, reading, writing
from storage.vocab import Recording

SETTLE = timedelta(seconds=10)  # Asterisk ends the file a moment after the call
BATCH = 1000
DAY = timedelta(days=1)  # a call is over, at the latest, on the day after it was prepared
NEVER = 10**6  # days, for want of the law pack that would tell

log = telemetry.logger("recording")


@dataclass(slots=True)
class Purged:
    """What became of recordings that were old enough by `recording.keep_days`; `held`: a law keeps them."""

    removed: int = 0
    bytes: int = 0
    held: int = 0
    until_utc: datetime | None = None


class Recordings:
    """Blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.shelf = Shelf(settings.recordings_dir)

    def check(self) -> int:
        """Look for the recordings of calls that are over, a batch of them; how many were looked for.

        OSError: the folder cannot be looked at; then nothing is settled, and it is tried again.
        """
        with reading(self._engine) as connection:
            rows = store.wanted(connection, self._settings.now() - SETTLE, BATCH)
        found: dict[Recording, list[UUID]] = {}
        for row in rows:
            state = verdict(_lasted_ms(row), row.heard_ms or 0, self.shelf.size(row.id))
            found.setdefault(state, []).append(row.id)
        for state, ids in found.items():
            with writing(self._engine) as connection:
                settled = store.settle(connection, ids, state)
            telemetry.recordings.labels(state or "none").inc(settled)
            if state is Recording.MISSING and settled:
                log.error(
                    "recordings missing", calls=settled, call_id=str(ids[0]), folder=str(self.shelf.root)
                )
        if (free := self.shelf.free()) is not None:
            telemetry.recordings_free.set(free)
        return len(rows)

    def list(self, campaign: str = "", since: str = "", state: str = "") -> Iterator[dict[str, Any]]:
        """Calls that were to be recorded, the oldest first. NotFound: no such campaign; UsageError: since."""
        after = moment(f"{since}T00:00+00:00" if len(since) == len("2026-12-31") else since, "--since")
        with reading(self._engine) as connection:
            row = campaigns.find(connection, campaign) if campaign else None
            if campaign and row is None:
                raise NotFound(f"no campaign named {campaign!r}")
            wanted = Recording(state) if state else None
            for one in store.recorded(connection, row.id if row else None, after, wanted):
                yield _told(one)

    def show(self, attempt: str) -> dict[str, Any]:
        """One call's recording. NotFound: no such attempt, or none that was to be recorded."""
        row = self._find(attempt)
        size = self.shelf.size(row.id)
        file = "" if size is None else str(self.shelf.path(row.id))
        return _told(row) | {"file": file, "bytes": size or 0, "ms": (size or 0) // BYTES_A_MS}

    def export(self, attempt: str, out: Path, actor: str) -> int:
        """Hand a recording out as a file (.wav or .alaw), whole or not at all; its milliseconds.

        Who took it stands in the audit, with the SHA-256 of what lay there. NotFound: no recording.
        """
        row = self._find(attempt)
        file = self.shelf.path(row.id)
        if self.shelf.size(row.id) is None:
            raise NotFound(f"there is no recording of {row.id}: {row.recording}")
        with drafted(out) as draft:
            sound.write(file, draft, out.suffix.lower())
            content = file.read_bytes()
            with writing(self._engine) as connection:
                audit.note(
                    connection,
                    at=self._settings.now(),
                    actor=actor,
                    deed="recording.export",
                    subject=str(row.id),
                    sha256=hashlib.sha256(content).hexdigest(),
                    file=out.name,
                )
        return len(content) // BYTES_A_MS

    def purge(self, actor: str, *, dry_run: bool) -> Purged:
        """Delete what is old enough, folder by folder; what became of it. NotFound when nothing is.

        ZvonarError: a folder in which we may not delete.
        """
        done, now = Purged(), self._settings.now()
        for folder in self.shelf.folders(now - self._days(())):
            gone, held = self._judged(folder, now)
            if gone and not dry_run:
                self._remove(folder, gone, actor)
            done.removed += len(gone)
            done.bytes += sum(gone.values())
            done.held += held
            done.until_utc = folder.until if gone else done.until_utc
        if not done.removed:
            raise NotFound(f"no recording is old enough to be deleted ({done.held} are held by a law pack)")
        return done

    def _judged(self, folder: Folder, now: datetime) -> tuple[dict[UUID, int], int]:
        """Those of a folder that may go, with their bytes, and how many must stay."""
        files = folder.files()
        with reading(self._engine) as connection:
            rows = store.of(connection, files)
        law = {attempt: row.law for attempt, row in rows.items()}
        gone = {
            attempt: size
            for attempt, size in files.items()
            if now - folder.until >= self._days(law.get(attempt, ()))
        }
        return gone, len(files) - len(gone)

    def _days(self, law: Iterable[str]) -> timedelta:
        """How long a recording is kept under these packs; for ever under one that is not here."""
        known = packs(self._settings)
        terms = [known[name].retention_days if name in known else NEVER for name in law]
        return timedelta(days=max(self._settings.recording.keep_days, *terms, 0)) + DAY

    def _remove(self, folder: Folder, files: dict[UUID, int], actor: str) -> None:
        """Write down that these go, then delete them; a file that stays goes with the next run."""
        if not os.access(folder.path, os.W_OK | os.X_OK):
            raise ZvonarError(f"{folder.path}: may not delete there")
        with writing(self._engine) as connection:
            store.remove(connection, files)
            audit.note(
                connection,
                at=self._settings.now(),
                actor=actor,
                deed="recording.purge",
                subject=folder.path.name,
                recordings=len(files),
                bytes=sum(files.values()),
                before=folder.until.isoformat(),
                keep_days=self._settings.recording.keep_days,
            )
        for attempt in files:
            self.shelf.path(attempt).unlink(missing_ok=True)
        telemetry.recordings.labels(Recording.REMOVED).inc(len(files))
        folder.leave()

    def _find(self, attempt: str) -> Record:
        try:
            wanted = UUID(attempt)
        except ValueError:
            raise UsageError(f"{attempt!r} is no attempt's id") from None
        with reading(self._engine) as connection:
            row = store.of(connection, [wanted]).get(wanted)
        if row is None or row.recording == Recording.NONE:
            raise NotFound(f"no recorded attempt {wanted}")
        return row


def _lasted_ms(row: Record) -> int:
    return round((row.ended_at - row.answered_at).total_seconds() * 1000) if row.answered_at else 0


def _told(row: Record) -> dict[str, Any]:
    """A call with the state of its recording; who was called is not said."""
    names = {"attempt": row.id, "campaign": row.campaign, "at_utc": row.prepared_at}
    times = {"answered_utc": row.answered_at, "ended_utc": row.ended_at}
    return names | times | {"outcome": row.outcome, "heard_ms": row.heard_ms, "recording": row.recording}


def summary(done: Purged) -> dict[str, Any]:
    """What a purge tells."""
    return asdict(done)

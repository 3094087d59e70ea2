"""The recordings of campaigns' calls as operators and auditors handle them: what there is, and handed out.

    wanted -> kept | missing | none (nobody answered)      kept, missing -> removed

`check` looks for the file of every call that is over. A recording is kept `recording.keep_days`, and longer
where a law pack of its campaign asks for it (`clearing`).
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.contact.lists import moment
from engine.contact.packs import packs
from engine.errors import NotFound, UsageError
from engine.files.drafts import drafted
from engine.recording import sound
from engine.recording.clearing import Clearing, Ids, Keeping
from engine.recording.shelf import Shelf
from engine.recording.verdict import BYTES_A_MS, verdict
from engine.settings import Settings
from storage import audit
from storage import campaign as campaigns
from storage import recordings as store
from storage.db import Record, reading, writing
from storage.vocab import Recording

SETTLE = timedelta(seconds=10)  # Asterisk ends the file a moment after the call
LOOK_S = 5.0  # between two looks
BATCH = 1000
NEVER = 10**6  # days, for want of the law pack that would tell

log = telemetry.logger("recording")


class Recordings:
    """Blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.shelf = Shelf(settings.recordings_dir)
        keeping = Keeping(settings.recording.keep_days, store.remove, self._terms)
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

    def _terms(self, connection: Connection, attempts: Ids) -> dict[UUID, int]:
        """Days for which law packs keep these; for ever under one that is not here."""
        known, rows = packs(self._settings), store.of(connection, attempts)
        return {
            attempt: max(known[name].retention_days if name in known else NEVER for name in row.law)
            for attempt, row in rows.items()
            if row.law
        }

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

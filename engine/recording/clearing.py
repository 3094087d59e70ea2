"""Recordings deleted when nobody has to keep them any longer; whatever calls they are of.

It goes by the files, so that none is forgotten, and writes before it deletes: the next run makes good one cut
short. Several may run at once.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.errors import NotFound, ZvonarError
from engine.recording.shelf import Folder, Shelf
from engine.settings import Settings
from storage import audit
from storage.db import reading, writing
from storage.vocab import Recording

DAY = timedelta(days=1)  # a call is over, at the latest, on the day after its id was made

Ids = Collection[UUID]


@dataclass(slots=True)
class Purged:
    """What became of recordings that were old enough by their `keep_days`; `held`: a law keeps them."""

    removed: int = 0
    bytes: int = 0
    held: int = 0
    until_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long recordings of one kind are kept: `keep_days`, or as many days as `terms` has for a call, if
    that is more. `remove` writes that these are deleted.
    """

    keep_days: int
    remove: Callable[[Connection, Ids], None]
    terms: Callable[[Connection, Ids], Mapping[UUID, int]] = lambda _connection, _ids: {}


class Clearing:
    """Of one shelf. Blocking."""

    def __init__(self, engine: Engine, settings: Settings, shelf: Shelf, keeping: Keeping) -> None:
        self._engine, self._settings = engine, settings
        self._shelf, self._keeping = shelf, keeping

    @property
    def before(self) -> datetime:
        """The recordings of calls of before this moment have had their days."""
        return self._settings.now() - _days(self._keeping.keep_days)

    def run(self, actor: str, done: Purged, *, dry_run: bool = False) -> None:
        """Delete what is old enough, folder by folder, and count it in `done`.

        ZvonarError: a folder in which we may not delete.
        """
        now = self._settings.now()
        for folder in self._shelf.folders(self.before):
            gone, held = self._judged(folder, now)
            if gone and not dry_run:
                self._remove(folder, gone, actor)
            done.removed += len(gone)
            done.bytes += sum(gone.values())
            done.held += held
            if gone:
                done.until_utc = max(folder.until, done.until_utc or folder.until)

    def _judged(self, folder: Folder, now: datetime) -> tuple[dict[UUID, int], int]:
        """Those of a folder that may go, with their bytes, and how many must stay."""
        files, least = folder.files(), self._keeping.keep_days
        with reading(self._engine) as connection:
            terms = self._keeping.terms(connection, files)
        age = now - folder.until
        gone = {call: size for call, size in files.items() if age >= _days(max(least, terms.get(call, 0)))}
        return gone, len(files) - len(gone)

    def _remove(self, folder: Folder, files: dict[UUID, int], actor: str) -> None:
        """Write down that these go, then delete them; a file that stays goes with the next run."""
        if not os.access(folder.path, os.W_OK | os.X_OK):
            raise ZvonarError(f"{folder.path}: may not delete there")
        with writing(self._engine) as connection:
            self._keeping.remove(connection, files)
            audit.note(
                connection,
                at=self._settings.now(),
                actor=actor,
                deed="recording.purge",
                subject=str(folder.path.relative_to(self._settings.recordings_dir)),
                recordings=len(files),
                bytes=sum(files.values()),
                before=folder.until.isoformat(),
                keep_days=self._keeping.keep_days,
            )
        for call in files:
            self._shelf.path(call).unlink(missing_ok=True)
        telemetry.recordings.labels(Recording.REMOVED).inc(len(files))
        folder.leave()


def purge(clearings: Sequence[Clearing], actor: str, *, dry_run: bool) -> Purged:
    """All of these; what became of their recordings. NotFound when nothing is old enough."""
    done = Purged()
    for one in clearings:
        one.run(actor, done, dry_run=dry_run)
    if not done.removed:
        raise NotFound(f"no recording is old enough to be deleted ({done.held} are held by a law pack)")
    return done


def _days(number: int) -> timedelta:
    return timedelta(days=number) + DAY

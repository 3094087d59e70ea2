"""The audio cache as time goes by: what it holds, what may go, what is broken.

`gc` never drops what a campaign that is not over needs (its leads' clips, its phrases), what people recorded
for a template, or what was asked for within a day and an hour: whoever prepares leads at this moment may be
about to use it. The rest goes, the longest unused first, until the cache is within `speech.cache_gb`; files
that nobody knows go at any size.

`verify` reads every file. A broken one is taken from the bucket if there is one, or else made again from its
text. Leads that would have played it are put back first, so that nobody is called to hear nothing.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from engine.settings import Settings
from engine.speech.clip import Said
from engine.speech.prompts import FILE, Kind, key_of
from engine.speech.service import Speech
from engine.speech.words import LANGUAGES
from storage import campaign as campaigns
from storage import shelf as store
from storage.db import Record, reading, writing
from storage.vocab import LeadState

USED = timedelta(hours=25)  # `used_at` is written once a day
YOUNG_S = 3600.0  # a file this young may have no row yet
GB = 10**9


@dataclass(slots=True)
class Swept:
    """What `gc` found and dropped (`dropped` and its bytes, `strays` among them)."""

    files: int = 0
    bytes: int = 0
    dropped: int = 0
    dropped_bytes: int = 0
    strays: int = 0
    missing: int = 0


@dataclass(slots=True)
class Verified:
    """What `verify` found. `templates` have recordings that are lost: they must be set again."""

    files: int = 0
    broken: int = 0
    rebuilt: int = 0
    failed: int = 0
    leads: int = 0
    templates: list[str] = field(default_factory=list)

    @property
    def mended(self) -> bool:
        """Is all as it should be now?"""
        return not self.failed and not self.templates


class Keeping:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings, speech: Speech) -> None:
        self._engine, self._settings, self._speech = engine, settings, speech
        self._cache = speech.cache

    def stats(self) -> dict[str, Any]:
        """What is on disk, by whom it was made, how often it is used, what it cost."""
        files = size = 0
        for _digits, entries in self._cache.folders():
            files, size = files + len(entries), size + sum(entry.size for entry in entries)
        with reading(self._engine) as connection:
            voices, uses, cost = store.voices(connection), store.uses(connection), store.costs(connection)
        made = sum(row.fragments for row in voices)
        return {
            "files": files,
            "bytes": size,
            "limit_bytes": round(self._settings.speech.cache_gb * GB),
            "fragments": made,
            "played": uses,
            "hits": round(max(0.0, 1 - cost.requests / uses), 4) if uses else 0.0,
            "oldest": min((row[-1] for row in voices), default=None),
            "voices": {
                row.voice: {"fragments": row.fragments, "bytes": row.bytes, "ms": row.ms} for row in voices
            },
            "cost": dict(cost._mapping),
        }

    def gc(self, *, dry_run: bool = False) -> Swept:
        """Drop what may go."""
        before = self._settings.now() - USED
        with reading(self._engine) as connection:
            needed = self._needed(connection)
        swept = self._sweep(needed, dry_run)
        over = swept.bytes - swept.dropped_bytes - round(self._settings.speech.cache_gb * GB)
        with reading(self._engine) as connection:
            for page in store.longest_unused(connection, before):
                if over <= 0:
                    break
                going: dict[str, int] = {}
                for row in page:
                    path = self._cache.path(row.file)
                    if over > 0 and _short(row.file) not in needed and path.is_file():
                        going[row.file] = path.stat().st_size
                        over -= going[row.file]
                gone = going.keys() if dry_run else self._dropped(going)
                swept.dropped += len(gone)
                swept.dropped_bytes += sum(going[file] for file in gone)
        return swept

    def _needed(self, connection: Connection) -> set[bytes]:
        """The files that must stay, each by its hash."""
        needed: set[bytes] = set()
        for page in store.playing(connection):
            needed.update(_short(clip[0]) for row in page for clip in row.clips or ())
        shared = [kept for _key, kept in store.phrases(connection)]
        shared += [row.wavs for row in store.recordings(connection)]
        return needed.union(_short(file) for kept in shared for file in _files(kept))

    def _sweep(self, needed: set[bytes], dry_run: bool) -> Swept:
        """Count all, drop what nobody knows: files without a row, drafts; and rows without a file."""
        swept, young = Swept(), time.time() - YOUNG_S
        for digits, entries in self._cache.folders():
            with reading(self._engine) as connection:
                rows = store.in_folder(connection, digits)
            known, there = {row.file for row in rows}, {entry.name for entry in entries}
            strays = [
                entry
                for entry in entries
                if entry.at < young and entry.name not in known and _short(entry.name) not in needed
            ]
            lost = [row.key for row in rows if row.file not in there and _short(row.file) not in needed]
            swept.files += len(entries)
            swept.bytes += sum(entry.size for entry in entries)
            swept.strays += len(strays)
            swept.dropped += len(strays)
            swept.dropped_bytes += sum(entry.size for entry in strays)
            swept.missing += len(lost)
            if not dry_run:
                for entry in strays:
                    entry.path.unlink(missing_ok=True)
                with writing(self._engine) as connection:
                    store.forget(connection, lost)
        return swept

    def _dropped(self, files: Iterable[str]) -> set[str]:
        """Forget these files, then remove them."""
        with writing(self._engine) as connection:
            gone = store.drop(connection, list(files), self._settings.now() - USED)
        for file in gone:
            self._cache.drop(file)
        return gone

    def verify(self, progress: Callable[[], None] = lambda: None) -> Verified:
        """Read every file; mend what is broken, put back the leads that would have played it."""
        found, good, broken = Verified(), set[bytes](), list[Record]()
        for number in range(256):
            with reading(self._engine) as connection:
                rows = store.in_folder(connection, f"{number:02x}")
            for file in {row.file for row in rows}:
                found.files += 1
                progress()
                if self._whole(file):
                    good.add(_short(file))
            broken += [row for row in rows if _short(row.file) not in good]
        found.broken = len({row.file for row in broken})
        found.leads = self._put_back(good)
        self._rebuild(broken, found)
        self._recordings(found)
        return found

    def _whole(self, file: str) -> bool:
        """Is it as it was made, or as the bucket has it?"""
        if self._cache.whole(file):
            return True
        self._cache.drop(file)
        return self._cache.has(file)

    def _put_back(self, good: set[bytes]) -> int:
        """Leads whose message is not whole have to wait until it is; how many."""
        count, lost = 0, set[str]()
        with reading(self._engine) as connection:
            for page in store.playing(connection):
                for file in {clip[0] for row in page for clip in row.clips or ()}:
                    if _short(file) not in good and file not in lost:
                        if self._whole(file):
                            good.add(_short(file))
                        else:
                            lost.add(file)
                back = [row for row in page if any(clip[0] in lost for clip in row.clips or ())]
                back = [row for row in back if row.state == LeadState.PENDING]  # others are in a call
                count += len(back)
                if back:
                    with writing(self._engine) as own:
                        store.put_back(own, back)
        return count

    def _rebuild(self, broken: Sequence[Record], found: Verified) -> None:
        """Make again what the present voices would make; what another voice made is forgotten."""
        jobs: dict[tuple[Kind, str], list[Record]] = defaultdict(list)
        for row in broken:
            jobs[self._origin(row)].append(row)
        with writing(self._engine) as connection:
            store.forget(connection, [row.key for row in jobs.pop((Kind.WHOLE, ""), [])])
        renamed: dict[str, list[Any]] = {}
        for (kind, lang), rows in sorted(jobs.items()):
            if kind is Kind.ATOM:
                failed = self._speech.atoms([row.text for row in rows], lang)
                found.rebuilt += len(rows) - len(failed)
                found.failed += len(failed)
                continue
            pieces = {Said(row.text, joined=kind is Kind.JOINED): row for row in rows}
            batch = self._speech.make(pieces, lang)
            found.rebuilt += len(batch.clips)
            found.failed += len(pieces) - len(batch.clips)
            renamed |= {pieces[piece].file: [clip.name, clip.ms] for piece, clip in batch.clips.items()}
        self._rename(renamed)

    def _origin(self, row: Record) -> tuple[Kind, str]:
        """How and in which language this was made; no language: not by the voices that are set now."""
        for lang in LANGUAGES:
            for kind in Kind:
                if key_of(self._cache.form, self._speech.voice(lang).id, kind, row.text) == row.key:
                    return kind, lang
        return Kind.WHOLE, ""

    def _rename(self, renamed: Mapping[str, list[Any]]) -> None:
        """A voice that never says the same twice makes other files: phrases of campaigns go by them now."""
        with writing(self._engine) as connection:
            for key, kept in store.phrases(connection):
                changed = _replaced(kept, renamed)
                if changed != kept:
                    campaigns.change(connection, key, self._settings.now(), phrases=changed)

    def _recordings(self, found: Verified) -> None:
        with reading(self._engine) as connection:
            rows = store.recordings(connection)
        for row in rows:
            if not all(self._whole(file) for file in _files(row.wavs)):
                found.templates.append(f"{row.name} (version {row.version})")


def summary(found: Swept | Verified) -> dict[str, Any]:
    """For the command line."""
    return asdict(found)


def _short(name: str) -> bytes:
    """A file's name in half the memory."""
    return bytes.fromhex(name) if FILE.fullmatch(name) else name.encode()


def _files(kept: Any) -> Iterator[str]:
    """The names of files in stored clips, [file, ms, …], however they are nested."""
    if isinstance(kept, Mapping):
        for value in kept.values():
            yield from _files(value)
    elif isinstance(kept, list) and kept:
        yield str(kept[0])


def _replaced(kept: Any, renamed: Mapping[str, list[Any]]) -> Any:
    if isinstance(kept, Mapping):
        return {name: _replaced(value, renamed) for name, value in kept.items()}
    if isinstance(kept, list) and kept and kept[0] in renamed:
        return [*renamed[kept[0]], *kept[2:]]
    return kept

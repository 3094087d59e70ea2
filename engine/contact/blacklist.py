"""The blacklist as operators handle it: entries in and out, one by one and as lists; and opt-outs.

An entry is written first and is in force from then on: the dispatch asks for every call. Then the leads that
it concerns are taken out of their campaigns, or, when it is undone, given back to them. Numbers are shown to
operators, never in logs or the audit, whose subject is the entry's id.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.contact.lists import Summary, batches, moment, plain, word
from engine.contact.numbers import SEPARATORS, e164
from engine.errors import NotFound, UsageError
from engine.files.drafts import write_list
from engine.files.rejects import Rejects
from engine.files.sheets import Row
from engine.settings import Settings
from storage import audit, barring, blacklist, campaign, consent
from storage.blacklist import GLOBAL, MAX_KEY, PREFIXES, key_of
from storage.contact import CHUNK
from storage.db import Record, new_id, reading, writing
from storage.vocab import BanKind, ConsentKind

COLUMNS = ("value", "kind", "scope", "until", "reason")
MORE = ("id", "actor", "created_at")
OPT_OUT = "opt-out"
MAX_REASON = 500
PREFIX = re.compile(rf"\+[1-9][0-9]{{{PREFIXES.start - 2},{PREFIXES.stop - 3}}}")


def value_of(kind: BanKind, text: str, region: str) -> str:
    """What an entry of this kind names, as it is stored; UsageError says why it cannot be."""
    match kind:
        case BanKind.NUMBER:
            return e164(text, region)
        case BanKind.PREFIX:
            digits = SEPARATORS.sub("", text)
            if not PREFIX.fullmatch(digits):
                raise UsageError("a prefix is + with the country's code, and digits: +7921")
            return digits
        case BanKind.PERSON:
            return person_key(plain(text, kind, MAX_KEY - len(key_of(kind, ""))), region)
        case BanKind.GROUP:
            return plain(text, kind, MAX_KEY - len(key_of(kind, "")))


def person_key(text: str, region: str) -> str:
    """`id:…` or `tel:…`, its number in E.164; UsageError for anything else."""
    kind, _, name = text.partition(":")
    if kind not in ("id", "tel") or not name:
        raise UsageError("a person is id:<the ERP's id> or tel:<number>")
    return f"tel:{e164(name, region)}" if kind == "tel" else text


@dataclass(frozen=True, slots=True)
class Added:
    """A new entry, or None when one stands already; `leads`: how many it took out of campaigns."""

    id: UUID | None
    leads: int = 0


@dataclass(frozen=True, slots=True)
class OptOut:
    """`said`: it is new in the register; with the entry that it made, if it made one."""

    said: bool
    id: UUID | None
    leads: int


@dataclass(slots=True)
class Undone:
    """What was removed, or would be; `leads`: how many may be called again."""

    entries: int = 0
    leads: int = 0


class Blacklists:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def add(
        self, value: str, kind: BanKind, *, reason: str, actor: str, scope: str = GLOBAL, until: str = ""
    ) -> Added:
        """An entry; UsageError for what cannot be one, NotFound for a campaign that is not there."""
        now = self._settings.now()
        row = {"kind": kind, "value": value, "scope": scope, "reason": reason, "until": until}
        with writing(self._engine) as connection:
            if scope not in _scopes(connection):
                raise NotFound(f"no campaign named {scope!r}")
            entry = self._read(row, {scope}, now) | {"actor": actor}
            added = blacklist.add_all(connection, [entry], now)
            for made in added:
                _note(connection, now, actor, "blacklist.add", made["id"], **_told(made))
        with writing(self._engine) as connection:
            leads = barring.bar(connection, added)
        return Added(added[0]["id"] if added else None, leads)

    def _read(self, row: dict[str, str], scopes: set[str], now: datetime) -> dict[str, Any]:
        """A row of a list as an entry; UsageError says why it cannot be one."""
        kind = BanKind(word(row, "kind", list(BanKind), BanKind.NUMBER))
        scope = row.get("scope") or GLOBAL
        if scope not in scopes:
            raise UsageError(f"scope: neither {GLOBAL} nor the name of a campaign")
        until = moment(row.get("until", ""), "until")
        if until is not None and until <= now:
            raise UsageError("until: it is over already")
        return {
            "key": key_of(kind, value_of(kind, row.get("value", ""), self._settings.region)),
            "scope": scope,
            "until": until,
            "reason": plain(row.get("reason", ""), "reason", MAX_REASON),
        }

    def opt_out(
        self,
        e164: str,
        how: str,
        actor: str,
        attempt_id: UUID | None = None,
        *,
        proof: str = "",
        at: datetime | None = None,
    ) -> OptOut:
        """Somebody wants no calls to this number: it goes into the register of consents and, unless he said
        otherwise since, onto the blacklist for good. `at`: when he said so, if not now. Repeatable.
        """
        now, subject = self._settings.now(), f"tel:{e164}"
        proof = proof or (f"call:{attempt_id}" if attempt_id else actor)
        line: dict[str, Any] = {
            "subject": subject,
            "kind": ConsentKind.CALLS,
            "given": False,
            "at": at or now,
        }
        line |= {"until": None, "source": how, "proof": proof, "actor": actor}
        entry = {
            "key": key_of(BanKind.NUMBER, e164),
            "reason": OPT_OUT,
            "evidence": {"how": how, "proof": proof},
            "attempt_id": attempt_id,
            "actor": actor,
        }
        with writing(self._engine) as connection:
            said = consent.add(connection, [line])
            for one in said:
                _note(connection, now, actor, "consent.refuse", one["id"], kind=ConsentKind.CALLS, how=how)
            if consent.newest(connection, [subject])[subject, ConsentKind.CALLS].given:
                return OptOut(bool(said), None, 0)
            added = blacklist.add_all(connection, [entry], now)
            leads = barring.bar(connection, added)
            for made in added:
                told = _told(made) | {"leads_blocked": leads}
                _note(connection, now, actor, "blacklist.add", made["id"], **told)
        return OptOut(bool(said), added[0]["id"] if added else None, leads)

    def entries(
        self, limit: int, *, kind: BanKind | None = None, before: UUID | None = None, removed: bool = False
    ) -> list[dict[str, Any]]:
        """A page of entries, the newest first; `removed`: those too that stand no longer."""
        with reading(self._engine) as connection:
            found = blacklist.entries(connection, limit, kind=kind, before=before, removed=removed)
        return [_shown(row) for row in found]

    def remove(
        self, value: str, kind: BanKind, *, actor: str, scope: str = GLOBAL, dry_run: bool = False
    ) -> Undone:
        """Undo the entry that stands under this value; NotFound when there is none."""
        key = key_of(kind, value_of(kind, value, self._settings.region))
        with reading(self._engine) as connection:
            found = [
                entry
                for entry in blacklist.standing(connection, [key], self._settings.now())
                if entry.scope == scope
            ]
        if not found:
            raise NotFound("no such entry stands")
        return self._undo([found], found[0].id, actor, dry_run)

    def undo(self, wanted: UUID, *, actor: str, dry_run: bool = False) -> Undone:
        """Undo an entry, or all entries of an import; again after a kill it does the rest."""
        with reading(self._engine) as connection:
            entry = blacklist.entry(connection, wanted)
            if entry is None and not blacklist.of_import(connection, wanted, wanted, 1):
                raise NotFound("neither an entry nor an import has this id")
        return self._undo([[entry]] if entry else self._pages(wanted), wanted, actor, dry_run)

    def _pages(self, import_id: UUID) -> Iterator[Sequence[Record]]:
        """The entries of an import, by the five hundred."""
        after = import_id
        while True:
            with reading(self._engine) as connection:
                page = blacklist.of_import(connection, import_id, after, CHUNK)
            if not page:
                return
            yield page
            after = page[-1].id

    def _undo(self, pages: Iterable[Sequence[Record]], subject: UUID, actor: str, dry_run: bool) -> Undone:
        now, done, noted = self._settings.now(), Undone(), False
        for page in pages:
            ids = [entry.id for entry in page]
            with writing(self._engine) as connection:
                if dry_run:
                    done.entries += len(blacklist.still(connection, ids))
                    done.leads += barring.barred(connection, ids)
                    continue
                removed = blacklist.remove(connection, ids, now, actor)
                done.leads += barring.wake(connection, [entry._mapping for entry in page], now)
                if removed and not noted:
                    _note(connection, now, actor, "blacklist.undo", subject)
                    noted = True
                done.entries += removed
            looked = 1
            while looked:
                with writing(self._engine) as connection:
                    looked, free = barring.restore(connection, ids, now)
                done.leads += free
        return done

    def load(
        self,
        rows: Iterable[Row],
        file: str,
        actor: str,
        progress: Callable[[int], None] = lambda done: None,
    ) -> tuple[UUID, Summary]:
        """Entries from a list, batch by batch; its id, by which all of it can be undone.

        Those that stand already are duplicates: the same list again changes nothing.
        """
        now, summary, import_id = self._settings.now(), Summary(), new_id()
        more = {"actor": actor, "evidence": {"import": str(import_id), "file": file}}
        with reading(self._engine) as connection:
            scopes = _scopes(connection)
        rejects = self._settings.data_dir / "rejects" / f"blacklist-{Path(file).stem}.rejected.csv"
        with Rejects(rejects) as refused:
            for batch in batches(rows, lambda row: self._read(row, scopes, now) | more, summary, refused):
                with writing(self._engine) as connection:
                    added = blacklist.add_all(connection, batch, now)
                    barring.bar(connection, added)
                summary.imported += len(added)
                summary.duplicates += len(batch) - len(added)
                progress(summary.rows)
        with writing(self._engine) as connection:
            counts = {name: value for name, value in summary.as_json().items() if name != "rejects_file"}
            _note(connection, now, actor, "blacklist.import", import_id, file=file, **counts)
        return import_id, summary

    def export(self, target: Path, kind: BanKind | None = None) -> int:
        """All that stands as a list that can be imported; how many entries."""
        return write_list(target, (*COLUMNS, *MORE), self._lines(kind))

    def _lines(self, kind: BanKind | None) -> Iterator[list[Any]]:
        now, before = self._settings.now(), None
        while True:
            page = self.entries(10 * CHUNK, kind=kind, before=before)
            if not page:
                return
            for entry in page:
                if entry["until"] is None or entry["until"] > now:
                    until = entry["until"].isoformat() if entry["until"] else ""
                    told = entry | {"until": until, "created_at": entry["created_at"].isoformat()}
                    yield [told[name] for name in (*COLUMNS, *MORE)]
            before = page[-1]["id"]


def _scopes(connection: Connection) -> set[str]:
    return {GLOBAL, *(row.name for row in campaign.campaigns(connection))}


def _shown(row: Record) -> dict[str, Any]:
    kind, _, value = row.key.partition(":")
    names = ("scope", "until", "reason", "actor", "created_at", "removed_at", "removed_by", "evidence")
    return {"id": row.id, "kind": kind, "value": value} | {name: getattr(row, name) for name in names}


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    """What the audit says of an entry; not whom it names."""
    until = entry["until"].isoformat() if entry["until"] else None
    kind = entry["key"].partition(":")[0]
    return {"kind": kind, "scope": entry["scope"], "until": until, "reason": entry["reason"]}


def _note(connection: Connection, at: datetime, actor: str, deed: str, subject: UUID, **detail: Any) -> None:
    audit.note(connection, at=at, actor=actor, deed=deed, subject=str(subject), **detail)

"""For an auditor: every attempt with why it was lawful at that moment, and what became of it.

What was decided is told as it was written down with the attempt (`attempt.permit`), and worked out once more
beside it (`recount`). A number stands for all who have it, and for all their phones: limits are a person's.
The clips are those of his message that began to sound, by name, which is the SHA-256 of what was spoken.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.contact.cases import past
from engine.contact.law import Law
from engine.contact.limits import Limit, Past, Target
from engine.contact.lists import beginning, moment
from engine.contact.numbers import e164
from engine.contact.packs import packs
from engine.errors import NotFound, UsageError
from engine.files.drafts import drafted
from engine.reports.papers import ENTRY, OK, Paper, Row, text, write
from engine.reports.recount import local_time, wrong
from engine.reports.words import title
from engine.settings import Settings
from storage import audit, blacklist, calls, consent, contact
from storage import campaign as campaigns
from storage import reports as store
from storage.db import Record, new_id, reading, writing


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about: a number with those who have it, or all calls of a time; perhaps of one
    campaign. `words` is the question as it was put.
    """

    number: str
    owners: list[Record] | None
    campaign_id: UUID | None
    since: datetime | None
    until: datetime | None
    words: dict[str, str]


class Auditor:
    """Reads, recounts, writes; that a report was drawn is in the audit."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def draw(self, asked: Asked, actor: str) -> tuple[list[Row], list[Row]]:
        """The attempts, and what the registers say of the number. NotFound when there is neither."""
        with reading(self._engine) as connection:
            rows = list(self._rows(connection, asked))
            entries = list(_entries(connection, asked))
        self._note(asked, actor, len(rows), len(entries))
        return rows, entries

    def write(self, asked: Asked, out: Path, actor: str) -> int:
        """The same as a file by its ending, whole or not at all; how many attempts. A CSV has no registers.

        UsageError: another ending; NotFound as `draw`.
        """
        with reading(self._engine) as connection, drafted(out) as draft:
            entries = list(_entries(connection, asked))
            lang, all_ = self._settings.lang, title("all", self._settings.lang)
            head = {name: value or all_ for name, value in asked.words.items()}
            head |= {"drawn": f"{text(self._settings.now())} UTC", "drawn_by": actor}
            paper = Paper(head, self._rows(connection, asked), entries)
            written = write(draft, out.suffix.lower(), paper, lang)
            self._note(asked, actor, written, len(entries))
        return written

    def ask(self, phone: str = "", since: str = "", until: str = "", campaign: str = "") -> Asked:
        """The question, read: dates are days by UTC, `until` is the last one. UsageError: it is not one, or
        asks for everything; NotFound: no such campaign.
        """
        if not phone and not (since and until):
            raise UsageError("name a PHONE, or a time with --from and --to")
        number = e164(phone, self._settings.region) if phone else ""
        first, end = beginning(since, "--from"), moment(until, "--to")
        if first and end and first >= end:
            raise UsageError("--to is before --from")
        with reading(self._engine) as connection:
            row = campaigns.find(connection, campaign) if campaign else None
            if campaign and row is None:
                raise NotFound(f"no campaign named {campaign!r}")
            owners = contact.owners(connection, number) if number else None
        words = {"phone": number, "campaign": campaign}
        words |= {"since": f"{first:%Y-%m-%d %H:%M} UTC" if first else ""}
        words |= {"before": f"{end:%Y-%m-%d %H:%M} UTC" if end else ""}
        return Asked(number, owners, row.id if row else None, first, end, words)

    def _rows(self, connection: Connection, asked: Asked) -> Iterator[Row]:
        people = None if asked.owners is None else {owner.person_id for owner in asked.owners}
        for page in store.audited(connection, people, asked.campaign_id, asked.since, asked.until):
            earlier: dict[UUID, list[Past]] = defaultdict(list)
            since = min(row.prepared_at for row in page) - self._memory
            for call in calls.past(connection, {row.person_id for row in page}, since):
                earlier[call.person_id].append(past(call))
            for row in page:
                target = Target(row.e164, row.key, row.campaign_id)
                limits = self._limits(row.permit.get("law", []))
                found = wrong(
                    row.prepared_at,
                    row.permit,
                    target,
                    earlier[row.person_id],
                    limits,
                    self._settings.lang,
                )
                yield _row(row) | {"recount": "; ".join(found) or OK}

    @cached_property
    def _memory(self) -> Any:
        return Law(tuple(packs(self._settings).values()), {}).memory

    def _limits(self, versions: Iterable[str]) -> dict[str, Limit]:
        """The limits of those packs that are here in the very version that held."""
        wanted = set(versions)
        return {
            f"{pack.name}:{limit.name}": limit
            for pack in packs(self._settings).values()
            if f"{pack.name} {pack.version}" in wanted
            for limit in pack.limits
        }

    def _note(self, asked: Asked, actor: str, attempts: int, entries: int) -> None:
        """In the audit: who drew what; people by id, a number never. NotFound when there was nothing."""
        if not attempts and not entries:
            raise NotFound("no attempts, and no entries of the number in a register")
        detail: dict[str, Any] = {name: asked.words[name] for name in ("campaign", "since", "before")}
        if asked.owners is not None:
            detail["people"] = [str(owner.person_id) for owner in asked.owners]
        with writing(self._engine) as connection:
            now, subject, deed = self._settings.now(), str(new_id()), "report.auditor"
            audit.note(
                connection, at=now, actor=actor, deed=deed, subject=subject, attempts=attempts, **detail
            )


def _row(row: Record) -> Row:
    hours = row.permit.get("hours", [])
    zones = list(dict.fromkeys(zone for zone, _local, _window in hours)) or row.zones.split(",")
    local = {zone: local for zone, local, _window in hours}
    windows = [window if len(zones) == 1 else f"{zone} {window}" for zone, _local, window in hours]
    limits = [f"{name} {used}/{most}" for name, (used, most) in sorted(row.permit.get("used", {}).items())]
    return {
        "at_utc": row.prepared_at,
        "local": "; ".join(local.get(zone) or local_time(row.prepared_at, zone) for zone in zones if zone),
        "zones": "; ".join(zones),
        "attempt": str(row.id),
        "window": "; ".join(dict.fromkeys(windows)),
        "limits": "; ".join(limits),
        "law": "; ".join(row.permit.get("law", [])),
        "person_key": row.person_key,
        "external_id": row.key,
        "phone": row.e164,
        "campaign": row.campaign,
        "number": row.number,
        "kind": row.kind,
        "trunk": row.trunk,
        "caller_id": row.caller_id,
        "ringing_utc": row.ringing_at,
        "answered_utc": row.answered_at,
        "ended_utc": row.ended_at,
        "outcome": row.outcome,
        "keys": row.pressed,
        "call_back": row.call_back,
        "promised_on": str(row.promised_on or ""),
        "cause": row.cause,
        "tech_cause": row.tech_cause,
        "counts": not row.refund,
        "heard_ms": row.heard_ms,
        "message_ms": row.message_ms,
        "fragments_heard": row.heard,
        "clips": " ".join(_sounded(row.clips or [], row.heard_ms or 0)),
        "recording": row.recording,
    }


def _sounded(clips: Iterable[list[Any]], heard_ms: int) -> Iterator[str]:
    """Those clips of a message of which something was heard."""
    began = 0
    for name, ms, *_part in clips:
        if began < heard_ms:
            yield name
        began += ms


def _entries(connection: Connection, asked: Asked) -> Iterator[Row]:
    """What blacklist and consents say of a number and of who has it, the oldest first in each."""
    if not asked.number:
        return
    owners = asked.owners or []
    keys = blacklist.keys_for(asked.number, "", ())
    for owner in owners:
        keys |= blacklist.keys_for(asked.number, owner.key, owner.groups)
    for ban in store.bans(connection, keys):
        yield _ban(ban)
    for line in consent.lines(connection, {f"tel:{asked.number}", *(owner.key for owner in owners)}):
        yield _consent(line)


def _ban(ban: Record) -> Row:
    kind, _, value = ban.key.partition(":")
    evidence = dict(ban.evidence) | ({"attempt": str(ban.attempt_id)} if ban.attempt_id else {})
    removed = f"{text(ban.removed_at)} UTC, {ban.removed_by}" if ban.removed_at else ""
    cells = ("blacklist", kind, value, ban.scope, ban.created_at, ban.until, ban.reason, "")
    proof = json.dumps(evidence, ensure_ascii=False) if evidence else ""
    return dict(zip(ENTRY, (*cells, proof, ban.actor, removed), strict=True))


def _consent(line: Record) -> Row:
    cells = ("consent", line.kind, line.subject, "", line.at, line.until, "yes" if line.given else "no")
    return dict(zip(ENTRY, (*cells, line.source, line.proof, line.actor, ""), strict=True))

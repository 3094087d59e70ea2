"""From what is stored to cases: all that the rules may ask, in a few queries for many leads at once.

Whoever answers a number is taken for one person: calls to it count, whichever of its owners they were for.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.contact.law import Ban, Case, Consent, Terms
from engine.contact.limits import Past, Target
from engine.contact.zones import zone
from engine.errors import TemplateError
from engine.speech.template import parse
from storage import blacklist, calls, consent, contact, speech
from storage.db import Record
from storage.vocab import CallKind, ConsentKind, NumberKind, Outcome, Role


@dataclass(frozen=True, slots=True)
class Scope:
    """In whose name the rules are asked: a campaign's terms, how far back calls matter, and the template of
    those of its leads that have none of their own.
    """

    campaign_id: UUID | None
    campaign: str
    terms: Terms
    memory: timedelta
    template_id: UUID


class ZoneSets:
    """The sets of zones that leads refer to; rows never change, so each is read once."""

    def __init__(self) -> None:
        self._sets: dict[int, tuple[ZoneInfo, ...]] = {}

    def read(self, connection: Connection) -> Mapping[int, tuple[ZoneInfo, ...]]:
        """All of them."""
        for key, names in contact.zone_sets(connection).items():
            if key not in self._sets:
                self._sets[key] = tuple(zone(name) for name in names.split(",") if name)
        return self._sets


class Addressees:
    """Whom templates are for; a version never changes, so each is read once."""

    def __init__(self) -> None:
        self._roles: dict[UUID, Role | None] = {}

    def read(self, connection: Connection, templates: Collection[UUID]) -> Mapping[UUID, Role | None]:
        """Template id -> role; None for one that cannot be read."""
        if new := set(templates) - self._roles.keys():
            found = speech.versions(connection, new)
            self._roles |= {key: _addressee(found[key].source) if key in found else None for key in new}
        return self._roles


def _addressee(source: str) -> Role | None:
    try:
        return parse(source).role
    except TemplateError:
        return None


def load(
    connection: Connection,
    rows: Sequence[Record],
    zones: Mapping[int, tuple[ZoneInfo, ...]],
    addressees: Addressees,
    scope: Scope,
    at: datetime,
    *,
    lock: bool = False,
) -> dict[UUID, Case]:
    """Lead id -> case, of rows as `storage.due.take` gives them.

    `lock`: keep others from calling these people until the transaction's end; a lead of one whom another
    dialer holds at this moment is left out.
    """
    lines = contact.lines(connection, {(row.person_id, row.phone_id) for row in rows})
    owners: dict[UUID, set[UUID]] = defaultdict(set)
    for line in lines:
        owners[line.phone_id] |= {line.person_id, line.owner}
    everybody = set().union(*owners.values())
    held = contact.lock(connection, everybody) if lock else everybody
    known = {line.phone_id: line for line in lines if owners[line.phone_id] <= held}
    evidence = Evidence(connection, list(known.values()), held, scope, at)
    hears: dict[UUID, UUID] = {row.id: row.template_id or scope.template_id for row in rows}
    roles = addressees.read(connection, set(hears.values()))
    return {
        row.id: evidence.case(
            row, known[row.phone_id], zones.get(row.zone_id, ()), message=roles[hears[row.id]]
        )
        for row in rows
        if row.phone_id in known
    }


class Evidence:
    """What is known of a batch of people, read at once. `lines` as `storage.contact.lines` gives them."""

    def __init__(
        self, connection: Connection, lines: list[Record], people: set[UUID], scope: Scope, at: datetime
    ) -> None:
        self._scope = scope
        self._keys = {line.phone_id: blacklist.keys_for(line.e164, line.key, line.groups) for line in lines}
        self._bans: dict[str, list[Ban]] = defaultdict(list)
        keys = set().union(*self._keys.values())
        for entry in blacklist.standing(connection, keys, at):
            if entry.scope in (blacklist.GLOBAL, scope.campaign):
                ban = Ban(entry.key, entry.scope, entry.reason, entry.until, str(entry.id))
                self._bans[entry.key].append(ban)
        subjects = {subject for line in lines for subject in _subjects(line)}
        self._consents = consent.newest(connection, subjects)
        self._past: dict[UUID, list[Past]] = defaultdict(list)
        self._past_of_number: dict[str, list[Past]] = defaultdict(list)
        for row in calls.past(connection, people, at - scope.memory):
            call = past(row)
            self._past[row.person_id].append(call)
            self._past_of_number[row.e164].append(call)

    def case(self, row: Record, line: Record, zones: tuple[ZoneInfo, ...], *, message: Role | None) -> Case:
        """One lead's; `message`: whom its template is for."""
        return replace(
            self.case_of(line, zones),
            target=Target(line.e164, row.key, self._scope.campaign_id),
            role=Role(row.role),
            message=message,
            attempts=row.attempts,
            checked_at=row.checked_at,
        )

    def case_of(self, line: Record, zones: tuple[ZoneInfo, ...]) -> Case:
        """One person's and number's, without a lead."""
        own, others = self._past[line.person_id], self._past_of_number[line.e164]
        return Case(
            target=Target(line.e164, "", self._scope.campaign_id),
            zones=zones,
            number_kind=NumberKind(line.kind) if line.kind else None,
            role=self._scope.terms.role,
            message=self._scope.terms.role,
            bans=tuple(ban for key in sorted(self._keys[line.phone_id]) for ban in self._bans.get(key, ())),
            consents=self._agreed(line),
            past=(*own, *(call for call in others if call not in own)),
            terms=self._scope.terms,
        )

    def _agreed(self, line: Record) -> dict[ConsentKind, Consent]:
        """What was said last of each kind, under whichever of his names."""
        said: dict[ConsentKind, Record] = {}
        for kind in ConsentKind:
            rows = [row for subject in _subjects(line) if (row := self._consents.get((subject, kind)))]
            if rows:
                said[kind] = max(rows, key=lambda row: row.id)
        return {kind: Consent(row.given, row.until, row.source) for kind, row in said.items()}


def _subjects(line: Record) -> tuple[str, str]:
    return f"tel:{line.e164}", line.key


def past(row: Record) -> Past:
    """An attempt as the limits see it."""
    ended, answered = row.ended_at, row.answered_at
    return Past(
        at=row.prepared_at,
        e164=row.e164,
        debt=row.key,
        campaign_id=row.campaign_id,
        kind=CallKind(row.kind),
        open=ended is None,
        outcome=Outcome(row.outcome) if row.outcome else Outcome.UNKNOWN,
        refund=row.refund,
        rang=row.ringing_at is not None,
        answered_s=(ended - answered).total_seconds() if ended and answered else None,
    )

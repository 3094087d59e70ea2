"""From a list to leads: normalise, refuse what cannot be dialled, skip what is there already.

Rows go in by batches, each one transaction, so that a killed import leaves whole batches, and the same file
again adds only what is missing. Refused rows are written to `rejects/*.rejected.csv` with line and reason.
"""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from engine.campaign.sheets import EXTRA, Row, rows
from engine.contact.numbers import e164
from engine.errors import UsageError
from engine.speech.template import Template
from storage import campaign as store
from storage import contact
from storage.blacklist import GLOBAL, key_of, standing
from storage.db import new_id, writing
from storage.vocab import BanKind, LeadState, Role

BATCH = 1000
PERSON = ("name", "city", "region", "address", "timezone")
KNOWN = frozenset({"external_id", "person_id", "role", "lat", "lon", EXTRA})
PHONE = re.compile(r"phone[0-9]*")
MAX_KEY = 200  # characters of an id, so that the database can index it


@dataclass(frozen=True, slots=True)
class Lead:
    """A row that can be dialled."""

    line: int
    key: str
    person_key: str
    role: Role
    phones: tuple[str, ...]
    person: dict[str, Any]
    variables: dict[str, str]


@dataclass(slots=True)
class Summary:
    """The contract's answer to an import."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    refused: list[tuple[int, str, dict[str, str]]] = field(default_factory=list, repr=False)

    def refuse(self, line: int, why: str, row: dict[str, str]) -> None:
        """Count a row that is not taken, and remember it for the rejects file."""
        self.rejected += 1
        self.refused.append((line, why, row))

    def as_json(self) -> dict[str, Any]:
        """The contract's keys."""
        return {
            name: getattr(self, name)
            for name in ("rows", "imported", "duplicates", "rejected", "rejects_file")
        }


def read(line: int, row: dict[str, str], template: Template, region: str) -> Lead:
    """A row as a lead; UsageError says why it cannot be one."""
    if row.get(EXTRA):
        raise UsageError("more cells than the header has columns")
    if any("\0" in value for value in row.values()):
        raise UsageError("it has a NUL character")
    phones = _phones(row, region)
    role = row.get("role", "").lower() or Role.DEBTOR
    if role not in set(Role):
        raise UsageError(f"role: {role!r} is neither debtor nor contact")
    person: dict[str, Any] = {name: row.get(name, "") for name in PERSON}
    person |= {name: _degrees(row, name) for name in ("lat", "lon")}
    _check_zone(person["timezone"])
    spoken = {name: value for name, value in row.items() if name not in KNOWN and not PHONE.fullmatch(name)}
    missing = template.missing(spoken)
    if missing:
        raise UsageError(f"the template needs a value for: {', '.join(missing)}")
    person_key = f"id:{_id(row, 'person_id')}" if row.get("person_id") else f"tel:{phones[0]}"
    variables = {name: spoken[name] for name in sorted(template.variables)}
    return Lead(
        line, _id(row, "external_id") or person_key, person_key, Role(role), phones, person, variables
    )


def _id(row: dict[str, str], name: str) -> str:
    if len(row.get(name, "")) > MAX_KEY:
        raise UsageError(f"{name}: longer than {MAX_KEY} characters")
    return row.get(name, "")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        raise UsageError(f"timezone: {name[:64]!r} is not a name of the IANA time zone database") from None


def _phones(row: dict[str, str], region: str) -> tuple[str, ...]:
    """The row's numbers, each once: phone, phone2, phone3 …"""
    found: dict[str, None] = {}
    for name in sorted(filter(PHONE.fullmatch, row), key=lambda name: int(name[5:] or 0)):
        if row[name]:
            try:
                found[e164(row[name], region)] = None
            except UsageError as error:
                raise UsageError(f"{name}: {error}") from None
    if not found:
        raise UsageError("phone: no number")
    return tuple(found)


def _degrees(row: dict[str, str], name: str) -> float | None:
    text, limit = row.get(name, "").replace(",", "."), 90 if name == "lat" else 180
    try:
        value = float(text) if text else None
    except ValueError:
        raise UsageError(f"{name}: not a number of degrees") from None
    if value is not None and not -limit <= value <= limit:
        raise UsageError(f"{name}: beyond {limit} degrees")
    return value


def import_leads(
    engine: Engine,
    campaign: store.CampaignRow,
    template: Template,
    file: Path,
    *,
    region: str,
    rejects: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Read a list into a campaign; `progress` hears how many rows are done. FileError: it is no list."""
    summary = Summary()
    seen: set[str] = set()
    for batch in batches(rows(file)):
        leads = []
        for line, row in batch:
            summary.rows += 1
            try:
                lead = read(line, row, template, region)
            except UsageError as error:
                summary.refuse(line, str(error), row)
                continue
            if lead.key in seen:
                summary.duplicates += 1
                continue
            seen.add(lead.key)
            leads.append(lead)
        with writing(engine) as connection:
            added = _add(connection, campaign.id, leads)
        summary.imported += added
        summary.duplicates += len(leads) - added
        progress(summary.rows)
    summary.rejects_file = _write_rejects(summary, rejects)
    return summary


def batches(source: Iterator[Row]) -> Iterator[tuple[Row, ...]]:
    """Rows by the thousand."""
    while batch := tuple(islice(source, BATCH)):
        yield batch


def _add(connection: Connection, campaign_id: UUID, leads: list[Lead]) -> int:
    """Insert the leads that the campaign does not have; how many that were. One import does so at a time."""
    store.lock(connection, campaign_id)
    known = store.leads_known(connection, campaign_id, [lead.key for lead in leads])
    new = [lead for lead in leads if lead.key not in known]
    now = datetime.now(UTC)
    owners = _people(connection, new, now)
    phones = _phone_ids(connection, new, owners)
    keys = {key_of(BanKind.NUMBER, lead.phones[0]) for lead in new}
    banned = {entry.key for entry in standing(connection, keys, now) if entry.scope == GLOBAL}
    zone_id = contact.zone_ids(connection, {""})[""]
    rows_ = []
    for lead in new:
        person_id, blocked = owners[lead.person_key], key_of(BanKind.NUMBER, lead.phones[0]) in banned
        rows_.append(
            {
                "person_id": person_id,
                "id": new_id(),
                "campaign_id": campaign_id,
                "key": lead.key,
                "phone_id": phones[person_id, lead.phones[0]],
                "role": lead.role,
                "variables": lead.variables,
                "state": LeadState.BLOCKED if blocked else LeadState.NEW,
                "why": "blacklisted" if blocked else "",
                "due_at": now,
                "zone_id": zone_id,
            }
        )
    store.add_leads(connection, rows_)
    return len(rows_)


def _people(connection: Connection, leads: list[Lead], now: datetime) -> dict[str, UUID]:
    """person key -> id; people who are not known yet are added as their row describes them."""
    fresh = {lead.person_key: lead for lead in leads}
    known = contact.people(connection, fresh.keys())
    added = [
        {"id": new_id(), "key": key, "created_at": now, **lead.person}
        for key, lead in sorted(fresh.items())  # in one order, so that two imports cannot wait in a ring
        if key not in known
    ]
    contact.add_people(connection, added)
    # Read back: another import may have added the same person a moment ago.
    return known | contact.people(connection, [row["key"] for row in added])


def _phone_ids(
    connection: Connection, leads: list[Lead], owners: dict[str, UUID]
) -> dict[tuple[UUID, str], UUID]:
    """(person, number) -> phone id; numbers that are not known yet are added in the row's order."""
    known = contact.phones_of(connection, set(owners.values()))
    wanted = {
        (owners[lead.person_key], number): place
        for lead in leads
        for place, number in enumerate(lead.phones, 1)
        if (owners[lead.person_key], number) not in known
    }
    contact.add_phones(connection, [(*who, place) for who, place in sorted(wanted.items())])
    return contact.phones_of(connection, set(owners.values()))


def _write_rejects(summary: Summary, target: Path) -> str | None:
    """The refused rows as a file that can be mended and brought again; none when there are none."""
    if not summary.refused:
        target.unlink(missing_ok=True)
        return None
    columns = list(dict.fromkeys(name for _line, _why, row in summary.refused for name in row))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.draft")
    with draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["line", "reason", *columns])
        for line, why, row in summary.refused:
            writer.writerow([line, why, *(row.get(name, "") for name in columns)])
    draft.replace(target)
    return str(target)

"""From a list to leads: skip what is there already, add the rest with its people and phones.

Rows go in by batches, each one transaction, so that a killed import leaves whole batches, and the same file
again adds only what is missing. While the database takes one batch the next is read. Refused rows are written
to `rejects/*.rejected.csv` with line and reason. A row whose debt the campaign has already changes nothing.

A person who is known already gets what his row brings: the newest wins, field by field, and what the row
leaves empty stays. A row that names another city or region says that he moved: his old address, coordinates
and time zone are forgotten. The zones of a new lead are worked out from its own row.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.campaign.leads import Lead, Reader, Wanted
from engine.campaign.messages import Choice, rules_of
from engine.campaign.timing import is_control
from engine.contact import numbering
from engine.contact.lists import Summary
from engine.errors import UsageError
from engine.files.rejects import Rejects
from engine.files.sheets import Row
from engine.settings import Settings
from engine.speech.template import parse
from storage import barring, bulk, contact, speech
from storage import campaign as store
from storage.blacklist import keys_for
from storage.db import reading, writing
from storage.vocab import LeadState

BATCH = 5000
People = Mapping[str, Mapping[str, Any]]  # person key -> what is stored of him
EMPTY: tuple[Any, ...] = ("", None, [])
NOWHERE = {"city": "", "region": "", "address": "", "lat": None, "lon": None, "timezone": ""}
LEAD = (
    *("person_id", "id", "campaign_id", "key", "phone_id", "role", "variables", "state", "why", "due_at"),
    *("waits", "zone_id", "by_number", "attempts", "outcome", "priority", "control", "avoids"),
    *("template_id", "lang"),
)


def import_rows(
    engine: Engine,
    campaign: store.CampaignRow,
    source: Iterable[Row],
    settings: Settings,
    *,
    rejects: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Fill a campaign from rows; `progress` hears how many are done. FileError: the list breaks off."""
    summary = Summary()
    with reading(engine) as connection:
        reader = reader_of(connection, campaign, settings)
        shelf = Shelf(engine, campaign, settings, bulk.prefix_lengths(connection))
    with uncollected(), Rejects(rejects) as refused, ThreadPoolExecutor(1, "import") as writer:
        batches = _batches(reader, iter(source), summary, refused)
        for size, added, done in _ahead(writer, shelf.add, batches):
            summary.imported += added
            summary.duplicates += size - added
            progress(done)
    summary.rejected, summary.rejects_file = refused.count, refused.path
    return summary


def reader_of(connection: Connection, campaign: store.CampaignRow, settings: Settings) -> Reader:
    """Reads rows for a campaign, as its messages are now."""
    choice, wanted = wanted_of(connection, campaign, settings)
    return Reader(choice, wanted, settings.region, numbering.read(connection))


def wanted_of(
    connection: Connection, campaign: store.CampaignRow, settings: Settings
) -> tuple[Choice, dict[UUID, Wanted]]:
    """How a campaign chooses among its templates, and what each asks of a row."""
    choice = Choice(campaign.id, rules_of(campaign.messages, campaign.template_id))
    found = speech.versions(connection, choice.templates)
    several, longest_s = len(found) > 1, settings.speech.max_message_s
    return choice, {
        key: Wanted(parse(row.source), longest_s, f"template {row.name}" if several else "the template")
        for key, row in found.items()
    }


@contextmanager
def uncollected() -> Iterator[None]:
    """Rows are many small objects and never a cycle: to look for cycles among them again and again would be
    a third of the work.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _batches(
    reader: Reader, source: Iterator[Row], summary: Summary, refused: Rejects
) -> Iterator[tuple[dict[str, Lead], int]]:
    """(leads by key, rows read so far), a batch at a time."""
    while rows := tuple(islice(source, BATCH)):
        leads: dict[str, Lead] = {}
        for line, row in rows:
            try:
                lead = reader.read(row)
            except UsageError as error:
                refused.add(line, str(error), row)
                continue
            if lead.key in leads:
                summary.duplicates += 1
            else:
                leads[lead.key] = lead
        summary.rows += len(rows)
        yield leads, summary.rows


def _ahead(
    writer: ThreadPoolExecutor,
    add: Callable[[dict[str, Lead]], int],
    batches: Iterable[tuple[dict[str, Lead], int]],
) -> Iterator[tuple[int, int, int]]:
    """(size, how many were added, rows read so far) of each batch; the next is read while one is added."""
    before: tuple[int, Future[int], int] | None = None
    for leads, done in batches:
        if before:
            yield before[0], before[1].result(), before[2]
        before = len(leads), writer.submit(add, leads), done
    if before:
        yield before[0], before[1].result(), before[2]


class Shelf:
    """Where a campaign's leads are put."""

    def __init__(
        self, engine: Engine, campaign: store.CampaignRow, settings: Settings, prefixes: frozenset[int]
    ) -> None:
        self._engine, self._campaign, self._settings = engine, campaign, settings
        self._prefixes = prefixes
        self._zones: dict[str, int] = {}

    def add(self, leads: Mapping[str, Lead]) -> int:
        """Insert the leads (by key) that the campaign does not have; how many that were."""
        with writing(self._engine) as connection:
            store.lock(connection, self._campaign.id)
            bulk.take_turn(connection)
            known = bulk.leads_known(connection, self._campaign.id, leads.keys())
            new = [lead for key, lead in leads.items() if key not in known]
            if new:
                self._add(connection, new)
        return len(new)

    def _add(self, connection: Connection, new: list[Lead]) -> None:
        """Load what is known, decide, save."""
        now = self._settings.now()
        known = bulk.people_known(connection, {lead.person_key for lead in new})
        phones = bulk.phones_known(connection, known.keys())
        if unseen := {zones for lead in new for zones in _zones(lead)} - self._zones.keys():
            self._zones |= contact.zone_ids(connection, unseen)
        people = _people(new, known, now)
        why = self._bans(connection, new, people)

        def row(lead: Lead) -> tuple[Any, ...]:
            person_id, blocked = people[lead.person_key]["id"], why.get(lead.key, "")
            phone_id = phones[person_id, lead.phones[0].e164]
            state = LeadState.BLOCKED if blocked else LeadState.NEW
            lead_id = bulk.fresh_id()
            who = (person_id, lead_id, self._campaign.id, lead.key, phone_id, lead.role)
            what = (lead.variables, state, blocked, now, "", self._zones[lead.zones], lead.by_number)
            own = None if lead.template_id == self._campaign.template_id else lead.template_id
            place = (0, "", lead.priority, is_control(lead_id.int), "")
            return (*who, *what, *place, own, lead.lang)

        with bulk.Sender(connection) as send:
            added = (person for key, person in people.items() if key not in known)
            send.insert(
                contact.person, bulk.PERSON, ([person[name] for name in bulk.PERSON] for person in added)
            )
            send.save_people([person for key, person in people.items() if person != known.get(key, person)])
            send.insert(contact.phone, bulk.PHONE, _new_phones(new, people, phones, self._zones))
            send.insert(store.lead, LEAD, map(row, new))

    def _bans(self, connection: Connection, new: list[Lead], people: People) -> dict[str, str]:
        """Lead key -> why it is blocked, of those who must not be called. The dispatch asks again."""
        asked: dict[str, set[str]] = {}
        for lead in new:
            groups = people[lead.person_key]["groups"]
            asked[lead.key] = keys_for(lead.phones[0].e164, lead.person_key, groups, self._prefixes)
        entries = bulk.bans(connection, self._campaign.name, set().union(*asked.values()))
        hit = {key: keys & entries.keys() for key, keys in asked.items()} if entries else {}
        return {key: barring.why(entries[min(keys)].id) for key, keys in hit.items() if keys}


def _zones(lead: Lead) -> Iterator[str]:
    """The sets of zones that a lead and its phones refer to."""
    yield lead.zones
    for phone in lead.phones:
        yield phone.zones


def _people(leads: Iterable[Lead], known: People, now: datetime) -> dict[str, Mapping[str, Any]]:
    """Person key -> all that is to be stored of him."""
    people = dict(known)
    for lead in leads:
        if before := people.get(lead.person_key):
            people[lead.person_key] = newer(before, lead.person)
        else:
            fresh = {"id": bulk.fresh_id(), "key": lead.person_key, "created_at": now}
            people[lead.person_key] = fresh | lead.person
    return people


def newer(known: Mapping[str, Any], brought: Mapping[str, Any]) -> dict[str, Any]:
    """A known person after a row, as the module's text says."""
    moved = any(known[name] and brought[name] and known[name] != brought[name] for name in ("city", "region"))
    left = NOWHERE if moved else {}
    return {**known, **left, **{name: value for name, value in brought.items() if value not in EMPTY}}


def _new_phones(
    leads: Iterable[Lead],
    people: People,
    phones: dict[tuple[UUID, str], UUID],
    zones: Mapping[str, int],
) -> Iterator[tuple[Any, ...]]:
    """Rows of numbers that are not known yet, in the row's order; their ids are added to `phones`."""
    for lead in leads:
        person_id = people[lead.person_key]["id"]
        for place, phone in enumerate(lead.phones, 1):
            if (person_id, phone.e164) not in phones:
                phones[person_id, phone.e164] = phone_id = bulk.fresh_id()
                told = (phone.kind, phone.operator, phone.region, zones[phone.zones])
                yield person_id, phone_id, phone.e164, place, *told

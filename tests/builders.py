"""Small things that many tests need, each made with as little as the schema asks for."""

import math
import struct
import wave
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Table, select

from engine.campaign.books import Books
from engine.campaign.errand import Order
from engine.campaign.fleet import Fleet
from engine.settings import Settings
from engine.speech.keys import DEFAULT
from engine.speech.service import Speech
from engine.speech.shipped import spoken
from engine.speech.templates import Templates
from storage import blacklist, calls, contact, speech, talks
from storage import campaign as campaigns
from storage.db import Record, add_new, new_id, reading, writing
from storage.vocab import AttemptState, CallKind, CampaignState, LeadState, Outcome, Role

NOON = datetime(2026, 1, 21, 12, tzinfo=UTC)
PHONE = "+79211234567"
ZONE = "Europe/Moscow"
FOR_CONTACTS = """
for = "contact"
[[fragment]]
text = "Здравствуйте, {name}! Передайте, пожалуйста, что мы звонили."
"""
SOURCE = """
lang = "ru"
[[fragment]]
name = "greeting"
text = "Здравствуйте, {name}!"
[[fragment]]
name = "debt"
text = "Ваш долг {sum} рублей."
"""


def after(seconds: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings that keep everything in a folder."""
    url = f"sqlite:///{folder / 'zvonar.db'}"
    given: dict[str, Any] = {"data_dir": folder, "database_url": url, "dialer": {"name": "me"}}
    return Settings(**given | changes)


def campaign_row(**changes: Any) -> campaigns.CampaignRow:
    """A running campaign that stands in no database."""
    row = campaigns.CampaignRow(
        id=new_id(),
        name="autumn",
        state=CampaignState.RUNNING,
        template_id=new_id(),
        trunks=["trunk"],
        cps=5.0,
        channels=30,
        attempts=1,
        priority=0,
        role=Role.DEBTOR,
        law=["none"],
        exemption="",
        owes="",
        phrases=None,
        created_at=NOON,
        changed_at=NOON,
    )
    return replace(row, **changes)


def add_template(engine: Engine, name: str, source: str = SOURCE) -> UUID:
    """The newest version of a template: its id."""
    with writing(engine) as connection:
        return speech.add_template(connection, name, source, {}, NOON).id


def all_phrases(lang: str = "ru") -> dict[str, dict[str, list[Any]]]:
    """A campaign's phrases as they are stored, of made-up files."""
    names = spoken("debtor", lang, "Звонарь", DEFAULT)
    return {lang: {name: ["cd" * 32, 100, text] for name, text in names.items()}}


def add_campaign(engine: Engine, name: str = "autumn", **changes: Any) -> campaigns.CampaignRow:
    """A running campaign of a template of its own, for whom it is itself."""
    source = FOR_CONTACTS if changes.get("role") is Role.CONTACT else SOURCE
    row = campaign_row(name=name, **{"template_id": add_template(engine, name, source)} | changes)
    with writing(engine) as connection:
        campaigns.add(connection, row)
    return row


def add_lead(
    engine: Engine,
    campaign: campaigns.CampaignRow,
    e164: str = "",
    *,
    of: dict[str, Any] | None = None,
    zones: str = ZONE,
    groups: Sequence[str] = (),
    **changes: Any,
) -> dict[str, Any]:
    """A pending lead with a person of his own, or one more `of` a lead's person; the row as written, and its
    number as `e164`.

    Where no number is named: PHONE for the first in the database, another for each after; `of`: the same.
    """
    with writing(engine) as connection:
        e164 = e164 or (of["e164"] if of else _unused(connection))
        person_id = of["person_id"] if of else new_id()
        person = {"id": person_id, "key": f"id:{person_id}", "groups": list(groups), "created_at": NOON}
        if of is None:
            connection.execute(contact.person.insert(), [person])
        add_phone(connection, person_id, e164)
        his = contact.phone.c.person_id == person_id, contact.phone.c.e164 == e164
        row = {
            "person_id": person_id,
            "id": new_id(),
            "campaign_id": campaign.id,
            "key": str(new_id()) if of else str(person_id),
            "phone_id": connection.scalars(select(contact.phone.c.id).where(*his)).one(),
            "role": Role.DEBTOR,
            "variables": {"name": "Пётр", "sum": "100"},
            "clips": [["ab" * 32, 900]],
            "state": LeadState.PENDING,
            "due_at": NOON,
            "zone_id": contact.zone_ids(connection, {zones})[zones],
            "by_number": False,
        } | changes
        connection.execute(campaigns.lead.insert(), [row])
    return row | {"e164": e164}


def books_of(engine: Engine, settings: Settings) -> Books:
    """The books of a dialer that holds its lease."""
    fleet = Fleet(engine, settings)
    assert fleet.join()
    return Books(engine, settings, fleet)


def add_phone(connection: Connection, person_id: UUID, e164: str, position: int = 1) -> None:
    """A person's number; one that he has already stays as it is."""
    row = {"person_id": person_id, "id": new_id(), "e164": e164, "position": position}
    add_new(connection, contact.phone, [row])


def _unused(connection: Connection) -> str:
    """A number that nobody has."""
    taken = set(connection.scalars(select(contact.phone.c.e164)))
    return next(number for n in count(int(PHONE)) if (number := f"+{n}") not in taken)


def add_attempt(engine: Engine, lead: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A prepared attempt of a lead; the row as it was written."""
    row = {
        "person_id": lead["person_id"],
        "id": new_id(),
        "lead_id": lead["id"],
        "campaign_id": lead["campaign_id"],
        "phone_id": lead["phone_id"],
        "number": 1,
        "dialer": "me",
        "node": "asterisk",
        "trunk": "trunk",
        "caller_id": "",
        "kind": CallKind.TALK,
        "permit": {},
        "state": AttemptState.PREPARED,
        "prepared_at": NOON,
    } | changes
    with writing(engine) as connection:
        calls.prepare(connection, [row])
    return row


def ban(connection: Connection, key: str, *, at: datetime = NOON, **more: Any) -> UUID | None:
    """A new blacklist entry, its id; None when one of this key and scope stands already."""
    added = blacklist.add_all(connection, [{"key": key, "reason": "test", "actor": "me"} | more], at)
    return added[0]["id"] if added else None


def report(
    engine: Engine, attempt: dict[str, Any] | Order, outcome: Outcome, keys: str = "", hour: int | None = None
) -> None:
    """A conversation reports of its attempt: 900 ms of 1000 heard."""
    who = asdict(attempt) if isinstance(attempt, Order) else attempt
    row = {"person_id_": who["person_id"], "id_": who["id"], "talk_": outcome.value, "pressed_": keys}
    row |= {"call_back_": hour, "promised_on_": None, "heard_": "greeting", "amd_": ""}
    with writing(engine) as connection:
        talks.save_talks(connection, [row | {"heard_ms_": 900, "message_ms_": 1000}])


def order_of(lead: dict[str, Any], **changes: Any) -> Order:
    """An order for a lead."""
    made = Order(
        id=new_id(),
        person_id=lead["person_id"],
        lead_id=lead["id"],
        campaign_id=lead["campaign_id"],
        e164=lead["e164"],
        trunk="trunk",
        node="asterisk",
        caller_id="",
        made=0,
        until=NOON + timedelta(days=1),
    )
    return replace(made, **changes)


def rows_of(engine: Engine, table: Table) -> list[Record]:
    """All of a table, in the order of its first columns."""
    with reading(engine) as connection:
        return list(connection.execute(select(table).order_by(*list(table.c)[:3])))


def lead_now(engine: Engine, row: dict[str, Any]) -> Record:
    """A lead as it stands in the database."""
    with reading(engine) as connection:
        return connection.execute(select(campaigns.lead).where(campaigns.lead.c.id == row["id"])).one()


def attempt_now(engine: Engine, attempt_id: UUID) -> Record:
    """An attempt as it stands in the database."""
    with reading(engine) as connection:
        return connection.execute(select(calls.attempt).where(calls.attempt.c.id == attempt_id)).one()


def tone(rate: int = 22050, channels: int = 1, seconds: float = 0.5, quiet: float = 0.0) -> bytes:
    """A WAV of 440 Hz with so many seconds of silence around it."""
    made = BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setframerate(rate)
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        beep = [int(9000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(rate * seconds))]
        rest = [0] * int(rate * quiet)
        frames = [sample for sample in [*rest, *beep, *rest] for _ in range(channels)]
        sound.writeframes(struct.pack(f"<{len(frames)}h", *frames))
    return made.getvalue()


def add_program(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, body: str) -> Path:
    """Put a shell script before all others on PATH; the file that it may write to, for it `$LOG`."""
    program, log = folder / name, folder / f"{name}.log"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("LOG", str(log))
    return log


# Speaks a tone into standard output; refuses texts with "немо" in them.
VOICE = """
text=$(cat)
echo "$text" >> "$LOG"
case "$text" in *немо*) exit 1;; esac
exec cat "$(dirname $0)/tone.wav"
"""


VARYING = """#!/bin/sh
text=$(cat)
echo "$text" >> "$LOG"
exec cat "$(dirname $0)/tone$(($(echo "$text" | cksum | cut -d' ' -f1) % 100)).wav"
"""


class Studio:
    """A Speech whose voice is a program of ours that writes down what it is asked to say."""

    def __init__(self, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "tone.wav").write_bytes(tone())
        self.log = add_program(monkeypatch, folder, "espeak-ng", VOICE)
        self.settings = settings(folder)
        self.speech = Speech(engine, self.settings)
        self.templates = Templates(engine, self.speech)

    def vary(self) -> None:
        """From now on another tone for each text."""
        for number in range(100):
            (self.log.parent / f"tone{number}.wav").write_bytes(tone(8000, seconds=0.2 + number / 50))
        self.log.with_name("espeak-ng").write_text(VARYING)

    @property
    def spoken(self) -> Counter[str]:
        return Counter(self.log.read_text().splitlines() if self.log.exists() else [])

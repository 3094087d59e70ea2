"""The funnel: every lead is counted once, under what keeps it, as the dispatch would have it."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import FOR_CONTACTS, NOON, PHONE, add_campaign, add_lead, add_template
from calling import TIME, Line, clocked
from sqlalchemy import Engine

from engine.campaign import funnel
from engine.contact.service import Contacts
from engine.errors import NotFound
from storage import calls, consent
from storage import campaign as store
from storage.db import new_id, writing
from storage.vocab import CampaignState, LeadState, Role

LAW = ["ru-230fz-talk"]
VLADIVOSTOK = "Asia/Vladivostok"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON  # Wednesday: 15:00 in Moscow, 22:00 in Vladivostok
    yield
    TIME.at = NOON


def phone(serial: int) -> str:
    return f"+7921{serial:07d}"


def told(engine: Engine, folder: Path, name: str = "autumn") -> dict[str, Any]:
    return funnel.explain(engine, clocked(folder), name)


def reasons(found: dict[str, Any]) -> dict[str, int]:
    return {row["reason"]: row["leads"] for row in found["reasons"]}


def test_every_lead_is_counted_once(engine: Engine, tmp_path: Path) -> None:
    campaign = add_campaign(engine, law=LAW)
    serial = iter(range(1000))

    def lead(**changes: Any) -> dict[str, Any]:
        return add_lead(engine, campaign, phone(next(serial)), **changes)

    for _ in range(3):
        lead()
    for state in (LeadState.NEW, LeadState.IN_FLIGHT, LeadState.DONE):
        lead(state=state)
    entry = new_id()
    lead(state=LeadState.BLOCKED, why=f"blacklisted:{entry}")
    lead(state=LeadState.BLOCKED, why=f"blacklisted:{new_id()}")
    lead(state=LeadState.BLOCKED, why="no audio: the text is empty")
    lead(zones=VLADIVOSTOK)
    lead(zones=f"{VLADIVOSTOK},Europe/Moscow")
    lead(zones="")
    lead(due_at=NOON + timedelta(hours=2), attempts=1)
    lead(due_at=NOON + timedelta(hours=17), waits="limit")
    talked, busy = lead(), lead()
    before = add_campaign(engine, "before", law=LAW)
    with writing(engine) as connection:
        for one, outcome in ((talked, "answered-heard"), (busy, "")):
            other = add_lead_in(connection, one, before)
            calls.prepare(connection, [attempt(other, outcome)])
    found = told(engine, tmp_path)
    assert (found["leads"], found["dialable_now"]) == (16, 3)
    assert reasons(found) == {
        "new": 1,
        "in-flight": 1,
        "done": 1,
        "blacklisted": 2,
        "no audio": 1,
        "hours": 2,
        "zone-unknown": 1,
        "retry": 1,
        "limit": 2,
        "line": 1,
    }
    assert found["dialable_now"] + sum(reasons(found).values()) == found["leads"]
    morning = datetime.fromisoformat("2026-01-22T08:00+10:00")
    both = datetime.fromisoformat("2026-01-22T08:00+03:00")
    assert [(row["zones"], row["leads"], row["opens_at"]) for row in found["zones"]] == [
        (VLADIVOSTOK, 1, morning),
        (f"{VLADIVOSTOK},Europe/Moscow", 1, both),
    ]


def add_lead_in(connection: Any, lead: dict[str, Any], campaign: Any) -> dict[str, Any]:
    """The same person and phone in another campaign, done."""
    row = lead | {"id": new_id(), "campaign_id": campaign.id, "state": LeadState.DONE}
    connection.execute(store.lead.insert(), [row])
    return row


def attempt(lead: dict[str, Any], outcome: str) -> dict[str, Any]:
    """An attempt of an hour ago; without an outcome it goes on."""
    at = NOON - timedelta(hours=1)
    who = {name: lead[name] for name in ("person_id", "campaign_id", "phone_id")}
    times = {"prepared_at": at, "sent_at": at, "answered_at": at}
    times["ended_at"] = at + timedelta(seconds=9) if outcome else None
    what = {"outcome": outcome, "state": "ended", "number": 1, "kind": "talk", "permit": {}}
    where = {"dialer": "me", "node": "n", "trunk": "trunk"}
    return {**who, **times, **what, **where, "id": new_id(at), "lead_id": lead["id"]}


def test_only_contact_persons_need_what_the_law_asks_of_them(engine: Engine, tmp_path: Path) -> None:
    """In a campaign for debtors, some of whose leads hear a message of their own."""
    campaign = add_campaign(engine, law=LAW, messages=[{"if": "role = 'contact'", "templates": []}])
    friends = add_template(engine, "friends", FOR_CONTACTS)
    add_lead(engine, campaign)
    add_lead(engine, campaign, role=Role.CONTACT, template_id=friends)
    agreed = add_lead(engine, campaign, role=Role.CONTACT, template_id=friends)
    row = {"id": new_id(), "subject": f"id:{agreed['person_id']}", "kind": "debtor-agreed", "at": NOON}
    with writing(engine) as connection:
        row |= {"given": True, "source": "c", "proof": "p", "actor": "a"}
        connection.execute(consent.consent.insert().values(row))
    found = told(engine, tmp_path)
    assert (found["dialable_now"], reasons(found)) == (2, {"no-consent": 1})
    assert len(Line(engine, clocked(tmp_path)).take([campaign.id], wanted=9)) == 2


def test_consents_that_the_law_asks_for_are_counted(engine: Engine, tmp_path: Path) -> None:
    campaign = add_campaign(engine, law=["ru-38fz", *LAW])
    agreed, withdrew, ended, silent = (add_lead(engine, campaign, phone(n)) for n in range(4))
    with writing(engine) as connection:
        for lead, given, until in (
            (agreed, True, None),
            (withdrew, True, None),
            (withdrew, False, None),
            (ended, True, NOON - timedelta(days=1)),
        ):
            row = {"id": new_id(), "subject": f"id:{lead['person_id']}", "kind": "advertising", "at": NOON}
            row |= {"given": given, "until": until, "source": "c", "proof": "p", "actor": "a"}
            connection.execute(consent.consent.insert().values(row))
    found = told(engine, tmp_path)
    assert (found["dialable_now"], reasons(found)) == (1, {"no-consent": 3})
    assert silent


def test_who_was_not_asked_whether_he_owes_is_not_dialable(engine: Engine, tmp_path: Path) -> None:
    campaign = add_campaign(engine, law=LAW, owes="erp")
    add_lead(engine, campaign, phone(1))
    add_lead(engine, campaign, phone(2), checked_at=NOON - timedelta(hours=2))
    add_lead(engine, campaign, phone(3), checked_at=NOON - timedelta(minutes=2))
    source = {"name": "erp", "url": "sqlite:///x.db", "table": "t", "columns": {"external_id": "id"}}
    found = funnel.explain(engine, clocked(tmp_path, source=[source]), "autumn")
    assert (found["dialable_now"], reasons(found)) == (1, {"owes": 2})


def test_a_campaign_under_no_law_that_holds_calls_nobody(engine: Engine, tmp_path: Path) -> None:
    add_lead(engine, add_campaign(engine, law=["ru-126fz", *LAW], exemption="bank"), PHONE)
    found = told(engine, tmp_path)
    assert (found["dialable_now"], reasons(found)) == (0, {"no-label": 1})


def test_an_empty_campaign_and_none_at_all(engine: Engine, tmp_path: Path) -> None:
    add_campaign(engine, law=LAW, state=CampaignState.DRAFT)
    found = told(engine, tmp_path)
    assert (found["leads"], found["dialable_now"], found["reasons"], found["zones"]) == (0, 0, [], [])
    with pytest.raises(NotFound):
        told(engine, tmp_path, "winter")


def test_after_hours_of_calls_the_funnel_and_explain_agree(engine: Engine, tmp_path: Path) -> None:
    """People with leads in two campaigns, called for some hours; then each lead is asked about."""
    campaigns = [add_campaign(engine, name, law=LAW, attempts=3) for name in ("autumn", "again")]
    pairs = []
    for serial in range(24):
        first = add_lead(engine, campaigns[serial % 2], phone(serial))
        pairs.append((phone(serial), campaigns[serial % 2].name))
        if serial % 3:
            add_lead(engine, campaigns[(serial + 1) % 2], phone(serial), of=first)
            pairs.append((phone(serial), campaigns[(serial + 1) % 2].name))
    line, contacts = Line(engine, clocked(tmp_path), seed=7), Contacts(engine, clocked(tmp_path))
    for ending in ("heard", "busy", "congestion", "unknown", "no-answer"):
        line.take([one.id for one in campaigns], 2)
        line.close(ending)
        TIME.pass_(minutes=50)
    assert line.take([one.id for one in campaigns], 1)  # somebody is on the line
    asked = Counter(
        name for number, name in pairs if contacts.explain(number, name, None, "en")["decision"] == "allow"
    )
    for campaign in campaigns:
        found = told(engine, tmp_path, campaign.name)
        assert found["dialable_now"] == asked[campaign.name] > 0
        assert found["leads"] == found["dialable_now"] + sum(reasons(found).values())
        assert {"limit", "line"} & set(reasons(found))

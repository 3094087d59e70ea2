"""Dispatch: who is due is called only when every rule allows it, and nobody lawful is forgotten."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import FOR_CONTACTS, NOON, PHONE, add_campaign, add_lead, add_template, ban, lead_now, rows_of
from calling import TIME, Line, clocked
from sqlalchemy import Engine, select, update

from engine.campaign.errand import Order
from storage import calls, consent, contact
from storage import campaign as store
from storage.campaign import CampaignRow
from storage.db import new_id, reading, writing
from storage.vocab import ConsentKind, LeadState, Role

LAW = ["ru-230fz-talk"]
OTHER = "+79031234567"
MORNING = datetime.fromisoformat("2026-01-22T08:00+03:00")  # Thursday; NOON is Wednesday 15:00 in Moscow


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON
    yield
    TIME.at = NOON


@pytest.fixture
def line(engine: Engine, tmp_path: Path) -> Line:
    return Line(engine, clocked(tmp_path))


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine, law=LAW)


def numbers(orders: list[Order]) -> list[str]:
    return sorted(order.e164 for order in orders)


def test_a_call_carries_the_reason_why_it_was_lawful(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    add_lead(engine, campaign)
    assert numbers(line.take([campaign.id])) == [PHONE]
    (attempt,) = rows_of(engine, calls.attempt)
    assert attempt.kind == "talk"
    assert attempt.permit["law"][0].startswith("ru-230fz-talk ")
    assert attempt.permit["hours"] == [["Europe/Moscow", "2026-01-21 15:00", "08:00-22:00"]]
    assert attempt.permit["used"]["ru-230fz-talk:day"] == [0, 1]


def test_by_night_nobody_is_taken_nor_touched_and_others_are(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    asleep = add_lead(engine, campaign)
    add_lead(engine, campaign, OTHER, zones="Asia/Vladivostok")
    everywhere = add_lead(engine, campaign, "+79050000001", zones="Asia/Vladivostok,Europe/Moscow")
    TIME.at = datetime.fromisoformat("2026-01-22T03:00+03:00")  # ten in the morning at Vladivostok
    assert numbers(line.take([campaign.id])) == [OTHER]
    for lead in (asleep, everywhere):
        now = lead_now(engine, lead)
        assert (now.state, now.due_at, now.waits) == (LeadState.PENDING, lead["due_at"], "")
    TIME.at = MORNING
    assert numbers(line.take([campaign.id])) == ["+79050000001", PHONE]


def test_the_last_minute_of_the_hours_begins_no_call(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    add_lead(engine, campaign)
    TIME.at = datetime.fromisoformat("2026-01-21T21:59:30+03:00")
    assert line.take([campaign.id]) == []
    TIME.at = datetime.fromisoformat("2026-01-21T21:58:30+03:00")
    assert len(line.take([campaign.id])) == 1


def test_who_was_talked_to_today_waits_for_tomorrow_whatever_his_phones_and_campaigns(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    lead = add_lead(engine, campaign)
    again = add_campaign(engine, "again", law=LAW)
    second = add_lead(engine, again, OTHER, of=lead)
    line.take([campaign.id])
    line.close("heard")
    assert line.take([again.id]) == []
    now = lead_now(engine, second)
    assert (now.state, now.waits, now.due_at) == (LeadState.PENDING, "limit", MORNING)
    TIME.at = MORNING
    assert numbers(line.take([again.id])) == [OTHER]


@pytest.mark.parametrize("ending", ["congestion", "off-at-once"])
def test_a_limit_is_given_back_when_nothing_came_of_the_call(
    engine: Engine, line: Line, campaign: CampaignRow, ending: str
) -> None:
    lead = add_lead(engine, campaign)
    add_lead(engine, campaign, OTHER, of=lead, due_at=NOON + timedelta(seconds=1))
    TIME.pass_(minutes=1)
    assert numbers(line.take([campaign.id])) == [PHONE]  # one at a time
    line.close(ending)
    TIME.pass_(seconds=20)
    assert OTHER in numbers(line.take([campaign.id]))


def test_two_people_who_share_a_number_are_not_called_on_it_twice(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    add_lead(engine, campaign, PHONE)
    add_lead(engine, campaign, PHONE)
    assert numbers(line.take([campaign.id])) == [PHONE]
    line.close("heard")
    assert line.take([campaign.id]) == []
    TIME.at = MORNING
    assert numbers(line.take([campaign.id])) == [PHONE]


def test_who_waited_for_a_call_to_another_on_his_number_is_called_when_nothing_came_of_it(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    add_lead(engine, campaign, PHONE)
    sharing = add_lead(engine, campaign, PHONE, due_at=NOON + timedelta(seconds=1))
    TIME.pass_(minutes=1)
    (first,) = line.take([campaign.id])
    assert line.take([campaign.id]) == []
    line.close("congestion")
    TIME.pass_(seconds=20)
    taken = {order.lead_id for order in line.take([campaign.id])}
    assert taken == {sharing["id"]} != {first.lead_id}


@pytest.mark.parametrize("key", ["number:" + PHONE, "prefix:+7921", "group:vip", "person:me"])
@pytest.mark.parametrize("scope", ["global", "autumn", "another"])
def test_the_blacklist_is_asked_by_number_prefix_group_and_person(
    engine: Engine, line: Line, campaign: CampaignRow, key: str, scope: str
) -> None:
    lead = add_lead(engine, campaign, groups=["vip"])
    with writing(engine) as connection:
        connection.execute(update(contact.person).values(key="me"))
        entry = ban(connection, key, reason="test", at=NOON, actor="anna", scope=scope)
    taken = line.take([campaign.id])
    if scope == "another":
        assert len(taken) == 1
    else:
        assert taken == []
        assert lead_now(engine, lead).why == f"blacklisted:{entry}"


def test_an_entry_until_a_date_puts_off_and_blocks_nothing(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    lead = add_lead(engine, campaign)
    until = datetime.fromisoformat("2026-01-24T03:00+03:00")  # Saturday: from nine
    with writing(engine) as connection:
        key = "number:" + PHONE
        ban(connection, key, reason="asked", at=NOON, actor="anna", until=until)
    assert line.take([campaign.id]) == []
    now = lead_now(engine, lead)
    opens = datetime.fromisoformat("2026-01-24T09:00+03:00")
    assert (now.state, now.waits, now.due_at) == (LeadState.PENDING, "blacklist", opens)
    TIME.at = opens
    assert len(line.take([campaign.id])) == 1


def agree(engine: Engine, subject: str, kind: ConsentKind, given: bool) -> None:
    row = {"id": new_id(), "subject": subject, "kind": kind, "given": given, "at": NOON, "until": None}
    with writing(engine) as connection:
        connection.execute(consent.consent.insert().values(row | {"source": "c", "proof": "p", "actor": "a"}))


def test_who_refused_calls_is_not_called_until_he_agrees_again(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    lead = add_lead(engine, campaign)
    add_lead(engine, campaign, OTHER, due_at=MORNING)  # or else the campaign would be done
    agree(engine, "tel:" + PHONE, ConsentKind.CALLS, False)
    assert line.take([campaign.id]) == []
    assert (lead_now(engine, lead).state, lead_now(engine, lead).why) == (LeadState.BLOCKED, "refused")
    agree(engine, f"id:{lead['person_id']}", ConsentKind.CALLS, True)
    add_lead(engine, campaign, of=lead)
    assert len(line.take([campaign.id])) == 1


def test_a_contact_person_needs_the_debtors_consent_and_a_message_of_his_own(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    wrong = add_lead(engine, campaign, role=Role.CONTACT)
    theirs = add_campaign(engine, "contacts", law=LAW, role=Role.CONTACT)
    without = add_lead(engine, theirs, OTHER, role=Role.CONTACT)
    agreed = add_lead(engine, theirs, "+79050000001", role=Role.CONTACT)
    agree(engine, f"id:{agreed['person_id']}", ConsentKind.DEBTOR_AGREED, True)
    assert numbers(line.take([campaign.id, theirs.id])) == ["+79050000001"]
    assert lead_now(engine, wrong).why == "role-differs"
    assert lead_now(engine, without).why == "no-consent"


def test_whom_a_leads_own_template_is_for_decides_and_not_the_campaign(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    """A debtor's message never reaches a contact person, whatever the campaign is made for."""
    friends, debts = add_template(engine, "friends", FOR_CONTACTS), add_template(engine, "other")
    wanted = {
        (Role.CONTACT, friends): "pending",
        (Role.CONTACT, debts): "role-differs",
        (Role.CONTACT, None): "role-differs",
        (Role.CONTACT, new_id()): "role-differs",  # nobody knows what he would hear
        (Role.DEBTOR, friends): "role-differs",
        (Role.DEBTOR, debts): "pending",
        (Role.DEBTOR, None): "pending",
    }
    leads = {key: add_lead(engine, campaign, role=key[0], template_id=key[1]) for key in wanted}
    for lead in leads.values():
        agree(engine, f"id:{lead['person_id']}", ConsentKind.DEBTOR_AGREED, True)
    called = line.take([campaign.id], wanted=9)
    going = {key for key, lead in leads.items() if lead["id"] in {order.lead_id for order in called}}
    assert going == {key for key, why in wanted.items() if why == "pending"}
    blocked = {key: lead_now(engine, lead).why for key, lead in leads.items() if key not in going}
    assert blocked == {key: why for key, why in wanted.items() if why != "pending"}


@pytest.mark.parametrize(
    "changes", [{"law": ["no-such-law"]}, {"law": ["ru-126fz"], "exemption": "bank"}, {"trunks": ["gone"]}]
)
def test_a_campaign_that_may_not_call_is_left_alone(
    engine: Engine, line: Line, changes: dict[str, Any]
) -> None:
    """An unknown law, a trunk without the label that the law asks for, a trunk that is gone."""
    campaign = add_campaign(engine, **changes)
    lead = add_lead(engine, campaign)
    assert line.take([campaign.id]) == []
    assert lead_now(engine, lead).state == LeadState.PENDING
    with reading(engine) as connection:
        assert store.get(connection, campaign.id).state == "running"


def test_without_a_zone_nobody_knows_the_hour(engine: Engine, line: Line, campaign: CampaignRow) -> None:
    lead = add_lead(engine, campaign, zones="")
    assert line.take([campaign.id]) == []
    assert lead_now(engine, lead).state == LeadState.PENDING
    free = add_campaign(engine, "free", law=["none"])
    add_lead(engine, free, OTHER, zones="")
    assert len(line.take([free.id])) == 1


def test_a_thousand_who_may_not_be_called_do_not_hide_one_who_may(
    engine: Engine, line: Line, campaign: CampaignRow
) -> None:
    spent = [add_lead(engine, campaign, f"+7921000{n:04d}") for n in range(30)]
    earlier = [add_lead(engine, campaign, of=lead, e164=OTHER) for lead in spent]
    with writing(engine) as connection:
        connection.execute(
            update(store.lead)
            .where(store.lead.c.id.in_([lead["id"] for lead in earlier]))
            .values(state="done")
        )
        calls.prepare(connection, [past_call(lead) for lead in earlier])
    add_lead(engine, campaign, "+79050000001", due_at=NOON + timedelta(seconds=1))
    TIME.pass_(seconds=2)
    assert numbers(line.take([campaign.id], wanted=2)) == ["+79050000001"]
    with reading(engine) as connection:
        waits = connection.scalars(select(store.lead.c.waits).where(store.lead.c.state == "pending")).all()
    assert waits == ["limit"] * 30


def past_call(lead: dict[str, Any]) -> dict[str, Any]:
    """An attempt of an hour ago that he heard."""
    at = NOON - timedelta(hours=1)
    who = {name: lead[name] for name in ("person_id", "campaign_id", "phone_id")}
    times = {"prepared_at": at, "sent_at": at, "answered_at": at, "ended_at": at + timedelta(seconds=9)}
    what = {"outcome": "answered-heard", "state": "ended", "number": 1, "kind": "talk", "permit": {}}
    where = {"dialer": "me", "node": "n", "trunk": "trunk"}
    return {**who, **times, **what, **where, "id": new_id(at), "lead_id": lead["id"]}


def test_whom_another_dialer_holds_is_passed_over_and_stays(on_postgresql: Engine, tmp_path: Path) -> None:
    engine = on_postgresql
    campaign = add_campaign(engine, law=LAW)
    lead, line = add_lead(engine, campaign), Line(engine, clocked(tmp_path))
    add_lead(engine, campaign, OTHER)
    try:
        with writing(engine) as connection:
            contact.lock(connection, [lead["person_id"]])
            assert numbers(line.take([campaign.id])) == [OTHER]
        assert numbers(line.take([campaign.id])) == [PHONE]
    finally:
        empty(engine)


def empty(engine: Engine) -> None:
    from storage.db import metadata

    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())

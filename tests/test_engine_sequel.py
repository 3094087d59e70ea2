"""What becomes of a lead after each call: on the clock, in the database, phone by phone, until it is done."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, PHONE, add_attempt, add_campaign, add_lead, add_phone, lead_now, rows_of
from calling import TIME, Line, clocked
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from engine.campaign.attempts import Seen, Talk
from engine.campaign.errand import Closing, Errand
from storage import calls, contact, talks
from storage import campaign as store
from storage.campaign import CampaignRow
from storage.db import writing
from storage.vocab import Outcome

SECOND, THIRD = "+79211234568", "+79211234569"


@pytest.fixture
def line(engine: Engine, tmp_path: Path) -> Line:
    TIME.at = NOON
    return Line(engine, clocked(tmp_path))


def with_phones(engine: Engine, campaign: CampaignRow, *more: str, **changes: Any) -> dict[str, Any]:
    """A lead whose person has PHONE and these, in this order."""
    lead = add_lead(engine, campaign, PHONE, **changes)
    with writing(engine) as connection:
        for position, number in enumerate(more, 2):
            add_phone(connection, lead["person_id"], number, position)
    return lead


def tell_zone(engine: Engine, e164: str, zones: str) -> int:
    """What a number by itself tells of where it is."""
    with writing(engine) as connection:
        (key,) = contact.zone_ids(connection, {zones}).values()
        connection.execute(update(contact.phone).where(contact.phone.c.e164 == e164).values(zone_id=key))
    return key


def call(line: Line, campaign: CampaignRow, ending: str) -> str:
    """Take the one lead that is due and end its call; the number that was called."""
    (order,) = line.take([campaign.id])
    line.close(ending)
    TIME.pass_(seconds=5)
    return order.e164


def close(line: Line, seen: Seen) -> None:
    """End all calls so."""
    line.books.beat(Errand(closings=[Closing(order, seen, TIME.at) for order in line.orders]))
    line.orders = []


def due_in(engine: Engine, lead: dict[str, Any]) -> float:
    """Seconds until the lead is due."""
    return (lead_now(engine, lead).due_at - TIME.at).total_seconds()


def test_the_rules_of_the_campaign_hold_as_they_are_when_the_call_ends(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=2)
    lead = add_lead(engine, campaign, PHONE)
    line.take([campaign.id])
    with writing(engine) as connection:
        store.change(connection, campaign.id, NOON, attempts=3, retry={"busy": "10m x3"})
    seen = Seen(sent_at=NOON, hangup_at=NOON, cause=17, tech_cause=486)
    close(line, seen)
    assert due_in(engine, lead) == 600
    TIME.pass_(minutes=10)
    line.take([campaign.id])
    close(line, seen)
    assert due_in(engine, lead) == 1800
    assert lead_now(engine, lead).attempts == 2


def test_the_next_phone_is_called_at_once_and_after_the_last_the_first_again(
    engine: Engine, line: Line
) -> None:
    campaign = add_campaign(engine, attempts=5, retry={"no-answer": "2h next-phone"})
    lead = with_phones(engine, campaign, SECOND, by_number=False)
    assert [call(line, campaign, "no-answer") for _ in range(2)] == [PHONE, SECOND]
    assert line.take([campaign.id]) == []
    assert due_in(engine, lead) == 7200 - 5  # two hours from the first's end, not from the last's
    TIME.pass_(hours=2)
    assert call(line, campaign, "no-answer") == PHONE
    assert {row.phone_id for row in rows_of(engine, calls.attempt)} == {
        row.id for row in rows_of(engine, contact.phone)
    }


def test_an_invalid_number_is_left_for_the_next_and_with_the_last_the_lead_is_done(
    engine: Engine, line: Line
) -> None:
    campaign = add_campaign(engine, attempts=5)
    lead = with_phones(engine, campaign, SECOND, by_number=False)
    invalid = Seen(sent_at=NOON, hangup_at=NOON, cause=1, tech_cause=404)
    for number in (PHONE, SECOND):
        (order,) = line.take([campaign.id])
        assert order.e164 == number
        close(line, invalid)
    assert (lead_now(engine, lead).state, lead_now(engine, lead).outcome) == ("done", "invalid-number")


def test_zones_go_with_the_phone_where_its_number_told_them(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=5, retry={"busy": "1m next-phone"})
    lead = with_phones(engine, campaign, SECOND, THIRD, by_number=True)
    unknown = tell_zone(engine, PHONE, "")
    tokyo = tell_zone(engine, SECOND, "Asia/Tokyo")
    call(line, campaign, "busy")
    assert lead_now(engine, lead).zone_id == tokyo
    call(line, campaign, "busy")  # of the third nothing is known: unknown, which a law with hours never calls
    assert lead_now(engine, lead).zone_id == unknown


def test_zones_stay_where_his_address_told_them(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=5, retry={"busy": "1m next-phone"})
    lead = with_phones(engine, campaign, SECOND, by_number=False)
    tell_zone(engine, SECOND, "Asia/Tokyo")
    call(line, campaign, "busy")
    assert lead_now(engine, lead).zone_id == lead["zone_id"]
    assert lead_now(engine, lead).phone_id != lead["phone_id"]


def test_an_unknown_zone_is_not_called_under_a_law_with_hours(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=5, law=["ru-230fz-talk"], retry={"busy": "1m next-phone"})
    with_phones(engine, campaign, SECOND, by_number=True)
    call(line, campaign, "busy")
    TIME.pass_(days=40)
    assert line.take([campaign.id]) == []


def test_no_second_phone_is_called_while_the_first_rings(engine: Engine, line: Line) -> None:
    """The dispatch waits for the line, and the database itself would refuse."""
    one, other = add_campaign(engine), add_campaign(engine, "winter")
    lead = with_phones(engine, one, SECOND)
    with writing(engine) as connection:
        his = contact.phone.c.e164 == SECOND
        second = connection.scalars(select(contact.phone.c.id).where(his)).one()
    waiting = add_lead(engine, other, of=lead, phone_id=second)
    assert len(line.take([one.id])) == 1
    assert line.take([other.id]) == []
    assert lead_now(engine, waiting).waits == "line"
    with pytest.raises(IntegrityError):
        add_attempt(engine, waiting, phone_id=second)


def test_the_trunk_that_failed_is_avoided_until_another_carried_the_call(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=5)
    lead = add_lead(engine, campaign, PHONE)
    call(line, campaign, "congestion")
    assert lead_now(engine, lead).avoids == "trunk"
    assert due_in(engine, lead) == 300
    TIME.pass_(minutes=6)
    call(line, campaign, "busy")
    assert lead_now(engine, lead).avoids == ""


def test_congestion_eats_no_budget_for_a_day_and_then_does(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=1)
    lead = add_lead(engine, campaign, PHONE)
    for _ in range(20):
        call(line, campaign, "congestion")
        TIME.pass_(hours=1, minutes=1)
    assert lead_now(engine, lead).attempts == 0
    call(line, campaign, "congestion")
    assert (lead_now(engine, lead).state, lead_now(engine, lead).attempts) == ("done", 1)
    assert len(rows_of(engine, calls.attempt)) == 21


def test_what_was_given_back_unsent_changes_nothing_of_the_lead(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=2)
    lead = add_lead(engine, campaign, PHONE, attempts=0, outcome="congestion", avoids="trunk")
    for _ in range(3):
        orders = line.take([campaign.id])
        line.books.beat(Errand(given_back=orders))
        line.orders = []
    now = lead_now(engine, lead)
    assert (now.state, now.attempts, now.outcome, now.avoids) == ("pending", 0, "congestion", "trunk")
    call(line, campaign, "busy")
    assert lead_now(engine, lead).attempts == 1
    assert lead_now(engine, lead).state == "pending"


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_an_unknown_call_is_a_call_for_a_day(engine: Engine, tmp_path: Path, scale: float) -> None:
    TIME.at = NOON
    line = Line(engine, clocked(tmp_path, dialer={"name": "me", "retry_scale": scale}))
    campaign = add_campaign(engine, attempts=3)
    add_lead(engine, campaign, PHONE)
    call(line, campaign, "unknown")
    TIME.pass_(hours=23, minutes=59)
    assert line.take([campaign.id]) == []
    TIME.pass_(minutes=2)
    assert len(line.take([campaign.id])) == 1


def asked(at: datetime, hour: int) -> Seen:
    """He heard it all and asked to be called back."""
    talk = Talk(Outcome.ANSWERED_HEARD, 9000, 9000, "5", hour)
    return Seen(sent_at=at, answered_at=at, hangup_at=at, cause=16, talk=talk)


def test_a_call_back_comes_at_the_hour_he_named(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=1)
    lead = with_phones(engine, campaign, SECOND)
    line.take([campaign.id])
    close(line, asked(TIME.at, 19))  # it is 15:00 in Moscow
    now = lead_now(engine, lead)
    assert (now.state, now.outcome, now.waits) == ("pending", "answered-heard", "call-back")
    TIME.pass_(hours=3, minutes=59)
    assert line.take([campaign.id]) == []
    TIME.pass_(minutes=1)
    assert call(line, campaign, "no-answer") == PHONE
    now = lead_now(engine, lead)
    assert (now.state, now.outcome, now.attempts) == ("done", "no-answer", 2)


def test_the_law_decides_whether_a_promised_hour_is_one(engine: Engine, line: Line) -> None:
    """23:00 is not; he is called when the next day's hours begin, and as often as the law allows."""
    campaign = add_campaign(engine, attempts=1, law=["ru-230fz-talk"])
    add_lead(engine, campaign, PHONE)
    assert len(line.take([campaign.id])) == 1
    close(line, asked(TIME.at, 23))
    TIME.at = datetime(2026, 1, 21, 20, tzinfo=UTC)  # 23:00 in Moscow
    assert line.take([campaign.id]) == []
    TIME.at = datetime(2026, 1, 22, 6, tzinfo=UTC)
    assert len(line.take([campaign.id])) == 1


def test_a_call_back_is_stored_with_its_attempt_and_survives_the_dialer(engine: Engine, line: Line) -> None:
    campaign = add_campaign(engine, attempts=1)
    lead = add_lead(engine, campaign, PHONE)
    (order,) = line.take([campaign.id])
    row: dict[str, Any] = {"person_id_": order.person_id, "id_": order.id, "talk_": "answered-heard"}
    with writing(engine) as connection:
        said = {"heard_ms_": 9, "message_ms_": 9, "pressed_": "518", "call_back_": 18}
        talks.save_talks(connection, [row | said | {"promised_on_": None, "heard_": "", "amd_": ""}])
    ((restored, seen, _ours),) = line.books.unfinished()
    assert restored.id == order.id
    assert seen.talk == Talk(Outcome.ANSWERED_HEARD, 9, 9, "518", 18)
    close(line, Seen(sent_at=NOON, closed=True))  # what the conversation stored is merged in
    assert lead_now(engine, lead).due_at == datetime(2026, 1, 21, 15, tzinfo=UTC)
    (attempt,) = rows_of(engine, calls.attempt)
    assert attempt.call_back == 18


@pytest.mark.parametrize("attempts, state, waits", [(2, "pending", "promise"), (1, "done", "")])
def test_who_promised_is_left_alone_until_the_day_after(
    engine: Engine, line: Line, attempts: int, state: str, waits: str
) -> None:
    lead = add_lead(engine, add_campaign(engine, attempts=attempts), PHONE)
    line.take([lead["campaign_id"]])
    talk = Talk(Outcome.ANSWERED_PROMISE, 9, 9, "423011", day=date(2026, 1, 23))
    close(line, Seen(sent_at=NOON, answered_at=NOON, hangup_at=NOON, talk=talk))
    now = lead_now(engine, lead)
    assert (now.state, now.waits, now.outcome) == (state, waits, "answered-promise")
    if waits:
        assert now.due_at == datetime(2026, 1, 23, 21, tzinfo=UTC), "in Moscow the 24th begins"


def test_many_leads_of_many_campaigns_are_kept_apart(engine: Engine, line: Line) -> None:
    strict = add_campaign(engine, attempts=2, retry={"busy": "never"})
    patient = add_campaign(engine, "winter", attempts=2, retry={"busy": "1h"})
    leads: dict[UUID, list[dict[str, Any]]] = {
        campaign.id: [add_lead(engine, campaign) for _ in range(3)] for campaign in (strict, patient)
    }
    line.take([strict.id, patient.id])
    line.close("busy")
    assert {lead_now(engine, lead).state for lead in leads[strict.id]} == {"done"}
    assert {due_in(engine, lead) for lead in leads[patient.id]} == {3605}

"""Calls to us: who hears why he was called, who hears nothing of it, and what becomes of his leads."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import (
    NOON,
    PHONE,
    add_attempt,
    add_campaign,
    add_lead,
    all_phrases,
    lead_now,
    rows_of,
    settings,
)
from sqlalchemy import Engine

from engine.campaign.attempts import Talk
from engine.campaign.retry import after_day
from engine.campaign.sheet import Sheet
from engine.campaign.talks import Talks
from engine.reports.campaign import summary
from engine.settings import Settings
from storage import calls
from storage.db import new_id
from storage.inbound import inbound
from storage.vocab import LeadState, Outcome

OURS = "+74951234567"
HEARD = Talk(Outcome.ANSWERED_HEARD, 900, 900, heard="greeting")


class Then(Settings):
    """It is noon."""

    def now(self) -> Any:
        return NOON


@pytest.fixture
def talks(engine: Engine, tmp_path: Path) -> Iterator[Talks]:
    given = settings(tmp_path, company={"operator": "queue:main"})
    made = Talks(engine, Then(**given.model_dump()))
    yield made
    made.close()


def called(
    engine: Engine, lead: dict[str, Any] | None = None, at: Any = NOON - timedelta(hours=1), **changes: Any
) -> dict[str, Any]:
    """A lead that was called from our number."""
    lead = lead or add_lead(engine, add_campaign(engine, str(new_id()), phrases=all_phrases(), attempts=3))
    given = {"caller_id": OURS, "sent_at": at, "ended_at": at, "outcome": "no-answer"} | changes
    add_attempt(engine, lead, id=new_id(at), **given)
    return lead


@pytest.mark.parametrize("number", [PHONE, PHONE[1:], "8" + PHONE[2:]])
@pytest.mark.parametrize("dialled", [OURS, OURS[1:], "8" + OURS[2:]])
def test_who_was_called_from_the_number_that_he_dials_hears_his_message(
    talks: Talks, engine: Engine, number: str, dialled: str
) -> None:
    lead = called(engine)
    sheet = talks.called_back(number, dialled)
    assert sheet is not None and sheet.back is not None
    assert (sheet.person_id, sheet.back.lead_id, sheet.back.dialled) == (
        lead["person_id"],
        lead["id"],
        dialled,
    )
    call = sheet.call
    assert (call.inbound, call.later, call.manned, call.recorded) == (True, False, False, False)
    assert call.words.message and call.menu.text and call.operator == "queue:main"


def test_where_the_carrier_chose_the_number_any_of_ours_will_do(talks: Talks, engine: Engine) -> None:
    called(engine, caller_id="")
    assert talks.called_back(PHONE, OURS) is not None


@pytest.mark.parametrize("number", ["", "anonymous", "unknown", "+79990000000", "12", PHONE + "1"])
def test_a_stranger_is_told_nothing(talks: Talks, engine: Engine, number: str) -> None:
    called(engine)
    assert talks.called_back(number, OURS) is None


@pytest.mark.parametrize(
    "changes, lead_changes, campaign_changes",
    [
        ({"at": NOON - timedelta(days=31)}, {}, {}),
        ({"caller_id": "+74957654321"}, {}, {}),
        ({"sent_at": None}, {}, {}),
        ({}, {"state": LeadState.BLOCKED}, {}),
        ({}, {"clips": None}, {}),
        ({}, {}, {"state": "stopped"}),
        ({}, {}, {"state": "draft"}),
    ],
    ids=["long ago", "another number", "never sent", "blocked", "no audio", "stopped", "draft"],
)
def test_nothing_is_told_of_what_is_over_or_was_not_called(
    talks: Talks,
    engine: Engine,
    changes: dict[str, Any],
    lead_changes: dict[str, Any],
    campaign_changes: dict[str, Any],
) -> None:
    campaign = add_campaign(engine, phrases=all_phrases(), **campaign_changes)
    called(engine, add_lead(engine, campaign, **lead_changes), **changes)
    assert talks.called_back(PHONE, OURS) is None


def test_the_newest_call_decides_which_message_he_hears(talks: Talks, engine: Engine) -> None:
    first = called(engine, at=NOON - timedelta(days=2))
    campaign = add_campaign(engine, "other", phrases=all_phrases())
    second = called(engine, add_lead(engine, campaign, of=first))
    sheet = talks.called_back(PHONE, OURS)
    assert sheet is not None and sheet.back is not None and sheet.back.lead_id == second["id"]


def told(talks: Talks, talk: Talk | None) -> Sheet:
    sheet = talks.called_back(PHONE, OURS)
    assert sheet is not None
    talks.save(sheet, talk)
    talks.close()
    return sheet


@pytest.mark.parametrize(
    "talk, state, outcome",
    [
        (HEARD, "done", "answered-heard"),
        (Talk(Outcome.ANSWERED_PARTIAL, 1, 900, "1"), "done", "answered-partial"),
        (Talk(Outcome.ANSWERED_PARTIAL, 1, 900), "pending", ""),
        (None, "pending", ""),
    ],
    ids=["heard", "pressed", "hung up", "broke"],
)
def test_who_heard_why_is_not_called_about_this_debt_any_more(
    talks: Talks, engine: Engine, talk: Talk | None, state: str, outcome: str
) -> None:
    lead = called(engine)
    again = add_campaign(engine, "again", phrases=all_phrases())
    same = add_lead(engine, again, of=lead, key=lead["key"])
    other = add_lead(engine, add_campaign(engine, "other"), of=lead)
    flying = add_lead(engine, add_campaign(engine, "third"), of=lead, key=lead["key"], state="in-flight")
    sheet = told(talks, talk)
    assert [(lead_now(engine, row).state, lead_now(engine, row).outcome) for row in (lead, same)] == [
        (state, outcome)
    ] * 2
    assert [lead_now(engine, row).state for row in (other, flying)] == ["pending", "in-flight"]
    (row,) = rows_of(engine, inbound)
    assert (row.lead_id, row.dialled, row.at) == (lead["id"], OURS, NOON)
    assert row.outcome == (talk.outcome if talk else "answered-partial")
    assert len(rows_of(engine, calls.attempt)) == 1, "his call is none of ours"
    assert UUID(str(sheet.attempt_id))


@pytest.mark.parametrize("used, state, waits", [(1, "pending", "promise"), (3, "done", "")])
def test_who_promises_is_due_the_day_after_while_attempts_are_left(
    talks: Talks, engine: Engine, used: int, state: str, waits: str
) -> None:
    campaign = add_campaign(engine, phrases=all_phrases(), attempts=3)
    lead = called(engine, add_lead(engine, campaign, attempts=used))
    sheet = told(talks, Talk(Outcome.ANSWERED_PROMISE, 900, 900, "1", day=date(2026, 1, 30)))
    now = lead_now(engine, lead)
    assert (now.state, now.waits, now.outcome) == (state, waits, "answered-promise")
    if state == "pending":
        assert now.due_at == after_day(date(2026, 1, 30), sheet.zones)
    (row,) = rows_of(engine, inbound)
    assert row.promised_on == date(2026, 1, 30)


def test_calls_to_us_are_in_the_campaigns_report(talks: Talks, engine: Engine) -> None:
    campaign = add_campaign(engine, phrases=all_phrases())
    called(engine, add_lead(engine, campaign))
    told(talks, HEARD)
    assert {"outcome": "called back: answered-heard", "count": 1, "share": 1.0} in summary(engine, "autumn")


def test_an_opt_out_of_his_bars_his_number(talks: Talks, engine: Engine) -> None:
    lead = called(engine)
    sheet = talks.called_back(PHONE, OURS)
    assert sheet is not None
    talks.opt_out(sheet)
    assert lead_now(engine, lead).state == "blocked"
    assert talks.called_back(PHONE, OURS) is None

"""Results for who follows them: in the order of storing, whole, each once until it is corrected."""

from datetime import date
from typing import Any

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, add_template, after, report
from sqlalchemy import Engine, update

from engine.campaign.results import KEYS, Results
from engine.errors import NotFound
from storage import feed
from storage.calls import attempt
from storage.campaign import CampaignRow
from storage.db import writing
from storage.vocab import LeadState, Outcome


def add_result(engine: Engine, lead: dict[str, Any], outcome: str = "busy", **changes: Any) -> dict[str, Any]:
    """A call of a lead that is over, with its place in the feed."""
    made = add_attempt(engine, lead, outcome=outcome, state="ended", ended_at=after(9), **changes)
    with writing(engine) as connection:
        (position,) = feed.places(connection, 1)
        connection.execute(update(attempt).where(attempt.c.id == made["id"]).values(position=position))
    return made | {"position": position}


def done(engine: Engine, campaign: CampaignRow, **changes: Any) -> dict[str, Any]:
    return add_lead(engine, campaign, **{"state": LeadState.DONE, "attempts": 1} | changes)


def test_a_result_tells_all_that_a_client_books_by(engine: Engine) -> None:
    lead = done(engine, add_campaign(engine), key="debt-7")
    times = {"sent_at": after(1), "ringing_at": after(2), "answered_at": after(3), "pressed": "13"}
    heard = {"heard_ms": 900, "message_ms": 1000, "call_back": 18, "caller_id": "+78120001122"}
    heard |= {"promised_on": date(2026, 1, 25)}
    made = add_result(engine, lead, "answered-heard", refund=True, **times, **heard)
    (result,) = Results(engine).since(0, 10)
    assert tuple(result) == KEYS
    assert result == {
        "position": 1,
        "attempt": made["id"],
        "campaign": "autumn",
        "external_id": "debt-7",
        "person": f"id:{lead['person_id']}",
        "phone": lead["e164"],
        "number": 1,
        "outcome": Outcome.ANSWERED_HEARD,
        "refund": True,
        "final": True,
        "prepared_at": NOON,
        "ended_at": after(9),
        "trunk": "trunk",
        "template": "autumn",
        "template_version": 1,
        **times,
        **heard,
    }


def test_a_result_names_the_template_that_the_lead_hears(engine: Engine) -> None:
    campaign = add_campaign(engine)
    add_template(engine, "soft")
    own = add_template(engine, "soft", "[[fragment]]\ntext = 'x'")
    add_result(engine, done(engine, campaign, template_id=own))
    (result,) = Results(engine).since(0, 10)
    assert (result["template"], result["template_version"]) == ("soft", 2)


def test_who_asks_from_the_last_position_misses_nothing_and_hears_corrections_again(engine: Engine) -> None:
    autumn, winter = add_campaign(engine), add_campaign(engine, "winter")
    made = [add_result(engine, done(engine, campaign)) for campaign in (autumn, winter, autumn)]
    results = Results(engine)

    def positions(since: int, limit: int = 10, campaign: str | None = None) -> list[int]:
        return [result["position"] for result in results.since(since, limit, campaign)]

    assert positions(0, 2) == [1, 2]
    assert positions(2, 2) == [3]
    assert positions(3) == []
    assert positions(0, campaign="autumn") == [1, 3]
    report(engine, made[0], Outcome.ANSWERED_HEARD)
    (again,) = results.since(3, 10)
    assert (again["position"], again["attempt"], again["outcome"]) == (4, made[0]["id"], "answered-heard")
    assert positions(0) == [2, 3, 4]
    with pytest.raises(NotFound):
        results.since(0, 10, "nobody")


@pytest.mark.parametrize(
    ("state", "attempts", "final"),
    [
        (LeadState.DONE, 2, [False, True]),
        (LeadState.BLOCKED, 2, [False, True]),
        (LeadState.PENDING, 2, [False, False]),
        (LeadState.IN_FLIGHT, 2, [False, False]),
    ],
)
def test_only_the_last_call_of_a_lead_that_is_over_is_final(
    engine: Engine, state: LeadState, attempts: int, final: list[bool]
) -> None:
    lead = done(engine, add_campaign(engine), state=state, attempts=attempts)
    for number in (1, 2):
        add_result(engine, lead, number=number)
    assert [result["final"] for result in Results(engine).since(0, 10)] == final


def test_a_call_under_way_is_no_result(engine: Engine) -> None:
    add_attempt(engine, add_lead(engine, add_campaign(engine)))
    assert Results(engine).since(0, 10) == []

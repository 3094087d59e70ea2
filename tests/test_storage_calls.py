"""Attempts: two write of each, in any order, and it has one outcome."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, PHONE, add_attempt, add_campaign, add_lead, after, attempt_now, report
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from storage import calls, talks
from storage.db import new_id, reading, writing
from storage.vocab import AttemptState, CallKind, Outcome


@pytest.fixture
def attempt(engine: Engine) -> dict[str, Any]:
    """A prepared attempt of a lead of its own."""
    return add_attempt(engine, add_lead(engine, add_campaign(engine, attempts=3), attempts=1))


Report = Callable[[Engine, dict[str, Any]], None]


def told(engine: Engine, row: dict[str, Any]) -> None:
    """The conversation reports."""
    report(engine, row, Outcome.ANSWERED_HEARD, "13")


def joined(engine: Engine, row: dict[str, Any]) -> None:
    """An operator took the call."""
    with writing(engine) as connection:
        talks.save_joined(connection, row["id"])


def closed(engine: Engine, row: dict[str, Any]) -> None:
    """The dialer closes: with the talk that it finds, else as a call of which nothing was reported."""
    with writing(engine) as connection:
        standing = calls.standing(connection, [row["id"]])
        if row["id"] in standing:
            calls.close(connection, [closing(row, standing[row["id"]].talk or Outcome.UNKNOWN)])


def closing(row: dict[str, Any], outcome: str) -> dict[str, Any]:
    state = AttemptState.UNKNOWN if outcome == Outcome.UNKNOWN else AttemptState.ENDED
    return {
        "person_id_": row["person_id"],
        "id_": row["id"],
        "state_": state,
        "outcome_": outcome,
        "sent_at_": NOON,
        "ringing_at_": after(1),
        "answered_at_": after(2),
        "ended_at_": after(3),
        "refused_": "",
        "cause_": 16,
        "tech_cause_": None,
        "refund_": False,
        "position_": None,
    }


def names(order: tuple[Callable[..., object], ...]) -> str:
    """The tellers' names: the same text in every process."""
    return "-".join(teller.__name__ for teller in order)


@pytest.mark.parametrize("order", list(permutations([told, joined, closed])), ids=names)
def test_whoever_tells_first_an_operators_call_is_one(
    engine: Engine, attempt: dict[str, Any], order: Iterable[Report]
) -> None:
    for tell in order:
        tell(engine, attempt)
    now = attempt_now(engine, attempt["id"])
    assert (now.outcome, now.talk) == (Outcome.ANSWERED_OPERATOR, Outcome.ANSWERED_OPERATOR)
    assert (now.state, now.heard_ms, now.pressed, now.cause) == (AttemptState.ENDED, 900, "13", 16)


@pytest.mark.parametrize("order", list(permutations([told, closed])), ids=names)
def test_a_talk_decides_before_the_close_and_after(
    engine: Engine, attempt: dict[str, Any], order: Iterable[Report]
) -> None:
    for tell in (*order, *order):  # and again: nothing changes
        tell(engine, attempt)
    now = attempt_now(engine, attempt["id"])
    assert (now.outcome, now.state, now.ended_at) == ("answered-heard", AttemptState.ENDED, after(3))


def test_a_talk_of_a_call_under_way_does_not_end_it(engine: Engine, attempt: dict[str, Any]) -> None:
    told(engine, attempt)
    now = attempt_now(engine, attempt["id"])
    assert (now.talk, now.outcome, now.state, now.ended_at) == ("answered-heard", "", "prepared", None)


def test_reports_touch_no_other_attempt(engine: Engine, attempt: dict[str, Any]) -> None:
    other = add_attempt(engine, add_lead(engine, add_campaign(engine, "winter")))
    for tell in (told, joined, closed):
        tell(engine, attempt)
    assert attempt_now(engine, other["id"]).talk == ""
    with reading(engine) as connection:
        assert calls.standing(connection, [attempt["id"], other["id"]]).keys() == {other["id"]}
        assert calls.talks(connection, [attempt["id"], other["id"]]).keys() == {attempt["id"]}


def test_open_attempts_are_this_dialers_and_not_over(engine: Engine, attempt: dict[str, Any]) -> None:
    winter = add_campaign(engine, "winter")
    add_attempt(engine, add_lead(engine, winter), dialer="other")
    closed(engine, add_attempt(engine, add_lead(engine, winter)))
    with writing(engine) as connection:
        (left,) = calls.open_attempts(connection, "me")
    assert (left.id, left.made, left.e164) == (attempt["id"], 1, PHONE)


def test_what_conversations_need_of_this_attempt_and_of_those_after_it(
    engine: Engine, attempt: dict[str, Any]
) -> None:
    lead = add_lead(engine, add_campaign(engine, "winter"), "+79211230000", clips=None)
    closed(engine, add_attempt(engine, lead))
    later = add_attempt(engine, lead)
    with reading(engine) as connection:
        first, second = talks.for_talks(connection, attempt["id"], 5)
        assert talks.for_talks(connection, attempt["id"], 1) == [first]
        assert talks.for_talks(connection, later["id"], 5) == [second]
    assert (first.id, first.person_id, first.e164) == (attempt["id"], attempt["person_id"], PHONE)
    assert (first.campaign_id, first.trunk, first.clips) == (
        attempt["campaign_id"],
        "trunk",
        [["ab" * 32, 900]],
    )
    assert (second.id, second.clips) == (later["id"], None)


def test_counts_by_outcome_and_the_rate(engine: Engine, attempt: dict[str, Any]) -> None:
    lead = add_lead(engine, add_campaign(engine, "winter"))
    old = add_attempt(engine, lead, id=UUID(int=int(NOON.timestamp() * 1000) << 80))
    closed(engine, old)
    for _ in range(2):
        closed(engine, add_attempt(engine, lead))
    add_attempt(engine, lead)
    with reading(engine) as connection:
        assert calls.outcome_counts(connection, lead["campaign_id"]) == {"unknown": 3, "": 1}
        now = datetime.now(UTC)
        assert calls.prepared_since(connection, lead["campaign_id"], now, 60) == 3
        assert calls.prepared_since(connection, old["campaign_id"], after(1), 2) == 4
        assert calls.prepared_since(connection, attempt["campaign_id"], now, 60) == 1


def test_nobody_is_called_twice_at_a_time_whatever_his_numbers_and_campaigns(
    engine: Engine, attempt: dict[str, Any]
) -> None:
    again = add_lead(engine, add_campaign(engine, "winter"), "+79211230000", of=attempt | {"e164": PHONE})
    with pytest.raises(IntegrityError):
        add_attempt(engine, again, dialer="other")
    closed(engine, attempt)
    add_attempt(engine, again, dialer="other")


def test_what_limits_count_is_what_was_prepared_since_then_and_what_is_not_over(engine: Engine) -> None:
    campaign = add_campaign(engine)
    his, hers = add_lead(engine, campaign, key="debt-1"), add_lead(engine, campaign)
    for second in (1, 2, 3):
        at = {"id": new_id(after(second)), "prepared_at": after(second)}
        closed(engine, add_attempt(engine, his, kind=CallKind.MESSAGE, **at))
    old = add_attempt(engine, hers, id=new_id(NOON))
    with reading(engine) as connection:
        rows = calls.past(connection, [his["person_id"], hers["person_id"], new_id()], after(2))
        assert calls.past(connection, [], NOON) == []
    assert sorted(row.prepared_at for row in rows) == [NOON, after(2), after(3)]
    one = next(row for row in rows if row.prepared_at == after(2))
    assert (one.person_id, one.campaign_id) == (his["person_id"], campaign.id)
    assert (one.e164, one.key, one.kind, one.outcome) == (PHONE, "debt-1", "message", "unknown")
    assert (one.ringing_at, one.answered_at, one.ended_at) == (after(1), after(2), after(3))
    (under_way,) = (row for row in rows if row.id == old["id"])
    assert (under_way.ended_at, under_way.outcome, under_way.refund) == (None, "", False)

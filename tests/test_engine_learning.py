"""What ended calls teach: hits, automatic entries, the breaker; also when a transaction is rolled back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, after, ban, lead_now, rows_of
from prometheus_client import REGISTRY
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from engine.contact.learning import Ending, Learner
from engine.contact.outcomes import Evidence
from storage.audit import audit
from storage.blacklist import blacklist
from storage.db import Record, new_id, writing
from storage.hits import count, hit, trunk_day

P, S, NONE = Evidence.PERMANENT, Evidence.SOFT, Evidence.NONE
DAY = 86400


def ending(
    seconds: float = 0, evidence: Evidence = P, e164: str = PHONE, trunk: str = "a", answered: bool = False
) -> Ending:
    return Ending(e164, new_id(), trunk, after(seconds), evidence, answered)


def good(number: int, trunk: str = "a") -> list[Ending]:
    """So many calls that say nothing against anybody."""
    return [ending(0, NONE, f"+7495{n:07}", trunk) for n in range(number)]


Learn = Callable[..., None]


@pytest.fixture
def learner() -> Learner:
    return Learner()


@pytest.fixture
def learn(engine: Engine, learner: Learner) -> Learn:
    def beat(*endings: Ending, at: datetime | None = None) -> None:
        with writing(engine) as connection:
            learner.learn(connection, endings, at or max((one.at for one in endings), default=NOON))

    return beat


def standing(engine: Engine) -> list[Record]:
    return [row for row in rows_of(engine, blacklist) if row.removed_at is None]


def frozen(trunk: str = "a") -> float | None:
    return REGISTRY.get_sample_value("zvonar_blacklist_frozen", {"trunk": trunk})


def test_a_number_that_does_not_exist_is_blacklisted_on_the_second_day(engine: Engine, learn: Learn) -> None:
    lead = add_lead(engine, add_campaign(engine))
    first, second = ending(), ending(DAY)
    learn(first, *good(20))
    assert (standing(engine), lead_now(engine, lead).state) == ([], "pending")
    learn(second)
    (entry,) = standing(engine)
    assert (entry.key, entry.scope, entry.until) == (f"number:{PHONE}", "global", None)
    assert (entry.reason, entry.actor, entry.attempt_id) == ("invalid-number", "automatic", second.attempt_id)
    assert entry.evidence == {
        "hits": [
            {"attempt": str(one.attempt_id), "trunk": "a", "at": one.at.isoformat(), "evidence": "permanent"}
            for one in (first, second)
        ]
    }
    now = lead_now(engine, lead)
    assert (now.state, now.why) == ("blocked", f"blacklisted:{entry.id}")
    (note,) = rows_of(engine, audit)
    assert (note.deed, note.actor, note.subject) == ("blacklist.add", "automatic", str(entry.id))
    assert PHONE not in str(note)
    learn(ending(DAY + 1))
    assert len(rows_of(engine, blacklist)) == 1


def test_a_number_that_is_off_is_blacklisted_for_thirty_days(engine: Engine, learn: Learn) -> None:
    lead = add_lead(engine, add_campaign(engine))
    for day in (0, 1, 2, 3, 4, 4):
        learn(ending(day * DAY, S))
    (entry,) = standing(engine)
    assert (entry.reason, entry.until) == ("unreachable", after(34 * DAY))
    assert lead_now(engine, lead).state == "pending"  # the dispatch puts it off
    learn(ending(5 * DAY, P), ending(6 * DAY, P))  # it does not exist any more
    assert [(row.reason, row.until) for row in standing(engine)] == [("invalid-number", None)]


def test_an_answer_clears_what_came_before_it(engine: Engine, learn: Learn) -> None:
    learn(ending(), ending(0, P, "+79210000000"))
    learn(ending(DAY, NONE, answered=True))
    assert [row.e164 for row in rows_of(engine, hit)] == ["+79210000000"]
    learn(ending(2 * DAY, NONE, answered=True), ending(DAY, P), ending(3 * DAY, P))
    assert [row.at for row in rows_of(engine, hit) if row.e164 == PHONE] == [after(3 * DAY)]
    assert standing(engine) == []


def test_nothing_that_ended_costs_nothing(engine: Engine, learner: Learner) -> None:
    statements: list[str] = []

    def written(*args: Any) -> None:
        statements.append(args[2])

    event.listen(engine, "before_cursor_execute", written)
    try:
        with writing(engine) as connection:
            learner.learn(connection, [], NOON)
            assert statements == [] or statements == ["BEGIN IMMEDIATE"]
            learner.learn(connection, good(50), NOON)
            statements.clear()
            learner.learn(connection, [*good(50), ending(0, NONE, answered=True)], NOON)
            assert len(statements) == 2  # the day's count, what the answer clears
            statements.clear()
            learner.learn(connection, [ending(0, S), ending(0, S, "+79210000000")], NOON)
            assert len(statements) == 3  # the count, the hits, what they come to
    finally:
        event.remove(engine, "before_cursor_execute", written)


def test_days_are_counted_for_each_trunk(engine: Engine, learn: Learn) -> None:
    learn(ending(), *good(3), ending(DAY, S), ending(0, P, trunk="b"))
    learn(*good(1))
    days = [(row.trunk, row.day.day, row.calls, row.permanent) for row in rows_of(engine, trunk_day)]
    assert days == [("a", 21, 5, 1), ("a", 22, 1, 0), ("b", 21, 1, 1)]


def test_a_transaction_that_comes_to_nothing_is_not_remembered_twice(
    engine: Engine, learner: Learner, learn: Learn
) -> None:
    """20 calls of which 4 are faults are not too many; counted twice, the faults would stay 4 of 20 too, so
    the memory itself is looked at.
    """
    endings = [*(ending(n, P, f"+7921000000{n}") for n in range(4)), *good(16)]
    for _ in range(3):
        with pytest.raises(RuntimeError), writing(engine) as connection:
            learner.learn(connection, endings, NOON)
            raise RuntimeError
    learn(*endings)
    assert len(learner._last["a"]) == 20
    assert len(rows_of(engine, hit)) == 4
    assert [(row.calls, row.permanent) for row in rows_of(engine, trunk_day)] == [(20, 4)]
    assert frozen() == 0.0


def test_only_the_last_200_calls_are_remembered(learner: Learner, learn: Learn) -> None:
    many = good(450)
    learn(*many[:150])
    learn(*many[150:])
    assert list(learner._last["a"]) == [one.attempt_id for one in many[-200:]]
    learn(*many[150:])
    assert list(learner._last["a"]) == [one.attempt_id for one in many[-200:]]


def faults(number: int, day: int = 1, trunk: str = "a") -> list[Ending]:
    return [ending(day * DAY + n, P, f"+7921555{n:04}", trunk) for n in range(number)]


@pytest.fixture
def jumped(engine: Engine, learn: Learn) -> list[Ending]:
    """A number is blacklisted on its second day; then its trunk calls 30 numbers invalid in a row."""
    learn(ending(0, P), *good(100, "b"), *good(100))
    learn(ending(DAY, P), ending(DAY, P, "+79219999999", "b"))
    assert len(standing(engine)) == 1
    return faults(30)


def test_a_trunk_whose_faults_jump_is_not_believed_and_what_rests_on_it_is_undone(
    engine: Engine, learn: Learn, jumped: list[Ending]
) -> None:
    lead = add_lead(
        engine, add_campaign(engine), state="blocked", why=f"blacklisted:{standing(engine)[0].id}"
    )
    with capture_logs() as logs:
        learn(*jumped)
        learn(ending(3 * DAY, P))
        learn(*faults(2, day=3))
    assert frozen() == 1.0
    assert standing(engine) == []
    (undone,) = rows_of(engine, blacklist)
    assert (undone.removed_by, lead_now(engine, lead).state) == ("breaker", "pending")
    assert {row.quarantined for row in rows_of(engine, hit) if row.trunk == "a"} == {True}
    assert {row.quarantined for row in rows_of(engine, hit) if row.trunk == "b"} == {False}
    (log,) = [line for line in logs if line["log_level"] == "error"]
    assert log["trunk"] == "a"
    assert not any(one.e164 in str(log) for one in jumped)
    assert rows_of(engine, audit)[-1].deed == "blacklist.undo"


def test_what_others_say_of_a_number_still_counts(engine: Engine, learn: Learn, jumped: list[Ending]) -> None:
    learn(*jumped)
    learn(ending(2 * DAY, P, "+79219999999", "b"), ending(2 * DAY, P, jumped[0].e164, "b"))
    (entry,) = standing(engine)
    assert entry.key == "number:+79219999999"  # one hit of a trusted trunk and one in quarantine are not two


def test_it_thaws_when_the_share_falls_and_the_quarantine_stays(
    engine: Engine, learn: Learn, jumped: list[Ending]
) -> None:
    learn(*jumped)
    with capture_logs() as logs:
        learn(*good(180))
    assert frozen() == 0.0
    assert [line["event"] for line in logs] == ["automatic blacklisting goes on"]
    learn(ending(4 * DAY, P, jumped[-1].e164))
    assert standing(engine) == []
    learn(ending(5 * DAY, P, jumped[-1].e164))
    assert [row.key for row in standing(engine)] == [f"number:{jumped[-1].e164}"]


def test_a_freeze_that_was_rolled_back_is_made_good(
    engine: Engine, learner: Learner, learn: Learn, jumped: list[Ending]
) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        learner.learn(connection, jumped, after(2 * DAY))
        raise RuntimeError
    assert len(standing(engine)) == 1
    learn(*jumped)
    assert standing(engine) == []


def test_entries_of_others_and_of_other_evidence_are_left_alone(
    engine: Engine, learn: Learn, jumped: list[Ending]
) -> None:
    learn(ending(0, P, "+79218888888", "c"), ending(DAY, P, "+79218888888", "c"))
    with writing(engine) as connection:
        ban(connection, f"number:{jumped[3].e164}", reason="asked", actor="operator")
    learn(*jumped)
    assert {row.key for row in standing(engine)} == {f"number:{jumped[3].e164}", "number:+79218888888"}


def test_a_week_is_what_a_jump_is_measured_by(engine: Engine, learn: Learn) -> None:
    """The seven days before today: neither today nor the eighth day back."""
    week = [(1, 300, 3), (7, 300, 3), (0, 9000, 9000), (8, 9000, 9000)]
    with writing(engine) as connection:
        rows = [
            {"trunk": "a", "day": after(-back * DAY).date(), "calls": calls, "permanent": permanent}
            for back, calls, permanent in week
        ]
        count(connection, rows)
    calls = good(190)
    learn(*faults(5, day=0), *calls[:160])
    assert frozen() == 1.0  # 3.03 % after 1 %
    learn(*calls[160:])
    assert frozen() == 0.0

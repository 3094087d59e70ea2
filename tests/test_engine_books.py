"""The dialer's books: what a beat writes it writes whole, before anybody is dialled, and only once."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    NOON,
    PHONE,
    add_attempt,
    add_campaign,
    add_lead,
    after,
    attempt_now,
    books_of,
    lead_now,
    order_of,
    report,
    rows_of,
    settings,
)
from sqlalchemy import Engine, event

from engine.campaign.attempts import Seen, Talk
from engine.campaign.books import Books
from engine.campaign.dispatch import PERMIT
from engine.campaign.errand import Closing, Errand, News, Order
from storage import callers, calls
from storage import campaign as store
from storage.campaign import CampaignRow
from storage.db import id_at, new_id, reading, writing
from storage.vocab import AttemptState, CampaignState, LeadState, Outcome, Waits

BUSY = Seen(sent_at=NOON, hangup_at=after(4), cause=17, tech_cause=486)
HEARD = Seen(sent_at=NOON, hangup_at=after(4), cause=16, talk=Talk(Outcome.ANSWERED_HEARD, 5, 5))


@pytest.fixture
def books(engine: Engine, tmp_path: Path) -> Books:
    return books_of(engine, settings(tmp_path))


def fetch(books: Books, campaign: CampaignRow, wanted: int = 10, **changes: Any) -> News:
    errand = {
        "wants": {campaign.id: wanted},
        "free": {"trunk": 99},
        "nodes": {"asterisk": 1000},
        "home": "asterisk",
    } | changes
    return books.beat(Errand(**errand))


def in_flight(engine: Engine, campaign: CampaignRow) -> tuple[dict[str, Any], Order]:
    """A lead in flight with its attempt written."""
    lead = add_lead(engine, campaign, state=LeadState.IN_FLIGHT)
    order = order_of(lead)
    add_attempt(engine, lead, id=order.id)
    return lead, order


def state_of(engine: Engine, campaign: CampaignRow) -> CampaignState:
    with reading(engine) as connection:
        return store.get(connection, campaign.id).state


def test_each_order_has_its_attempt_in_the_books_before_it_is_handed_out(
    engine: Engine, books: Books
) -> None:
    campaign = add_campaign(engine, attempts=3)
    lead = add_lead(engine, campaign, attempts=1)
    add_lead(engine, campaign, "+79211230000", due_at=after(1))
    news = fetch(books, campaign, 1)
    (order,) = news.orders
    assert news.campaigns == [campaign]
    assert (order.lead_id, order.e164, order.made) == (lead["id"], PHONE, 1)
    written = attempt_now(engine, order.id)
    assert (written.state, written.number, written.outcome) == ("prepared", 2, "")
    assert (written.dialer, written.node, written.trunk) == ("me", "asterisk", "trunk")
    assert (order.record, written.recording) == (False, "")
    assert lead_now(engine, lead).state == "in-flight"


def test_a_recording_is_wanted_of_a_campaign_that_asks_for_it(engine: Engine, books: Books) -> None:
    campaign = add_campaign(engine, record=True)
    add_lead(engine, campaign)
    (order,) = fetch(books, campaign, 1).orders
    assert (order.record, attempt_now(engine, order.id).recording) == (True, "wanted")


def test_nothing_is_taken_that_is_not_wanted_or_not_running(engine: Engine, books: Books) -> None:
    campaign = add_campaign(engine)
    paused = add_campaign(engine, "winter", state=CampaignState.PAUSED)
    add_lead(engine, campaign), add_lead(engine, paused)
    assert fetch(books, campaign, 0).orders == []
    assert fetch(books, paused) == News([campaign], {}, [])
    assert fetch(books, campaign, free={}).orders == []


def test_campaigns_share_what_their_trunk_has_free_the_urgent_first(engine: Engine, books: Books) -> None:
    calm = add_campaign(engine, "calm")
    urgent = add_campaign(engine, "urgent", priority=1)
    for campaign in (calm, calm, calm, urgent, urgent):
        add_lead(engine, campaign)
    wants = {calm.id: 5, urgent.id: 5}
    taken = fetch(books, calm, wants=wants, free={"trunk": 3}).orders
    assert [order.campaign_id for order in taken] == [urgent.id, urgent.id, calm.id]


def test_equals_have_what_their_weights_say_over_several_beats(engine: Engine, books: Books) -> None:
    light, heavy = add_campaign(engine, "light"), add_campaign(engine, "heavy", weight=2)
    for campaign in (light, heavy):
        for _ in range(12):
            add_lead(engine, campaign)
    wants = {light.id: 9, heavy.id: 9}
    taken = [
        order.campaign_id
        for free in (1, 1, 1, 2, 1, 6)
        for order in fetch(books, light, wants=wants, free={"trunk": free}).orders
    ]
    assert Counter(taken) == {light.id: 4, heavy.id: 8}


def test_a_beat_that_was_not_written_costs_nobody_his_turn(
    engine: Engine, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add_campaign(engine, "first"), add_campaign(engine, "second")
    for campaign in (first, first, second, second):
        add_lead(engine, campaign)
    errand = {"wants": {first.id: 9, second.id: 9}, "free": {"trunk": 1}}
    monkeypatch.setattr(books, "_finish", lambda *_args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fetch(books, first, **errand)
    monkeypatch.undo()
    taken = [fetch(books, first, **errand).orders[0].campaign_id for _ in range(2)]
    assert taken == [first.id, second.id]


def test_a_trunk_that_is_shut_gets_no_lead(engine: Engine, books: Books) -> None:
    campaign = add_campaign(engine)
    add_lead(engine, campaign)
    assert fetch(books, campaign, shut=frozenset({"trunk"})).orders == []
    assert len(fetch(books, campaign).orders) == 1


TWO = [
    {"name": "near", "endpoint": "near", "prefixes": ["+7"], "priority": 1, "caller_ids": ["+74950000001"]},
    {"name": "any", "endpoint": "any", "caller_ids": ["+74950000002", "+74950000003"]},
]


def both(**changes: Any) -> dict[str, Any]:
    """An errand's free trunks, both of TWO."""
    return {"free": {"near": 9, "any": 9}} | changes


def test_each_lead_takes_its_trunk_and_each_person_keeps_his_number(engine: Engine, tmp_path: Path) -> None:
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    campaign = add_campaign(engine, trunks=["near", "any", "sold"])
    home = [add_lead(engine, campaign) for _ in range(3)]
    abroad = [add_lead(engine, campaign, f"+37529123456{n}") for n in range(4)]
    again = [add_lead(engine, campaign, of=lead) for lead in abroad]
    first, second = fetch(books, campaign, **both(free={"near": 2, "any": 9})).orders, []
    by_lead = {order.lead_id: order for order in first}
    assert Counter(order.trunk for order in first) == {"near": 2, "any": 5}
    assert {by_lead[lead["id"]].trunk for lead in abroad} == {"any"}
    assert len({by_lead[lead["id"]].trunk for lead in home}) == 2, "the first is full, the next is taken"
    assert {order.caller_id for order in first if order.trunk == "near"} == {"+74950000001"}
    books.beat(Errand(closings=[Closing(order, HEARD, after(4)) for order in first]))
    with writing(engine) as connection:
        connection.execute(store.lead.update().values(due_at=NOON))
    second = fetch(books, campaign, **both()).orders
    his = {order.person_id: order.caller_id for order in first if order.trunk == "any"}
    assert {order.lead_id for order in second} == {lead["id"] for lead in again}
    assert all(order.caller_id == his[order.person_id] for order in second)


def test_a_lead_goes_by_another_trunk_than_the_one_that_failed_it(engine: Engine, tmp_path: Path) -> None:
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    campaign = add_campaign(engine, trunks=["near", "any"])
    lead = add_lead(engine, campaign, avoids="near")
    assert fetch(books, campaign, **both(free={"near": 9})).orders == []
    held = lead_now(engine, lead)
    assert (held.state, held.waits, held.avoids) == (LeadState.PENDING, Waits.TRUNK, "near")
    assert held.due_at > NOON
    with writing(engine) as connection:
        connection.execute(store.lead.update().values(due_at=NOON))
    (order,) = fetch(books, campaign, **both(shut=frozenset({"any"}))).orders
    assert order.trunk == "near", "the other is out of order"
    assert lead_now(engine, lead).waits == Waits.TURN


def test_a_number_that_rests_is_left_out_and_a_trunk_without_any_is_shut(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = add_campaign(engine, trunks=["any"])
    for _ in range(8):
        add_lead(engine, campaign)
    rest = {"trunk": "any", "rests": 1, "rests_until": datetime.now(UTC) + timedelta(hours=1), "why": "spam"}
    with writing(engine) as connection:
        callers.save(connection, [rest | {"number": "+74950000002"}])
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    orders = fetch(books, campaign, 4, **both()).orders
    assert {order.caller_id for order in orders} == {"+74950000003"}
    with writing(engine) as connection:
        later = rest | {"rests_until": rest["rests_until"] + timedelta(hours=1)}
        callers.save(connection, [later | {"number": "+74950000003"}])
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    orders = fetch(books, campaign, 2, **both()).orders
    assert {order.caller_id for order in orders} == {"+74950000002"}, "the least sick goes on"
    assert "all caller ids rest" in capsys.readouterr().out
    with writing(engine) as connection:
        connection.execute(callers.caller_id.update().values(why="operator"))
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    assert fetch(books, campaign, 2, **both()).orders == []
    assert "no calls by it" in capsys.readouterr().out


def test_a_number_that_no_trunk_takes_waits_and_is_not_called(engine: Engine, tmp_path: Path) -> None:
    books = books_of(engine, settings(tmp_path, trunk=TWO))
    campaign = add_campaign(engine, trunks=["near"])
    lead = add_lead(engine, campaign, "+375291234567")
    assert fetch(books, campaign, **both()).orders == []
    now = lead_now(engine, lead)
    assert (now.state, now.waits) == (LeadState.PENDING, Waits.TRUNK)
    assert rows_of(engine, calls.attempt) == []


@pytest.mark.parametrize(
    "seen, attempts, outcome, lead, due",
    [
        (BUSY, 3, Outcome.BUSY, LeadState.PENDING, after(4 + 20 * 60)),
        (BUSY, 1, Outcome.BUSY, LeadState.DONE, None),
        (HEARD, 3, Outcome.ANSWERED_HEARD, LeadState.DONE, None),
        (Seen(sent_at=NOON, closed=True), 3, Outcome.UNKNOWN, LeadState.PENDING, after(4 + 86400)),
    ],
    ids=["again later", "was the last", "heard", "unknown"],
)
def test_a_closing_gives_the_attempt_its_outcome_and_the_lead_its_future(
    engine: Engine,
    books: Books,
    seen: Seen,
    attempts: int,
    outcome: Outcome,
    lead: LeadState,
    due: datetime | None,
) -> None:
    row, order = in_flight(engine, add_campaign(engine, attempts=attempts))
    assert books.beat(Errand(closings=[Closing(order, seen, after(4))])).closed == {order.id: outcome}
    now, then = attempt_now(engine, order.id), lead_now(engine, row)
    unknown = outcome is Outcome.UNKNOWN
    assert (now.outcome, now.ended_at, now.cause) == (outcome, after(4), seen.cause)
    assert now.state == (AttemptState.UNKNOWN if unknown else AttemptState.ENDED)
    assert (then.state, then.outcome, then.attempts) == (lead, outcome, 1)
    assert due is None or then.due_at == due


def test_the_delay_before_a_retry_is_scaled(engine: Engine, tmp_path: Path) -> None:
    books = books_of(engine, settings(tmp_path, dialer={"name": "me", "retry_scale": 0.5}))
    row, order = in_flight(engine, add_campaign(engine, attempts=2))
    books.beat(Errand(closings=[Closing(order, BUSY, after(4))]))
    assert lead_now(engine, row).due_at == after(4 + 10 * 60)


def test_an_attempt_holds_the_moment_of_every_step_that_was_seen(engine: Engine, books: Books) -> None:
    _, order = in_flight(engine, add_campaign(engine))
    seen = Seen(sent_at=after(1), ringing_at=after(2), answered_at=after(3), closed=True)
    books.beat(Errand(closings=[Closing(order, seen, after(9))]))
    row = attempt_now(engine, order.id)
    steps = (row.prepared_at, row.sent_at, row.ringing_at, row.answered_at, row.ended_at)
    assert steps == (NOON, after(1), after(2), after(3), after(9))
    assert row.outcome == "answered-partial"


def test_what_is_given_back_waits_again_as_if_nothing_had_been(engine: Engine, books: Books) -> None:
    row, order = in_flight(engine, add_campaign(engine))
    books.beat(Errand(given_back=[order]))
    now, then = attempt_now(engine, order.id), lead_now(engine, row)
    assert (now.state, now.outcome, now.refund) == ("ended", "cancelled", True)
    assert (then.state, then.attempts, then.outcome) == ("pending", 0, "")
    assert fetch(books, add_campaign(engine, "winter")).orders == []  # it is due, and of its own campaign
    with reading(engine) as connection:
        campaign = store.get(connection, row["campaign_id"])
    assert [order.lead_id for order in fetch(books, campaign).orders] == [row["id"]]


def test_results_have_places_in_the_feed_and_what_was_never_sent_is_none(
    engine: Engine, books: Books
) -> None:
    campaign = add_campaign(engine, attempts=3)
    (_, first), (_, second), (_, back), (_, third) = (in_flight(engine, campaign) for _ in range(4))
    books.beat(Errand(closings=[Closing(one, BUSY, after(5)) for one in (first, second)], given_back=[back]))
    again = [Closing(one, BUSY, after(6)) for one in (first, third)]
    books.beat(Errand(closings=again))
    places = [attempt_now(engine, one.id).position for one in (first, second, back, third)]
    assert places == [1, 2, None, 3]


def test_nothing_that_may_wait_comes_after_the_numbering_of_results(engine: Engine, books: Books) -> None:
    """While the feed's row is locked all others who store results wait: a wait of ours could be for them."""
    campaign = add_campaign(engine, attempts=3)
    _, order = in_flight(engine, campaign)
    add_lead(engine, campaign)
    said: list[str] = []

    def listen(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(" ".join(statement.split()[:3]).lower())

    event.listen(engine, "before_cursor_execute", listen)
    try:
        fetch(books, campaign, closings=[Closing(order, BUSY, after(5))])
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    behind = said[said.index("insert into feed") + 1 :]
    assert [words.split()[:2] for words in behind] == [["update", "attempt"]]


@pytest.mark.parametrize("how", ["closings", "given_back"])
def test_who_waited_for_a_call_of_his_is_looked_at_when_it_is_over(
    engine: Engine, books: Books, how: str
) -> None:
    row, order = in_flight(engine, add_campaign(engine))
    later = {"due_at": after(86400), "waits": Waits.LINE}
    waiting = add_lead(engine, add_campaign(engine, "winter"), of=row, **later)
    stranger = add_lead(engine, add_campaign(engine, "spring"), **later)
    now = datetime.now(UTC)
    books.beat(Errand(**{how: [Closing(order, BUSY, after(4)) if how == "closings" else order]}))
    assert now <= lead_now(engine, waiting).due_at <= datetime.now(UTC)
    assert lead_now(engine, waiting).waits == ""
    assert lead_now(engine, stranger).due_at == after(86400)


def test_an_order_lasts_for_a_moment_and_its_attempt_tells_the_clock_of_the_settings(
    engine: Engine, tmp_path: Path
) -> None:
    """In a rehearsal all is written by the shifted clock, the attempt's id too: reports go by its order."""
    shift = {"trunk": [{"address": "127.0.0.1"}], "contact": {"clock_shift_s": -86400}}
    books = books_of(engine, settings(tmp_path, **shift))
    campaign = add_campaign(engine)
    add_lead(engine, campaign)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    (order,) = fetch(books, campaign).orders
    written = attempt_now(engine, order.id)
    assert yesterday <= written.prepared_at <= yesterday + timedelta(minutes=1)
    assert order.until == written.prepared_at + PERMIT
    assert id_at(written.prepared_at) <= order.id < id_at(written.prepared_at + timedelta(milliseconds=1))


@pytest.mark.parametrize("how", ["closings", "given_back"])
def test_an_errand_whose_answer_was_lost_does_nothing_the_second_time(
    engine: Engine, books: Books, how: str
) -> None:
    """The first beat was written and took the lead again: its new attempt must not be disturbed."""
    campaign = add_campaign(engine, attempts=5)
    row, order = in_flight(engine, campaign)
    errand = Errand(**{how: [Closing(order, BUSY, NOON - timedelta(days=1)) if how == "closings" else order]})
    assert books.beat(errand).closed.keys() == {order.id}
    (again,) = fetch(books, campaign).orders
    before = lead_now(engine, row), attempt_now(engine, order.id), attempt_now(engine, again.id)
    assert books.beat(errand).closed == {}
    assert before == (lead_now(engine, row), attempt_now(engine, order.id), attempt_now(engine, again.id))
    assert before[0].state == "in-flight"


def test_a_talk_reported_since_the_last_beat_still_counts(engine: Engine, books: Books) -> None:
    row, order = in_flight(engine, add_campaign(engine, attempts=3))
    report(engine, order, Outcome.ANSWERED_PAID_CLAIM)
    books.beat(Errand(closings=[Closing(order, Seen(sent_at=NOON, closed=True), after(4))]))
    assert attempt_now(engine, order.id).outcome == "answered-paid-claim"
    assert (lead_now(engine, row).state, lead_now(engine, row).outcome) == ("done", "answered-paid-claim")


def test_talks_of_the_calls_listened_to_are_told(engine: Engine, books: Books) -> None:
    _, order = in_flight(engine, add_campaign(engine))
    _, silent = in_flight(engine, add_campaign(engine, "winter"))
    report(engine, order, Outcome.ANSWERED_HEARD, "2")
    told = books.beat(Errand(listening=[order.id, silent.id])).talks
    assert told == {order.id: Talk(Outcome.ANSWERED_HEARD, 900, 1000, "2")}


def test_a_lead_that_opted_out_during_the_call_stays_blocked(engine: Engine, books: Books) -> None:
    row, order = in_flight(engine, add_campaign(engine, attempts=3))
    with writing(engine) as connection:
        connection.execute(store.lead.update().values(state=LeadState.BLOCKED))
    books.beat(Errand(closings=[Closing(order, BUSY, NOON)]))
    assert lead_now(engine, row).state == "blocked"


@pytest.mark.parametrize(
    "lead, state",
    [
        ({"state": LeadState.DONE}, CampaignState.DONE),
        ({"state": LeadState.BLOCKED}, CampaignState.DONE),
        ({"state": LeadState.NEW}, CampaignState.RUNNING),
        ({"state": LeadState.IN_FLIGHT}, CampaignState.RUNNING),
        ({"due_at": datetime(2100, 1, 1, tzinfo=UTC)}, CampaignState.RUNNING),
    ],
    ids=str,
)
def test_a_campaign_is_done_when_no_lead_is_left(
    engine: Engine, books: Books, lead: dict[str, Any], state: CampaignState
) -> None:
    campaign = add_campaign(engine)
    add_lead(engine, campaign, **lead)
    fetch(books, campaign)
    assert state_of(engine, campaign) is state


def test_a_campaign_for_operators_ends_though_none_of_them_asks_for_a_lead(
    engine: Engine, books: Books
) -> None:
    campaign = add_campaign(engine, pacing="progressive", queue="sales")
    lead = add_lead(engine, campaign)
    assert fetch(books, campaign, 0).campaigns
    assert state_of(engine, campaign) is CampaignState.RUNNING
    with writing(engine) as connection:
        connection.execute(store.lead.update().where(store.lead.c.id == lead["id"]).values(state="done"))
    books.beat(Errand())
    assert state_of(engine, campaign) is CampaignState.RUNNING, "nothing may be dialled at all: not now"
    fetch(books, campaign, 0)
    assert state_of(engine, campaign) is CampaignState.DONE


def test_the_pacing_for_operators_is_told_what_was_abandoned_and_how_it_began(
    engine: Engine, books: Books
) -> None:
    campaign = add_campaign(engine, pacing="predictive", queue="sales")
    now = datetime.now(UTC)
    at = {"prepared_at": now, "answered_at": now}
    lost = add_attempt(engine, add_lead(engine, campaign), **at, id=new_id(now), abandoned=True)
    add_attempt(engine, add_lead(engine, campaign), **at, id=new_id(now))
    news = fetch(books, campaign, 0)
    assert news.begun == {campaign.id: (2, 1)}
    assert news.abandoned == {lost["id"]}
    again = fetch(books, campaign, 0)
    assert (again.begun, again.abandoned) == ({}, {lost["id"]}), "begun once, abandoned while it is open"


@pytest.mark.parametrize("breaks", ["prepare", "close"])
def test_a_beat_that_breaks_has_done_nothing(
    engine: Engine, books: Books, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    campaign = add_campaign(engine, attempts=3)
    (closed, order), (returned, other) = in_flight(engine, campaign), in_flight(engine, campaign)
    fresh = add_lead(engine, campaign)
    before = [rows_of(engine, table) for table in (store.lead, calls.attempt)]

    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(calls, breaks, break_down)
    errand = {"closings": [Closing(order, BUSY, datetime.now(UTC))], "given_back": [other]}
    with pytest.raises(ZeroDivisionError):
        fetch(books, campaign, **errand)
    monkeypatch.undo()
    assert before == [rows_of(engine, table) for table in (store.lead, calls.attempt)]
    fetch(books, campaign, **errand)  # and the next beat does it all
    assert [lead_now(engine, row).state for row in (closed, fresh)] == ["pending", "in-flight"]
    assert lead_now(engine, returned).state == "pending"  # given back, and taken again in the next
    assert [taken.lead_id for taken in fetch(books, campaign).orders] == [returned["id"]]


def test_attempts_left_open_are_restored_as_sent_with_what_was_reported(engine: Engine, books: Books) -> None:
    campaign = add_campaign(engine, attempts=4)
    lead = add_lead(engine, campaign, state=LeadState.IN_FLIGHT, attempts=1)
    other, third = (add_lead(engine, campaign, state=LeadState.IN_FLIGHT) for _ in range(2))
    silent = add_attempt(engine, lead, number=2, caller_id="+74950000001")
    told = add_attempt(engine, other)
    add_attempt(engine, third, dialer="another")
    report(engine, told, Outcome.ANSWERED_HEARD)
    found = {order: seen for order, seen, _ours in books.unfinished()}
    order = order_of(lead, id=silent["id"], made=1, caller_id="+74950000001", until=NOON)
    assert found == {
        order: Seen(sent_at=NOON),
        order_of(other, id=told["id"], until=NOON): Seen(
            sent_at=NOON, talk=Talk(Outcome.ANSWERED_HEARD, 900, 1000)
        ),
    }

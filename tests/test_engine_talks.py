"""What a conversation gets of the engine and gives back: its sheet, an opt-out, its result."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from builders import (
    NOON,
    PHONE,
    SOURCE,
    add_attempt,
    add_campaign,
    add_lead,
    all_phrases,
    attempt_now,
    lead_now,
    rows_of,
    settings,
)
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from engine.campaign import talks as module
from engine.campaign.attempts import Talk
from engine.campaign.talks import Talks
from engine.errors import NotFound
from engine.speech.clip import Clip
from engine.speech.keys import DEFAULT, Key
from storage import audit, blacklist, calls, consent, speech
from storage import campaign as store
from storage import talks as written
from storage.calls import attempt
from storage.db import new_id, reading, writing
from storage.vocab import Action, Amd, LeadState, Outcome

PHRASES = {"robot": ["cd" * 32, 800, "Звонит робот"]}


@pytest.fixture
def talks(engine: Engine, tmp_path: Path) -> Iterator[Talks]:
    made = Talks(engine, settings(tmp_path, company={"operator": "queue:main"}, trunk=[{"endpoint": "pstn"}]))
    yield made
    made.close()


@pytest.fixture
def lead(engine: Engine) -> dict[str, Any]:
    return add_lead(engine, add_campaign(engine, phrases=PHRASES), state=LeadState.IN_FLIGHT)


def in_flight(engine: Engine, count: int) -> list[dict[str, Any]]:
    """Leads that are being called: of one person each, for nobody is called twice at a time."""
    campaign = add_campaign(engine, phrases=PHRASES)
    return [add_lead(engine, campaign, state=LeadState.IN_FLIGHT) for _ in range(count)]


def opened(talks: Talks, engine: Engine, lead: dict[str, Any]) -> Any:
    return talks.open(str(add_attempt(engine, lead)["id"]))


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_sheet_has_all_that_the_conversation_says(
    talks: Talks, engine: Engine, lead: dict[str, Any]
) -> None:
    sheet = opened(talks, engine, lead)
    assert (sheet.person_id, sheet.e164) == (lead["person_id"], PHONE)
    assert sheet.call.words.message == (Clip("ab" * 32, 900),)
    assert sheet.call.words.phrases == {"robot": Clip("cd" * 32, 800, "Звонит робот")}
    assert (sheet.call.operator, sheet.call.endpoint, sheet.call.recorded) == ("queue:main", "pstn", False)
    with writing(engine) as connection:
        connection.execute(attempt.update().values(ended_at=NOON))
    assert talks.open(str(add_attempt(engine, lead, recording="wanted")["id"])).call.recorded


def test_everybody_gets_his_own_sheet_in_whatever_order_they_answer(talks: Talks, engine: Engine) -> None:
    campaign = add_campaign(engine, phrases=PHRASES)
    made = []
    for n in range(5):
        lead = add_lead(engine, campaign, f"+792112300{n:02}", clips=[[f"{n:064}", n]])
        made.append(add_attempt(engine, lead)["id"])
    for n in (3, 0, 4, 1, 2):
        sheet = talks.open(str(made[n]))
        assert (sheet.attempt_id, sheet.e164, sheet.call.words.message) == (
            made[n],
            f"+792112300{n:02}",
            (Clip(f"{n:064}", n),),
        )


def test_sheets_read_ahead_that_nobody_asks_for_do_not_pile_up(
    talks: Talks, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 3)
    first = [add_attempt(engine, lead)["id"] for lead in in_flight(engine, 20)]
    for attempt_id in first[::4]:
        talks.open(str(attempt_id))
    assert len(talks._ahead) <= 6
    assert talks.open(str(first[1])).attempt_id == first[1]  # thrown out, and read again


@pytest.mark.parametrize("attempt_id", ["", "x", "1769000000.1", str(UUID(int=1 << 127))])
def test_a_call_that_is_none_of_ours_is_told(talks: Talks, attempt_id: str) -> None:
    with pytest.raises(NotFound):
        talks.open(attempt_id)


def test_a_call_that_is_over_has_no_sheet(talks: Talks, engine: Engine, lead: dict[str, Any]) -> None:
    over = add_attempt(engine, lead)
    with writing(engine) as connection:
        connection.execute(attempt.update().values(ended_at=over["prepared_at"]))
    with pytest.raises(NotFound):
        talks.open(str(over["id"]))


def test_an_opt_out_bars_the_number_at_once_in_every_campaign(
    talks: Talks, engine: Engine, lead: dict[str, Any]
) -> None:
    other = add_campaign(engine, "winter")
    waiting = [add_lead(engine, other, PHONE), add_lead(engine, other, PHONE, state=LeadState.NEW)]
    stranger = add_lead(engine, other, "+79211230000")
    sheet = opened(talks, engine, lead)
    for _ in range(2):  # the second time is harmless
        talks.opt_out(sheet)
        (barred,) = rows_of(engine, blacklist.blacklist)
        assert (barred.key, barred.scope, barred.until) == (f"number:{PHONE}", "global", None)
        assert (barred.reason, barred.attempt_id) == ("opt-out", sheet.attempt_id)
        assert [lead_now(engine, row).state for row in waiting] == ["blocked", "blocked"]
        assert [lead_now(engine, row).state for row in (lead, stranger)] == ["in-flight", "pending"]
    (said,) = rows_of(engine, consent.consent)
    assert (said.subject, said.kind, said.given) == (f"tel:{PHONE}", "calls", False)
    assert said.proof == said.actor == f"call:{sheet.attempt_id}"
    refused, added = rows_of(engine, audit.audit)
    assert (refused.deed, added.deed) == ("consent.refuse", "blacklist.add")
    assert (added.actor, added.subject) == (f"call:{sheet.attempt_id}", str(barred.id))
    assert added.detail["leads_blocked"] == 2


@pytest.mark.parametrize(
    "talk, wanted",
    [
        (Talk(Outcome.ANSWERED_PAID_CLAIM, 700, 900, "23"), ("answered-paid-claim", 700, 900, "23")),
        (None, ("answered-partial", 0, 900, "")),  # the conversation broke
    ],
)
def test_a_result_is_stored_within_a_moment(
    talks: Talks, engine: Engine, lead: dict[str, Any], talk: Talk | None, wanted: tuple[Any, ...]
) -> None:
    sheet = opened(talks, engine, lead)
    talks.save(sheet, talk)
    eventually(lambda: attempt_now(engine, sheet.attempt_id).talk != "")
    now = attempt_now(engine, sheet.attempt_id)
    assert (now.talk, now.heard_ms, now.message_ms, now.pressed) == wanted


def test_who_is_called_for_the_operators_of_a_queue_is_led_there(talks: Talks, engine: Engine) -> None:
    for pacing, operator in (("fill", "queue:main"), ("progressive", "queue:sales")):
        campaign = add_campaign(engine, pacing, pacing=pacing, queue="sales", phrases=PHRASES)
        sheet = opened(talks, engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
        assert (sheet.call.manned, sheet.call.operator) == (pacing != "fill", operator)


def test_an_abandoned_call_is_marked_within_a_moment_while_it_goes_on(
    talks: Talks, engine: Engine, lead: dict[str, Any]
) -> None:
    sheet = opened(talks, engine, lead)
    with reading(engine) as connection:
        assert calls.abandoned(connection, "d") == set()
    talks.abandoned(sheet)
    eventually(lambda: attempt_now(engine, sheet.attempt_id).abandoned)
    with reading(engine) as connection:
        dialer = attempt_now(engine, sheet.attempt_id).dialer
        assert calls.abandoned(connection, dialer) == {sheet.attempt_id}
        assert calls.abandoned(connection, "another") == set()


def test_closing_stores_what_was_said_last(engine: Engine, tmp_path: Path) -> None:
    talks = Talks(engine, settings(tmp_path))
    sheets = [opened(talks, engine, lead) for lead in in_flight(engine, 3)]
    for sheet in sheets:
        talks.save(sheet, Talk(Outcome.ANSWERED_HEARD, 900, 900))
    talks.close()
    assert {attempt_now(engine, sheet.attempt_id).talk for sheet in sheets} == {"answered-heard"}


def test_results_wait_for_a_database_that_is_away_and_one_that_is_refused_harms_no_other(
    talks: Talks, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, errors = written.save_talks, [OperationalError("", {}, Exception()), ValueError("nonsense")]

    def save(connection: Any, rows: Any) -> None:
        if errors:
            raise errors.pop(0)
        real(connection, rows)

    monkeypatch.setattr(written, "save_talks", save)
    monkeypatch.setattr(module, "DOWN_S", 0.01)
    first, second = (opened(talks, engine, lead) for lead in in_flight(engine, 2))
    talks.save(first, None)
    eventually(lambda: not errors)  # tried again after the first error, given up after the second
    talks.save(second, None)
    eventually(lambda: attempt_now(engine, second.attempt_id).talk != "")


def test_an_opt_out_waits_for_a_database_that_is_away(
    talks: Talks, engine: Engine, lead: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, errors = blacklist.add_all, [OperationalError("", {}, Exception()) for _ in range(3)]

    def add_all(*args: Any) -> list[dict[str, Any]]:
        if errors:
            raise errors.pop()
        return real(*args)

    monkeypatch.setattr(blacklist, "add_all", add_all)
    monkeypatch.setattr(module, "DOWN_S", 0.01)
    sheet = opened(talks, engine, lead)
    talks.opt_out(sheet)  # the conversation goes on, and tells him so
    talks.save(sheet, Talk(Outcome.ANSWERED_OPT_OUT, 5, 900, "9"))
    eventually(lambda: attempt_now(engine, sheet.attempt_id).talk == "answered-opt-out")
    assert [row.key for row in rows_of(engine, blacklist.blacklist)] == [f"number:{PHONE}"]


def test_an_operator_who_takes_the_call_is_noted(talks: Talks, engine: Engine, lead: dict[str, Any]) -> None:
    sheet = opened(talks, engine, lead)
    talks.joined(str(sheet.attempt_id))
    talks.save(sheet, Talk(Outcome.ANSWERED_HEARD, 900, 900, "1"))
    eventually(lambda: attempt_now(engine, sheet.attempt_id).heard_ms == 900)
    assert attempt_now(engine, sheet.attempt_id).talk == "answered-operator"
    with pytest.raises(NotFound):
        talks.joined("x")
    talks.joined(str(new_id()))  # nobody's: nothing


def test_a_rehearsal_has_the_texts_of_the_newest_lead_and_changes_nothing(
    talks: Talks, engine: Engine
) -> None:
    lead = add_lead(engine, add_campaign(engine), clips=None, state=LeadState.NEW)
    before = lead_now(engine, lead)
    sheet = talks.rehearsal(PHONE)
    assert [clip.text for clip in sheet.call.words.message] == ["Здравствуйте, Пётр!", "Ваш долг 100 рублей."]
    assert "Звонарь" in sheet.call.words.phrases["robot"].text and not sheet.call.recorded
    assert all(clip.ms > 0 and not clip.name for clip in sheet.call.words.message)
    assert lead_now(engine, lead) == before
    with pytest.raises(NotFound, match="no campaign has a lead"):
        talks.rehearsal("+79990000000")


def test_a_sheet_has_the_keys_and_the_language_of_its_own_template(talks: Talks, engine: Engine) -> None:
    keys = '[[key]]\npress = "#"\naction = "opt-out"\n'
    with writing(engine) as connection:
        own = speech.add_template(connection, "own", SOURCE.replace("ru", "en") + keys, {}, NOON).id
    phrases = all_phrases("ru") | all_phrases("en") | all_phrases("uz")
    campaign = add_campaign(engine, phrases=phrases)
    usual = opened(talks, engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
    assert usual.call.words.keys == DEFAULT
    assert usual.call.words.phrases["robot"].text.startswith("Здравствуйте")
    lead = add_lead(engine, campaign, state=LeadState.IN_FLIGHT, template_id=own)
    sheet = opened(talks, engine, lead)
    assert sheet.call.keys == (Key("#", Action.OPT_OUT),)
    assert sheet.call.words.phrases["robot"].text.startswith("Hello")
    lead = add_lead(engine, campaign, state=LeadState.IN_FLIGHT, template_id=own, lang="uz")
    assert opened(talks, engine, lead).call.words.phrases["robot"].text.startswith("Assalomu")


def test_phrases_that_were_added_meanwhile_are_there(talks: Talks, engine: Engine) -> None:
    campaign = add_campaign(engine, phrases=PHRASES)
    before = opened(talks, engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
    assert before.call.words.phrases.keys() == {"robot"}
    with writing(engine) as connection:
        store.change(connection, campaign.id, NOON, phrases=all_phrases())
    after = opened(talks, engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
    assert after.call.menu.text


@pytest.mark.parametrize(
    "machine, heard",
    [("", None), ("note", None), ("hangup", ()), (str(UUID(int=7)), (Clip("ef" * 32, 7, "a"),))],
)
def test_what_a_machine_gets_is_its_campaigns(
    talks: Talks, engine: Engine, machine: str, heard: tuple[Clip, ...] | None
) -> None:
    left = {"machine": {"0": ["ef" * 32, 7, "a"]}} if heard else {}
    campaign = add_campaign(engine, phrases=all_phrases() | left, machine=machine)
    sheet = opened(talks, engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
    assert sheet.call.words.machine == heard


def test_fragments_and_the_verdict_of_amd_and_a_promise_are_stored(
    talks: Talks, engine: Engine, lead: dict[str, Any]
) -> None:
    sheet = opened(talks, engine, lead)
    day = sheet.call.today + timedelta(days=3)
    talks.save(sheet, Talk(Outcome.ANSWERED_PROMISE, 9, 9, "1", day=day, heard="greeting,debt"), Amd.MACHINE)
    eventually(lambda: attempt_now(engine, sheet.attempt_id).talk != "")
    now = attempt_now(engine, sheet.attempt_id)
    assert (now.promised_on, now.heard, now.amd) == (day, "greeting,debt", "machine")


@pytest.mark.parametrize("budget, state", [(2, "pending"), (1, "done")])
def test_a_promise_to_pay_that_is_stored_after_its_call_was_closed_is_kept_while_calls_are_left(
    talks: Talks, engine: Engine, budget: int, state: str
) -> None:
    campaign = add_campaign(engine, phrases=PHRASES, attempts=budget)
    lead = add_lead(engine, campaign, state=LeadState.IN_FLIGHT)
    sheet = opened(talks, engine, lead)
    with writing(engine) as connection:
        connection.execute(attempt.update().values(ended_at=NOON))
        connection.execute(store.lead.update().values(state=LeadState.DONE, attempts=1))
    day = sheet.call.today + timedelta(days=3)
    talks.save(sheet, Talk(Outcome.ANSWERED_PROMISE, 900, 900, "1", day=day))
    talks.close()
    now = lead_now(engine, lead)
    assert now.state == state
    if state == "pending":
        local = now.due_at.astimezone(ZoneInfo("Europe/Moscow"))
        assert (local.date(), local.hour, now.waits) == (day + timedelta(days=1), 0, "promise")


def test_what_was_read_ahead_is_at_hand_once(talks: Talks, engine: Engine) -> None:
    campaign = add_campaign(engine, phrases=PHRASES)
    first, second = (add_attempt(engine, add_lead(engine, campaign, f"+7921123456{n}")) for n in (1, 2))
    assert talks.at_hand(str(second["id"])) is None
    talks.open(str(first["id"]))
    sheet = talks.at_hand(str(second["id"]))
    assert sheet is not None and sheet.e164 == "+79211234562"
    assert talks.at_hand(str(second["id"])) is None, "a sheet is for one call"
    assert talks.at_hand("no id") is None


@pytest.mark.parametrize(
    "phrases, zones, promised, later",
    [
        (all_phrases(), "Europe/Moscow", 2, True),
        (all_phrases(), "Europe/Moscow,Europe/Simferopol", 0, True),
        (all_phrases(), "Europe/Moscow", 3, False),
        (all_phrases(), "Europe/Moscow,Asia/Yakutsk", 0, False),
        (all_phrases(), "", 0, False),
        (PHRASES, "Europe/Moscow", 0, False),
    ],
    ids=["promised twice", "one clock", "promised enough", "two clocks", "no zone", "an older campaign"],
)
def test_a_call_back_is_offered_where_his_clock_is_known_and_not_too_much_was_promised(
    talks: Talks, engine: Engine, phrases: dict[str, Any], zones: str, promised: int, later: bool
) -> None:
    lead = add_lead(engine, add_campaign(engine, phrases=phrases), state=LeadState.IN_FLIGHT, zones=zones)
    for _ in range(promised):
        add_attempt(engine, lead, ended_at=NOON, call_back=18)
    add_attempt(engine, lead, ended_at=NOON)
    assert opened(talks, engine, lead).call.later is later


def test_a_promise_that_is_stored_after_its_call_was_closed_is_kept(
    talks: Talks, engine: Engine, lead: dict[str, Any]
) -> None:
    sheet = opened(talks, engine, lead)
    with writing(engine) as connection:
        connection.execute(attempt.update().values(ended_at=NOON))
        connection.execute(store.lead.update().values(state=LeadState.DONE))
    talks.save(sheet, Talk(Outcome.ANSWERED_HEARD, 900, 900, "518", 18))
    eventually(lambda: lead_now(engine, lead).state == "pending")
    due = lead_now(engine, lead).due_at.astimezone(ZoneInfo("Europe/Moscow"))
    assert (due.hour, due.minute, lead_now(engine, lead).waits) == (18, 0, "call-back")


@pytest.mark.parametrize("state", [LeadState.IN_FLIGHT, LeadState.BLOCKED])
def test_a_late_promise_disturbs_neither_a_call_under_way_nor_who_opted_out(
    talks: Talks, engine: Engine, lead: dict[str, Any], state: LeadState
) -> None:
    sheet = opened(talks, engine, lead)
    with writing(engine) as connection:
        connection.execute(attempt.update().values(ended_at=NOON))
        connection.execute(store.lead.update().values(state=state))
    talks.save(sheet, Talk(Outcome.ANSWERED_HEARD, 900, 900, "518", 18))
    talks.close()
    assert lead_now(engine, lead).state == state
    assert attempt_now(engine, sheet.attempt_id).call_back == 18

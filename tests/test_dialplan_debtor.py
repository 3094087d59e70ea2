"""The debtor's conversation: each key does what its table says, and a hang-up at any moment is accounted."""

from dataclasses import replace
from datetime import timedelta

import pytest
from debtor_talk import (
    AGAIN,
    ALONE,
    CALL,
    FIRST,
    LATER,
    MANNED,
    MESSAGE,
    PROMISING,
    STAR,
    THRICE,
    TODAY,
    TOTAL,
    WORDS,
    answer,
    play,
    said,
)
from hypothesis import given
from hypothesis import strategies as st

from dialplan.debtor import ANY, AT_ONCE_S, BEEP, DIGITS, PRESSED, REPEATS, TRIES, OptOut, debtor
from dialplan.steps import Ask, Connect, Heard, HungUp, Play, Step, Tell
from engine.campaign.attempts import NO_DAY, NO_HOUR, Talk
from engine.campaign.sheet import DebtorCall
from engine.speech.clip import Clip
from storage.vocab import Action, Amd, Outcome


@pytest.mark.parametrize(
    "keys, steps, outcome, heard",
    [
        ("", [FIRST, "menu", "menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
        ("-4", [FIRST, "menu", "no-such-key+menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
        ("-49", [FIRST, "menu", "no-such-key+menu", "opt-out", "opted-out"], Outcome.ANSWERED_OPT_OUT, TOTAL),
        ("-#*", [FIRST, "menu", "no-such-key+menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
        ("--3", [FIRST, "menu", "menu", "paid"], Outcome.ANSWERED_PAID_CLAIM, TOTAL),
        ("-1", [FIRST, "menu", "connecting", "connect queue:main"], Outcome.ANSWERED_OPERATOR, TOTAL),
        ("-3", [FIRST, "menu", "paid"], Outcome.ANSWERED_PAID_CLAIM, TOTAL),
        ("-9", [FIRST, "menu", "opt-out", "opted-out"], Outcome.ANSWERED_OPT_OUT, TOTAL),
        ("-2", [FIRST, "menu", AGAIN, "menu", "menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
        ("1", [FIRST, "connecting", "connect queue:main"], Outcome.ANSWERED_OPERATOR, 450),
        ("3", [FIRST, "paid"], Outcome.ANSWERED_PAID_CLAIM, 450),
        ("9", [FIRST, "opt-out", "opted-out"], Outcome.ANSWERED_OPT_OUT, 450),
        ("2", [FIRST, AGAIN, "menu", "menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
        ("-29", [FIRST, "menu", AGAIN, "opt-out", "opted-out"], Outcome.ANSWERED_OPT_OUT, TOTAL),
        ("222-9", [*THRICE, "menu", "opt-out", "opted-out"], Outcome.ANSWERED_OPT_OUT, TOTAL),
        ("2222", [*THRICE, "goodbye"], Outcome.ANSWERED_PARTIAL, 500),
        ("222-2", [*THRICE, "menu", "goodbye"], Outcome.ANSWERED_HEARD, TOTAL),
    ],
)
def test_each_key_does_what_it_says(keys: str, steps: list[str], outcome: Outcome, heard: int) -> None:
    told, talk = play(CALL, keys)
    assert told == steps
    fragments = "greeting,debt" if heard == TOTAL else "greeting"
    assert talk == Talk(outcome, heard, TOTAL, keys.replace("-", ""), heard=fragments)


def test_an_operator_who_does_not_answer_is_excused() -> None:
    steps, talk = play(CALL, "-1", operator=False)
    assert steps[-2:] == ["connect queue:main", "operator-busy"]
    assert talk.outcome is Outcome.ANSWERED_HEARD
    assert play(CALL, "1", operator=False)[1].outcome is Outcome.ANSWERED_PARTIAL


def test_who_is_called_for_the_operators_is_led_to_them_at_once() -> None:
    first = next(debtor(MANNED))
    assert first == Connect("queue:main", "pstn", AT_ONCE_S)
    assert AT_ONCE_S <= 2, "FCC, FTC and Ofcom give two seconds from the answer"
    assert play(MANNED, "") == (["connect queue:main"], Talk(Outcome.ANSWERED_OPERATOR, 0, TOTAL))


def test_when_no_operator_is_there_in_time_it_is_told_and_the_message_plays_with_its_menu() -> None:
    steps, talk = play(MANNED, "-1", operator=False)
    message = [FIRST, "menu", "connecting", "connect queue:main", "operator-busy"]
    assert steps == ["connect queue:main", "abandoned", *message]
    assert talk == Talk(Outcome.ANSWERED_HEARD, TOTAL, TOTAL, "1", heard="greeting,debt")
    assert play(MANNED, "9", operator=False)[0][1:] == ["abandoned", FIRST, "opt-out", "opted-out"]


def test_who_hangs_up_before_an_operator_has_heard_nothing_and_is_not_abandoned() -> None:
    conversation = debtor(MANNED)
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp())
    assert end.value.value == Talk(Outcome.ANSWERED_PARTIAL, 0, TOTAL)


def test_without_an_operator_none_is_offered() -> None:
    steps, talk = play(ALONE, "11")
    assert steps == [FIRST, "menu", "no-such-key+menu", "goodbye"]
    assert talk == Talk(Outcome.ANSWERED_HEARD, TOTAL, TOTAL, "1", heard="greeting,debt")
    assert "operator" in CALL.menu.text and "operator" not in ALONE.menu.text


def test_the_first_sound_says_that_a_robot_calls_and_keys_work_from_then_on() -> None:
    first = next(debtor(CALL))
    assert isinstance(first, Play)
    assert (first.clips[0].text, first.keys) == ("robot", "1239")
    second = next(debtor(ALONE))
    assert isinstance(second, Play)
    assert second.keys == "239"


def test_who_is_recorded_is_told_so_before_his_message_and_it_is_no_part_of_it() -> None:
    steps, talk = play(replace(CALL, recorded=True), "3")
    assert steps[0] == "robot+recorded+hello+debt"
    assert talk.heard_ms == (100 + 100 + TOTAL) // 2 - 200


def test_the_fact_that_is_told_is_the_opt_out_and_it_comes_before_its_confirmation() -> None:
    conversation = debtor(CALL)
    next(conversation)
    step = conversation.send(Heard("9", 0))
    assert step == Tell(OptOut())
    assert said(conversation.send(None)) == "opted-out"


@pytest.mark.parametrize(
    "ms, outcome, heard",
    [
        (0, "partial", 0),
        (100, "partial", 0),
        (101, "partial", 1),
        (1099, "partial", 999),
        (1100, "heard", 1000),
    ],
)
def test_a_hang_up_in_the_message_tells_how_much_of_it_was_heard(ms: int, outcome: str, heard: int) -> None:
    """The 100 ms of introduction are no part of the message."""
    conversation = debtor(CALL)
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(ms))
    fragments = {0: "", 1: "", 999: "greeting", 1000: "greeting,debt"}[heard]
    assert end.value.value == Talk(Outcome(f"answered-{outcome}"), heard, TOTAL, heard=fragments)


@pytest.mark.parametrize(
    "keys, outcomes",
    [
        ("-1", ["partial", "heard", "heard", "heard"]),
        ("-3", ["partial", "heard", "paid-claim"]),
        ("-9", ["partial", "heard", "opt-out", "opt-out"]),
        ("-2", ["partial", "heard", "heard", "heard", "heard"]),
        ("9", ["partial", "opt-out", "opt-out"]),
    ],
)
def test_a_hang_up_at_any_step_ends_with_what_had_been_reached(keys: str, outcomes: list[str]) -> None:
    """Who pressed 9 has opted out, even if he is gone before it is confirmed."""
    for steps, outcome in enumerate(outcomes):
        conversation, pressing = debtor(CALL), iter(keys)
        step = next(conversation)
        for _ in range(steps):
            listens = isinstance(step, Ask) or (isinstance(step, Play) and step.keys)
            step = conversation.send(answer(step, next(pressing, None) if listens else None))
        with pytest.raises(StopIteration) as end:
            conversation.throw(HungUp(5000 if steps else 0))  # of other audio than the message
        assert end.value.value.outcome == f"answered-{outcome}"
        assert end.value.value.heard_ms == (0 if not steps else TOTAL if keys[0] == "-" else 450)


# He is often where a day or an hour is asked for, which keys at random seldom reach.
FIRST_KEYS = st.sampled_from(["", "#", "#05", "#0501", "8", "8#2512"]).map(list)
KEYS = st.builds(list.__add__, FIRST_KEYS, st.lists(st.sampled_from([*ANY, None]), max_size=60))
STEPS = 2 + (REPEATS + 1) * (2 + TRIES * 5 + 2) + 3  # each round: the menu twice, days with their digits


def counts_as_refusal(call: DebtorCall, step: Step) -> str:
    """The key that ends all calls, where this step takes it for that: not among the digits of an answer."""
    refusal = next(key.press for key in call.keys if key.action is Action.OPT_OUT)
    listens = isinstance(step, Play | Ask) and refusal in step.keys and step.keys != DIGITS
    return refusal if listens else ""


@given(
    st.sampled_from([LATER, CALL, ALONE, PROMISING, STAR, replace(STAR, inbound=True)]),
    KEYS,
    st.integers(0, 60),
    st.integers(0, 3000),
    st.booleans(),
)
def test_whatever_he_does_the_call_ends_with_a_talk_and_no_refusal_is_lost(
    call: DebtorCall, keys: list[str | None], hang_up_at: int, ms: int, operator: bool
) -> None:
    conversation, pressing = debtor(call), iter(keys)
    step, told, messages, count, refused = next(conversation), 0, 0, 0, False
    try:
        while True:
            messages += isinstance(step, Play) and MESSAGE[-1] in step.clips
            told += isinstance(step, Tell)
            if count == hang_up_at:
                conversation.throw(HungUp(ms))
                raise AssertionError("it went on after the hang-up")
            pressed = next(pressing, None)
            refused |= bool(pressed) and pressed == counts_as_refusal(call, step)
            step = conversation.send(answer(step, pressed, operator=operator))
            count += 1
            assert count <= STEPS
    except StopIteration as end:
        talk = end.value
    assert isinstance(talk, Talk)
    assert 0 <= talk.heard_ms <= talk.message_ms == TOTAL
    assert 1 <= messages <= REPEATS + 1
    assert told <= 1
    assert len(talk.keys) <= PRESSED
    assert (talk.outcome is Outcome.ANSWERED_OPT_OUT) == refused == bool(told)
    assert (talk.outcome is Outcome.ANSWERED_PROMISE) == (talk.day != NO_DAY)
    assert talk.day == NO_DAY or TODAY <= talk.day <= TODAY + timedelta(days=30)
    assert talk.hour == NO_HOUR or talk.day == NO_DAY


def test_a_machine_hears_its_own_message_after_its_beep_or_nothing() -> None:
    left = (Clip("cc" * 32, 400, "call-us"),)
    conversation = debtor(replace(CALL, words=replace(WORDS, machine=left)), Amd.MACHINE)
    assert next(conversation) == BEEP
    assert conversation.send(None) == Play(left)
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(100))
    assert end.value.value == Talk(Outcome.MACHINE, 0, TOTAL)
    with pytest.raises(StopIteration) as end:
        next(debtor(replace(MANNED, words=replace(WORDS, machine=())), Amd.MACHINE))
    assert end.value.value == Talk(Outcome.MACHINE, 0, TOTAL)


@pytest.mark.parametrize("amd", list(Amd))
def test_where_a_machine_is_only_noted_everybody_hears_the_message(amd: Amd) -> None:
    assert said(next(debtor(CALL, amd))) == FIRST
    if amd is not Amd.MACHINE:
        assert said(next(debtor(replace(CALL, words=replace(WORDS, machine=())), amd))) == FIRST


def test_who_calls_us_hears_that_we_called_and_then_his_message() -> None:
    assert said(next(debtor(replace(ALONE, inbound=True)))) == "called-back+hello+debt"


def test_fragments_of_several_clips_are_heard_with_their_last_one() -> None:
    message = (Clip("aa" * 32, 300, "", "one"), Clip("bb" * 32, 300, "", "one"), Clip("cc" * 32, 400, "", ""))
    conversation = debtor(replace(CALL, words=replace(WORDS, message=message)))
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(699))
    assert end.value.value.heard == ""
    conversation = debtor(replace(CALL, words=replace(WORDS, message=message)))
    next(conversation)
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(700))
    assert end.value.value.heard == "one"

"""A masked call's conversation: what the caller hears for each verdict, and how his hang-up ends it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from dialplan.mask import KEY_MS, mask, taken
from dialplan.phrases import ORDERS, Mask
from dialplan.steps import (
    Ask,
    Connect,
    Connected,
    Heard,
    HungUp,
    Lookup,
    Play,
    Reach,
    Reached,
    Step,
    Tell,
)
from engine.masking.sheet import (
    AskCode,
    CallBack,
    Centre,
    Coded,
    Crossed,
    Dialling,
    Leg,
    MaskCall,
    Menu,
    Taken,
    Verdict,
)
from engine.speech.clip import Clip
from storage.vocab import MaskEnd, MaskRole

PHRASES = {str(name): Clip(f"{place:064}", 100, str(name)) for place, name in enumerate([*Mask, *ORDERS])}
DRIVER, CLIENT, SECOND, COMPANY = "+79210000001", "+79210000002", "+79210000003", "+78120000001"
LEG = Leg(MaskRole.DRIVER, (CLIENT,), COMPANY, ("pstn",), ring_s=40, talk_s=600, warn_s=30)
BACK = replace(LEG, role=MaskRole.CLIENT, peers=(DRIVER,))
ID = "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55"
CALL = MaskCall(ID, LEG, PHRASES, did=COMPANY, centre="queue:taxi", centre_endpoint="pstn")
TALK, BUSY = Reached("ANSWER", 16, 90), Reached("BUSY", 17, 3)
SILENT, OFF = Reached("NOANSWER", 19, 40), Reached("NOANSWER", 20, 2)
NUMBER, TRUNK = Reached("CHANUNAVAIL", 1, 1), Reached("CONGESTION", 34, 1)
GONE = "x"  # he hangs up


def told(step: Step) -> str:
    """A step in a word."""
    match step:
        case Play() | Ask():
            words = "+".join(clip.text for clip in step.clips)
            return f"{words}?" if isinstance(step, Ask) else words
        case Reach():
            return f"reach {step.number} by {step.endpoint}"
        case Connect():
            return f"connect {step.target}"
        case Tell():
            return "dialling"
        case Lookup():
            return type(step.question).__name__.lower()
    return type(step).__name__.lower()


def play(call: MaskCall, *answers: Any) -> tuple[list[str], MaskEnd]:
    """Its steps, and how it ended. An answer is for what waits for one: a key ("" none), a Reached, what the
    engine says, whether the call centre answers; GONE hangs up.
    """
    conversation, left = mask(call), list(answers)
    steps: list[str] = []
    answer: Any = None
    try:
        step = next(conversation)
        while True:
            steps.append(told(step))
            answer = None
            if isinstance(step, Ask | Reach | Lookup | Connect):
                given = left.pop(0)
                if given == GONE:
                    conversation.throw(HungUp())
                    raise AssertionError("it went on after the hang-up")
                answer = given
                if isinstance(step, Ask):
                    answer = Heard(given or None, 100)
                elif isinstance(step, Connect):
                    answer = Connected(given)
            elif isinstance(step, Play):
                answer = Heard(None, 100)
            step = conversation.send(answer)
    except StopIteration as end:
        assert not left, "not everything was asked for"
        return steps, end.value


def of(verdict: Verdict, **changes: Any) -> MaskCall:
    return replace(CALL, verdict=verdict, **changes)


RUNG = ["dialling", f"reach {CLIENT} by pstn"]


def test_two_people_talk_and_nothing_is_said_before() -> None:
    assert play(CALL, TALK, MaskEnd.TALKED) == ([*RUNG, "parted"], MaskEnd.TALKED)


def test_what_is_dialled_shows_the_company_and_is_limited() -> None:
    conversation = mask(of(replace(LEG, record="masked/0198/x.alaw")))
    steps = [next(conversation), *(conversation.send(None) for _ in range(3))]
    assert steps[2] == Tell(Dialling(CLIENT, "pstn"))
    assert steps[3] == Reach(CLIENT, "pstn", COMPANY, ID, 40, 600, 30, "masked/0198/x.alaw")


def test_a_recorded_talk_begins_with_saying_so() -> None:
    steps, _ = play(of(replace(LEG, record="masked/0198/x.alaw")), TALK, MaskEnd.TALKED)
    assert steps[:2] == ["pickup", "recorded"]


@pytest.mark.parametrize(
    "reached, end, said",
    [
        (BUSY, MaskEnd.BUSY, "busy"),
        (SILENT, MaskEnd.NO_ANSWER, "no-answer"),
        (OFF, MaskEnd.OFF, "off"),
        (NUMBER, MaskEnd.OFF, "off"),
    ],
)
@pytest.mark.parametrize("hook", [False, True])
def test_a_phone_that_is_not_taken_is_told_and_promised_only_if_somebody_listens(
    reached: Reached, end: MaskEnd, said: str, hook: bool
) -> None:
    steps, ended = play(of(LEG, told=hook), reached)
    assert (steps, ended) == ([*RUNG, "pickup", said + ("+told" if hook else "")], end)


def test_his_second_phone_rings_when_the_first_is_not_taken() -> None:
    both = of(replace(LEG, peers=(CLIENT, SECOND)))
    second = ["dialling", f"reach {SECOND} by pstn"]
    assert play(both, BUSY, TALK, MaskEnd.TALKED) == ([*RUNG, *second, "parted"], MaskEnd.TALKED)
    assert play(both, OFF, BUSY) == ([*RUNG, *second, "pickup", "busy"], MaskEnd.BUSY)


def test_another_trunk_is_tried_when_one_fails_and_nobody_rang() -> None:
    two = of(replace(LEG, endpoints=("pstn", "spare")))
    spare = ["dialling", f"reach {CLIENT} by spare"]
    assert play(two, TRUNK, TALK, MaskEnd.TALKED) == ([*RUNG, *spare, "parted"], MaskEnd.TALKED)
    assert play(two, BUSY)[1] is MaskEnd.BUSY, "he was rung: not again"
    steps, end = play(two, TRUNK, TRUNK, True)
    assert steps[-2:] == ["greeting+to-centre", "connect queue:taxi"] and end is MaskEnd.CENTRE


@pytest.mark.parametrize("end, said", [(MaskEnd.REASSIGNED, "reassigned"), (MaskEnd.CLOSED, "finished")])
def test_an_order_that_is_gone_as_it_is_taken_is_told_to_the_driver(end: MaskEnd, said: str) -> None:
    assert play(CALL, TALK, end) == ([*RUNG, "parted", "pickup", said], end)


def test_the_client_is_led_to_the_new_driver() -> None:
    other = replace(BACK, peers=(SECOND,))
    steps, end = play(of(BACK), TALK, MaskEnd.REASSIGNED, other, TALK, MaskEnd.TALKED)
    assert steps[3:5] == ["pickup", "reassigned"]
    assert steps[5:] == ["again", "dialling", f"reach {SECOND} by pstn", "parted"]
    assert end is MaskEnd.TALKED
    left = play(of(BACK), TALK, MaskEnd.REASSIGNED, other, GONE)
    assert left[1] is MaskEnd.ABANDONED, "or talked, as the engine knows"


def test_nobody_is_led_from_driver_to_driver_for_ever() -> None:
    moved = (TALK, MaskEnd.REASSIGNED)
    steps, end = play(of(BACK), *moved, BACK, *moved, BACK, *moved)
    assert (steps.count("reassigned"), steps.count("again"), end) == (3, 2, MaskEnd.REASSIGNED)


def test_a_menu_of_orders() -> None:
    steps, end = play(of(Menu(2)), "2", LEG, TALK, MaskEnd.TALKED)
    assert steps == ["pickup", "menu-1+menu-2?", "chosen", *RUNG, "parted"]
    assert end is MaskEnd.TALKED


def test_a_menu_tells_a_wrong_key_and_leads_to_the_centre_after_three() -> None:
    again = "no-such-key+menu-1+menu-2?"
    steps, end = play(of(Menu(2)), "7", Menu(2), "8", Menu(2), "9", Menu(2), True)
    asked = ["menu-1+menu-2?", "chosen", again, "chosen", again, "chosen"]
    assert steps == ["pickup", *asked, "pickup", "greeting+to-centre", "connect queue:taxi"]
    assert end is MaskEnd.CENTRE


@pytest.mark.parametrize("key", ["", "0"])
def test_silence_or_naught_at_the_menu_leads_to_the_centre(key: str) -> None:
    steps, end = play(of(Menu(2)), key, True)
    assert "chosen" not in steps and end is MaskEnd.CENTRE


def test_a_stranger_is_greeted_asked_once_and_led_to_the_centre() -> None:
    steps, end = play(of(AskCode()), "", True)
    assert steps == ["pickup", "greeting+code?", "pickup", "to-centre", "connect queue:taxi"]
    assert end is MaskEnd.CENTRE


def test_a_code_connects() -> None:
    steps, end = play(of(AskCode()), *"4581#", LEG, TALK, MaskEnd.TALKED)
    assert steps == ["pickup", "greeting+code?", *["?"] * 4, "coded", *RUNG, "parted"]
    assert end is MaskEnd.TALKED


def test_a_code_is_what_was_keyed_up_to_hash_or_silence() -> None:
    for keys, code in (("12#", "12"), (["1", "2", "3", ""], "123"), ("123456789012", "123456789012")):
        conversation = mask(of(AskCode()))
        next(conversation)
        step = conversation.send(None)
        for key in keys:
            assert isinstance(step, Ask) and (step.wait_ms == KEY_MS or step.clips)
            step = conversation.send(Heard(key or None, 0))
        assert step == Lookup(Coded(code))


def test_three_wrong_codes_lead_to_the_centre() -> None:
    wrong = AskCode(wrong=True)
    steps, end = play(of(AskCode()), *"1#", wrong, *"2#", wrong, *"3#", wrong, True)
    assert [step for step in steps if "code?" in step] == ["greeting+code?", *["wrong-code+code?"] * 2]
    assert steps[-4:] == ["wrong-code", "pickup", "to-centre", "connect queue:taxi"]
    assert end is MaskEnd.CENTRE


@pytest.mark.parametrize(
    "rule, said",
    [
        ("order-finished", "finished+to-centre"),
        ("calls-at-once", "refused+to-centre"),
        ("calls-hour", "refused+to-centre"),
        ("prefix", "refused+to-centre"),
        ("codes-hour", "greeting+to-centre"),
    ],
)
def test_why_he_is_led_to_the_centre_is_told(rule: str, said: str) -> None:
    assert play(of(Centre(rule)), True) == (["pickup", said, "connect queue:taxi"], MaskEnd.CENTRE)


def test_a_centre_that_does_not_answer_or_is_none_is_told() -> None:
    finished = Centre("order-finished")
    steps, end = play(of(finished), False)
    assert steps[-1] == "centre-busy" and end is MaskEnd.UNATTENDED
    assert play(of(finished, centre="")) == (["pickup", "finished+centre-busy"], MaskEnd.UNATTENDED)


def test_the_centre_gets_the_calls_card_and_sees_the_company() -> None:
    conversation = mask(of(Centre("order-finished")))
    next(conversation)
    conversation.send(None)
    step = conversation.send(Heard(None, 1))
    assert isinstance(step, Connect) and (step.card, step.show) == (ID, COMPANY)


def test_who_is_being_called_by_the_other_side_is_told_to_hang_up() -> None:
    assert play(of(Crossed())) == (["pickup", "crossed"], MaskEnd.CROSSED)


def test_who_asked_to_be_rung_presses_one_before_anybody_else_is_dialled() -> None:
    drivers, clients = (of(CallBack(role)) for role in MaskRole)
    steps, end = play(drivers, "1", LEG, TALK, MaskEnd.TALKED)
    assert steps == ["back-to-client?", "again", *RUNG, "parted"] and end is MaskEnd.TALKED
    steps, end = play(drivers, "", "1", LEG, BUSY)
    assert steps == [*["back-to-client?"] * 2, "again", *RUNG, "pickup", "busy"] and end is MaskEnd.BUSY
    steps, end = play(drivers, "", "")
    assert steps == ["back-to-client?"] * 2 and end is MaskEnd.ABANDONED
    assert play(clients, "", "")[0] == ["back-to-driver?"] * 2


@pytest.mark.parametrize(
    "rule, why",
    [("order-finished", "finished"), ("order-reassigned", "reassigned"), ("calls-hour", "refused")],
)
def test_who_was_rung_too_late_is_told_why_and_led_to_the_centre(rule: str, why: str) -> None:
    steps, end = play(of(CallBack(MaskRole.DRIVER)), "1", Centre(rule), True)
    assert steps == ["back-to-client?", "again", "pickup", f"{why}+to-centre", "connect queue:taxi"]
    assert end is MaskEnd.CENTRE


@pytest.mark.parametrize(
    "call, before, end",
    [
        (CALL, (), MaskEnd.ABANDONED),
        (of(Menu(2)), (), MaskEnd.ABANDONED),
        (of(AskCode()), ("1",), MaskEnd.ABANDONED),
        (of(Centre("order-finished")), (), MaskEnd.CENTRE),
        (of(BACK), (TALK, MaskEnd.REASSIGNED), MaskEnd.REASSIGNED),
    ],
    ids=["ringing", "menu", "code", "centre", "led on"],
)
def test_a_hang_up_ends_it_with_what_it_had_come_to(
    call: MaskCall, before: Sequence[Any], end: MaskEnd
) -> None:
    assert play(call, *before, GONE)[1] is end


# Who takes the call.


def heard(call: Taken) -> list[str]:
    return [told(step) for step in taken(call)]


@pytest.mark.parametrize(
    "role, whisper, recorded, said",
    [
        (MaskRole.DRIVER, True, False, ["from-driver"]),
        (MaskRole.CLIENT, True, True, ["from-client+recorded"]),
        (MaskRole.CLIENT, False, True, ["recorded"]),
        (MaskRole.DRIVER, False, False, []),
    ],
)
def test_who_takes_a_call_hears_whose_it_is_and_that_it_is_recorded(
    role: MaskRole, whisper: bool, recorded: bool, said: list[str]
) -> None:
    assert heard(Taken(role, MaskEnd.NONE, whisper, recorded, PHRASES)) == said


@pytest.mark.parametrize("end, said", [(MaskEnd.REASSIGNED, "reassigned"), (MaskEnd.CLOSED, "finished")])
def test_who_takes_a_call_of_an_order_that_is_gone_is_let_go(end: MaskEnd, said: str) -> None:
    assert heard(Taken(MaskRole.DRIVER, end, True, True, PHRASES)) == [f"{said}+goodbye", "letgo"]


def test_who_takes_a_call_and_hangs_up_is_gone() -> None:
    conversation = taken(Taken(MaskRole.DRIVER, MaskEnd.NONE, True, True, PHRASES))
    next(conversation)
    with pytest.raises(StopIteration):
        conversation.throw(HungUp())

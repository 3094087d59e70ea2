"""What a debtor promises and what he is promised: a day to pay by, an hour to be called at."""

from datetime import date

import pytest
from debtor_talk import CALL, FIRST, LATER, PROMISING, STAR, answer, play, said

from dialplan.debtor import PRESSED, REPEATS, TRIES, debtor
from dialplan.steps import HungUp, Play
from engine.campaign.attempts import NO_DAY, NO_HOUR
from storage.vocab import Outcome


@pytest.mark.parametrize(
    "keys, steps, day",
    [
        ("-#05011", ["which-day", "", "", "", "you-promise+day-05+month-01+if-right", "promised"], (5, 1)),
        ("-#20121", ["which-day", "", "", "", "you-promise+day-20+month-12+if-right", "promised"], (20, 12)),
        ("-#19011", ["which-day", "", "", "", "you-promise+day-19+month-01+if-right", "promised"], (19, 1)),
        (
            "-#200119012",
            [
                *("which-day", "", "", "", "no-day+which-day", "", "", ""),
                *("you-promise+day-19+month-01+if-right", "which-day", "no-day", "menu"),
            ],
            None,
        ),
        ("-#", ["which-day", "no-day", "menu", "menu", "goodbye"], None),
    ],
)
def test_a_day_is_promised_once_it_was_read_back_and_confirmed(
    keys: str, steps: list[str], day: tuple[int, int] | None
) -> None:
    told, talk = play(PROMISING, keys)
    assert told[:2] == [FIRST, "menu"]
    assert told[2 : 2 + len(steps)] == steps
    if day:
        assert talk.day == date(2026 if day[1] == 12 else 2027, day[1], day[0])
        assert talk.outcome is Outcome.ANSWERED_PROMISE
    assert talk.keys == keys.replace("-", "")[:PRESSED]


@pytest.mark.parametrize("named", ["1912", "2001", "3002", "0000", "3213", "2902"])
def test_a_day_that_is_over_too_far_or_none_is_asked_for_again_three_times(named: str) -> None:
    told, talk = play(PROMISING, "-#" + named * 4)
    assert told.count("which-day") + told.count("no-day+which-day") == TRIES == 4
    assert told[-4:] == ["no-day", "menu", "menu", "goodbye"]
    assert (talk.outcome, talk.day) == (Outcome.ANSWERED_HEARD, NO_DAY)


def test_who_is_gone_before_he_confirms_has_promised_nothing() -> None:
    conversation, pressing = debtor(PROMISING), iter("-#0501")
    step = next(conversation)
    for key in pressing:
        step = conversation.send(answer(step, None if key == "-" else key))
    assert said(step).startswith("you-promise")
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(10))
    assert (end.value.value.outcome, end.value.value.day) == (Outcome.ANSWERED_HEARD, NO_DAY)


def test_the_key_that_ends_all_calls_counts_where_a_day_or_an_hour_is_asked_for() -> None:
    for asked in ("#05", "8", "81", "#0501"):
        steps, talk = play(STAR, "-" + asked + "*")
        assert steps[-2:] == ["opt-out", "opted-out"]
        assert (talk.outcome, talk.hour, talk.day) == (Outcome.ANSWERED_OPT_OUT, NO_HOUR, NO_DAY)


MENU_LATER = "menu"


@pytest.mark.parametrize(
    "keys, steps, hour",
    [
        ("-518", [FIRST, MENU_LATER, "which-hour", "", "call-back+hour-18+goodbye"], 18),
        ("500", [FIRST, "which-hour", "", "call-back+hour-00+goodbye"], 0),
        ("523", [FIRST, "which-hour", "", "call-back+hour-23+goodbye"], 23),
        ("-524-", [FIRST, MENU_LATER, "which-hour", "", "no-hour", MENU_LATER, MENU_LATER, "goodbye"], -1),
        ("-5--", [FIRST, MENU_LATER, "which-hour", "no-hour", MENU_LATER, MENU_LATER, "goodbye"], -1),
        ("-51--", [FIRST, MENU_LATER, "which-hour", "", "no-hour", MENU_LATER, MENU_LATER, "goodbye"], -1),
        (
            "-599507",
            [
                FIRST,
                MENU_LATER,
                *["which-hour", "", "no-hour", MENU_LATER],
                "which-hour",
                "",
                "call-back+hour-07+goodbye",
            ],
            7,
        ),
    ],
)
def test_an_hour_to_be_called_back_is_asked_for_and_confirmed(keys: str, steps: list[str], hour: int) -> None:
    told, talk = play(LATER, keys)
    assert told == steps
    assert talk.hour == hour
    assert talk.outcome is (Outcome.ANSWERED_HEARD if keys[0] == "-" else Outcome.ANSWERED_PARTIAL)
    assert talk.keys == keys.replace("-", "")


def test_who_never_names_an_hour_is_asked_no_more_often_than_a_message_is_repeated() -> None:
    told, talk = play(LATER, "-" + "5-" * 9)
    assert told.count("no-hour") == REPEATS + 1
    assert told[-1] == "goodbye"
    assert talk.hour == -1


def test_a_call_back_is_offered_only_where_it_can_be_promised() -> None:
    assert play(CALL, "-5")[0] == [FIRST, "menu", "no-such-key+menu", "goodbye"]
    first = next(debtor(LATER))
    assert isinstance(first, Play)
    assert first.keys == "12359"


@pytest.mark.parametrize("steps, hour", [(2, -1), (3, -1), (4, 18)])
def test_an_hour_is_promised_once_it_was_named_whole(steps: int, hour: int) -> None:
    conversation, pressing = debtor(LATER), iter("-518")
    step = next(conversation)
    for _ in range(steps):
        key = next(pressing, "-")
        step = conversation.send(answer(step, None if key == "-" else key))
    with pytest.raises(StopIteration) as end:
        conversation.throw(HungUp(10))
    assert end.value.value.hour == hour

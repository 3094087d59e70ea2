"""A rehearsal plays a conversation as a caller would go through it, and prints each step."""

from typing import Any

import pytest
from test_dialplan_debtor import ALONE, CALL

from dialplan.debtor import ANY, OptOut, debtor
from dialplan.rehearsal import rehearse
from dialplan.steps import Ask, Connect, Conversation, Heard, HungUp, Play, Tell
from engine.speech.clip import Clip
from storage.vocab import Outcome


def steps(keys: str) -> list[dict[str, Any]]:
    return rehearse(debtor(CALL), keys.split()).steps


def test_each_step_is_told_with_what_is_said_and_which_keys_count() -> None:
    assert steps("- 1") == [
        {"step": "play", "say": ["robot", "hello", "debt"], "keys": "1239"},
        {"step": "ask", "say": [CALL.menu.text], "keys": ANY, "key": "1"},
        {"step": "play", "say": ["connecting"]},
        {"step": "connect", "to": "queue:main"},
    ]
    assert steps("9")[1:] == [{"step": "tell", "fact": "OptOut"}, {"step": "play", "say": ["opted-out"]}]


@pytest.mark.parametrize(
    "keys, last, outcome",
    [
        ("", "goodbye", Outcome.ANSWERED_HEARD),
        ("- -", "goodbye", Outcome.ANSWERED_HEARD),
        ("3", "paid", Outcome.ANSWERED_PAID_CLAIM),
        ("- 1 busy", "operator-busy", Outcome.ANSWERED_HEARD),
        ("- 5 3", "paid", Outcome.ANSWERED_PAID_CLAIM),  # 5 is no key here, and the menu is asked again
        ("- 5 5 3", "goodbye", Outcome.ANSWERED_HEARD),
    ],
)
def test_answers_are_given_at_each_pause_and_then_he_is_silent(
    keys: str, last: str, outcome: Outcome
) -> None:
    played = rehearse(debtor(CALL), keys.split())
    assert played.steps[-1]["say"] == [last]
    assert played.result.outcome is outcome


@pytest.mark.parametrize("keys, outcome, heard", [("x", "partial", 450), ("- x", "heard", 1000)])
def test_he_may_hang_up_in_the_middle_of_a_step(keys: str, outcome: str, heard: int) -> None:
    played = rehearse(debtor(CALL), keys.split())
    assert played.steps[-1] == {"step": "hang-up"}
    assert (played.result.outcome, played.result.heard_ms) == (f"answered-{outcome}", heard)


def test_facts_are_told_to_whom_it_concerns() -> None:
    facts: list[Any] = []
    rehearse(debtor(ALONE), ["9"], facts.append)
    assert facts == [OptOut()]


def test_answers_are_those_that_the_steps_promise() -> None:
    """A conversation of every step sees keys only where it listens, and half of what a key cut short."""
    clip = Clip("ab" * 32, 1000)
    seen: list[Any] = []

    def conversation() -> Conversation[str]:
        for step in (Play((clip,)), Play((clip,), "1"), Ask((clip,), "2"), Tell(5), Connect("7")):
            seen.append((yield step))
        try:
            yield Ask((), "1")
        except HungUp as end:
            return f"gone after {end.ms}"
        return "stayed"

    played = rehearse(conversation(), ["1", "2", "-", "x"])
    assert seen[:4] == [Heard(None, 1000), Heard("1", 500), Heard("2", 500), None]
    assert seen[4].answered
    assert played.result == "gone after 0"
    assert played.steps[0] == {"step": "play", "say": ["ab" * 6]}  # a recording has no text

"""The keys of a template: each once, and one that ends all calls."""

import pytest

from engine.errors import TemplateError
from engine.speech.keys import DEFAULT, Key
from engine.speech.template import parse
from storage.vocab import Action

SAYS = "[[fragment]]\ntext = 'a'\n"
REFUSE = "[[key]]\npress = '9'\naction = 'opt-out'\n"


def key(press: str, action: str) -> str:
    return f"[[key]]\npress = '{press}'\naction = '{action}'\n"


def test_keys_are_kept_in_their_order() -> None:
    made = parse(SAYS + key("#", "promise") + REFUSE + key("0", "operator"))
    assert made.keys == (Key("#", Action.PROMISE), Key("9", Action.OPT_OUT), Key("0", Action.OPERATOR))


def test_without_keys_a_debtor_is_offered_the_usual_ones_and_a_contact_person_none_of_a_debt() -> None:
    assert parse(SAYS).keys == DEFAULT
    assert [(one.press, one.action.value) for one in parse("for = 'contact'\n" + SAYS).keys] == [
        *(("1", "operator"), ("2", "repeat"), ("5", "later"), ("9", "opt-out")),
    ]


@pytest.mark.parametrize(
    "keys, told",
    [
        (key("1", "operator"), "one key must have the action opt-out"),
        (REFUSE + key("9", "repeat"), "two keys have the same press: 9"),
        (REFUSE + key("8", "opt-out"), "two keys have the same action: opt-out"),
        (REFUSE + key("10", "repeat"), r"key 2: press is one of 0 to 9, \* and #, in quotes, not '10'"),
        (REFUSE + key("", "repeat"), "key 2: press is one of"),
        ("[[key]]\npress = 9\naction = 'opt-out'\n", "key 1: press is one of .*, not 9"),
        ("[[key]]\npress = ['9']\naction = 'opt-out'\n", "key 1: press is one of"),
        (REFUSE + key("1", "sing"), "key 2: action is one of operator, .*opt-out, not 'sing'"),
        ("[[key]]\npress = '1'\naction = ['paid']\n", "key 1: action is one of"),
        ("[[key]]\npress = '9'\n", "key 1: it has press and action"),
        (REFUSE + "say = 'a'\n", "key 1: it has press and action"),
        ("key = 5\n", "keys are"),
        ("key = [5]\n", "key 1: it has press and action"),
    ],
)
def test_keys_that_make_no_sense_are_refused(keys: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        parse(keys + SAYS)


@pytest.mark.parametrize("action", ["paid", "promise"])
def test_a_contact_person_is_offered_nothing_that_tells_of_a_debt(action: str) -> None:
    with pytest.raises(TemplateError, match=f"must not offer {action}"):
        parse("for = 'contact'\n" + SAYS + REFUSE + key("1", action))

"""Menus: only what can be done is offered, in words, and every menu that may be asked for is made."""

import pytest

from engine.speech.keys import DEFAULT, Key
from engine.speech.menus import menu_name, menus, offered
from engine.speech.shipped import LANGUAGES, phrases, spoken
from storage.vocab import Action


def test_only_what_can_be_done_is_offered() -> None:
    assert offered(DEFAULT, operator=True, later=True) == DEFAULT
    bare = offered(DEFAULT, operator=False, later=False)
    assert [key.action for key in bare] == [Action.REPEAT, Action.PAID, Action.OPT_OUT]


def test_a_menu_says_each_key_in_words_in_the_templates_order() -> None:
    keys = (Key("#", Action.PROMISE), Key("0", Action.OPT_OUT))
    ((name, text),) = menus(keys, phrases("ru")).items()
    assert name == menu_name(keys) == "menu #=promise 0=opt-out"
    assert text == (
        "Чтобы назвать день, до которого вы оплатите, нажмите решётку. "
        "Чтобы мы больше вам не звонили, нажмите ноль."
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_menu_that_may_be_asked_for_is_made(lang: str) -> None:
    made = menus(DEFAULT, phrases(lang))
    for operator in (True, False):
        for later in (True, False):
            assert made[menu_name(offered(DEFAULT, operator=operator, later=later))]
    assert len(made) == 4 and not any("{" in text for text in made.values())


def test_what_an_action_says_is_made_where_it_is_offered() -> None:
    assert {"which-hour", "hour-23"} <= spoken("debtor", "ru", "Ромашка", DEFAULT).keys()
    assert not {"which-day", "day-01"} & spoken("debtor", "ru", "Ромашка", DEFAULT).keys()
    promising = (Key("1", Action.PROMISE), Key("9", Action.OPT_OUT))
    assert {"which-day", "day-31", "month-12"} <= spoken("debtor", "ru", "Ромашка", promising).keys()
    assert "Ромашка" in spoken("debtor", "ru", "Ромашка")["robot"]

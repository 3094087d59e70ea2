"""The card of a call, for the operator who takes it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from masked_office import CLIENT, DRIVER, HANDED_ON, ORDER, OTHER, Office
from sqlalchemy import Engine

from engine.errors import NotFound
from engine.masking.card import Cards
from engine.masking.sheet import Coded
from engine.reports.words_mask import why
from storage.db import new_id
from storage.vocab import MaskEnd


@pytest.fixture
def cards(engine: Engine, masks: Office) -> Cards:
    masks.bindings.bind(ORDER, "dispatch")
    return Cards(engine, masks.settings)


def card(cards: Cards, call: UUID) -> dict[str, Any]:
    """The card of a call, with no phone of anybody in it."""
    found = cards.read(call)
    assert not [phone for phone in (DRIVER, CLIENT, OTHER) if phone[-10:] in str(found)]
    return found


def test_it_tells_who_calls_about_which_order_and_why_he_is_here(cards: Cards, masks: Office) -> None:
    masks.end(masks.call(DRIVER)[0], MaskEnd.BUSY)
    masks.pass_s(60)
    talked, _ = masks.call(CLIENT)
    masks.calls.taken(str(talked.id))
    masks.pass_s(40)
    masks.end(talked, MaskEnd.TALKED)
    masks.bindings.close("A-1", "dispatch")
    late, _ = masks.call(DRIVER)
    found = card(cards, late.id)
    assert (found["role"], found["caller"], found["rule"]) == ("driver", "…01", "order-finished")
    assert (found["order"], found["state"], found["driver"], found["client"]) == (
        "A-1",
        "grace",
        "d7",
        "Анна",
    )
    assert [(one["role"], one["end"], one["talk_s"]) for one in found["calls"]] == [
        ("client", "talked", 40),
        ("driver", "busy", 0),
    ]
    assert why(found, "ru").startswith("Заказ A-1 закончен")
    assert why(found, "en").startswith("Order A-1 is over")


def test_a_strangers_card_has_no_order_but_those_that_he_called_about(cards: Cards, masks: Office) -> None:
    code = masks.bindings.bind(replace(ORDER, version=2), "dispatch").client_extension
    before, _ = masks.call(OTHER)
    before.ask(Coded(code))
    line, _ = masks.call(OTHER)
    found = card(cards, line.id)
    assert (found["role"], found["order"], found["state"], found["calls"]) == ("stranger", None, None, [])
    assert found["others"] == [{"order": "A-1", "state": "live", "driver": "d7", "client": "Анна"}]
    assert "заказов нет" in why(found, "ru")


def test_who_withholds_his_number_has_no_digits_and_no_orders(cards: Cards, masks: Office) -> None:
    line, _ = masks.call("")
    found = card(cards, line.id)
    assert (found["caller"], found["others"], found["withheld"]) == ("", [], True)
    assert "скрыт" in why(found, "ru")


def test_the_others_are_those_of_the_callers_routes_the_newest_first(cards: Cards, masks: Office) -> None:
    for n in (2, 3):
        masks.pass_s(1)
        masks.bindings.bind(replace(ORDER, order=f"A-{n}"), "dispatch")
    line, _ = masks.call(DRIVER)
    found = card(cards, line.id)
    assert found["order"] == "A-3"
    assert [one["order"] for one in found["others"]] == ["A-2", "A-1"]


def test_every_rule_that_leads_to_the_centre_can_be_told(cards: Cards, masks: Office) -> None:
    call = str(masks.call(DRIVER)[0].id)
    masks.bindings.bind(HANDED_ON, "dispatch")
    assert card(cards, UUID(call))["driver"] == "d8", "as the order is now"
    with pytest.raises(NotFound):
        cards.read(new_id())

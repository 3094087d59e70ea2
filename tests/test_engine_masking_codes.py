"""Orders reached by code: from any phone, guessed by nobody."""

from dataclasses import replace

import pytest
from masked_office import CLIENT, COMPANY, DRIVER, HANDED_ON, ORDER, POOL, Office

from engine.errors import NoNumber
from engine.masking.sheet import (
    AskCode,
    Centre,
    Coded,
    Leg,
)
from storage.vocab import MaskEnd, MaskMode, MaskRole


def test_a_code_connects_from_any_phone_and_from_one_that_is_withheld(masks: Office) -> None:
    bound = masks.bindings.bind(ORDER, "dispatch")
    for caller in ("+79219999999", ""):
        line, call = masks.call(caller)
        assert call.verdict == AskCode()
        leg = line.ask(Coded(bound.extension))
        assert isinstance(leg, Leg) and (leg.role, leg.peers) == (MaskRole.DRIVER, (CLIENT,))
        assert masks.calls.taken(str(line.id)).end is MaskEnd.NONE
        masks.end(line, MaskEnd.TALKED)
    leg = masks.call("")[0].ask(Coded(bound.client_extension))
    assert isinstance(leg, Leg) and leg.peers == (DRIVER,)


def test_a_code_of_a_former_driver_leads_nowhere(masks: Office) -> None:
    bound = masks.bindings.bind(ORDER, "dispatch")
    masks.bindings.bind(HANDED_ON, "dispatch")
    assert masks.call("")[0].ask(Coded(bound.extension)) == AskCode(wrong=True)


def test_a_driver_on_another_phone_who_lost_the_order_while_it_rang_is_not_connected(masks: Office) -> None:
    bound = masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call("")
    line.ask(Coded(bound.extension))
    masks.bindings.bind(HANDED_ON, "dispatch")
    assert masks.calls.taken(str(line.id)).end is MaskEnd.REASSIGNED


def test_a_code_of_an_order_that_is_over_says_so(masks: Office) -> None:
    bound = masks.bindings.bind(ORDER, "dispatch")
    masks.bindings.close("A-1", "dispatch", cancelled=True)
    assert masks.call("")[0].ask(Coded(bound.extension)) == Centre("order-finished")


def test_wrong_codes_are_counted_and_end_in_the_centre(masks: Office) -> None:
    line, _ = masks.call("+79219999999")
    answers = [line.ask(Coded("0")) for _ in range(9)]
    assert answers == [*[AskCode(wrong=True)] * 8, Centre("codes-hour")]
    assert masks.row(line.id).tries == 9
    assert masks.call("+79219999999")[1].verdict == Centre("codes-hour")
    assert masks.call("+79219999998")[1].verdict == AskCode(), "another phone is another person"
    masks.pass_s(3601)
    assert masks.call("+79219999999")[1].verdict == AskCode()


def test_who_withholds_his_number_shares_his_tries_with_all_who_do(masks: Office) -> None:
    for _ in range(9):
        masks.call("")[0].ask(Coded("0"))
    assert masks.call("")[1].verdict == Centre("codes-hour")
    assert masks.call("", POOL[0])[1].verdict == AskCode(), "on another number of ours it is another line"


def test_an_order_of_a_dry_pool_is_reached_by_code(masks: Office) -> None:
    pooled = replace(ORDER, mode=MaskMode.POOL)
    for n in range(4):
        phones = {"driver_phones": (DRIVER,), "client_phones": (f"+7921100000{n}",)}
        masks.bindings.bind(replace(pooled, order=f"P-{n}", **phones), "dispatch")
    with pytest.raises(NoNumber) as dry:
        masks.bindings.bind(pooled, "dispatch")
    assert masks.call(DRIVER)[1].verdict == AskCode()
    line, _ = masks.call("")
    leg = line.ask(Coded(dry.value.fallback.extension))
    assert isinstance(leg, Leg) and (leg.peers, leg.show) == ((CLIENT,), COMPANY)
    assert masks.calls.taken(str(line.id)).end is MaskEnd.NONE

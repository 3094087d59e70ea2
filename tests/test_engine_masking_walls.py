"""The walls: a call beyond them does not go on, one within them does."""

from dataclasses import replace
from pathlib import Path

from builders import settings
from hypothesis import given
from hypothesis import strategies as st
from masked_office import CLIENT, COMPANY, DRIVER, ORDER, OTHER, Office, Said
from sqlalchemy import Engine

from engine.masking.calls import Calls
from engine.masking.sheet import (
    Centre,
    Crossed,
    Leg,
)
from engine.masking.walls import Standing, Walls
from storage import mask_calls as store
from storage.vocab import MaskEnd

WALLS = Walls(("+7",), calls_at_once=2, calls_hour=20)
PEERS = ("+79210000001", "+79210000002")


@given(st.integers(0, 5), st.integers(0, 40))
def test_a_call_passes_up_to_the_limits_and_not_beyond(at_once: int, hour: int) -> None:
    rule = WALLS.against(PEERS, Standing(at_once, hour, crossed=False))
    assert (rule == "") == (at_once < 2 and hour < 20)
    assert rule == ("calls-at-once" if at_once >= 2 else "calls-hour" if hour >= 20 else "")


def test_each_phone_has_to_begin_as_one_that_may_be_called() -> None:
    free = Standing(0, 0, crossed=False)
    assert WALLS.against(PEERS, free) == ""
    assert WALLS.against((*PEERS, "+881600000001"), free) == "prefix"
    assert Walls((), 2, 20).against(PEERS, free) == "prefix", "no prefix, no number"


# In a database.


def test_two_calls_of_an_order_at_a_time_and_no_third(masks: Office) -> None:
    order = replace(ORDER, client_phones=(CLIENT, OTHER))
    masks.bindings.bind(order, "dispatch")
    first = masks.call(DRIVER)[0]
    assert isinstance(masks.call(DRIVER)[1].verdict, Leg)
    third, call = masks.call(DRIVER)
    assert call.verdict == Centre("calls-at-once")
    assert masks.row(third.id).rule == "calls-at-once"
    assert masks.events[-1] == ("refused", "calls-at-once")
    masks.end(first, MaskEnd.BUSY)
    assert isinstance(masks.call(DRIVER)[1].verdict, Leg)


def test_a_call_whose_end_was_lost_does_not_count_for_ever(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    ringing, talking = masks.call(DRIVER)[0], masks.call(DRIVER)[0]
    masks.calls.taken(str(talking.id))
    assert masks.call(DRIVER)[1].verdict == Centre("calls-at-once")
    masks.pass_s(store.RING_S + 1)
    assert masks.row(ringing.id).ended_at is None
    assert isinstance(masks.call(DRIVER)[1].verdict, Leg)
    assert masks.call(DRIVER)[1].verdict == Centre("calls-at-once")
    masks.pass_s(1800)
    assert isinstance(masks.call(DRIVER)[1].verdict, Leg)


def test_twenty_calls_an_hour_a_driver_from_whichever_phone(masks: Office) -> None:
    two = replace(ORDER, driver_phones=(DRIVER, OTHER), ttl_s=86_400)
    masks.bindings.bind(two, "dispatch")
    for n in range(20):
        line, call = masks.call((DRIVER, OTHER)[n % 2])
        assert isinstance(call.verdict, Leg)
        masks.end(line, MaskEnd.BUSY)
        masks.pass_s(1)
    assert masks.call(DRIVER)[1].verdict == Centre("calls-hour")
    assert isinstance(masks.call(CLIENT)[1].verdict, Leg), "the client's calls are his own"
    masks.pass_s(3600)
    assert isinstance(masks.call(OTHER)[1].verdict, Leg)


def test_a_number_that_may_not_be_called_any_more_is_not(
    masks: Office, engine: Engine, tmp_path: Path
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    strict = settings(tmp_path, masking={"prefixes": ["+7812"]})
    calls = Calls(engine, strict, Said(engine, strict))
    assert calls.open(COMPANY, DRIVER)[1].verdict == Centre("prefix")
    calls.close()


def test_both_press_at_once_and_the_second_is_told_that_he_is_being_called(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    drivers, _ = masks.call(DRIVER)
    clients, call = masks.call(CLIENT)
    assert call.verdict == Crossed()
    assert masks.end(clients, MaskEnd.CROSSED).ended == "crossed"
    masks.calls.taken(str(drivers.id))
    assert isinstance(masks.call(CLIENT)[1].verdict, Leg), "who is talking already is not being called"

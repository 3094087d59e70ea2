"""Calls that do not go on: too many, crossed, or nobody takes them; each is told why. On a real Asterisk."""

import pytest
from journeys.taxi import Taxi, until

pytestmark = pytest.mark.timeout(120)
TOLD = {  # a kind of callee -> what is said of him
    "busy": "busy",
    "rings": "no-answer",
    "tones": "no-answer",
    "declines": "no-answer",
    "moved": "no-answer",
    "switched-off": "off",
    "absent": "off",
    "no-such-number": "off",
    "carrier-timeout": "off",
}


def test_two_calls_of_an_order_pass_the_third_is_refused_and_led_to_the_centre(taxi: Taxi) -> None:
    driver, client = taxi.phone("listens"), taxi.phone("listens")
    taxi.bind("A-1", driver, client)
    two = [taxi.talks(taxi.calls_in(driver), client), taxi.talks(taxi.calls_in(client), driver)]
    taxi.centre(taxi.calls_in(driver), "refused")
    for call in two:
        assert call.calls
        call.hang_up()
    assert taxi.ended("A-1") == ["talked", "talked", "centre"]
    call = taxi.calls_in(driver)
    until(lambda: taxi.rung(call, client))
    call.hang_up()


def test_a_driver_who_called_too_often_within_the_hour_is_led_to_the_centre(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone("busy")
    taxi.bind("B-1", driver, client)
    for times in range(1, 7):
        taxi.calls_in(driver).until(lambda _, times=times: len(taxi.rang(client)) == times).hang_up()
        assert len(taxi.ended("B-1")) == times
    taxi.centre(taxi.calls_in(driver), "refused")
    assert len(taxi.rang(client)) == 6
    assert taxi.calls("B-1")[-1].rule == "calls-hour"


def test_who_is_being_called_by_the_other_side_is_told_so(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone("listens", 3)
    taxi.bind("C-1", driver, client)
    call = taxi.calls_in(driver)
    until(lambda: taxi.rung(call, client))
    assert taxi.heard(taxi.calls_in(client).to_the_end(), "crossed")
    assert driver not in taxi.numbers()
    taxi.talks(call, client).hang_up()
    assert taxi.ended("C-1") == ["talked", "crossed"]


def test_who_cannot_be_reached_is_told_of_in_his_own_words(taxi: Taxi) -> None:
    calls = {}
    for kind in TOLD:
        driver, client = taxi.phone(), taxi.phone(kind)
        taxi.bind(f"D-{kind}", driver, client)
        calls[kind] = taxi.calls_in(driver)
    heard = {kind: call.to_the_end() for kind, call in calls.items()}
    for kind, phrase in TOLD.items():
        assert [name for name in set(TOLD.values()) if taxi.heard(heard[kind], name)] == [phrase], kind
        assert taxi.ended(f"D-{kind}") == [phrase]


def test_where_no_trunk_takes_the_call_the_centre_does(taxi: Taxi) -> None:
    calls = []
    for kind in ("no-circuit", "carrier-fault", "no-codec"):
        driver = taxi.phone()
        taxi.bind(f"E-{kind}", driver, taxi.phone(kind))
        calls.append(taxi.calls_in(driver))
    for call in calls:
        taxi.centre(call, "greeting")

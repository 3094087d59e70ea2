"""An order changes hands, is closed, has its grace: while a phone rings, while they talk, and to the second.
On a real Asterisk.
"""

from datetime import timedelta

import pytest
from journeys.taxi import CENTRE, COMPANY, Taxi, until

pytestmark = pytest.mark.timeout(120)


def test_a_client_is_led_to_the_driver_whom_his_order_went_to_while_the_old_ones_phone_rang(
    taxi: Taxi,
) -> None:
    old, new, client = taxi.phone("listens", 2), taxi.phone("listens"), taxi.phone()
    taxi.bind("A-1", old, client)
    call = taxi.calls_in(client)
    until(lambda: taxi.rung(call, old))
    taxi.bind("A-1", new, client)
    taxi.talks(call, new)
    assert taxi.heard(call.hang_up(), "reassigned")
    assert taxi.heard(taxi.of(old), "reassigned", "goodbye"), "he is told, and dropped"
    assert not taxi.heard(taxi.of(new), "reassigned")
    assert taxi.rang(new) == [COMPANY]
    assert taxi.ended("A-1") == ["talked"]


def test_a_driver_whose_order_went_to_another_or_was_closed_while_the_clients_phone_rang_is_told(
    taxi: Taxi,
) -> None:
    new, said = taxi.phone(), {"reassigned": "reassigned", "closed": "finished"}
    orders = {end: (taxi.phone(), taxi.phone("listens", 2)) for end in said}
    for end, (driver, client) in orders.items():
        taxi.bind(end, driver, client)
    calls = {end: taxi.calls_in(driver) for end, (driver, _) in orders.items()}
    until(lambda: all(taxi.rung(calls[end], client) for end, (_, client) in orders.items()))
    taxi.bind("reassigned", new, orders["reassigned"][1])
    taxi.close("closed")
    for end, (_, client) in orders.items():
        assert taxi.heard(calls[end].to_the_end(), said[end])
        assert taxi.heard(taxi.of(client), said[end], "goodbye")
        assert taxi.ended(end) == [end]
    assert new not in taxi.numbers()


def test_closed_while_they_talk_they_talk_on_and_the_next_call_is_for_the_centre(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone("listens")
    taxi.bind("D-1", driver, client)
    talking = taxi.talks(taxi.calls_in(driver), client)
    taxi.close("D-1")
    nexts = [taxi.calls_in(phone) for phone in (driver, client)]
    for call in nexts:
        taxi.centre(call, "finished")
    assert talking.calls
    assert not taxi.heard(talking.hang_up(), "finished")
    assert taxi.rang(client) == [COMPANY], "he was called once"
    assert taxi.ended("D-1") == ["talked", "centre", "centre"]
    assert CENTRE in taxi.numbers()


def test_a_client_has_his_grace_to_the_second_and_a_driver_none(taxi: Taxi) -> None:
    driver, client = taxi.phone("listens"), taxi.phone()
    taxi.bind("E-1", driver, client)
    taxi.close("E-1", grace_s=3)
    over_at = taxi.grace_until("E-1")
    until(lambda: taxi.stand.settings.now() > over_at - timedelta(seconds=1))
    forgotten, drivers = taxi.calls_in(client), taxi.calls_in(driver)
    until(lambda: taxi.rung(forgotten, driver))
    until(lambda: taxi.stand.settings.now() >= over_at)
    late = taxi.calls_in(client)
    taxi.talks(forgotten, driver).hang_up()
    for call in (drivers, late):
        taxi.centre(call, "finished")
    assert [row.rule for row in taxi.calls("E-1") if row.caller == client] == ["grace", "order-finished"]
    assert taxi.rang(driver) == [COMPANY]

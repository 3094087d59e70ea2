"""One driver with two orders at a time, in each of the three modes. On a real Asterisk."""

import pytest
from journeys.taxi import COMPANY, Taxi, until

pytestmark = pytest.mark.timeout(120)


def test_in_replace_a_driver_reaches_his_newest_client_and_both_clients_reach_him(taxi: Taxi) -> None:
    driver, first, second = (taxi.phone("listens") for _ in range(3))
    taxi.bind("A-1", driver, first)
    taxi.bind("A-2", driver, second)
    calls = taxi.calls_in(driver), taxi.calls_in(first)
    taxi.talks(calls[0], second)
    taxi.talks(calls[1], driver)
    for call in calls:
        call.hang_up()
    assert taxi.ended("A-1") == taxi.ended("A-2") == ["talked"]
    taxi.talks(taxi.calls_in(second), driver).hang_up()
    assert first not in taxi.numbers()
    assert {*taxi.rang(driver), *taxi.rang(second)} == {COMPANY}


def test_in_menu_a_key_says_which_a_wrong_one_is_asked_again_and_silence_is_for_the_centre(
    taxi: Taxi,
) -> None:
    driver, first, second = (taxi.phone("listens") for _ in range(3))
    taxi.bind("B-1", driver, first, mode="menu")
    taxi.bind("B-2", driver, second, mode="menu")
    silent, previous, wrong = (taxi.calls_in(driver, keys=keys) for keys in ("", "       2", "7   1"))
    taxi.talks(wrong, second)
    assert taxi.heard(wrong.hang_up(), "no-such-key")
    taxi.talks(previous, first)
    assert taxi.heard(previous.hang_up(), "menu-1", "menu-2")
    taxi.centre(silent, "menu-1", "menu-2")
    assert [row.rule for row in taxi.calls("B-1")] == [row.rule for row in taxi.calls("B-2")] == ["chosen"]


def test_in_pool_each_order_has_a_number_and_calls_back_by_it(taxi: Taxi) -> None:
    for did in ("+78120000002", "+78120000003"):
        taxi.numbers_of_ours.add(did, "anna")
    driver, *clients = (taxi.phone("listens") for _ in range(3))
    orders = [taxi.bind(f"C-{place}", driver, client, mode="pool") for place, client in enumerate(clients, 1)]
    numbers = [order["driver_dials"] for order in orders]
    assert len(set(numbers)) == 2
    calls = [taxi.calls_in(driver, number) for number in numbers]
    for call, client, order in zip(calls, clients, orders, strict=True):
        taxi.talks(call, client).hang_up()
        assert taxi.rang(client) == [order["client_dials"]]
        assert taxi.ended(order["order"]) == ["talked"]
    for client, order in zip(clients, orders, strict=True):
        call = taxi.calls_in(client, order["client_dials"])
        until(lambda call=call: taxi.rung(call, driver))
        call.hang_up()
    assert taxi.rang(driver) == numbers

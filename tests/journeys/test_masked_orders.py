"""One driver with two orders at a time, in each of the three modes. On a real Asterisk."""

import pytest
from journeys.taxi import COMPANY, Taxi

pytestmark = pytest.mark.timeout(120)


def reaches(taxi: Taxi, caller: str, callee: str, did: str = COMPANY, keys: str = "") -> str:
    """Who calls talks to that one; the number that he is seen with."""
    taxi.talks(taxi.calls_in(caller, did, keys), callee).hang_up()
    return taxi.rang(callee)[-1]


def test_in_replace_a_driver_reaches_his_newest_client_and_both_clients_reach_him(taxi: Taxi) -> None:
    driver, first, second = (taxi.phone("listens") for _ in range(3))
    taxi.bind("A-1", driver, first)
    taxi.bind("A-2", driver, second)
    assert reaches(taxi, driver, second) == COMPANY
    assert first not in taxi.numbers()
    assert reaches(taxi, first, driver) == COMPANY
    assert reaches(taxi, second, driver) == COMPANY


def test_in_menu_a_key_says_which_a_wrong_one_is_asked_again_and_silence_is_for_the_centre(
    taxi: Taxi,
) -> None:
    driver, first, second = (taxi.phone("listens") for _ in range(3))
    taxi.bind("B-1", driver, first, mode="menu")
    taxi.bind("B-2", driver, second, mode="menu")
    calls = [taxi.calls_in(driver, keys=keys) for keys in ("", "     2")]
    taxi.talks(calls[1], first)
    assert taxi.heard(calls[1].hang_up(), "menu-1", "menu-2")
    taxi.centre(calls[0], "menu-1", "menu-2")
    wrong = taxi.calls_in(driver, keys="7   1")
    taxi.talks(wrong, second)
    assert taxi.heard(wrong.hang_up(), "no-such-key")
    assert [row.rule for row in taxi.calls("B-1")] == [row.rule for row in taxi.calls("B-2")] == ["chosen"]


def test_in_pool_each_order_has_a_number_and_calls_back_by_it(taxi: Taxi) -> None:
    for did in ("+78120000002", "+78120000003"):
        taxi.numbers_of_ours.add(did, "anna")
    driver, first, second = (taxi.phone("listens") for _ in range(3))
    bound = [taxi.bind("C-1", driver, first, mode="pool"), taxi.bind("C-2", driver, second, mode="pool")]
    assert bound[0]["driver_dials"] != bound[1]["driver_dials"]
    for client, order in zip((first, second), bound, strict=True):
        assert reaches(taxi, driver, client, order["driver_dials"]) == order["client_dials"]
        assert reaches(taxi, client, driver, order["client_dials"]) == order["driver_dials"]

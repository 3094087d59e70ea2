"""Call-back: one side is rung first, and the other when he has pressed 1. On a real Asterisk."""

import pytest
from journeys.taxi import CENTRE, COMPANY, Taxi, speaks, until

from engine.masking.back import CallBacks
from lab.kinds import number
from storage.vocab import MaskRole

pytestmark = pytest.mark.timeout(120)
PRESSES_S = 6  # after the answer: the question was heard


def ring(taxi: Taxi, order: str, side: MaskRole) -> None:
    """One side of an order is rung, as the dispatch asks."""
    backs = CallBacks(taxi.engine, taxi.stand.settings)
    assert backs.call(order, side, "dispatch")["accepted"]


@pytest.mark.parametrize(
    "serial, side, question, whisper",
    [
        (1, MaskRole.DRIVER, "back-to-client", "from-driver"),
        (2, MaskRole.CLIENT, "back-to-driver", "from-client"),
    ],
)
def test_who_presses_one_talks_to_the_other_side_who_sees_the_companys_number(
    taxi: Taxi, serial: int, side: MaskRole, question: str, whisper: str
) -> None:
    first, other = number("press-1", serial, PRESSES_S), number("announcement", serial)
    driver, client = (first, other) if side is MaskRole.DRIVER else (other, first)
    taxi.bind(f"B-{side}", driver, client)
    ring(taxi, f"B-{side}", side)
    assert taxi.ended(f"B-{side}") == ["talked"]
    assert taxi.rang(first) == taxi.rang(other) == [COMPANY]
    heard = taxi.of(first)
    assert taxi.heard(heard, question) and speaks(heard)
    assert taxi.heard(taxi.of(other), whisper)


def test_who_does_not_press_is_a_voicemail_and_nobody_else_is_rung(taxi: Taxi) -> None:
    driver, client = number("listens", 10), number("listens", 11)
    taxi.bind("B-2", driver, client)
    ring(taxi, "B-2", MaskRole.DRIVER)
    assert taxi.ended("B-2") == ["abandoned"]
    assert taxi.heard(taxi.of(driver), "back-to-client")
    assert (taxi.rang(driver), taxi.rang(client)) == ([COMPANY], [])


@pytest.mark.parametrize("kind", ["busy", "rings", "no-such-number", "silence"])
def test_who_does_not_answer_is_rung_once_and_the_call_is_over(taxi: Taxi, kind: str) -> None:
    driver, client = number(kind, 20), number("listens", 21)
    taxi.bind(f"B-{kind}", driver, client)
    ring(taxi, f"B-{kind}", MaskRole.DRIVER)
    assert taxi.ended(f"B-{kind}") == ["abandoned"]
    assert (taxi.rang(driver), taxi.rang(client)) == ([COMPANY], [])


def test_a_client_who_is_busy_is_told_to_the_driver(taxi: Taxi) -> None:
    driver, client = number("press-1", 30, PRESSES_S), number("busy", 31)
    taxi.bind("B-4", driver, client)
    ring(taxi, "B-4", MaskRole.DRIVER)
    assert taxi.ended("B-4") == ["busy"]
    assert taxi.heard(taxi.of(driver), "back-to-client", "busy")


def test_an_order_closed_while_the_driver_was_rung_is_told_and_the_call_centre_takes_him(taxi: Taxi) -> None:
    driver, client = number("press-1", 40, PRESSES_S), number("listens", 41)
    taxi.bind("B-5", driver, client)
    ring(taxi, "B-5", MaskRole.DRIVER)
    until(lambda: taxi.rang(driver) == [COMPANY])
    taxi.close("B-5")
    until(lambda: taxi.rang(CENTRE) != [])
    until(lambda: taxi.heard(taxi.of(driver), "back-to-client", "finished", "to-centre"))
    assert taxi.rang(client) == []

"""Who has no order on the phone that he calls from: the greeting, the code of an order, the call centre. On a
real Asterisk.
"""

import pytest
from journeys.taxi import COMPANY, Taxi

pytestmark = pytest.mark.timeout(120)
WRONG = "111#"  # shorter than any code


def test_a_stranger_and_who_withholds_his_number_are_asked_for_the_code_and_silence_leads_to_the_centre(
    taxi: Taxi,
) -> None:
    calls = [taxi.calls_in(taxi.phone()), taxi.calls_in("")]
    for call in calls:
        taxi.centre(call, "greeting", "code")


def test_the_right_code_from_another_phone_connects_either_side(taxi: Taxi) -> None:
    driver, client = taxi.phone("listens"), taxi.phone("listens")
    bound = taxi.bind("A-1", driver, client)
    of_driver = taxi.calls_in(taxi.phone(), keys=bound["extension"] + "#")
    of_client = taxi.calls_in("", keys=bound["client_extension"] + "#")
    taxi.talks(of_driver, client)
    taxi.talks(of_client, driver)
    for call, callee, whisper in ((of_driver, client, "from-driver"), (of_client, driver, "from-client")):
        call.hang_up()
        assert taxi.rang(callee) == [COMPANY]
        assert taxi.heard(taxi.of(callee), whisper)
    assert {(row.rule, row.coded) for row in taxi.calls("A-1")} == {("code", True)}


def test_a_code_wrong_three_times_leads_to_the_centre_and_nine_in_an_hour_are_all(taxi: Taxi) -> None:
    guesser = taxi.phone()
    calls = [taxi.calls_in(guesser, keys=f"{WRONG}  {WRONG}  {WRONG}") for _ in range(3)]
    for call in calls:
        taxi.centre(call, "wrong-code", "wrong-code")
    call = taxi.calls_in(guesser)
    sound = taxi.centre(call, "greeting")
    assert not taxi.heard(sound, "code"), "he is not asked any more"
    other = taxi.calls_in(taxi.phone())
    other.until(lambda one: taxi.heard(one.heard(), "greeting", "code"))
    other.hang_up()

"""Who has no order on the phone that he calls from: the greeting, the code of an order, the call centre. On a
real Asterisk.
"""

import pytest
from journeys.taxi import COMPANY, Taxi

pytestmark = pytest.mark.timeout(120)
WRONG = "1#"  # shorter than any code


def test_a_stranger_is_asked_for_a_code_and_silence_or_wrong_ones_lead_to_the_centre(taxi: Taxi) -> None:
    silent = [taxi.calls_in(taxi.phone()), taxi.calls_in("")]
    guesser = taxi.phone()
    for call in [taxi.calls_in(guesser, keys=f"{WRONG}  {WRONG}  {WRONG}") for _ in range(3)]:
        taxi.centre(call, "wrong-code", "wrong-code")
    tenth, other = taxi.calls_in(guesser), taxi.calls_in(taxi.phone())
    sound = taxi.centre(tenth, "greeting")
    assert not taxi.heard(sound, "code"), "nine wrong ones in an hour: he is not asked any more"
    for call in silent:
        taxi.centre(call, "greeting", "code")
    other.until(lambda one: taxi.heard(one.heard(), "greeting", "code")).hang_up()


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

"""Driver and client talk through the company's number. On a real Asterisk."""

import pytest
from journeys.taxi import COMPANY, Taxi, speaks, words

from lab.kinds import number

pytestmark = pytest.mark.timeout(120)


def test_driver_and_client_hear_each_other_and_see_the_companys_number(taxi: Taxi) -> None:
    driver, client = number("operator", 1), number("operator", 2)
    taxi.bind("A-1", driver, client)
    for caller, callee, whisper in ((driver, client, "from-driver"), (client, driver, "from-client")):
        call = taxi.caller(caller).start()
        call.until(lambda one: speaks(one.heard()))
        call.hang_up()
        assert taxi.rang(callee) == [COMPANY]
        heard = taxi.of(callee)
        assert taxi.heard(heard, whisper)
        assert words(heard)
    assert taxi.ended("A-1") == ["talked", "talked"]

"""Driver and client talk through the company's number. On a real Asterisk."""

import pytest
from journeys.taxi import COMPANY, Taxi, speaks, until, words

pytestmark = pytest.mark.timeout(120)


def test_each_reaches_the_other_hears_him_and_sees_the_companys_number(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone()
    taxi.bind("A-1", driver, client)
    for caller, callee, whisper in ((driver, client, "from-driver"), (client, driver, "from-client")):
        call = taxi.calls_in(caller).until(lambda one: speaks(one.heard()))
        call.hang_up()
        assert taxi.rang(callee) == [COMPANY]
        heard = taxi.of(callee)
        assert taxi.heard(heard, whisper)
        assert words(heard)
    assert taxi.ended("A-1") == ["talked", "talked"]


def test_a_driver_reaches_his_client_however_his_carrier_writes_his_number(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone("listens")
    taxi.bind("B-1", driver, client)
    spelled = [{"phone": text} for text in (driver, "8" + driver[2:], driver[1:], driver[2:])]
    spelled.append({"phone": "", "vouched": driver})  # withheld; his carrier tells us
    for times, one in enumerate(spelled, 1):
        call = taxi.calls_in(**one)
        until(lambda call=call: taxi.rung(call, client))
        if times == len(spelled):
            taxi.talks(call, client)
        call.hang_up()
        assert len(taxi.ended("B-1")) == times
    assert taxi.rang(client) == [COMPANY] * 5


def test_a_talk_ends_at_its_limit_both_were_warned_and_no_key_did_anything(taxi: Taxi) -> None:
    driver, client = taxi.phone(), taxi.phone("tries-keys")
    taxi.bind("C-1", driver, client)
    call = taxi.calls_in(driver, keys="   #1*1*2##*0")
    until(lambda: client in taxi.numbers())
    rang = taxi.numbers()
    warned = call.to_the_end()
    for heard in (warned, taxi.of(client)):
        assert taxi.like(heard, "ru/soon-over.wav")
    assert taxi.ended("C-1") == ["talked"]
    (row,) = taxi.calls("C-1")
    assert (row.ended_at - row.answered_at).total_seconds() >= 12
    assert taxi.numbers() == rang, "nobody else was called"


def test_the_second_phone_rings_when_the_first_is_not_answered_and_the_caller_knows_that_he_is_recorded(
    taxi: Taxi,
) -> None:
    driver, client = taxi.phone(), [taxi.phone("rings"), taxi.phone("listens")]
    taxi.bind("D-1", driver, client, record=True)
    assert taxi.heard(taxi.talks(taxi.calls_in(driver), client[1]).hang_up(), "recorded")
    assert [phone for phone in taxi.numbers() if phone in client] == client
    assert taxi.ended("D-1") == ["talked"]

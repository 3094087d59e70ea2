"""Our server is killed, or is not there; the database is away: whoever talks talks on, whoever calls reaches
the call centre's queue. On a real Asterisk.
"""

from collections.abc import Iterator

import pytest
from journeys.conftest import in_business
from journeys.taxi import COMPANY, Taxi, speaks, until, words

from lab.caller import Caller
from lab.ear import RATE
from lab.kinds import number
from lab.operators import seat
from lab.postgres import Postgres

pytestmark = pytest.mark.timeout(120)
OPERATORS = {f"operator-{n}": number("operator", 9100 + n) for n in range(3)}
SOON_S = 3.0  # to the greeting, and to the ringing of the call centre


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """One that may be killed."""
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> Iterator[Taxi]:
    """A company with a queue of operators."""
    folder = tmp_path_factory.mktemp("taxi")
    with in_business(folder, database.database(), call_centre="queue:taxi") as company:
        seat(company.stand, "taxi", OPERATORS)
        yield company


@pytest.fixture
def killed(taxi: Taxi) -> Iterator[Taxi]:
    """Our server may be killed; it is back for the next test."""
    yield taxi
    taxi.server.kill()
    taxi.server = taxi.serve()


def reaches_the_centre_soon(taxi: Taxi, call: Caller) -> None:
    """The dialplan alone greets the caller, rings an operator and connects them."""
    call.until(lambda one: speaks(one.heard()))
    assert taxi.like(call.hang_up(), "ru/centre.wav")
    rang = [one.at for one in taxi.stand.carrier.sent if one.number in OPERATORS.values()]
    greeted_s = call.hears_since - call.invited_at
    rang_s = min(at for at in rang if at > call.invited_at) - call.invited_at
    assert max(greeted_s, rang_s) < SOON_S


def test_a_killed_server_takes_no_call_with_it(killed: Taxi) -> None:
    taxi = killed
    driver, client = taxi.phone(), taxi.phone("hangs-up", 9)
    taxi.bind("A-1", driver, client)
    talking = taxi.talks(taxi.calls_in(driver), client)
    other, rung = taxi.phone(), taxi.phone("listens", 2)
    taxi.bind("A-2", other, rung)
    ringing = taxi.calls_in(other)
    until(lambda: taxi.rung(ringing, rung))
    taxi.server.kill()
    said = len(taxi.of(client))
    taxi.talks(ringing, rung).hang_up()
    until(lambda: words(taxi.of(client)[said + RATE :]))
    sound = talking.to_the_end()
    assert not taxi.like(sound, "ru/centre.wav")
    assert not any(taxi.rung(talking, phone) for phone in OPERATORS.values()), "not after his talk"
    assert taxi.rang(client) == taxi.rang(rung) == [COMPANY]


def test_without_our_server_who_calls_is_greeted_and_reaches_the_centre(killed: Taxi) -> None:
    taxi = killed
    driver, client = taxi.phone(), taxi.phone()
    taxi.bind("B-1", driver, client)
    taxi.server.kill()
    reaches_the_centre_soon(taxi, taxi.calls_in(driver))
    assert client not in taxi.numbers()


def test_without_the_database_who_calls_reaches_the_centre_and_with_it_his_client_again(
    taxi: Taxi, database: Postgres
) -> None:
    driver, client = taxi.phone(), taxi.phone("listens")
    taxi.bind("C-1", driver, client)
    database.kill()
    reaches_the_centre_soon(taxi, taxi.calls_in(driver))
    database.start()
    taxi.engine.dispose()
    taxi.talks(taxi.calls_in(driver), client).hang_up()
    assert taxi.ended("C-1") == ["talked"]
    database.kill()
    database.start()  # this time nobody called meanwhile
    taxi.engine.dispose()
    taxi.talks(taxi.calls_in(driver), client).hang_up()

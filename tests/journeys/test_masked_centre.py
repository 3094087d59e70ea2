"""The call centre: an operator in a queue is rung with the card of the call, which his screen then reads. On
a real Asterisk, over AMI, over real HTTP.
"""

import time
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from journeys.conftest import in_business
from journeys.taxi import COMPANY, Taxi, speaks, until
from lab_line import Ami

from engine.access.service import Keys
from engine.masking.card import Cards
from lab.kinds import number
from lab.leaks import Message
from lab.operators import seat
from lab.postgres import Postgres
from lab.wire import Wire
from storage.vocab import Scope

pytestmark = pytest.mark.timeout(150)
OPERATORS = {"operator-1": number("operator", 9001)}
SCREEN = """
[screen]
secret = secret-of-the-screen
read = user
write =
"""
HEADER = b"X-Zvonar-Card: "


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Taxi]:
    """A taxi company whose call centre is a queue, with a program on the operators' screens."""
    url = postgres.database()
    with in_business(tmp_path_factory.mktemp("centre"), url, call_centre="queue:taxi") as company:
        (company.stand.node.conf / "manager_custom.conf").write_text(SCREEN)
        company.stand.node.console("manager reload")
        yield company
    postgres.drop(url)


def offered(ami: Ami) -> dict[str, str]:
    """The next card that the manager interface tells of."""
    while (event := ami.read()).get("UserEvent") != "CardOffer":
        pass
    return event


def card_of(messages: list[Message], phone: str) -> str:
    """The card in the INVITE to an operator."""
    (invite,) = [one.data for one in messages if one.data.startswith(f"INVITE sip:{phone}".encode())]
    return next(line[len(HEADER) :].decode() for line in invite.split(b"\r\n") if line.startswith(HEADER))


def test_an_operator_is_rung_with_the_card_and_his_screen_reads_it(centre: Taxi) -> None:
    seat(centre.stand, "taxi", OPERATORS)
    (phone,) = OPERATORS.values()
    driver, client = centre.phone(), centre.phone()
    centre.bind("C-1", driver, client)
    centre.close("C-1")
    screen = Ami(centre.stand.node.ami_port, "screen", "secret-of-the-screen")
    with Wire(centre.stand.carrier.port) as wire:
        call = centre.calls_in(driver)
        event = offered(screen)
        call.until(lambda one: speaks(one.heard()))
        heard = call.hang_up()
    screen.close()
    assert centre.heard(heard, "finished", "to-centre")
    assert event["Card"] == card_of(wire.messages, phone)
    assert event["Channel"].startswith("PJSIP/operator-1-")

    # The program on his screen asks for the card.
    key = Keys(centre.engine, centre.stand.settings).add("screen", [Scope.BINDINGS_READ], "anna")
    centre.shell.serve("web")
    url = f"http://{centre.stand.settings.web.bind}"
    until(lambda: answers(f"{url}/livez"))
    answer = httpx.get(f"{url}/v1/cards/{event['Card']}", headers={"Authorization": f"Bearer {key}"})
    card = answer.json()
    assert (card["order"], card["state"], card["role"], card["client"]) == ("C-1", "over", "driver", "Анна")
    assert card["why"].startswith("Заказ C-1 закончен")
    assert card["caller"] == f"…{driver[-2:]}" and client[2:] not in answer.text
    assert centre.ended("C-1") == ["centre"]
    assert "ERROR" not in centre.shell.logs(), "the operator is no debtor's"


def answers(url: str) -> bool:
    """Does it, by now?"""
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        time.sleep(0.1)
        return False


def test_where_no_operator_is_the_caller_is_told_at_once(centre: Taxi) -> None:
    seat(centre.stand, "taxi", {})
    driver, client = centre.phone(), centre.phone()
    centre.bind("C-2", driver, client)
    centre.close("C-2")
    heard = centre.caller(driver).call()  # 60 s at most; the queue itself would keep him for five minutes
    assert centre.heard(heard, "finished", "to-centre", "centre-busy")
    assert centre.ended("C-2") == ["unattended"]


def test_who_gives_up_before_an_operator_answers_has_a_card_too(centre: Taxi) -> None:
    seat(centre.stand, "taxi", {"operator-2": number("rings", 9002)})
    driver, client = centre.phone(), centre.phone()
    centre.bind("C-3", driver, client)
    centre.close("C-3")
    call = centre.calls_in(driver)
    until(lambda: centre.rang(number("rings", 9002)) != [])
    call.hang_up()
    (row,) = centre.calls("C-3")
    card = Cards(centre.engine, centre.stand.settings).read(UUID(str(row.id)))
    assert (card["order"], card["calls"]) == ("C-3", [])


def test_without_our_server_the_dialplan_leads_to_the_queue_and_out_of_an_empty_one(centre: Taxi) -> None:
    seat(centre.stand, "taxi", OPERATORS)
    centre.server.kill()
    call = centre.calls_in(centre.phone())
    call.until(lambda one: speaks(one.heard()))
    assert centre.like(call.hang_up(), "ru/centre.wav")
    seat(centre.stand, "taxi", {})
    assert centre.like(centre.caller(centre.phone()).call(), "ru/centre.wav")
    centre.server = centre.serve()


def test_a_call_centre_that_is_a_number_gets_the_card_too(taxi: Taxi) -> None:
    with Wire(taxi.stand.carrier.port) as wire:
        call = taxi.calls_in(taxi.phone())
        taxi.centre(call, "greeting", "code")
    card = card_of(wire.messages, number("operator", 9000))
    shown = {one.caller for one in taxi.stand.carrier.sent if one.number == number("operator", 9000)}
    assert shown == {COMPANY}, "a carrier may refuse the caller's own"
    told = Cards(taxi.engine, taxi.stand.settings).read(UUID(card))
    assert (told["role"], told["order"], told["rule"]) == ("stranger", None, "stranger")

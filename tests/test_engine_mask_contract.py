"""One contract, two Asterisks: masked calls go on the shipped fake as on the real one, with the same server.

Only so are the fast tests on the fake worth something.
"""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from journeys.conftest import in_business
from journeys.taxi import CENTRE, COMPANY, Taxi, until

from dialplan.phrases import Mask
from engine.gateways.fake import FakeAsterisk
from engine.gateways.fake_agi import Agi, Phone
from engine.gateways.fake_callee import Callee
from lab.caller import Caller
from lab.kinds import kind_of, number
from lab.postgres import Postgres

GREETED_S = 6  # when the greeting is over, and a key cuts nothing of it short

pytestmark = [pytest.mark.timeout(180), pytest.mark.real]


def callee(phone: str) -> Callee:
    """A phone of the lab, as the fake plays it."""
    kind, seconds = kind_of(phone), int(phone.removeprefix("+")[6])
    if kind.name == "silence":
        return Callee(code=0, rings=False)
    if kind.name in ("rings", "tones"):
        return Callee(after_s=3600, rings=kind.name == "rings", progress=kind.name == "tones")
    if kind.sip != 200:
        return Callee(code=kind.sip, rings=seconds > 0, after_s=float(seconds))
    if kind.name == "hangs-up":
        return Callee(hangs_up_s=float(seconds))
    return Callee(after_s=0.1 + seconds)


class World(Protocol):
    """An Asterisk on which people call the company."""

    def call(self, caller: str, *keys: str) -> None:
        """Somebody calls, presses keys one after another, and stays until he is hung up on."""

    def leave(self, caller: str, after_s: float) -> None:
        """The same, but he hangs up after so many seconds."""

    def shown(self, phone: str) -> list[str]:
        """What a phone showed, each time it rang."""

    def hears(self, caller: str, *names: str) -> bool:
        """Were these phrases, in this order, what this caller heard (or began to hear)?"""

    def heard(self, phone: str, *names: str) -> bool:
        """The same of the last one who took a call on this phone."""


class Faked:
    """One of its own beside the stand's, which asks the same server."""

    def __init__(self, taxi: Taxi) -> None:
        self.taxi = taxi
        fastagi = taxi.stand.settings.fastagi
        host, _, port = fastagi.bind.rpartition(":")
        agi = Agi(host, int(port), token_key=fastagi.token_key.get_secret_value())
        self.asterisk = FakeAsterisk(callee, agi, secret="secret")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.asterisk.start(), self.loop).result(10)
        self.phones: dict[str, Future[Phone]] = {}

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.asterisk.stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def call(self, caller: str, *keys: str) -> None:
        self._call(caller, keys=[(GREETED_S + 0.3 * place, key) for place, key in enumerate(keys)])

    def leave(self, caller: str, after_s: float) -> None:
        self._call(caller, hangs_up_s=after_s)

    def _call(self, caller: str, **does: Any) -> None:
        coming = self.asterisk.call_in(caller, COMPANY, **does)
        self.phones[caller] = asyncio.run_coroutine_threadsafe(coming, self.loop)

    def shown(self, phone: str) -> list[str]:
        return [leg.shown for leg in self.asterisk.dials.legs if leg.number == phone]

    def hears(self, caller: str, *names: str) -> bool:
        return self._said(self.phones[caller].result(60), *names)

    def heard(self, phone: str, *names: str) -> bool:
        taken = [leg.phone for leg in self.asterisk.dials.legs if leg.number == phone and leg.phone]
        return self._said(taken[-1], *names)

    def _said(self, phone: Phone, *names: str) -> bool:
        """By the files' names, in order; others may come between."""
        played = iter([Path(file).name for file, _ in phone.heard])
        return all(self.taxi.clip(name) in played for name in names)


class Real:
    def __init__(self, taxi: Taxi) -> None:
        self.taxi = taxi
        self.callers: dict[str, Caller] = {}

    def call(self, caller: str, *keys: str) -> None:
        pressed = {GREETED_S + 0.3 * place: key for place, key in enumerate(keys)}
        self.callers[caller] = self.taxi.caller(caller).start(pressed)

    def leave(self, caller: str, after_s: float) -> None:
        self.call(caller)
        gone = threading.Timer(after_s, self.callers[caller].hang_up)
        gone.start()
        gone.join()

    def shown(self, phone: str) -> list[str]:
        return self.taxi.rang(phone)

    def hears(self, caller: str, *names: str) -> bool:
        return self.taxi.heard(self.callers[caller].to_the_end(), *names)

    def heard(self, phone: str, *names: str) -> bool:
        return self.taxi.heard(self.taxi.of(phone), *names)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Taxi]:
    url = postgres.database()
    with in_business(tmp_path_factory.mktemp("taxi"), url) as company:
        yield company
    postgres.drop(url)


@contextmanager
def faked(taxi: Taxi) -> Iterator[World]:
    world = Faked(taxi)
    try:
        yield world
    finally:
        world.stop()


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, company: Taxi) -> Iterator[World]:
    """Each Asterisk has its own half of the phones (see `phones`)."""
    if request.param == "real":
        yield Real(company)
        return
    with faked(company) as found:
        yield found


def phones(world: World, place: int, callee: str, seconds: int = 0) -> tuple[str, str, str]:
    """An order's name, who calls, and whom he reaches: nobody else's."""
    serial = 2 * place + isinstance(world, Real)
    return f"C-{serial}", number("operator", serial), number(callee, serial, seconds)


def test_a_client_is_told_who_calls_and_sees_the_company(world: World, company: Taxi) -> None:
    order, driver, client = phones(world, 100, "hangs-up", 3)
    company.bind(order, driver, client)
    world.call(driver)
    until(lambda: bool(company.calls(order)))
    assert company.ended(order) == ["talked"]
    (row,) = company.calls(order)
    assert row.answered_at is not None
    assert world.shown(client) == [COMPANY]
    assert world.heard(client, Mask.FROM_DRIVER)


def test_both_are_told_that_their_talk_is_recorded(world: World, company: Taxi) -> None:
    order, driver, client = phones(world, 101, "hangs-up", 5)
    company.bind(order, driver, client, record=True)
    world.call(driver)
    until(lambda: bool(company.calls(order)))
    assert company.ended(order) == ["talked"]
    assert world.hears(driver, Mask.RECORDED)
    assert world.heard(client, Mask.FROM_DRIVER, Mask.RECORDED)


@pytest.mark.parametrize(
    ("place", "kind", "seconds", "end", "phrase"),
    [
        (110, "busy", 0, "busy", Mask.BUSY),
        (111, "busy", 1, "busy", Mask.BUSY),
        (112, "rings", 0, "no-answer", Mask.NO_ANSWER),
        (113, "tones", 0, "no-answer", Mask.NO_ANSWER),
        (114, "switched-off", 0, "off", Mask.OFF),
        (115, "no-such-number", 0, "off", Mask.OFF),
        (116, "changed-number", 0, "off", Mask.OFF),
        (117, "short-number", 0, "off", Mask.OFF),
        (118, "carrier-timeout", 0, "off", Mask.OFF),
        (119, "declines", 1, "no-answer", Mask.NO_ANSWER),
        (120, "forbidden", 0, "no-answer", Mask.NO_ANSWER),
        (121, "moved", 0, "no-answer", Mask.NO_ANSWER),
        (122, "absent", 0, "off", Mask.OFF),
        (123, "no-circuit", 0, "centre", Mask.TO_CENTRE),
        (124, "carrier-fault", 0, "centre", Mask.TO_CENTRE),
        (125, "no-codec", 0, "centre", Mask.TO_CENTRE),
    ],
)
def test_who_is_not_reached_is_told_of(
    world: World, company: Taxi, place: int, kind: str, seconds: int, end: str, phrase: Mask
) -> None:
    order, driver, client = phones(world, place, kind, seconds)
    company.bind(order, driver, client)
    helped = len(world.shown(CENTRE))
    if end == "centre":
        world.leave(driver, 8)
    else:
        world.call(driver)
    until(lambda: bool(company.calls(order)))
    assert company.ended(order) == [end]
    assert world.hears(driver, phrase)
    assert world.shown(client) == [COMPANY]
    assert len(world.shown(CENTRE)) - helped == (end == "centre")


def test_an_order_that_changed_hands_while_it_rang_leads_to_the_new_driver(
    world: World, company: Taxi
) -> None:
    order, client, former = phones(world, 130, "operator", 3)
    _, _, present = phones(world, 131, "hangs-up", 3)
    company.bind(order, former, client)
    world.call(client)
    until(lambda: world.shown(former) != [])
    company.bind(order, present, client)
    assert world.hears(client, Mask.REASSIGNED)
    assert world.heard(former, Mask.REASSIGNED, Mask.GOODBYE)
    assert company.ended(order) == ["talked"]
    assert company.calls(order)[0].peer == present
    assert world.heard(present, Mask.FROM_CLIENT)


def test_who_gives_up_while_it_rings_has_not_talked(world: World, company: Taxi) -> None:
    order, driver, client = phones(world, 140, "rings")
    company.bind(order, driver, client)
    world.leave(driver, 2)
    until(lambda: bool(company.calls(order)))
    assert company.ended(order) == ["abandoned"]


def test_the_code_of_an_order_leads_to_the_other_side(world: World, company: Taxi) -> None:
    order, driver, client = phones(world, 150, "hangs-up", 3)
    _, stranger, _ = phones(world, 151, "listens")
    code = company.bind(order, driver, client)["extension"]
    world.call(stranger, *code, "#")
    until(lambda: bool(company.calls(order)))
    assert company.ended(order) == ["talked"]
    assert world.hears(stranger, Mask.GREETING)
    assert world.heard(client, Mask.FROM_DRIVER)

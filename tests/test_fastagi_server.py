"""The listener over real sockets: who is let in, how many at a time, what costs nothing, how it ends."""

import asyncio
import socket
import struct
import threading
import time
from typing import Any

import pytest
from agi_client import ENVIRONMENT, Asterisk, Log, Running, until
from prometheus_client import REGISTRY

from dialplan.steps import Conversation, HungUp, Play, Tell
from engine.errors import SettingsError
from engine.sections import Fastagi
from engine.speech.clip import Clip
from fastagi import server
from fastagi.routes import Call, Route, Scenario, token
from fastagi.server import Server
from fastagi.session import Studio

CLIP = Clip("1a" * 32, 1000)
DONE = 'SET VARIABLE "AGI_DONE" "1"'
finished: list[Any] = []


def message() -> Conversation[str]:
    """One clip."""
    try:
        yield Play((CLIP,))
    except HungUp:
        return "hung up"
    return "heard"


def begin(_call: Call) -> Scenario:
    """The clip for whoever calls."""
    return Scenario(message(), finish=finished.append, tell=print)


ROUTES = {"debtor": Route(begin)}


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """What the server logs; the notes of `finish` are cleared."""
    finished.clear()
    kept = Log()
    monkeypatch.setattr(server, "log", kept.logger)
    return kept


def refused(why: str) -> float:
    """The metric of refusals."""
    return REGISTRY.get_sample_value("zvonar_agi_refused_total", {"why": why}) or 0.0


def plays(running: Running, **changes: str) -> bool:
    """Is a call played to its end?"""
    with Asterisk(running.port, **changes) as asterisk:
        return asterisk.hear().startswith("STREAM FILE") and _end(asterisk)


def _end(asterisk: Asterisk) -> bool:
    asterisk.say(b"200 result=0 endpos=8000\n")
    return asterisk.answer("200 result=1") == [DONE] and asterisk.hear() == ""


# Where it listens.


async def started(bind: str, **settings: Any) -> None:
    """Start a server there, and end it."""
    one = Server(Fastagi(bind=bind, **settings), ROUTES, Studio("/audio", 600))
    try:
        await one.start()
    finally:
        await one.drain(0)


@pytest.mark.parametrize("bind", ["0.0.0.0:0", "[::]:0", "0:0", "0x0:0"])
def test_every_address_is_refused_unless_it_is_meant(bind: str) -> None:
    with pytest.raises(SettingsError, match="allow_any_address"):
        asyncio.run(started(bind))


def test_every_address_when_it_is_meant() -> None:
    asyncio.run(started("0.0.0.0:0", allow_any_address=True))


@pytest.mark.parametrize(
    "bind", ["", "4573", ":4573", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "a..b:1"]
)
def test_a_bind_that_is_none(bind: str) -> None:
    with pytest.raises(SettingsError, match="bind"):
        asyncio.run(started(bind))


def test_an_address_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="bind"):
        asyncio.run(started(f"127.0.0.1:{taken.getsockname()[1]}"))


def test_peers_are_addresses() -> None:
    with pytest.raises(SettingsError, match="peers"):
        asyncio.run(started("127.0.0.1:0", peers=["localhost"]))


# Who is let in.


def test_a_call_of_ours() -> None:
    with Running(ROUTES) as running:
        assert plays(running)
    assert finished == ["heard"]


def test_a_stranger_is_closed_at_once(log: Log) -> None:
    before = refused("peer")
    with Running(ROUTES, peers=["127.0.0.2"]) as running, Asterisk(running.port) as asterisk:
        assert asterisk.hear() == ""
        until(lambda: refused("peer") == before + 1)
    assert "127.0.0.1" in log.at("warning")[0]["reason"]


@pytest.mark.parametrize("script", ["other", "", "debtor/../other", "debtor?u=1&u=2"])
def test_an_unknown_script_is_closed_at_once(script: str, log: Log) -> None:
    with Running(ROUTES) as running, Asterisk(running.port, agi_network_script=script) as asterisk:
        assert asterisk.hear() == ""
    assert len(log.at("warning")) == 1


def test_what_is_no_environment_is_closed_at_once() -> None:
    before = refused("environment")
    with Running(ROUTES) as running:
        for first in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\n\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"x" * 9000,
        ):
            with Asterisk(running.port, first) as asterisk:
                assert asterisk.hear() == ""
        until(lambda: refused("environment") == before + 4)
        until(lambda: not running.server.sessions)
        assert plays(running)


def test_the_token_decides_when_there_is_a_key() -> None:
    uniqueid, now = ENVIRONMENT["agi_uniqueid"], str(int(time.time()))
    old = str(int(now) - 3600)

    def script(epoch: str, key: str) -> str:
        return f"debtor?u={uniqueid}&e={epoch}&t={token(key, uniqueid, epoch)}"

    before = refused("token")
    with Running(ROUTES, token_key="secret") as running:
        assert plays(running, agi_network_script=script(now, "secret"))
        assert not plays(running, agi_network_script=script(now, "guess"))
        assert not plays(running, agi_network_script=script(old, "secret"))
        assert not plays(running)
    assert refused("token") == before + 3


def test_above_the_limit_is_closed_at_once() -> None:
    before = refused("busy")
    with Running(ROUTES, max_sessions=2) as running:
        first, second = Asterisk(running.port), Asterisk(running.port)
        assert first.hear() and second.hear()
        with Asterisk(running.port) as third:
            assert third.hear() == ""
        assert refused("busy") == before + 1
        until(lambda: REGISTRY.get_sample_value("zvonar_agi_sessions") == 2)
        assert _end(first)
        until(lambda: running.server.sessions == 1)
        assert plays(running)
        second.hang_up()


def test_connections_that_say_nothing_cost_nothing(log: Log) -> None:
    """One such connection, a port scan or a health check, has frozen a whole server of another make."""
    with Running(ROUTES) as running:
        begun = time.process_time()
        for number in range(500):
            bare = socket.create_connection(("127.0.0.1", running.port))
            if number % 2:
                bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends with RST
            bare.close()
        until(lambda: not running.server.sessions)
        assert plays(running)
        assert time.process_time() - begun < 5
    assert log.at("warning", "error") == []


def test_connections_that_wait_do_not_hold_up_calls() -> None:
    with Running(ROUTES) as running:
        waiting = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
        assert plays(running)
        until(lambda: not running.server.sessions)  # two seconds later
        for bare in waiting:
            bare.close()


# How it ends.


def test_drain_lets_calls_end_and_takes_no_new_ones() -> None:
    with Running(ROUTES) as running:
        asterisk = Asterisk(running.port)
        bare, late = socket.create_connection(("127.0.0.1", running.port)), refused("slow")
        assert asterisk.hear().startswith("STREAM FILE")
        until(lambda: running.server.sessions == 2)
        drained = running.start(running.server.drain(10))
        until(lambda: running.server.sessions == 1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", running.port))
        assert bare.recv(1) == b"" and refused("slow") == late, "who has not said who he is goes at once"
        assert _end(asterisk)
        assert drained.result(10) == 0
        bare.close()
    assert finished == ["heard"]


def test_drain_cuts_what_lasts_too_long_and_finishes_it() -> None:
    with Running(ROUTES) as running, Asterisk(running.port) as asterisk:
        asterisk.hear()
        assert running.run(running.server.drain(0.1)) == 1
        assert asterisk.hear() == "", "no AGI_DONE: the dialplan falls back"
        assert finished == ["hung up"]


def test_drain_waits_for_what_is_being_stored() -> None:
    gate, began, told = threading.Event(), threading.Event(), list[Any]()

    def slow(fact: Any) -> None:
        began.set()
        gate.wait(10)
        told.append(fact)

    def opt_out() -> Conversation[str]:
        yield Tell("never again")
        return "told"

    route = Route(lambda _call: Scenario(opt_out(), finish=finished.append, tell=slow))
    with Running({"debtor": route}) as running, Asterisk(running.port) as asterisk:
        assert began.wait(10)
        drained = running.start(running.server.drain(10))
        assert not drained.done()
        gate.set()
        assert asterisk.answer("200 result=1") == [DONE]
        assert drained.result(10) == 0
    assert told == ["never again"] and finished == ["told"]


def test_drain_of_nobody_is_quick() -> None:
    with Running(ROUTES) as running:
        assert running.run(running.server.drain(60)) == 0

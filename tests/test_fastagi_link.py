"""One connection over a real socket: a whole call, hang-ups, faults, work in the pool, what is late."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agi_client import ENVIRONMENT, Asterisk, Log, Running, environment, until

from dialplan.steps import Ask, Conversation, HungUp, Play, Tell
from engine.speech.clip import Clip
from fastagi import link, session
from fastagi.routes import Call, Route, Scenario

ONE, TWO = Clip("1a" * 32, 1000), Clip("2b" * 32, 2000)
DONE = 'SET VARIABLE "AGI_DONE" "1"'
CALL_ID = ENVIRONMENT["agi_uniqueid"]


class Part:
    """A part's functions, which note what they were called with and on which thread."""

    def __init__(self, conversation: Callable[[], Conversation[Any]]) -> None:
        self.finished: list[Any] = []
        self.told: list[Any] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self._conversation = conversation

    def routes(self) -> dict[str, Route]:
        """The part's route, as `debtor`."""
        return {"debtor": Route(self._open, ("V",))}

    def _open(self, _call: Call) -> Scenario:
        self._note()
        self.gate.wait(10)
        return Scenario(self._conversation(), finish=self._finish, tell=self._tell)

    def _tell(self, fact: Any) -> None:
        self._note()
        self.gate.wait(10)
        self.told.append(fact)

    def _finish(self, result: Any) -> None:
        self.finished.append(result)

    def _note(self) -> None:
        self.threads.add(threading.current_thread().name)
        link.log.info("at work")


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """What session and link log."""
    kept = Log()
    monkeypatch.setattr(session, "log", kept.logger)
    monkeypatch.setattr(link, "log", kept.logger)
    return kept


def message() -> Conversation[Any]:
    """Two clips, a question; the result is what was reached."""
    try:
        yield Play((ONE, TWO), "1")
        heard = yield Ask((), "1", 5000)
    except HungUp as hung_up:
        return f"hung up at {hung_up.ms}"
    return f"pressed {heard.key}"


@pytest.fixture(params=[False, True], ids=["uvloop", "asyncio"])
def part(request: pytest.FixtureRequest) -> Iterator[tuple[Part, Running]]:
    """A part with `message`, and its server, on either loop."""
    part = Part(message)
    with Running(part.routes(), stock_loop=request.param) as running:
        yield part, running


def test_a_whole_call(part: tuple[Part, Running], log: Log) -> None:
    noted, running = part
    with Asterisk(running.port) as asterisk:
        replies = [
            "200 result=1 (v)",
            "200 result=0 endpos=8000",
            "200 result=0 endpos=16000",
            "200 result=49",
        ]
        commands = asterisk.answer(*replies, "200 result=1")
        assert [command.split(" ")[0] for command in commands] == ["GET", "STREAM", "STREAM", "WAIT", "SET"]
        assert commands[-1] == DONE
        assert asterisk.hear() == "", "the line is given back"
    until(lambda: noted.finished)
    assert noted.finished == ["pressed 1"]
    until(lambda: not running.server.sessions)
    assert all(thread.startswith("agi") for thread in noted.threads), "never on the event loop"
    assert {event.get("call_id") for event in log.events} == {CALL_ID}, "in the pool too"


def test_calls_side_by_side_do_not_mix(part: tuple[Part, Running]) -> None:
    noted, running = part
    calls = [Asterisk(running.port, agi_uniqueid=f"call-{number}") for number in range(20)]
    for call in calls:
        call.answer("200 result=0", "200 result=0 endpos=8")
    for number, call in enumerate(calls):
        call.answer(f"200 result=0 endpos={number * 800}")
    for call in reversed(calls):
        call.answer("200 result=0", "200 result=1")
        assert call.hear() == ""
        call.hang_up()
    until(lambda: len(noted.finished) == 20)


@pytest.mark.parametrize(
    ("last", "result"),
    [
        (b"200 result=-1 endpos=4000\nHANGUP\nHANGUP\n", "hung up at 1500"),  # the reply, then the line
        (b"200 result=-1 endpos=4000\n", "hung up at 1500"),  # the reply, then the end
        (
            b"HANGUP\n511 Command Not Permitted on a dead channel\n",
            "hung up at 1000",
        ),  # the line before the reply
        (b"HANGUP\n", "hung up at 1000"),
        (b"", "hung up at 1000"),  # Asterisk itself died
    ],
)
def test_a_hang_up(part: tuple[Part, Running], log: Log, last: bytes, result: str) -> None:
    noted, running = part
    asterisk = Asterisk(running.port)
    asterisk.answer("200 result=0", "200 result=0 endpos=8000")
    asterisk.hear()
    asterisk.say(last)
    asterisk.socket.shutdown(1)
    rest = asterisk.lines.read().decode()
    assert DONE not in rest and "STREAM" not in rest
    asterisk.hang_up()
    until(lambda: noted.finished)
    until(lambda: not running.server.sessions)
    assert noted.finished == [result]
    assert log.at("error", "warning") == []


def test_what_follows_a_hang_up_is_not_taken_for_an_answer(part: tuple[Part, Running]) -> None:
    noted, running = part
    asterisk = Asterisk(running.port)
    asterisk.answer("200 result=0")
    asterisk.hear()
    asterisk.say(b"HANGUP\n511 Command Not Permitted on a dead channel\n")
    assert asterisk.hear() == ""
    until(lambda: not running.server.sessions)
    assert noted.finished == ["hung up at 0"]
    asterisk.hang_up()


def test_a_hang_up_between_a_reply_and_the_next_command(part: tuple[Part, Running]) -> None:
    noted, running = part
    asterisk = Asterisk(running.port)
    asterisk.answer("200 result=0")
    asterisk.hear()
    asterisk.say(b"200 result=0 endpos=8000\nHANGUP\n")
    until(lambda: noted.finished)
    assert noted.finished == ["hung up at 1000"]
    asterisk.hang_up()


def test_a_hang_up_before_the_conversation_begins(part: tuple[Part, Running], log: Log) -> None:
    noted, running = part
    asterisk = Asterisk(running.port)
    asterisk.hear()
    asterisk.hang_up()
    until(lambda: not running.server.sessions)
    assert noted.threads == set() and noted.finished == []
    assert log.at("error") == []


def test_a_hang_up_while_the_part_opens(part: tuple[Part, Running]) -> None:
    noted, running = part
    noted.gate.clear()
    asterisk = Asterisk(running.port)
    asterisk.answer("200 result=0")
    until(lambda: noted.threads)
    asterisk.hang_up()
    noted.gate.set()
    until(lambda: noted.finished)
    until(lambda: not running.server.sessions)
    assert noted.finished == ["hung up at 0"], "finished once, though no word was said"


def test_a_hang_up_while_a_fact_is_stored() -> None:
    def opting_out() -> Conversation[str]:
        yield Tell("never again")
        try:
            yield Play((ONE,))
        except HungUp:
            return "told"
        return "told and heard"

    noted = Part(opting_out)
    with Running(noted.routes()) as running:
        asterisk = Asterisk(running.port)
        asterisk.answer("200 result=0")
        until(lambda: noted.told)
        asterisk.hang_up()
        until(lambda: noted.finished)
        assert noted.told == ["never again"] and noted.finished == ["told"]


def test_a_dead_channel_is_a_hang_up_though_no_line_says_so(part: tuple[Part, Running], log: Log) -> None:
    noted, running = part
    with Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0", "200 result=0 endpos=8000", "511 Command Not Permitted")
        assert asterisk.hear() == ""
        until(lambda: noted.finished)
    assert noted.finished == ["hung up at 1000"]
    assert log.at("error") == []


@pytest.mark.parametrize("refusal", ["510 Invalid or unknown command", "520 Invalid command syntax."])
def test_a_command_that_asterisk_refuses(part: tuple[Part, Running], log: Log, refusal: str) -> None:
    noted, running = part
    with Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0", refusal)
        assert asterisk.hear() == "", "no AGI_DONE"
        until(lambda: noted.finished)
    assert noted.finished == [None]
    [error] = log.at("error")
    assert error["call_id"] == CALL_ID
    assert refusal[:3] in repr(error["exc_info"]) and "STREAM FILE" in repr(error["exc_info"])


@pytest.mark.parametrize("data", [b"nonsense\n", b"200 result=0\n200 result=0\n", b"\xff" * 9000])
def test_garbage_from_asterisk_ends_the_call(part: tuple[Part, Running], log: Log, data: bytes) -> None:
    noted, running = part
    with Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0")
        asterisk.hear()
        asterisk.say(data)
        assert asterisk.hear() in ("", f'STREAM FILE "/var/zvonar/audio/2b/{TWO.name}" "1"')
        assert DONE not in asterisk.lines.read().decode()
        until(lambda: noted.finished)
    assert noted.finished == [None]
    assert [event["call_id"] for event in log.at("error")] == [CALL_ID]


def failing_open(_call: Call) -> Scenario:
    """An `open` without a database."""
    raise OSError("no database")


def failing_finish(_result: Any) -> None:
    """A `finish` without a database."""
    raise OSError("no database")


def test_an_open_that_fails_leads_to_the_fallback(log: Log) -> None:
    with Running({"debtor": Route(failing_open)}) as running, Asterisk(running.port) as asterisk:
        assert asterisk.hear() == ""
        until(lambda: not running.server.sessions)
    [error] = log.at("error")
    assert error["call_id"] == CALL_ID and "no database" in repr(error["exc_info"])


def test_a_finish_that_fails_is_logged_and_the_next_call_is_played(log: Log) -> None:
    route = Route(lambda _call: Scenario(message(), finish=failing_finish, tell=print))
    with Running({"debtor": route}) as running:
        for _ in range(2):
            Asterisk(running.port).hang_up()
            until(lambda: not running.server.sessions)
    until(lambda: len(log.at("error")) == 2)
    assert {event["call_id"] for event in log.at("error")} == {CALL_ID}


def test_a_conversation_that_fails_leads_to_the_fallback(log: Log) -> None:
    def broken() -> Conversation[None]:
        yield Play((ONE,))
        raise KeyError("defect")

    finished: list[Any] = []
    route = Route(lambda _call: Scenario(broken(), finish=finished.append, tell=print))
    with Running({"debtor": route}) as running, Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0 endpos=8000")
        assert asterisk.hear() == "", "no AGI_DONE"
        until(lambda: finished)
    assert finished == [None]
    assert [event["call_id"] for event in log.at("error")] == [CALL_ID]


# What is late.


def test_a_command_without_a_reply(
    part: tuple[Part, Running], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, running = part
    monkeypatch.setattr(session, "REPLY_S", -0.7)  # and a second of playing
    with Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0")
        assert asterisk.hear().startswith("STREAM FILE")
        assert asterisk.hear() == "", "closed, so that the dialplan goes on"
        until(lambda: noted.finished)
    assert noted.finished == [None]
    assert [event["call_id"] for event in log.at("error")] == [CALL_ID]


def test_an_open_that_hangs(part: tuple[Part, Running], log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, running = part
    monkeypatch.setattr(link, "WORK_S", 0.2)
    noted.gate.clear()
    with Asterisk(running.port) as asterisk:
        asterisk.answer("200 result=0")
        assert asterisk.hear() == "", "the caller is not left in silence"
        assert noted.finished == []
        assert [event["call_id"] for event in log.at("error")] == [CALL_ID]
        noted.gate.set()
        until(lambda: noted.finished)
    assert noted.finished == ["hung up at 0"]
    assert len(log.at("error")) == 1


def test_work_that_no_caller_waits_for_may_take_its_time(
    part: tuple[Part, Running], log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, running = part
    monkeypatch.setattr(link, "WORK_S", 0.3)
    asterisk = Asterisk(running.port)
    asterisk.hear()
    noted.gate.clear()
    asterisk.say(b"200 result=0\n")
    asterisk.hang_up()
    until(lambda: running.server.sessions == 1 and noted.threads)
    threading.Event().wait(0.5)  # two sweeps and more
    noted.gate.set()
    until(lambda: noted.finished)
    assert log.at("error") == []


def test_an_environment_that_comes_slowly(part: tuple[Part, Running]) -> None:
    _noted, running = part
    with Asterisk(running.port, environment()[:100]) as asterisk:
        assert asterisk.hear() == "", "closed after two seconds"
    until(lambda: not running.server.sessions)

"""The fake Asterisk's calls: what its phones hear, press and do, as a FastAGI server meets it."""

import asyncio
import hashlib
import re
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from engine.gateways.fake import Call, FakeAsterisk, Session
from engine.gateways.fake_agi import Agi, Phone, Wanted, execute
from engine.gateways.fake_callee import CAUSE_OF_SIP, Callee, Rung

Talk = Callable[["Line"], Awaitable[None]]


class Line:
    """The server's side of one FastAGI session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.environment: dict[str, str] = {}

    async def greet(self) -> None:
        while (line := await self.read()) != "":
            key, _, value = line.partition(": ")
            assert key not in self.environment
            self.environment[key] = value

    async def read(self) -> str:
        raw = await self.reader.readline()
        if not raw:
            raise EOFError
        return raw.decode().rstrip("\n")

    async def ask(self, command: str) -> str:
        self.writer.write(command.encode() + b"\n")
        return await self.read()


class Server:
    """A FastAGI server with one talk for everybody; failures within it are raised by `check`."""

    def __init__(self, talk: Talk) -> None:
        self.talk, self.lines, self.failures = talk, list[Line](), list[BaseException]()
        self.over = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self.lines.append(line)
        try:
            await line.greet()
            await self.talk(line)
        except Exception as error:
            self.failures.append(error)
        finally:
            self.over += 1
            writer.close()


@asynccontextmanager
async def world(
    talk: Talk, script: Callable[[str], Callee], *, token_key: str = "", **more: Any
) -> AsyncIterator[tuple[FakeAsterisk, Server]]:
    server = Server(talk)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    agi = Agi("127.0.0.1", listener.sockets[0].getsockname()[1], token_key=token_key)
    asterisk = FakeAsterisk(script, agi, secret="secret", **more)
    await asterisk.start()
    try:
        async with asyncio.timeout(30):
            yield asterisk, server
            while server.over < len(server.lines):
                await asyncio.sleep(0.005)
    finally:
        await asterisk.stop()
        listener.close()
    assert server.failures == []


async def dial(asterisk: FakeAsterisk, number: str, channel: str = "attempt-1") -> Call:
    """Originate as a client would, and wait until the call is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
    for action in (
        "Action: Login\r\nUsername: zvonar\r\nSecret: secret\r\nEvents: off",
        f"Action: Originate\r\nActionID: {channel}\r\nChannelId: {channel}\r\n"
        f"Channel: PJSIP/{number}@trunk\r\nExten: start\r\n"
        f"Timeout: 9000\r\nVariable: ZVONAR_ATTEMPT={channel}",
    ):
        writer.write(action.encode() + b"\r\n\r\n")
    while not any(call.channel == channel and call.cause is not None for call in asterisk.calls):
        await asyncio.sleep(0.005)
    writer.close()
    assert reader
    return next(call for call in asterisk.calls if call.channel == channel)


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    """A sound of one second, named as Asterisk names it."""
    with wave.open(str(tmp_path / "prompt.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 8000, "NONE", ""))
        sound.writeframes(bytes(16000))
    return str(tmp_path / "prompt")


def test_an_answered_call_talks_to_fastagi_as_asterisk_does(prompt: str) -> None:
    async def talk(line: Line) -> None:
        assert line.environment["agi_network"] == "yes"
        assert line.environment["agi_network_script"] == "debtor"
        assert line.environment["agi_uniqueid"] == "attempt-1"
        assert await line.ask("ANSWER") == "200 result=0"
        assert await line.ask("CHANNEL STATUS") == "200 result=6"
        assert await line.ask('GET VARIABLE "ZVONAR_ATTEMPT"') == "200 result=1 (attempt-1)"
        assert await line.ask("GET VARIABLE NOPE") == "200 result=0"
        assert await line.ask(f'STREAM FILE "{prompt}" ""') == "200 result=0 endpos=8000"
        assert await line.ask('STREAM FILE "/no/such/file" ""') == "200 result=-1 endpos=0"
        assert await line.ask("WAIT FOR DIGIT 50") == "200 result=0"
        assert await line.ask("EXEC Playback beep") == "200 result=-2"
        assert (await line.ask("NONSENSE")).startswith("510 ")
        assert (await line.ask("SET VARIABLE A")).startswith("520 ")
        assert await line.ask('SET VARIABLE "A" "say \\"no\\""') == "200 result=1"
        assert await line.ask("get variable A") == '200 result=1 (say "no")'
        assert await line.ask('SET VARIABLE "AGI_DONE" "1"') == "200 result=1"

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(), speed=20) as (asterisk, server):
            call = await dial(asterisk, "100")
            assert call.answered
            assert call.cause == 16
            assert call.phone.heard == [(prompt, 1.0)]
            assert len(server.lines) == 1

    asyncio.run(scenario())


def test_the_token_is_the_dialplans(prompt: str) -> None:
    async def talk(line: Line) -> None:
        script, _, query = line.environment["agi_network_script"].partition("?")
        token = {name: values[0] for name, values in parse_qs(query).items()}
        inner = hashlib.sha1(f"key{token['u']}{token['e']}".encode(), usedforsecurity=False).hexdigest()
        assert script == "debtor"
        assert token["u"] == "attempt-1"
        assert abs(int(token["e"]) - time.time()) < 60
        assert token["t"] == hashlib.sha1(f"key{inner}".encode(), usedforsecurity=False).hexdigest()

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(), token_key="key", speed=50) as (asterisk, server):
            await dial(asterisk, "100")
            assert server.lines

    asyncio.run(scenario())


def test_a_key_stops_the_prompt_that_waits_for_it_and_no_other(prompt: str) -> None:
    async def talk(line: Line) -> None:
        code, result, endpos = re.split(r" result=| endpos=", await line.ask(f'STREAM FILE "{prompt}" "29"'))
        assert (code, result) == ("200", str(ord("2")))
        assert 0 < int(endpos) < 8000
        assert await line.ask("WAIT FOR DIGIT 5000") == f"200 result={ord('5')}"
        line.writer.write(b"SET VARIABLE AGI_DONE 1\n")
        await line.read()

    async def scenario() -> None:
        keys = ((0.05, "1"), (0.1, "2"), (0.6, "5"))
        async with world(talk, lambda _number: Callee(keys=keys)) as (asterisk, _):
            call = await dial(asterisk, "100")
            assert 0 < call.phone.heard[0][1] < 1

    asyncio.run(scenario())


def test_hanging_up_ends_the_command_then_tells_then_closes(prompt: str) -> None:
    async def talk(line: Line) -> None:
        reply = await line.ask(f'STREAM FILE "{prompt}" ""')
        found = re.fullmatch(r"200 result=-1 endpos=([0-9]+)", reply)
        assert found
        assert 0 < int(found[1]) < 8000
        assert await line.read() == "HANGUP"
        with pytest.raises(EOFError):
            await line.read()

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(hangs_up_s=0.3)) as (asterisk, _):
            call = await dial(asterisk, "100")
            assert call.cause == 16
            assert [name for name, _ in call.phone.heard] == [prompt]

    asyncio.run(scenario())


def test_hanging_up_between_commands_closes_too() -> None:
    async def talk(line: Line) -> None:
        assert await line.read() == "HANGUP"
        with pytest.raises(EOFError):
            await line.read()

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(hangs_up_s=0.1)) as (asterisk, _):
            await dial(asterisk, "100")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("command", "reply"), [("HANGUP", "200 result=1"), ("WAIT FOR DIGIT 9000", "200 result=-1")]
)
def test_a_command_that_outlives_the_phone(command: str, reply: str) -> None:
    async def talk(line: Line) -> None:
        assert await line.ask(command) == reply
        assert await line.read() == "HANGUP"

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(hangs_up_s=0.2)) as (asterisk, _):
            await dial(asterisk, "100")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("target", "peer", "variable", "value"),
    [
        ('Dial "PJSIP/74950000000@trunk,20,g"', Callee(hangs_up_s=0.1), "DIALSTATUS", "ANSWER"),
        ('Dial "PJSIP/74950000000@trunk,20,g"', Callee(code=486), "DIALSTATUS", "BUSY"),
        ('Queue "operators,c,,,20"', Callee(hangs_up_s=0.1), "QUEUESTATUS", "CONTINUE"),
        ('Queue "operators,c,,,20"', Callee(code=480), "QUEUESTATUS", "TIMEOUT"),
    ],
)
def test_a_caller_is_connected_to_a_second_party(
    target: str, peer: Callee, variable: str, value: str
) -> None:
    asked: list[str] = []

    def script(number: str) -> Callee:
        asked.append(number)
        return Callee() if number == "100" else peer

    async def talk(line: Line) -> None:
        assert await line.ask(f"EXEC {target}") == "200 result=0"
        assert await line.ask(f"GET VARIABLE {variable}") == f"200 result=1 ({value})"

    async def scenario() -> None:
        async with world(talk, script, speed=10) as (asterisk, _):
            await dial(asterisk, "100")

    asyncio.run(scenario())
    assert asked[-1] in ("74950000000", "queue:operators")


def test_a_caller_who_leaves_while_connecting_ends_the_command() -> None:
    async def talk(line: Line) -> None:
        assert await line.ask('EXEC Dial "PJSIP/200@trunk,20,g"') == "200 result=-1"
        assert await line.read() == "HANGUP"

    async def scenario() -> None:
        people = {"100": Callee(hangs_up_s=0.1), "200": Callee(after_s=60)}
        async with world(talk, people.__getitem__) as (asterisk, _):
            await dial(asterisk, "100")

    asyncio.run(scenario())


async def crash(line: Line) -> None:
    """A server that closes without AGI_DONE."""


async def done(line: Line) -> None:
    """A server whose conversation comes to its end."""
    await line.ask("SET VARIABLE AGI_DONE 1")


@pytest.mark.parametrize(("talk", "heard"), [(crash, ["fallback"]), (done, [])])
def test_without_the_last_word_the_dialplan_plays_its_fallback(talk: Talk, heard: list[str]) -> None:
    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(), speed=50) as (asterisk, _):
            call = await dial(asterisk, "100")
            assert [name for name, _ in call.phone.heard] == heard

    asyncio.run(scenario())


def test_without_a_server_the_dialplan_plays_its_fallback() -> None:
    async def scenario() -> None:
        async with world(crash, lambda _number: Callee(), speed=50) as (asterisk, server):
            asterisk.agi = Agi("127.0.0.1", 1)
            call = await dial(asterisk, "100")
            assert [name for name, _ in call.phone.heard] == ["fallback"]
            assert not server.lines

    asyncio.run(scenario())


def test_refusals_have_asterisks_causes() -> None:
    """As measured on 22.10.1 with a carrier that answered each code."""
    measured = {
        302: 23, 400: 127, 401: 21, 402: 127, 403: 21, 404: 1, 405: 127, 408: 18, 410: 22, 420: 3, 480: 19,
        481: 127, 482: 127, 484: 28, 485: 1, 486: 17, 487: 127, 488: 58, 500: 38, 501: 29, 502: 27, 503: 34,
        504: 102, 505: 127, 600: 17, 603: 21, 604: 1, 606: 58, 607: 127,
    }  # fmt: skip

    async def scenario() -> None:
        script = lambda number: Callee(code=int(number), rings=False)  # noqa: E731  one line, used once
        async with world(crash, script, speed=50) as (asterisk, _):
            calls = await asyncio.gather(*(dial(asterisk, str(code), f"a-{code}") for code in measured))
        assert {int(call.number): call.cause for call in calls} == measured

    asyncio.run(scenario())
    assert set(CAUSE_OF_SIP) - set(measured) <= {407, 409, 483}


def test_many_calls_at_once_do_not_mix() -> None:
    async def talk(line: Line) -> None:
        mine = line.environment["agi_uniqueid"]
        assert await line.ask("GET VARIABLE ZVONAR_ATTEMPT") == f"200 result=1 ({mine})"
        assert await line.ask("WAIT FOR DIGIT 5000") == f"200 result={ord(mine[-1])}"
        await line.ask("SET VARIABLE AGI_DONE 1")

    async def scenario() -> None:
        script = lambda number: Callee(keys=((0.5, number[-1]),))  # noqa: E731  one line, used once
        async with world(talk, script, speed=5) as (asterisk, server):
            await asyncio.gather(*(dial(asterisk, str(n), f"call-{n}") for n in range(100)))
            assert len(server.lines) == 100

    asyncio.run(scenario())


def test_only_the_right_secret_logs_in_and_only_then_anything_is_done() -> None:
    async def scenario() -> None:
        async with world(crash, lambda _number: Callee()) as (asterisk, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
            writer.write(b"Action: CoreShowChannels\r\n\r\nAction: Nonsense\r\n\r\n")
            writer.write(b"Action: Login\r\nUsername: zvonar\r\nSecret: wrong\r\n\r\n")
            said = (await reader.read()).decode()
            assert re.findall("Message: (.*)\r", said) == [
                "Permission denied",
                "Invalid/unknown command: Nonsense.",
                "Authentication failed",
            ]
            writer.close()

    asyncio.run(scenario())


def test_an_action_can_be_taken_over() -> None:
    async def scenario() -> None:
        seen: list[str] = []

        def take(session: Session, action: Any) -> bool:
            seen.append(action.get("Action"))
            session.writer.close()
            return True

        async with world(crash, lambda _number: Callee()) as (asterisk, _):
            asterisk.on_action = take
            reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
            writer.write(b"Action: Ping\r\n\r\n")
            assert await reader.read() == b"Asterisk Call Manager/11.0.0\r\n"
            assert seen == ["Ping"]
            writer.close()

    asyncio.run(scenario())


def test_a_command_line_is_read_with_its_quotes() -> None:
    async def scenario() -> None:
        async def nobody(_phone: Phone, _wanted: Wanted) -> Rung:
            return Rung("BUSY", 17, 0)

        phone = Phone(1, {})
        assert await execute('SET VARIABLE "X" "a \\\\ \\"b\\" c"', phone, nobody) == "200 result=1"
        assert phone.variables["X"] == 'a \\ "b" c'
        assert await execute("", phone, nobody) == "510 Invalid or unknown command"
        assert await execute("EXEC", phone, nobody) == "510 Invalid or unknown command"

    asyncio.run(scenario())


def test_who_calls_a_masking_number_comes_to_its_script_with_what_his_carrier_says() -> None:
    async def talk(line: Line) -> None:
        told = [line.environment[f"agi_{name}"] for name in ("callerid", "dnid", "callingpres", "arg_1")]
        assert told == ["unknown", "+78120000001", "32", "ZVONAR_MASK="]
        assert line.environment["agi_network_script"] == "mask"
        assert await line.ask('EXEC "MixMonitor" "/recordings/masked/a.alaw,b"') == "200 result=0"
        assert await line.ask('EXEC "Monitor" "x"') == "200 result=-2"
        assert await line.ask("WAIT FOR DIGIT 5000") == f"200 result={ord('4')}"
        line.writer.write(b"SET VARIABLE AGI_DONE 1\n")
        await line.read()

    async def scenario() -> None:
        async with world(talk, lambda _number: Callee(), speed=10) as (asterisk, _):
            phone = await asterisk.call_in("", "+78120000001", [(1, "4")], withheld=True)
            assert (phone.gone, phone.heard) == (True, [])

    asyncio.run(scenario())


def test_without_our_server_the_dialplan_alone_answers_a_masked_call() -> None:
    async def scenario() -> None:
        async with world(done, lambda _number: Callee(), speed=50) as (asterisk, _):
            asterisk.agi = None
            phone = await asterisk.call_in("+79210000001", "+78120000001")
            assert [name for name, _ in phone.heard] == ["centre"]

    asyncio.run(scenario())


def test_a_masked_party_is_let_go_by_what_his_channels_script_says() -> None:
    """And who is not let go talks until he hangs up; what he saw is known."""
    dial = 'EXEC "Dial" "PJSIP/{}@trunk,20,f(+78120000001)gU(zvonar-mask-taken^{})L(600000)"'
    people = {"100": Callee(), "200": Callee(hangs_up_s=1)}  # the first never hangs up

    async def talk(line: Line) -> None:
        script, first = line.environment["agi_network_script"], line.environment["agi_arg_1"]
        if script == "mask-taken":
            if first == "no":
                await line.ask("SET VARIABLE GOSUB_RESULT CONTINUE")
            return
        for number, call in (("100", "no"), ("200", "yes")):
            assert await line.ask(dial.format(number, call)) == "200 result=0"
            assert await line.ask("GET VARIABLE DIALSTATUS") == "200 result=1 (ANSWER)"
        await line.ask("SET VARIABLE AGI_DONE 1")

    async def scenario() -> None:
        async with world(talk, people.__getitem__, speed=2) as (asterisk, _):
            await asterisk.call_in("+79210000001", "+78120000001")
            assert [leg.shown for leg in asterisk.dials.legs] == ["+78120000001"] * 2

    asyncio.run(scenario())

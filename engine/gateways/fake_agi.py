"""The AGI side of the fake Asterisk: an answered phone, and the FastAGI client that runs its call.

As in Asterisk 22.10 with AGIEXITONHANGUP: when the phone hangs up, the command under way replies
`200 result=-1`, the line HANGUP follows, and the connection closes. A key that the command does not wait for
is lost; unlike there, a key pressed between two commands waits for the next.
"""

import asyncio
import hashlib
import re
import time
import wave
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.gateways.fake_callee import Rung

SAMPLES_A_S = 8000
ALL_KEYS = "0123456789*#ABCD"
ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


class Gone(Exception):
    """The phone hung up, or was hung up, after `passed_s` of waiting."""

    def __init__(self, passed_s: float) -> None:
        super().__init__(f"gone after {passed_s:.1f} s")
        self.passed_s = passed_s


class Phone:
    """A phone on the line: its keys, whether it is still there, its channel's variables, what it heard.

    `speed`: how many of its seconds pass in one of ours. `heard`: (file, seconds of it) in order.
    """

    def __init__(self, speed: float, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self.heard: list[tuple[str, float]] = []
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._speed = speed
        self._pressed: deque[str] = deque()
        self._changed = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def gone(self) -> bool:
        """Nobody is on the line any more."""
        return self.left.done()

    def press(self, key: str) -> None:
        """Press a key."""
        self._pressed.append(key)
        self._changed.set()

    def hang_up(self) -> None:
        """Hang up; whatever waits on this phone ends with Gone."""
        if not self.gone:
            self.left.set_result(None)
        self._changed.set()
        for timer in self._timers:
            timer.cancel()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after so many of the phone's seconds, if it is still there."""
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds / self._speed, action))

    async def wait(self, seconds: float, keys: str = "") -> tuple[str, float]:
        """Let time pass until one of `keys` or the end; (key or "", seconds passed). Gone."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        ends = began + seconds / self._speed
        while not self.gone:
            while self._pressed:
                key = self._pressed.popleft()
                if key in keys:
                    return key, min(seconds, (loop.time() - began) * self._speed)
            self._changed.clear()
            try:
                async with asyncio.timeout_at(ends):
                    await self._changed.wait()
            except TimeoutError:
                return "", seconds
        raise Gone(min(seconds, (loop.time() - began) * self._speed))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom EXEC Dial or Queue wants: a number behind an endpoint, or `queue:NAME`; Dial's options."""

    target: str
    timeout_s: float
    endpoint: str = ""
    options: str = ""


# What becomes of the caller's being connected, after the talk. Gone.
Peer = Callable[[Phone, Wanted], Awaitable[Rung]]
Arguments = Sequence[str]


def seconds_of(name: str) -> float | None:
    """The length of the sound that Asterisk would find under this name; None when there is none."""
    for suffix, bytes_a_sample in ((".alaw", 1), (".ulaw", 1), (".sln", 2)):
        if (path := Path(name + suffix)).is_file():
            return path.stat().st_size / bytes_a_sample / SAMPLES_A_S
    if not (path := Path(name + ".wav")).is_file():
        return None
    with wave.open(str(path)) as sound:
        return float(sound.getnframes() / sound.getframerate())


async def _stream_file(phone: Phone, arguments: Arguments) -> str:
    name, keys = arguments[0], "".join(arguments[1:2])
    length = seconds_of(name)
    if length is None:
        return "-1 endpos=0"
    try:
        key, passed = await phone.wait(length, keys)
        result = ord(key) if key else 0
    except Gone as gone:
        passed, result = gone.passed_s, -1
    phone.heard.append((name, passed))
    return f"{result} endpos={round(passed * SAMPLES_A_S)}"


async def _wait_for_digit(phone: Phone, arguments: Arguments) -> str:
    try:
        key, _ = await phone.wait(int(arguments[0]) / 1000, ALL_KEYS)
    except Gone:
        return "-1"
    return str(ord(key) if key else 0)


async def _get_variable(phone: Phone, arguments: Arguments) -> str:
    value = phone.variables.get(arguments[0])
    return f"1 ({value})" if value else "0"


async def _get_full_variable(_phone: Phone, _arguments: Arguments) -> str:
    """How many operators are there: one always, as far as this shows."""
    return "1 (1)"


async def _set_variable(phone: Phone, arguments: Arguments) -> str:
    phone.variables[arguments[0]] = arguments[1]
    return "1"


async def _answer(_phone: Phone, _arguments: Arguments) -> str:
    return "0"


async def _channel_status(_phone: Phone, _arguments: Arguments) -> str:
    return "6"


async def _hangup(phone: Phone, _arguments: Arguments) -> str:
    phone.hang_up()
    return "1"


# Name -> how many arguments it must have, and what it does; the answer follows `200 result=`.
COMMANDS: Mapping[str, tuple[int, Callable[[Phone, Arguments], Awaitable[str]]]] = {
    "ANSWER": (0, _answer),
    "CHANNEL STATUS": (0, _channel_status),
    "GET FULL VARIABLE": (1, _get_full_variable),
    "GET VARIABLE": (1, _get_variable),
    "HANGUP": (0, _hangup),
    "SET VARIABLE": (2, _set_variable),
    "STREAM FILE": (1, _stream_file),
    "WAIT FOR DIGIT": (1, _wait_for_digit),
}


async def _exec(phone: Phone, arguments: Arguments, peer: Peer) -> str:
    """EXEC Dial, Queue, MixMonitor (whose file nobody writes) or StopMixMonitor; no other is loaded."""
    application = arguments[0].lower()
    target, *options = "".join(arguments[1:2]).split(",")
    if application in ("mixmonitor", "stopmixmonitor"):
        phone.variables["MIXMONITOR_FILENAME"] = target
        return "0"
    if application not in ("dial", "queue"):
        return "-2"
    try:
        if application == "dial":
            number, _, endpoint = target.removeprefix("PJSIP/").partition("@")
            wanted = Wanted(number, float(options[0]), endpoint, "".join(options[1:2]))
            rung = await peer(phone, wanted)
            phone.variables |= {"DIALSTATUS": rung.status, "HANGUPCAUSE": str(rung.cause)}
        else:
            rung = await peer(phone, Wanted(f"queue:{target}", float(options[3])))
            phone.variables["QUEUESTATUS"] = "CONTINUE" if rung.status == "ANSWER" else "TIMEOUT"
    except Gone:
        return "-1"
    return "0"


async def execute(line: str, phone: Phone, peer: Peer) -> str:
    """One command line as Asterisk would take it; the reply line."""
    words = [word if word else re.sub(r"\\(.)", r"\1", quoted) for quoted, word in ARGUMENT.findall(line)]
    if words and words[0].upper() == "EXEC" and len(words) > 1:
        return f"200 result={await _exec(phone, words[1:], peer)}"
    for size in (1, 2, 3):
        needs, command = COMMANDS.get(" ".join(words[:size]).upper(), (0, None))
        if command:
            arguments = words[size:]
            if len(arguments) < needs:
                return "520 End of proper usage."
            return f"200 result={await command(phone, arguments)}"
    return "510 Invalid or unknown command"


@dataclass(frozen=True, slots=True)
class Agi:
    """Where the dialplan sends an answered call, and the key of its token (empty: none)."""

    host: str
    port: int
    script: str = "debtor"
    token_key: str = ""

    def url(self, channel: str) -> str:
        """agi://…, with the token that extensions.conf makes."""
        address = f"agi://{self.host}:{self.port}/{self.script}"
        if not self.token_key:
            return address
        at = int(time.time())
        inner = _sha1(f"{self.token_key}{channel}{at}")
        return f"{address}?u={channel}&e={at}&t={_sha1(self.token_key + inner)}"

    def environment(self, channel: str, told: Mapping[str, str] = {}) -> dict[str, str]:
        """What Asterisk says of a call before the first command; `told`: what is other than in one of ours,
        without `agi_`.
        """
        url = self.url(channel)
        unknown = dict.fromkeys(("agi_callerid", "agi_calleridname", "agi_dnid", "agi_rdnis"), "unknown")
        zero = ("agi_callingpres", "agi_callingani2", "agi_callington", "agi_callingtns")
        return {
            "agi_network": "yes",
            "agi_network_script": url.rsplit("/", 1)[1],
            "agi_request": url,
            "agi_channel": "PJSIP/trunk-00000001",
            "agi_language": "ru",
            "agi_type": "PJSIP",
            "agi_uniqueid": channel,
            "agi_version": "22.10.1",
            **unknown,
            **dict.fromkeys(zero, "0"),
            "agi_context": "zvonar-debtor",
            "agi_extension": "start",
            "agi_priority": "4",
            "agi_enhanced": "0.0",
            "agi_accountcode": "",
            "agi_threadid": "140159190902464",
            "agi_arg_1": f"ZVONAR_ATTEMPT={channel}",
            **{f"agi_{name}": value for name, value in told.items()},
        }


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


async def run(agi: Agi, channel: str, phone: Phone, peer: Peer, told: Mapping[str, str] = {}) -> None:
    """One FastAGI session, until our server closes it or the phone is gone. OSError: not connected."""
    reader, writer = await asyncio.open_connection(agi.host, agi.port)
    busy = False

    async def serve() -> None:
        nonlocal busy
        while line := await reader.readline():
            busy = True
            reply = await execute(line.decode().rstrip("\n"), phone, peer)
            writer.write(reply.encode() + b"\n")
            busy = False

    serving = asyncio.create_task(serve())
    try:
        lines = [f"{key}: {value}\n" for key, value in agi.environment(channel, told).items()]
        writer.write("".join([*lines, "\n"]).encode())
        await asyncio.wait({serving, phone.left}, return_when=asyncio.FIRST_COMPLETED)
        while busy and not serving.done():
            await asyncio.sleep(0)  # the reply of the command under way goes first
        if phone.gone:
            writer.write(b"HANGUP\n")
            await writer.drain()
        with suppress(ConnectionError):
            if serving.done():
                serving.result()
    finally:
        serving.cancel()
        writer.close()

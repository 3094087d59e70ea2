"""AGI without a socket: Asterisk's bytes in, events out; our commands in, bytes out. Pure.

Asterisk talks first: an environment of `key: value` lines and an empty line. Then we send one command at a
time and each gets exactly one reply; pairing them is all that there is to get wrong, so it is kept here.

| state | our command | a reply line | `HANGUP` line |
|---|---|---|---|
| environment | LocalError | part of the environment | part of the environment |
| idle | -> waiting | RemoteError: nobody asked | event, stays idle |
| waiting | LocalError: one at a time | event, -> idle | event, stays waiting: the reply still comes |
| usage | LocalError: one at a time | a line of the 520 text; its last one -> idle | a line of the text |
| broken | LocalError | RemoteError | RemoteError |

Asterisk drops a command that is under way when another line arrives, and then sends no reply to the first
(res_agi.c, `ast_waitstream_full`): hence one at a time, never a second.

The environment carries text of the caller's own (`agi_calleridname`), printed raw before other keys. So:
at most 64 keys and 8 KiB, no control character but the line ends, and no key twice, so that nothing the
caller writes can stand for a key of Asterisk's. Text that is not UTF-8 is read as Latin-1; it never raises.

Replies: `200 result=R (value) endpos=N` | `510 …` no such command | `511 …` the channel is dead |
`520 …` or `520-…`, usage lines, `520 End of proper usage.` | `100 …` wait, the reply follows.
A line has at most 8 KiB. Anything else is a RemoteError.

Commands are made by `fastagi.commands` and by nothing else.

Two errors: LocalError (we broke it), RemoteError (Asterisk broke it).
"""

import re
from enum import Enum, auto
from typing import NamedTuple, NewType

ENVIRONMENT_KEYS = 64
ENVIRONMENT_BYTES = 8192
REPLY_BYTES = 8192
USAGE_LINES = 200


class LocalError(Exception):
    """We broke the protocol: a command at the wrong moment, or one that may not be sent."""


class RemoteError(Exception):
    """Asterisk, or whoever is at the other end, broke the protocol."""


# One line that may go to Asterisk.
Command = NewType("Command", bytes)


class Environment(NamedTuple):
    """Whose call it is: `agi_…` keys with their values."""

    variables: dict[str, str]


class Reply(NamedTuple):
    """The answer to our command: code, number after `result=`, text in brackets, endpos in samples."""

    code: int
    result: int = 0
    value: str = ""
    endpos: int = 0


class Hangup(NamedTuple):
    """The caller is gone; commands on the dead channel will get 511."""


Event = Environment | Reply | Hangup


class State(Enum):
    """Whose turn it is; see the table at the top."""

    ENVIRONMENT = auto()
    IDLE = auto()
    WAITING = auto()
    USAGE = auto()
    BROKEN = auto()


# Plain names: a member's look-up costs, and every reply takes several.
_ENVIRONMENT, _IDLE, _WAITING, _USAGE, _BROKEN = State

_CONTROLS = bytes([*range(0x0A), *range(0x0B, 0x20), 0x7F])
# The last bracket of the line closes the value, which may hold brackets itself.
_SUCCESS = re.compile(rb"200 result=(-?[0-9]{1,10})(?: \((.*)\))?(?: endpos=([0-9]{1,18}))?\n")


# The replies that say no more than a result: done or not, a key; most are of these.
_PLAIN = {b"200 result=%d\n" % result: Reply(200, result) for result in (-1, 0, 1, *b"0123456789*#")}


class Connection:
    """One AGI session's state; knows neither socket nor clock."""

    __slots__ = ("_buffer", "_usage_lines", "command", "state")

    def __init__(self) -> None:
        self.state = _ENVIRONMENT
        self.command = Command(b"")  # the last one sent
        self._buffer = b""
        self._usage_lines = 0

    def send(self, command: Command) -> bytes:
        """The bytes of a command, which is under way from now; LocalError when it is not its turn."""
        if self.state is not _IDLE:
            raise LocalError(f"a command in the state {self.state.name.lower()}")
        self.state = _WAITING
        self.command = command
        return command

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes complete, in order; RemoteError ends the session for good."""
        if self._buffer:
            data = self._buffer + data
        try:
            if self.state is _WAITING and (reply := _PLAIN.get(data) or _success(data)):
                # Nearly always a read brings one whole reply.
                self.state, self._buffer = _IDLE, b""
                return [reply]
            if self.state is _ENVIRONMENT:
                return self._read_environment(data)
            return self._read_lines(data)
        except RemoteError:
            self.state, self._buffer = _BROKEN, b""
            raise

    def _read_environment(self, data: bytes) -> list[Event]:
        """The environment once its empty line is there, and what follows it."""
        # Nearly always the bytes end with it; one further up would be found among the lines.
        end = len(data) - 2 if data.endswith(b"\n\n") else data.find(b"\n\n")
        block = data[:end] if end >= 0 else data
        if len(block) > ENVIRONMENT_BYTES:
            raise RemoteError(f"an environment above {ENVIRONMENT_BYTES} bytes")
        if len(block.translate(None, _CONTROLS)) < len(block):
            raise RemoteError("a control character in the environment")
        if end < 0:
            self._buffer = data
            return []
        environment = Environment(_variables(_text(block)))
        self.state, self._buffer = _IDLE, b""
        rest = data[end + 2 :]
        return [environment, *self._read_lines(rest)] if rest else [environment]

    def _read_lines(self, data: bytes) -> list[Event]:
        """What the whole lines say; an unfinished last one is kept."""
        *lines, self._buffer = data.split(b"\n")
        events = [event for line in lines if (event := self._line(line)) is not None]
        if len(self._buffer) >= REPLY_BYTES:
            raise RemoteError(f"a line above {REPLY_BYTES} bytes")
        return events

    def _line(self, line: bytes) -> Event | None:
        """One line after the environment; None when it completes nothing."""
        if len(line) >= REPLY_BYTES:
            raise RemoteError(f"a line above {REPLY_BYTES} bytes")
        if self.state is _USAGE:
            return self._usage_line(line)
        if line == b"HANGUP" and self.state is not _BROKEN:
            return Hangup()
        if self.state is not _WAITING:
            raise RemoteError("a reply that nobody asked for")
        if reply := _success(line + b"\n"):
            self.state = _IDLE
            return reply
        return self._refusal(line)

    def _refusal(self, line: bytes) -> Reply | None:
        """A line that tells of no success: a refusal, the first line of a usage text, or a 100."""
        start = line[:4]
        if start in {b"510 ", b"511 ", b"520 "}:
            self.state = _IDLE
            return Reply(int(start))
        if start == b"520-":
            self.state = _USAGE
        elif start != b"100 ":
            raise RemoteError("a line that is no reply")
        return None

    def _usage_line(self, line: bytes) -> Reply | None:
        """A line within a 520 reply; its last one begins with the code and a space."""
        self._usage_lines += 1
        if self._usage_lines > USAGE_LINES:
            raise RemoteError("a usage text without an end")
        if not line.startswith(b"520 "):
            return None
        self._usage_lines = 0
        self.state = _IDLE
        return Reply(520)


def _success(line: bytes) -> Reply | None:
    """The reply of a line that begins with 200, its end included; None when it is none."""
    found = _SUCCESS.fullmatch(line)
    if found is None or len(line) > REPLY_BYTES:
        return None
    result, value, endpos = found.groups()
    return Reply(200, int(result), _text(value) if value else "", int(endpos) if endpos else 0)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _variables(text: str) -> dict[str, str]:
    """The environment's lines as a mapping; RemoteError on a strange line, a repeated key, too many keys."""
    lines = text.split("\n")
    if len(lines) > ENVIRONMENT_KEYS:
        raise RemoteError(f"an environment of more than {ENVIRONMENT_KEYS} keys")
    try:
        variables = dict([line.split(": ", 1) for line in lines])
    except ValueError:
        raise RemoteError("an environment line that is not `key: value`") from None
    if len(variables) < len(lines):
        raise RemoteError("a key stands twice in the environment")
    return variables

"""The Asterisk Manager Interface as bytes: messages in, actions out, events we use. No socket in it.

A message is lines `Name: value` ended by CR LF and closed by an empty line. Bytes are never decoded before a
message is whole, so a UTF-8 letter may lie across two segments; bytes that are no UTF-8 come out as `\\xNN`.
Headers are looked up on demand: of an event's twenty we read two or three.

What is an event is told by its `Event` header: OriginateResponse is one, though it has `Response` too.
An action takes no header that could start another: CR, LF and NUL are refused in names and values.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from engine.errors import UsageError, ZvonarError
from engine.gateways.ami_members import Member, member_of
from engine.sections import SAFE_NAME, SAFE_NUMBER

MESSAGE_LIMIT = 1 << 20  # bytes of one message; Asterisk's own are below 10,000 at their largest
LINE_LIMIT = 1000  # bytes; Asterisk drops a longer line of ours (1,024)
END = b"\r\n\r\n"


class ProtocolError(ZvonarError):
    """The peer does not speak AMI; the connection is of no more use."""


class Message:
    """One message as it came; headers are found when asked for, names in the case Asterisk writes them.

    `event` is the event's name; empty for a response.
    """

    __slots__ = ("_raw", "event")

    def __init__(self, raw: bytes) -> None:
        self._raw = b"\r\n" + raw  # so that every header, the first too, follows a line's end
        self.event = self.get("Event")

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header."""
        mark = _mark(name)
        start = self._raw.find(mark)
        if start < 0:
            return default
        start += len(mark)
        end = self._raw.find(b"\r\n", start)
        return _text(self._raw[start:] if end < 0 else self._raw[start:end])

    def all(self, name: str) -> list[str]:
        """Every value of a header that may be repeated (`Variable`, `ChanVariable`), in order."""
        prefix = name.encode() + b":"
        return [_text(line[len(prefix) :]) for line in self._raw.split(b"\r\n") if line.startswith(prefix)]


@cache
def _mark(name: str) -> bytes:
    """What a header's name looks like in a message; names are the few that this code asks for."""
    return b"\r\n%b:" % name.encode()


def _text(value: bytes) -> str:
    return value.strip(b" ").decode("utf-8", "backslashreplace")


class Framer:
    """Cuts a byte stream into messages; `banner` is the greeting line, None until it came."""

    def __init__(self, *, greeted: bool = True) -> None:
        """`greeted`: the stream begins with a greeting line, as Asterisk's side does."""
        self.banner: str | None = None if greeted else ""
        self._rest = bytearray()
        self._seen = 0  # bytes of the rest in which no message ends

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes; ProtocolError for one above the limit."""
        rest = self._rest
        rest += data
        if self.banner is None and not self._greeting():
            return []
        messages = []
        start, end = 0, rest.find(END, max(0, self._seen - 3))
        while end >= 0:
            _check_size(end - start)
            raw = bytes(rest[start:end]).lstrip(b"\r\n")
            if raw:
                messages.append(Message(raw))
            start = end + 4
            end = rest.find(END, start)
        del rest[:start]
        self._seen = len(rest)
        _check_size(len(rest))
        return messages

    def _greeting(self) -> bool:
        """Take the greeting line off; False while it is not whole."""
        end = self._rest.find(b"\r\n")
        _check_size(end if end >= 0 else len(self._rest))
        if end < 0:
            return False
        self.banner = _text(bytes(self._rest[:end]))
        del self._rest[: end + 2]
        return True


def _check_size(size: int) -> None:
    if size > MESSAGE_LIMIT:
        raise ProtocolError(f"a message of more than {MESSAGE_LIMIT} bytes")


_NAMES = re.compile(r"[A-Za-z0-9-]+(\n[A-Za-z0-9-]+)*")


def encode(headers: Mapping[str, str]) -> bytes:
    """An action as bytes; UsageError for a header that could be read as two, or that Asterisk would drop."""
    text = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    ends = len(headers) - 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:
        raise UsageError("AMI action: control characters are refused")
    if _NAMES.fullmatch("\n".join(headers)) is None:
        raise UsageError("AMI action: a header's name is letters, digits and dashes")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise UsageError("AMI action: a value that is no text") from None
    if len(data) > LINE_LIMIT and max(map(len, data.split(b"\r\n"))) > LINE_LIMIT:
        raise UsageError(f"AMI action: a header above {LINE_LIMIT} bytes")
    return data + END


_PATTERNS = {
    "attempt": r"[0-9A-Za-z_.-]{1,149}",  # Asterisk's limit for ActionID and ChannelId
    "number": SAFE_NUMBER,
    **dict.fromkeys(("endpoint", "context", "variable"), SAFE_NAME),
    "exten": r"[A-Za-z0-9_.*#+-]{1,64}",
    "caller_id": rf"({SAFE_NUMBER})?",
    "amd": r"[a-z]{0,16}",
}


@dataclass(frozen=True, slots=True)
class Originate:
    """One call to make: `attempt` is ActionID, ChannelId and `variable`. The dialplan is to `record` it, and
    to tell machines by the preset `amd`. The phone is `number` behind the PJSIP `endpoint`; answered, it goes
    to `exten` of `context`. UsageError for a value that could mean more than it says.
    """

    attempt: str
    number: str
    endpoint: str
    context: str
    exten: str = "s"
    caller_id: str = ""
    ring_s: float = 40
    record: bool = False
    amd: str = ""
    variable: str = "ZVONAR_ATTEMPT"

    def __post_init__(self) -> None:
        for name, pattern in _PATTERNS.items():
            if re.fullmatch(pattern, getattr(self, name)) is None:
                raise UsageError(f"originate: {name} has a form that may not be dialled")
        if not 0 < self.ring_s <= 600:
            raise UsageError("originate: ring_s is above 0 and at most 600 seconds")

    def headers(self) -> dict[str, str]:
        """The action. Context only, never Application; asynchronous, or the session waits for the answer."""
        wishes = (",ZVONAR_RECORD=1" if self.record else "") + (f",ZVONAR_AMD={self.amd}" if self.amd else "")
        return {
            "Action": "Originate",
            "ActionID": self.attempt,
            "ChannelId": self.attempt,
            "Channel": f"PJSIP/{self.number}@{self.endpoint}",
            "Context": self.context,
            "Exten": self.exten,
            "Priority": "1",
            "Timeout": str(round(self.ring_s * 1000)),
            "Async": "true",
            "Variable": f"{self.variable}={self.attempt}{wishes}",
        } | ({"CallerID": self.caller_id} if self.caller_id else {})


# What the dialer is told. `channel` is the Uniqueid: for our calls the attempt's id.


@dataclass(frozen=True, slots=True)
class Ringing:
    """The far phone rings (180)."""

    channel: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Early media (183): a tone or an announcement from the network; it may ring or not."""

    channel: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody, or something, took the call."""

    channel: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The channel is gone. `tech_cause`: the SIP code; None before Asterisk 22.7 or when there is none."""

    channel: str
    cause: int
    tech_cause: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Originated:
    """OriginateResponse: before or after the other events of its call, or alone when no channel was made.

    `timed_out`: nobody answered within the ring time. Nothing else can be read from its reason.
    """

    channel: str
    success: bool
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """An endpoint answers OPTIONS again, or none of its contacts does any more; told where qualify is on."""

    endpoint: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Events flow (again). `live`: the channels alive now, `up`: those of them that have answered.

    A call whose Originate was sent within the last second may not have its channel yet. `started`: not
    later than Asterisk's start; what was sent before it is dead. `version` as Asterisk tells it.
    """

    live: frozenset[str]
    started: datetime
    version: str
    up: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Events are being lost from here to the next LinkUp. `final`: no reconnection will be tried."""

    reason: str
    final: bool = False


Event = Ringing | Progress | Answered | Ended | Originated | Reach | LinkUp | LinkDown | Member


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _newstate(message: Message) -> Event | None:
    state = message.get("ChannelState")
    if state == "5":
        return Ringing(message.get("Uniqueid"))
    return Answered(message.get("Uniqueid")) if state == "6" else None


def _dial_state(message: Message) -> Event | None:
    return Progress(message.get("DestUniqueid")) if message.get("DialStatus") == "PROGRESS" else None


def _hangup(message: Message) -> Event | None:
    return Ended(
        message.get("Uniqueid"),
        _number(message.get("Cause")) or 0,
        _number(message.get("TechCause")),
        message.get("Cause-txt"),
    )


def _originate_response(message: Message) -> Event | None:
    return Originated(
        message.get("ActionID") or message.get("Uniqueid"),
        message.get("Response") == "Success",
        message.get("Reason") == "3",
    )


def _peer_status(message: Message) -> Event | None:
    kind, _, endpoint = message.get("Peer").partition("/")
    reachable = {"Reachable": True, "Unreachable": False}.get(message.get("PeerStatus"))
    return Reach(endpoint, reachable) if kind == "PJSIP" and reachable is not None else None


_EVENTS: Mapping[str, Callable[[Message], Event | None]] = {
    "DialState": _dial_state,
    "Hangup": _hangup,
    "Newstate": _newstate,
    "OriginateResponse": _originate_response,
    "PeerStatus": _peer_status,
    **dict.fromkeys(
        (f"QueueMember{what}" for what in ("", "Added", "Pause", "Removed", "Status")), member_of
    ),
}


def translate(message: Message) -> Event | None:
    """A message as one of our events; None for all that we do not use."""
    build = _EVENTS.get(message.event)
    return build(message) if build else None


# What DEVICE_STATE says of an endpoint that calls cannot go out by: no contact answers, or there is none.
OUT_OF_REACH = frozenset({"UNAVAILABLE", "INVALID"})


def ask_state(endpoint: str) -> dict[str, str]:
    """The action that asks for an endpoint's device state; UsageError for a name that is none.

    The watcher may ask it with `reporting`; the lists of contacts and endpoints need `system`, which may also
    load modules.
    """
    if re.fullmatch(SAFE_NAME, endpoint) is None:
        raise UsageError("getvar: an endpoint has a form that may not be asked for")
    return {"Action": "Getvar", "Variable": f"DEVICE_STATE(PJSIP/{endpoint})"}


# The first releases of each series without the known holes (2026-06-25).
_SAFE = {20: (20, 20, 1), 22: (22, 10, 1), 23: (23, 4, 1)}


def warnings(version: str) -> list[str]:
    """What an operator should know of his Asterisk's version, as CoreSettings tells it; mostly nothing."""
    found = re.match(r"(?:certified[-/])?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?", version)
    if found is None:
        return [f"Asterisk {version!r}: no release that we know; 22.10.1 or later is needed"]
    release = tuple(int(part or 0) for part in found.groups())
    told = []
    if release < (22, 7, 0):
        told.append(f"Asterisk {version} tells no TechCause (22.7 does): outcomes will be coarser")
    if release[0] <= max(_SAFE) and release < _SAFE.get(release[0], (max(_SAFE) + 1,)):
        told.append(f"Asterisk {version} has known security holes: 22.10.1, 20.20.1, 23.4.1 or later")
    return told

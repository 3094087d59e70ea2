"""What the owner of a dialled number does: the number itself says it. Pure.

A number is `+7 9PP KKD NNNN`, a valid Russian mobile number: KK picks the kind, D is a number of seconds
whose meaning the kind gives, PP and NNNN are a serial. So one list of people holds every kind, and one
carrier plays them all. They never leave loopback.

| kind | KK | D seconds |
|---|---|---|
| listens, operator | 10, 11 | ringing before the answer |
| hangs-up, press-0 … press-9 | 12, 20 … 29 | from the answer to the act |
| announcement, rings, silence, tones | 13, 14, 15, 16 | - |
| hello, greets | 17, 18 | ringing before the answer |
| promises, tries-keys | 19, 30 | from the answer to the first key |
| refusals: busy … moved | 40 … | ringing before the refusal; 0: refused without ringing |
"""

from dataclasses import dataclass

SERIALS = 1_000_000
PROMISE = "425011"  # a promise by key 4: 25 January, yes
TRIED = "#1*1*2##*0"  # Asterisk's own keys of transfer, recording, parking and hang-up, where it has them


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to take a call; `sip` is the final answer to the INVITE (0: none ever comes)."""

    name: str
    digits: str
    sip: int
    reason: str
    does: str
    q850: int = 0  # given: the carrier adds `Reason: Q.850;cause=…`

    def number(self, serial: int = 0, seconds: int = 0) -> str:
        """The `serial`-th phone of this kind, E.164; the same arguments make the same number."""
        if not (0 <= serial < SERIALS and 0 <= seconds <= 9):
            raise ValueError(f"serial below {SERIALS} and seconds below 10, not {serial} and {seconds}")
        return f"+79{serial // 10_000:02d}{self.digits}{seconds}{serial % 10_000:04d}"

    @property
    def answers(self) -> bool:
        """Somebody, or something, takes the call."""
        return self.sip == 200


def _table() -> list[Kind]:
    answering = [
        ("listens", "10", "listens until the caller hangs up"),
        ("operator", "11", "speaks, and stays until the other side hangs up"),
        ("hangs-up", "12", "hangs up in the middle"),
        ("announcement", "13", "a machine: speaks 7 s and hangs up"),
        ("hello", "17", "says hello after 0.3 s, then listens"),
        ("greets", "18", "a machine: its greeting of some 5 s, a beep, then it listens"),
        ("promises", "19", f"presses {', '.join(PROMISE)}, one after another, then listens"),
        ("tries-keys", "30", f"presses {', '.join(TRIED)}, one after another, then listens"),
        *((f"press-{key}", f"2{key}", f"presses {key}, then listens") for key in "0123456789"),
    ]
    refusing = [
        (486, "busy", "Busy Here"),
        (404, "no-such-number", "Not Found"),
        (480, "switched-off", "Temporarily Unavailable"),
        (403, "forbidden", "Forbidden"),
        (603, "declines", "Decline"),
        (503, "no-circuit", "Service Unavailable"),
        (408, "carrier-timeout", "Request Timeout"),
        (410, "changed-number", "Gone"),
        (484, "short-number", "Address Incomplete"),
        (500, "carrier-fault", "Server Internal Error"),
        (488, "no-codec", "Not Acceptable Here"),
        (302, "moved", "Moved Temporarily"),
        (480, "absent", "Temporarily Unavailable"),
    ]
    causes = {"absent": 20}
    return [
        *(Kind(name, digits, 200, "OK", does) for name, digits, does in answering),
        Kind("rings", "14", 487, "Request Terminated", "lets it ring until the caller gives up"),
        Kind("tones", "16", 487, "Request Terminated", "as rings, but in band: 183 with audio, never 180"),
        Kind("silence", "15", 0, "", "no SIP reply of any kind: a dead trunk"),
        *(
            Kind(name, str(40 + place), code, reason, f"refuses: {code} {reason}", causes.get(name, 0))
            for place, (code, name, reason) in enumerate(refusing)
        ),
    ]


KINDS = {kind.name: kind for kind in _table()}
REFUSALS = tuple(kind for kind in KINDS.values() if kind.digits >= "40")
KEYS = tuple(kind for kind in KINDS.values() if kind.name.startswith("press-"))


def number(name: str, serial: int = 0, seconds: int = 0) -> str:
    """The phone of a kind by the kind's name: `number("busy", 7)`."""
    return KINDS[name].number(serial, seconds)


def kind_of(phone: str) -> Kind:
    """The kind of a number made by `number`; ValueError for others."""
    for kind in KINDS.values():
        if phone.removeprefix("+")[4:6] == kind.digits:
            return kind
    raise ValueError("no kind has that number")

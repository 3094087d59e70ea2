"""The commands that we send, each a line that can be sent as it is. Pure.

Arguments are quoted, control characters refused, file names and applications come from an allow-list. So no
value can become a command, a file or an application.
"""

import re
from functools import lru_cache

from engine.speech.clip import place
from fastagi.protocol import Command, LocalError

# Asterisk reads into 8,192 bytes with a closing NUL (2,048 before 22.6).
COMMAND_BYTES = 8191
# The contexts of etc/asterisk/extensions.conf that whoever takes a call passes: a debtor's operator, a masked
# party; and that an operator's channel passes before it rings, where the call has a card.
JOINED = "zvonar-joined"
CARD = "zvonar-card"
TAKEN = "zvonar-mask-taken"

ANSWER = Command(b"ANSWER\n")
STOP_MONITOR = Command(b'EXEC "StopMixMonitor"\n')
# 511 on a dead channel, 200 on a living one: tells a hang-up from a command that failed.
CHANNEL_STATUS = Command(b"CHANNEL STATUS\n")

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f]")
_CLIP = re.compile(r"[0-9a-f]{64}")
_KEYS = re.compile(r"[0-9*#A-D]{0,16}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_NUMBER = re.compile(r"\+?[0-9]{1,18}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CALL = re.compile(r"[0-9a-f-]{36}")
_RECORDING = re.compile(r"([0-9a-z]{1,16}/){0,3}[0-9a-f-]{36}\.alaw")


@lru_cache(maxsize=4096)
def stream_file(folder: str, clip: str, keys: str = "") -> Command:
    """Play a clip of the audio folder, named by its 64 hex digits; any key of `keys` stops it.

    Most clips are of many calls (phrases, fragments), and making a command costs as much as sending it.
    """
    _check(_CLIP, clip, "clip name")
    _check(_KEYS, keys, "set of keys")
    return _command("STREAM FILE", f"{folder}/{place(clip)}", keys)


def wait_for_digit(ms: int) -> Command:
    """Wait for any key; ms > 0, since Asterisk takes a negative time for ever."""
    if ms <= 0:
        raise LocalError(f"a wait of {ms} ms")
    return _command("WAIT FOR DIGIT", str(ms))


@lru_cache(maxsize=256)
def get_variable(name: str) -> Command:
    """Read a channel variable; never a function, some of which read files."""
    return _command("GET VARIABLE", _check(_VARIABLE, name, "variable name"))


def set_variable(name: str, value: str) -> Command:
    """Set a channel variable; never a function, some of which write files or run programs."""
    return _command("SET VARIABLE", _check(_VARIABLE, name, "variable name"), value)


def dial(number: str, endpoint: str, timeout_s: int, *, card: bool = False, show: str = "") -> Command:
    """EXEC Dial; the caller hears it ring (`r`), and his conversation outlives the callee (`g`). A 302 is
    not followed (`i`); without that our trunks refuse it too, but Asterisk logs the number that it names.
    `f`: the number that the callee sees, if it is not to be the caller's.

    `U`: his channel passes our context first, which tells us that he took the debtor's call: were the caller
    the first to hang up, nothing else would. With a `card` (`b`) his phone is told of that instead.
    """
    _check(_NUMBER, number, "number")
    _check(_NAME, endpoint, "endpoint")
    passes = _before(CARD) if card else f"U({JOINED})"
    shown = f"f({_check(_NUMBER, show, 'number to show')})" if show else ""
    return _command("EXEC", "Dial", f"PJSIP/{number}@{endpoint},{_seconds(timeout_s)},gri{shown}{passes}")


def reach(number: str, endpoint: str, show: str, call: str, ring_s: int, talk_s: int, warn_s: int) -> Command:
    """EXEC Dial of two people who do not learn each other's number.

    `f`, `o`: both legs carry the number that is shown, whatever the caller's own says of its presentation;
    `I`, `i`: what the other side tells of its number, or of one to forward to, stays here; no key transfers
    or records (`tTkKhHxXwW` are not there). `U`: who takes the call passes our context first, with the call's
    id. `L`: milliseconds of the talk, and before its end at which both are warned.
    """
    _check(_NUMBER, number, "number")
    _check(_NAME, endpoint, "endpoint")
    _check(_NUMBER, show, "number to show")
    _check(_CALL, call, "call's id")
    limit = f"L({1000 * _seconds(talk_s)}{f':{1000 * warn_s}' if warn_s > 0 else ''})"
    options = f"f({show})o({show})iIgU({TAKEN}^{call}){limit}"
    return _command("EXEC", "Dial", f"PJSIP/{number}@{endpoint},{_seconds(ring_s)},{options}")


def monitor(folder: str, path: str) -> Command:
    """EXEC MixMonitor into a file of the recordings' folder: what is said while two are connected (`b`)."""
    _check(_RECORDING, path, "recording")
    return _command("EXEC", "MixMonitor", f"{folder}/{path},b")


def logged_in(name: str) -> Command:
    """How many operators are there in a queue: not one, and Queue would let the caller wait all the same."""
    _check(_NAME, name, "queue name")
    return _command("GET FULL VARIABLE", f"${{QUEUE_MEMBER({name},logged)}}")


def queue(name: str, timeout_s: int, *, card: bool = False) -> Command:
    """EXEC Queue; the caller hears it ring (`r`: we carry no music), and his conversation outlives the agent.

    `c` does that, and QUEUESTATUS then says CONTINUE.
    The agent's channel passes the same contexts as with Dial.
    """
    _check(_NAME, name, "queue name")
    before, joined = (_before(CARD), "") if card else ("", f",,{JOINED}")
    return _command("EXEC", "Queue", f"{name},cr{before},,,{_seconds(timeout_s)}{joined}")


def _before(context: str) -> str:
    """The option by which each channel passes a context before it rings."""
    return f"b({context}^s^1)"


def wait_for_silence(ms: int, timeout_s: int) -> Command:
    """EXEC WaitForSilence: until the other side has been silent for so long, once."""
    if ms < 1:
        raise LocalError(f"a silence of {ms} ms")
    return _command("EXEC", "WaitForSilence", f"{ms},1,{_seconds(timeout_s)}")


def _seconds(timeout_s: int) -> int:
    if timeout_s < 1:
        raise LocalError(f"a time-out of {timeout_s} s")
    return timeout_s


def words(command: Command) -> str:
    """A command as far as a log may show it: up to its first argument, which is never a number."""
    return ' "'.join(command.decode().strip().split(' "')[:2])


def _check(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise LocalError(f"not a {what}: {text[:80]!r}")
    return text


def _command(words: str, *arguments: str) -> Command:
    """A line of our own words and quoted arguments; LocalError where it would not arrive as one."""
    line = words
    for argument in arguments:
        if not argument.isprintable() and _UNSENDABLE.search(argument):
            raise LocalError(f"a control character in an argument of {words}")
        line += ' "' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        data = (line + "\n").encode()
    except UnicodeEncodeError:
        raise LocalError(f"an argument of {words} that is not text") from None
    if len(data) > COMMAND_BYTES:
        raise LocalError(f"{words} of {len(data)} bytes; Asterisk reads {COMMAND_BYTES}")
    return Command(data)

"""The language of a call: what a conversation asks for, and what it hears back.

A conversation is a generator. It yields a step, receives that step's answer, and returns its result;
so it reads in the order in which a caller hears it. A driver (FastAGI, the keyboard, a test) plays it.

| step | answer |
|---|---|
| Play(clips, keys) | Heard: key pressed (or None), milliseconds heard |
| Ask(clips, keys, wait_ms) | Heard: the same, after waiting for a key in silence |
| Tell(fact) | None; the fact has been acted on and stored |
| Connect(target, timeout_s) | Connected |
| PickUp() | None; the caller's line is answered, if it was not |
| Reach(number, …) | Reached: two people have talked through our number, or why not |
| LetGo() | None; who has just taken a call is parted from it, and its caller goes on alone |
| Lookup(question) | what the engine knows |
| Quiet(ms, timeout_s) | None; the other side has fallen silent, or the time is over |

When the caller hangs up, the driver throws HungUp into the generator at the step under way. The
conversation may catch it to return its result; it may not yield again.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.speech.clip import Clip

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Play:
    """Play clips in a row without a gap; any key of `keys` stops it."""

    clips: tuple[Clip, ...]
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Play clips, then wait `wait_ms` for one of `keys`; a key during the clips counts too."""

    clips: tuple[Clip, ...]
    keys: str
    wait_ms: int = 5000


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of Play or Ask: the key (None: none) and how many milliseconds of audio were heard."""

    key: str | None
    ms: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Have a fact acted on at once (an opt-out); `fact` is a frozen dataclass that the part defines."""

    fact: Any


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the caller to `target`: `queue:NAME`, or a number through `endpoint` (PJSIP).

    `card`: the id of what the operator is to see; his phone and the manager interface are told it. `show`:
    who calls, as a number through `endpoint` sees it, "" the caller; a carrier may refuse what is not ours.
    """

    target: str
    endpoint: str = ""
    timeout_s: int = 40
    card: str = ""
    show: str = ""


@dataclass(frozen=True, slots=True)
class PickUp:
    """Take the caller's line: what is said to him from now on is heard on every carrier."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Connect the caller to a number that he does not learn, and whose owner sees `show`.

    `call` names it to who takes it (script `mask-taken`); `record`: the recording, a path under the folder of
    recordings, "" for none. A talk ends after `talk_s`, both are warned `warn_s` before (0: not).
    """

    number: str
    endpoint: str
    show: str
    call: str
    ring_s: int
    talk_s: int
    warn_s: int
    record: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """`status`: Asterisk's DIALSTATUS, `cause`: its Q.850 cause, `after_s` of which it was told."""

    status: str
    cause: int
    after_s: float


@dataclass(frozen=True, slots=True)
class LetGo:
    """Part who has just taken a call from it."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Ask the engine; `question` is a frozen dataclass that the part defines, and so is the answer."""

    question: Any


@dataclass(frozen=True, slots=True)
class Quiet:
    """Wait until the other side has been silent for `ms`: a machine whose greeting and beep are over."""

    ms: int
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Connected:
    """`answered`: somebody took the call and they talked."""

    answered: bool


class HungUp(Exception):
    """The caller hung up during the step under way; `ms` of its audio had been heard."""

    def __init__(self, ms: int = 0) -> None:
        super().__init__(f"hung up after {ms} ms of the step")
        self.ms = ms


Step = Play | Ask | Tell | Connect | Quiet | PickUp | Reach | LetGo | Lookup
Answer = Any  # as the table says
Conversation = Generator[Step, Any, Result]

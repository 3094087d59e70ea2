"""The language of a call: what a conversation asks for, and what it hears back.

A conversation is a generator. It yields a step, receives that step's answer, and returns its result;
so it reads in the order in which a caller hears it. A driver (FastAGI, the keyboard, a test) plays it.

| step | answer |
|---|---|
| Play(clips, keys) | Heard: key pressed (or None), milliseconds heard |
| Ask(clips, keys, wait_ms) | Heard: the same, after waiting for a key in silence |
| Tell(fact) | None; the fact has been acted on and stored |
| Connect(target, timeout_s) | Connected |
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
    """Connect the caller to `target`: `queue:NAME`, or a number through `endpoint` (PJSIP)."""

    target: str
    endpoint: str = ""
    timeout_s: int = 40


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


Step = Play | Ask | Tell | Connect | Quiet
Answer = Heard | Connected | None
Conversation = Generator[Step, Any, Result]

"""One call from door to end, written in the order in which it happens. No socket, no thread.

`call` is a generator of moves. Whoever drives it (`link`) makes each move and sends back what came of it:

| move | answer | thrown in instead |
|---|---|---|
| Do: a command, and how long its reply may take | Reply (200) | HungUp, RemoteError (510, 520, no reply) |
| Work: a blocking function for the thread pool | what it returned | what it raised |
| FREE: give the line back to the dialplan | None | |

| step of a conversation | commands |
|---|---|
| Play | STREAM FILE for each clip; the next is sent when the reply of the former comes |
| Ask | the same, then WAIT FOR DIGIT until one of the keys or the end of the wait; other keys are ignored |
| Tell, Lookup | none: Work |
| Connect | EXEC Dial, or EXEC Queue if GET FULL VARIABLE finds operators there; GET VARIABLE of its status |
| Quiet | EXEC WaitForSilence |
| PickUp | ANSWER |
| Reach | EXEC MixMonitor, EXEC Dial, EXEC StopMixMonitor, then GET VARIABLE DIALSTATUS and HANGUPCAUSE |
| LetGo | SET VARIABLE GOSUB_RESULT, which Dial's `U` goes by |

How a call ends:
- The conversation came to its end: SET VARIABLE AGI_DONE 1 is the last command, `finish` gets the result.
- `open` had nothing to say: the line is freed without AGI_DONE, and nothing is finished.
- The caller hung up: the conversation gets HungUp at the step under way; `finish` gets what it returns, or
  None if it lets HungUp pass. Nothing more is sent.
- Anything else (an exception of the conversation's, of `open`'s or `tell`'s, a reply that cannot be): logged
  once; the line is freed without AGI_DONE, so the dialplan plays its fallback; `finish` gets None.

A result of -1 is a hang-up or a failure, and the reply does not say which. So we ask CHANNEL STATUS: on a
call that is gone Asterisk closes the connection instead of answering (AGIEXITONHANGUP), or answers 511.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, assert_never

from dialplan.steps import (
    Answer,
    Ask,
    Connect,
    Connected,
    Heard,
    HungUp,
    LetGo,
    Lookup,
    PickUp,
    Play,
    Quiet,
    Reach,
    Reached,
    Step,
    Tell,
)
from engine.speech.clip import Clip
from engine.telemetry import logger
from fastagi import commands
from fastagi.commands import words
from fastagi.protocol import Command, LocalError, RemoteError, Reply
from fastagi.routes import Call, Route, Scenario

REPLY_S = 15.0
SAMPLES_A_MS = 8
NO_APPLICATION = -2
NOBODY = "0"
DONE = commands.set_variable("AGI_DONE", "1")
CARD = "__ZVONAR_CARD"  # inherited by the operator's channel
PARTED = commands.set_variable("GOSUB_RESULT", "CONTINUE")  # of Dial: hang the callee up, the caller goes on

log = logger("agi")


class Do(NamedTuple):
    """Send a command; no reply within `patience_s` is an error."""

    command: Command
    patience_s: float = REPLY_S


class Work(NamedTuple):
    """Call a blocking function in the thread pool."""

    function: Callable[..., Any]
    argument: Any


class Free:
    """Close the connection: the dialplan goes on."""


FREE = Free()
Move = Do | Work | Free
Moves = Generator[Move, Any, Any]


@dataclass(frozen=True, slots=True)
class Studio:
    """Where audio and recordings lie as Asterisk sees them, and how long a connected talk may last."""

    audio_dir: str
    max_call_s: int
    recordings_dir: str = ""


def call(entered: Call, route: Route, studio: Studio) -> Moves:
    """All the moves of one call; see the top of this module."""
    if route.answer:
        yield Do(commands.ANSWER)
    sent = entered.sent
    for name in route.variables:
        if (value := sent.get(name)) is None:
            reply = yield Do(commands.get_variable(name))
            value = reply.value
        entered.variables[name] = value
    scenario: Scenario | None = route.at_hand(entered) or (yield Work(route.open, entered))
    if scenario is None:
        yield FREE
        return
    result = None
    try:
        result, stayed = yield from _converse(scenario, studio)
        if stayed:
            yield Do(DONE)
    except HungUp:
        pass  # no fault; what the conversation made of it is in `result`
    except Exception as error:
        log.error("conversation broke, the dialplan falls back", script=entered.script, exc_info=error)
    yield FREE
    scenario.finish(result)


def _converse(scenario: Scenario, studio: Studio) -> Generator[Move, Any, tuple[Any, bool]]:
    """Play the conversation; its result and whether the caller stayed to its end."""
    conversation = scenario.conversation
    stayed = True
    try:
        step: Step = next(conversation)
        while True:
            try:
                answer = yield from _moves(step, scenario, studio)
            except HungUp as hung_up:
                stayed = False
                conversation.throw(hung_up)
                raise LocalError("the conversation went on after the hang-up") from None
            step = conversation.send(answer)
    except StopIteration as end:
        return end.value, stayed


def _moves(step: Step, scenario: Scenario, studio: Studio) -> Generator[Move, Any, Answer]:
    """The moves of one step, which return its answer. HungUp carries the milliseconds heard."""
    match step:
        case Play():
            return _play(step.clips, step.keys, studio)
        case Ask():
            return _listen(step, studio)
        case Connect():
            return _connect(step, studio)
        case Tell():
            return _work(scenario.tell, step.fact)
        case Quiet():
            return _await_silence(step)
        case PickUp():
            return _just(commands.ANSWER)
        case Reach():
            return _reach(step, studio)
        case LetGo():
            return _just(PARTED)
        case Lookup():
            return _work(scenario.lookup, step.question)
        case _:
            assert_never(step)


def _work(function: Callable[..., Any], argument: Any) -> Generator[Work, Any, Any]:
    """Have the engine act, or answer."""
    return (yield Work(function, argument))


def _just(command: Command) -> Generator[Do, Reply, None]:
    """A command that brings nothing back."""
    reply = yield Do(command)
    if reply.result < 0:
        yield from _fail(command)


def _play(clips: tuple[Clip, ...], keys: str, studio: Studio) -> Generator[Do, Reply, Heard]:
    """Play clips in a row until a key."""
    heard_ms = 0
    for clip in clips:
        command = commands.stream_file(studio.audio_dir, clip.name, keys)
        try:
            reply = yield Do(command, REPLY_S + clip.ms / 1000)
            heard_ms += reply.endpos // SAMPLES_A_MS
            if reply.result < 0:
                yield from _fail(command)
        except HungUp:
            raise HungUp(heard_ms) from None
        if reply.result > 0:
            return Heard(chr(reply.result), heard_ms)
    return Heard(None, heard_ms)


def _listen(step: Ask, studio: Studio) -> Generator[Do, Reply, Heard]:
    """Play, then wait in silence for a key that counts."""
    heard = yield from _play(step.clips, step.keys, studio)
    until = time.monotonic() + step.wait_ms / 1000
    while heard.key is None and (left_ms := int((until - time.monotonic()) * 1000)) > 0:
        command = commands.wait_for_digit(left_ms)
        try:
            reply = yield Do(command, REPLY_S + left_ms / 1000)
            if reply.result < 0:
                yield from _fail(command)
        except HungUp:
            raise HungUp(heard.ms) from None
        if reply.result == 0:
            break
        if chr(reply.result) in step.keys:
            heard = Heard(chr(reply.result), heard.ms)
    return heard


def _connect(step: Connect, studio: Studio) -> Generator[Do, Reply, Connected]:
    """Lead the caller to a queue or a number; back when they have talked, or nobody came."""
    card = bool(step.card)
    if card:
        yield Do(commands.set_variable(CARD, step.card))
    kind, _, name = step.target.rpartition(":")
    if kind == "queue":
        present = yield Do(commands.logged_in(name))
        if present.value == NOBODY:
            return Connected(answered=False)
        command, status, talked = commands.queue(name, step.timeout_s, card=card), "QUEUESTATUS", "CONTINUE"
    else:
        command = commands.dial(step.target, step.endpoint, step.timeout_s, card=card, show=step.show)
        status, talked = "DIALSTATUS", "ANSWER"
    yield from _executed(command, step.timeout_s + studio.max_call_s)
    reply = yield Do(commands.get_variable(status))
    return Connected(reply.value == talked)


def _reach(step: Reach, studio: Studio) -> Generator[Do, Reply, Reached]:
    """Two people through our number; back when they have talked, or it came to nothing."""
    if step.record:
        yield from _executed(commands.monitor(studio.recordings_dir, step.record), 0)
    called = (step.number, step.endpoint, step.show, step.call)
    command = commands.reach(*called, step.ring_s, step.talk_s, step.warn_s)
    began = time.monotonic()
    yield from _executed(command, step.ring_s + step.talk_s)
    after_s = time.monotonic() - began
    if step.record:  # the next phone begins it anew; with the call centre nothing is recorded
        yield from _executed(commands.STOP_MONITOR, 0)
    status = yield Do(commands.get_variable("DIALSTATUS"))
    cause = yield Do(commands.get_variable("HANGUPCAUSE"))
    return Reached(status.value, int(cause.value) if cause.value.isdecimal() else 0, after_s)


def _await_silence(step: Quiet) -> Generator[Do, Reply, None]:
    """Until the other side is silent, or the time is over."""
    yield from _executed(commands.wait_for_silence(step.ms, step.timeout_s), step.timeout_s)


def _executed(command: Command, longest_s: float) -> Generator[Do, Reply, None]:
    """Run an application; RemoteError where it is not loaded."""
    reply = yield Do(command, REPLY_S + longest_s)
    if reply.result == NO_APPLICATION:
        raise RemoteError("Asterisk has not loaded the application of " + words(command))


def _fail(command: Command) -> Generator[Do, Reply, None]:
    """Find out what a result of -1 was: HungUp, or RemoteError when the caller is still there."""
    yield Do(commands.CHANNEL_STATUS)
    raise RemoteError("Asterisk failed at " + words(command))

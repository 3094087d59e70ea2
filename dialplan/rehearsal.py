"""Play a conversation without a telephone: answers come from a list, what is said goes into a list. Pure.

The third driver of a conversation, beside FastAGI and the tests (who use this one): `zvonar rehearse`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dialplan.steps import (
    Answer,
    Ask,
    Connect,
    Connected,
    Conversation,
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

Result = TypeVar("Result")
SILENCE, HANG_UP, BUSY = "-", "x", "busy"
# DIALSTATUS and Q.850 cause of who is rung.
RUNG = {BUSY: ("BUSY", 17), "silent": ("NOANSWER", 0), "off": ("NOANSWER", 19)}
TALKED = ("ANSWER", 16)
WORDS = {Quiet: "quiet", PickUp: "pick-up", LetGo: "let-go"}


@dataclass(frozen=True, slots=True)
class Rehearsed(Generic[Result]):
    """`steps`: what was said and done, in order, as the contract's JSON; `result`: the conversation's own."""

    steps: list[dict[str, Any]]
    result: Result


def rehearse(
    conversation: Conversation[Result],
    answers: Iterable[str],
    tell: Callable[[Any], None] = lambda fact: None,
    lookup: Callable[[Any], Any] = lambda question: None,
    callee: Callable[[], Conversation[Any]] | None = None,
) -> Rehearsed[Result]:
    """Play it through. An answer is what the caller does at the next pause: a key, `-` waits in silence,
    `x` hangs up in the middle; `busy` at a Connect is an operator who does not answer; at a Reach `busy`,
    `silent` or `off` is the other side's phone, anything else a talk. When the answers are used up, he is
    silent. `lookup` answers what the conversation asks of the engine. `callee` is what whoever takes a Reach
    hears first; those steps have `hears`: callee.
    """
    keys = iter(answers)
    steps: list[dict[str, Any]] = []
    answer: Answer = None
    try:
        step = next(conversation)
        while True:
            steps.append(_told(step))
            if isinstance(step, Tell):
                tell(step.fact)
                answer = None
            elif isinstance(step, Lookup):
                answer = lookup(step.question)
            else:
                given = next(keys, SILENCE) if _pauses(step) else SILENCE
                if given == HANG_UP:
                    steps.append({"step": "hang-up"})
                    step = conversation.throw(HungUp(_length(step) // 2))
                    continue
                steps[-1] |= {"key": given} if given not in (SILENCE, *RUNG) else {}
                answer = _answer(step, given)
                if callee and isinstance(answer, Reached) and answer.status == "ANSWER":
                    steps += [{"hears": "callee"} | one for one in rehearse(callee(), ()).steps]
            step = conversation.send(answer)
    except StopIteration as end:
        return Rehearsed(steps, end.value)


def _pauses(step: Step) -> bool:
    """Does this step listen to the caller?"""
    return isinstance(step, Ask | Connect | Reach) or (isinstance(step, Play) and bool(step.keys))


def _clips(step: Step) -> tuple[Clip, ...]:
    return step.clips if isinstance(step, Play | Ask) else ()


def _length(step: Step) -> int:
    return sum(clip.ms for clip in _clips(step))


def _answer(step: Step, given: str) -> Answer:
    match step:
        case Connect():
            return Connected(answered=given != BUSY)
        case Reach():
            after_s = step.ring_s if given == "silent" else 0
            return Reached(*RUNG.get(given, TALKED), after_s)
        case Play() | Ask():
            key = given if given in step.keys else None
            return Heard(key, _length(step) // 2 if key else _length(step))
    return None


def _told(step: Step) -> dict[str, Any]:
    """A step as a line of the rehearsal."""
    match step:
        case Tell():
            return {"step": "tell", "fact": type(step.fact).__name__}
        case Lookup():
            return {"step": "lookup", "fact": type(step.question).__name__}
        case Connect():
            return {"step": "connect", "to": step.target}
        case Reach():
            return {"step": "reach", "to": step.number, "show": step.show}
        case Play() | Ask():
            said = [clip.text or clip.name[:12] for clip in step.clips]
            told: dict[str, Any] = {"step": "ask" if isinstance(step, Ask) else "play", "say": said}
            return told | ({"keys": step.keys} if step.keys else {})
    return {"step": WORDS[type(step)]}

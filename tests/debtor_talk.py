"""A debtor's conversation played by keys, each step in a word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from dialplan.debtor import Abandoned, OptOut, debtor
from dialplan.phrases import DAYS, HOURS, MONTHS, Debtor, Later, Promise
from dialplan.steps import Ask, Connect, Connected, Heard, Play, Quiet, Step, Tell
from engine.campaign.attempts import Talk
from engine.campaign.sheet import DebtorCall, Words
from engine.speech.clip import Clip
from engine.speech.keys import DEFAULT, Key
from engine.speech.menus import menus
from engine.speech.shipped import phrases
from storage.vocab import Action

ALL = tuple(Key(press, action) for press, action in zip("0*7#89", Action, strict=True))
STARRED = tuple(Key({"9": "*", "*": "9"}.get(key.press, key.press), key.action) for key in ALL)
NAMES = [*Debtor, *Later, *Promise, *HOURS, *DAYS, *MONTHS]
NAMES += [name for keys in (DEFAULT, ALL, STARRED) for name in menus(keys, phrases("ru"))]
PHRASES = {str(name): Clip(f"{number:064}", 100, str(name)) for number, name in enumerate(NAMES)}
MESSAGE = (Clip("aa" * 32, 300, "hello", "greeting"), Clip("bb" * 32, 700, "debt", "debt"))
TOTAL = 1000
TODAY = date(2026, 12, 20)
WORDS = Words(MESSAGE, PHRASES)
ALONE = DebtorCall(WORDS, today=TODAY, promise_days=30)
CALL = replace(ALONE, operator="queue:main", endpoint="pstn")
LATER = replace(CALL, later=True)
MANNED = replace(CALL, manned=True)
PROMISING = replace(LATER, words=replace(WORDS, keys=ALL))
STAR = replace(PROMISING, words=replace(WORDS, keys=STARRED))  # the key that ends all calls is no digit


def said(step: Step) -> str:
    """A step in a word: what is played, or what is asked for."""
    if isinstance(step, Play | Ask):
        return "+".join(clip.text.partition(" ")[0] for clip in step.clips)
    if isinstance(step, Quiet):
        return "quiet"
    if isinstance(step, Tell):
        return {OptOut: "opt-out", Abandoned: "abandoned"}[type(step.fact)]
    return f"connect {step.target}"


def answer(step: Step, key: str | None, *, operator: bool = True) -> Any:
    """As a driver answers: a key in the middle of what is played, or all of it heard."""
    if isinstance(step, Connect):
        return Connected(operator)
    if isinstance(step, Tell | Quiet):
        return None
    whole = sum(clip.ms for clip in step.clips)
    return Heard(key, whole // 2) if key and key in step.keys else Heard(None, whole)


def play(call: DebtorCall, keys: str, *, operator: bool = True) -> tuple[list[str], Talk]:
    """Play it through; a key for each step that listens, `-` is none."""
    pressing: Iterator[str] = iter(keys)
    conversation, steps = debtor(call), []
    step = next(conversation)
    try:
        while True:
            steps.append(said(step))
            listens = isinstance(step, Ask) or (isinstance(step, Play) and step.keys)
            key = next(pressing, "-") if listens else "-"
            step = conversation.send(answer(step, None if key == "-" else key, operator=operator))
    except StopIteration as end:
        return steps, end.value


FIRST, AGAIN = "robot+hello+debt", "hello+debt"
THRICE = [FIRST, AGAIN, AGAIN, AGAIN]

"""A rule of retrying, and how operators write it. Pure.

| part of a rule | as it is written | what it does |
|---|---|---|
| delay | `10m`, `1h30m`, `1d` | the phone rests so long |
| growth | `x2` | each time the same comes of the phone it rests so many times longer |
| longest | `max 8h` | but no longer than this |
| times | `times 3` | so often at most may this come of a lead's calls; then it is done |
| next phone | `next-phone` | the next of the person's phones is called at once, if it has rested |
| other trunk | `other-trunk` | another trunk is tried where there is one |
| never | `never` | not again; `never next-phone`: not on this phone again |

What they bring about: engine.campaign.retry.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from engine.errors import UsageError
from storage.vocab import Outcome

GUARD = timedelta(days=1)  # for so long an unknown call counts as made
LONGEST_S = 30 * 86400
MAX_GROWTH = 10.0
MAX_TIMES = 100
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
DURATION = re.compile("".join(f"(?:([0-9]{{1,7}}){unit})?" for unit in UNITS))
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows one outcome. `delay_s` None: never; `times` 0: as often as the budget allows."""

    delay_s: int | None
    growth: float = 1.0
    longest_s: int = LONGEST_S
    times: int = 0
    next_phone: bool = False
    other_trunk: bool = False

    def rest(self, nth: int) -> timedelta:
        """How long a phone rests after this has come of it for the `nth` time in all, 1 or more."""
        grown = (self.delay_s or 0) * self.growth ** min(nth - 1, 99)
        return timedelta(seconds=min(grown, self.longest_s))

    def __str__(self) -> str:
        """As an operator writes it."""
        words = ["never" if self.delay_s is None else _duration(self.delay_s)]
        words += [f"x{self.growth:g}"] if self.growth != 1 else []
        words += [f"max {_duration(self.longest_s)}"] if self.longest_s != LONGEST_S else []
        words += [f"times {self.times}"] if self.times else []
        words += ["next-phone"] if self.next_phone else []
        words += ["other-trunk"] if self.other_trunk else []
        return " ".join(words)


_M, _H, _D = UNITS["m"], UNITS["h"], UNITS["d"]
NEVER = Rule(None)
DEFAULTS: Mapping[Outcome, Rule] = {
    Outcome.ANSWERED_HEARD: NEVER,
    Outcome.ANSWERED_PARTIAL: NEVER,
    Outcome.ANSWERED_OPERATOR: NEVER,
    Outcome.ANSWERED_OPT_OUT: NEVER,
    Outcome.ANSWERED_PAID_CLAIM: NEVER,
    Outcome.ANSWERED_PROMISE: Rule(0),  # from the end of the day that he named
    Outcome.MACHINE: Rule(4 * _H),
    Outcome.BUSY: Rule(20 * _M),
    Outcome.NO_ANSWER: Rule(2 * _H, next_phone=True),
    Outcome.UNREACHABLE: Rule(4 * _H, next_phone=True),
    Outcome.INVALID_NUMBER: Rule(None, next_phone=True),
    Outcome.REJECTED: Rule(_D),
    Outcome.CONGESTION: Rule(5 * _M, 2.0, _H, other_trunk=True),
    Outcome.TRUNK_FAULT: Rule(5 * _M, 2.0, _H, other_trunk=True),
    Outcome.CANCELLED: Rule(_M),
    Outcome.UNKNOWN: Rule(_D),
}


def rules_of(own: Mapping[str, str]) -> Mapping[Outcome, Rule]:
    """All rules of a campaign that keeps these of its own, as `parse` gives them."""
    return _rules_of(tuple(sorted(own.items())))


@lru_cache(maxsize=1024)
def _rules_of(own: tuple[tuple[str, str], ...]) -> Mapping[Outcome, Rule]:
    return {**DEFAULTS, **{Outcome(name): rule_of(text) for name, text in own}}


def parse(given: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """A campaign's own rules with changes (`busy=10m x2`, `rejected=never`, `no-answer=default`): outcome ->
    rule as it is kept, where it differs from the default. UsageError says what is wrong.
    """
    rules = dict(own)
    for text in given:
        name, _, written = text.partition("=")
        name = name.strip()
        try:
            outcome = Outcome(name)
        except ValueError:
            known = ", ".join(one for one in Outcome if one is not Outcome.ANSWERED_OPT_OUT)
            raise UsageError(f"retry {text!r}: {name!r} is no outcome; outcomes are {known}") from None
        if outcome is Outcome.ANSWERED_OPT_OUT:
            raise UsageError(f"retry {text!r}: who has opted out is not called again")
        try:
            rule = DEFAULTS[outcome] if written.strip() == DEFAULT else rule_of(written)
        except UsageError as error:
            raise UsageError(f"retry {text!r}: {error}") from None
        if outcome is Outcome.UNKNOWN and rule.delay_s is not None and rule.delay_s < GUARD.total_seconds():
            raise UsageError(f"retry {text!r}: perhaps he was called; the delay is 1d or more")
        rules.pop(name, None)
        if rule != DEFAULTS[outcome]:
            rules[name] = str(rule)
    return rules


def rule_of(text: str) -> Rule:
    """A rule as an operator writes it; UsageError says what is wrong."""
    words = text.split()
    if not words:
        raise UsageError("a rule begins with a delay such as 10m, or never; or it is: default")
    first, rest = words[0], words[1:]
    return _checked(Rule(None if first == "never" else _seconds(first), **_parts(rest)))


def _parts(words: list[str]) -> dict[str, Any]:
    """What follows the delay, in any order, each once."""
    read: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        value: Any
        match word:
            case "max":
                name, value = "longest_s", _seconds(next(left, ""))
            case "times":
                name, value = "times", int(_number(next(left, ""), "times", 1, MAX_TIMES, whole=True))
            case "next-phone" | "other-trunk":
                name, value = word.replace("-", "_"), True
            case _ if word.startswith("x"):
                name, value = "growth", _number(word[1:], "growth", 1, MAX_GROWTH)
            case _:
                raise UsageError(f"{word!r} is none of xN, max DELAY, times N, next-phone, other-trunk")
        if name in read:
            raise UsageError(f"{word!r} comes twice")
        read[name] = value
    return read


def _checked(rule: Rule) -> Rule:
    if rule.delay_s is None and (rule.growth != 1 or rule.longest_s != LONGEST_S or rule.times):
        raise UsageError("after never only next-phone and other-trunk have a meaning")
    if rule.delay_s is not None and rule.longest_s < rule.delay_s:
        raise UsageError("max is less than the delay")
    return rule


def _seconds(text: str) -> int:
    found = DURATION.fullmatch(text)
    if not found or not text:
        raise UsageError(f"{text!r} is no delay; one is written 30s, 10m, 2h, 1d or 1h30m")
    parts = zip(found.groups(), UNITS.values(), strict=True)
    seconds = sum(int(count or 0) * unit for count, unit in parts)
    if seconds > LONGEST_S:
        raise UsageError(f"{text!r} is longer than {_duration(LONGEST_S)}")
    return seconds


def _number(text: str, what: str, least: int, most: float, *, whole: bool = False) -> float:
    if not re.fullmatch("[0-9]{1,4}" if whole else r"[0-9]{1,4}(\.[0-9]{1,3})?", text):
        raise UsageError(f"{what}: {text!r} is not a number")
    if not least <= float(text) <= most:
        raise UsageError(f"{what}: {text} is not between {least} and {most:g}")
    return float(text)


def _duration(seconds: int) -> str:
    """As an operator writes it."""
    told = ""
    for unit, length in UNITS.items():
        count, seconds = divmod(seconds, length)
        told += f"{count}{unit}" if count else ""
    return told or "0s"

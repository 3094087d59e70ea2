"""Formats: how a template wants a value said, `{debt:rub:genitive}`. Pure.

| format | value | said |
|---|---|---|
| none | any | as it is written |
| a case: `nominative`, `genitive`, `dative` … | name, surname, city | in this case |
| `in` | city | in it |
| `rub`, `rub:CASE` | kopecks, a whole number | roubles and kopecks in words |
| `number`, `number:CASE` | a whole number | in words |
| forms: балл, балла, баллов (English two) | a whole number | in words, with the form that goes with it |
| `day`, `day:CASE` | 2026-03-08 or 08.03.2026 | the day of the year |
| `digits` | a phone, an account | digit by digit |

Forms are written with bars between them. Cases are Russian only. What is wrong with a format is found when
the template is set, what is wrong with a value when a lead is imported.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial

from engine.conditions.texts import day
from engine.errors import TemplateError
from engine.speech import russian, speakable, words
from engine.speech.clip import Said

NOUN = re.compile(r"[^\W\d_](?:[^\d_,.:;!?()]*[^\W\d_])?")
DIGITS = re.compile(r"[+0-9 ().-]*[0-9][+0-9 ().-]*")

Say = Callable[[str], str]
Count = Callable[[str], words.Groups]


@lru_cache(maxsize=10_000)
def say(value: str, form: str, lang: str) -> tuple[Said, ...]:
    """A value as the format says it: one text, or groups of words that are joined from atoms.

    TemplateError for no format, or a value that it cannot say.
    """
    if said := free(form, lang):
        if wrong := speakable.fault(value, lang):
            raise TemplateError(wrong[1])
        if not speakable.says(value):
            raise TemplateError(f"{value[:32]!r} has nothing to say")
        return (Said(said(value)),)
    return tuple(Said(group, joined=True) for group in _counted(form, lang)(value))


@lru_cache(maxsize=1_000)
def check(form: str, lang: str) -> None:
    """TemplateError for what is no format of this language."""
    if not free(form, lang):
        _counted(form, lang)


def free(form: str, lang: str) -> Say | None:
    """How a name or a place is said; None for what counts."""
    if form in words.CASES:
        if lang != "ru":
            raise TemplateError(f"{form!r}: cases are for templates in Russian")
        return partial(russian.declined, case=form)
    known: dict[str, Say] = {"": str, "in": partial(words.within, lang=lang)}
    return known.get(form)


def _counted(form: str, lang: str) -> Count:
    """How a number, a sum, a day is said."""
    if "|" in form:
        return _counting(tuple(form.split("|")), lang)
    kind, _, case = form.partition(":")
    if case and (case not in words.CASES or kind not in ("rub", "number", "day")):
        raise TemplateError(f"{form!r} is no format: {case!r} is none of its cases")
    if case and lang != "ru":
        raise TemplateError(f"{form!r}: cases are for templates in Russian")
    case = case or "nominative"
    known: dict[str, Count] = {
        "rub": lambda value: words.money(_whole(value, "kopecks"), lang, case),
        "number": lambda value: words.number(_whole(value, "things"), lang, case=case),
        "day": lambda value: words.day(_date(value), lang, case),
        "digits": lambda value: words.digits(_dialled(value), lang),
    }
    if kind not in known:
        raise TemplateError(f"{form!r} is no format; known are in, {', '.join(known)}, cases, one|few|many")
    return known[kind]


def _counting(forms: tuple[str, ...], lang: str) -> Count:
    spoken = tuple(" ".join(one.split()) for one in forms)
    wanted = words.TONGUES[lang].FORMS
    if len(spoken) != wanted or not all(spoken):
        raise TemplateError(f"{'|'.join(forms)!r}: a noun has {wanted} forms in this language")
    for one in spoken:
        if not NOUN.fullmatch(one) or speakable.fault(one, lang):
            raise TemplateError(f"{one!r} is no word of this language ({lang})")
    return lambda value: words.counted(_whole(value, spoken[-1]), spoken, lang)


def _whole(value: str, of: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", value):
        raise TemplateError(f"{value[:32]!r} is no whole number of {of}")
    return int(value)


def _date(value: str) -> date:
    if found := day(value):
        return found
    raise TemplateError(f"{value[:32]!r} is no date like 2026-03-08 or 08.03.2026")


def _dialled(value: str) -> str:
    if not DIGITS.fullmatch(value):
        raise TemplateError(f"{value[:32]!r} has more than digits")
    return value

"""Words that must agree between files, and words that must not be there at all."""

import re
import tomllib
from enum import StrEnum

import pytest
from house.tree import ROOT, files, name

from dialplan import phrases
from dialplan.rehearsal import WORDS as STEPS
from engine.reports import words_mask
from engine.speech.keys import PRESSED
from storage.vocab import Action, MaskEnd, MaskRole, MaskRule, MaskWay, Outcome

# The public contract's list; a release may add one, never change one.
OUTCOMES = """
    answered-heard answered-partial answered-operator answered-opt-out answered-paid-claim answered-promise
    machine busy no-answer unreachable invalid-number rejected congestion trunk-fault cancelled unknown
"""
LANGUAGES = sorted(path.name for path in (ROOT / "sounds").iterdir())
# Written so that they do not find themselves.
ELSEWHERE = {
    "a path of one machine": r"(?<![\w.])/(?:(?:wor[k]|far[m]|roo[t])/|(?:hom[e]|User[s])/\w)",
    "a registry's host": r"(?:pypi|pythonhosted|npmjs)\.org|(?:deb|ftp|security)[a-z.]*\.debian",
}


def test_the_outcomes_are_the_contracts() -> None:
    assert [str(outcome) for outcome in Outcome] == OUTCOMES.split()


def written(lang: str) -> dict[str, dict[str, str]]:
    """Table -> name -> text."""
    return tomllib.loads((ROOT / "sounds" / lang / "phrases.toml").read_text(encoding="utf-8"))


def named() -> dict[str, set[str]]:
    """Table -> the names that conversations use."""
    enums = [one for one in vars(phrases).values() if isinstance(one, type) and issubclass(one, StrEnum)]
    found = {one.__name__.lower(): {str(phrase) for phrase in one} for one in enums if one is not StrEnum}
    named_by_values = {"menu": {str(action) for action in Action}, "keys": set(PRESSED)}
    hours, days = {*phrases.HOURS}, {*phrases.DAYS, *phrases.MONTHS}
    spoken = {"later": found["later"] | hours, "promise": found["promise"] | days}
    spoken["mask"] = found["mask"] | {*phrases.ORDERS}
    return found | named_by_values | spoken


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_phrase_has_its_text_and_no_text_is_left_over(lang: str) -> None:
    assert {table: set(texts) for table, texts in written(lang).items()} == named()
    assert all(text.strip() for texts in written(lang).values() for text in texts.values())


@pytest.mark.parametrize("lang", LANGUAGES)
def test_phrases_take_the_same_values_in_every_language(lang: str) -> None:
    def slots(texts: dict[str, dict[str, str]]) -> dict[tuple[str, str], set[str]]:
        return {
            (table, phrase): set(re.findall(r"\{\w+\}", text))
            for table, found in texts.items()
            for phrase, text in found.items()
        }

    assert slots(written(lang)) == slots(written("ru"))


def test_every_rule_of_masking_has_its_sentence_in_each_language() -> None:
    """And `withheld`, which is the rule `stranger` with no number of the caller's."""
    assert {*words_mask.WHY} == {*MaskRule} - {MaskRule.NONE} | {"withheld"}
    for russian, english in words_mask.WHY.values():
        assert re.search("[а-я]", russian)
        assert not re.search("[а-я]", english)
        assert set(re.findall(r"{\w+}", russian)) == set(re.findall(r"{\w+}", english))


def test_what_masking_tables_hold_has_its_word() -> None:
    steps = {*STEPS.values(), "play", "ask", "tell", "lookup", "connect", "reach", "hang-up", "outcome"}
    kinds = {
        "decision": {*MaskWay},
        "end": {*MaskEnd},
        "hears": {"caller", "callee"},
        "role": {*MaskRole, "stranger"},
        "rule": {*MaskRule} - {MaskRule.NONE},
        "step": steps,
    }
    assert [f"{kind}.{key}" for kind, keys in kinds.items() for key in keys if not word(kind, key)] == []


def word(kind: str, key: str) -> str:
    return words_mask.MASK.get(f"{kind}.{key}", "")


def test_nothing_names_this_machine_or_a_registry() -> None:
    found = [
        f"{name(path)}: {what}: {match[0]}"
        for path in files()
        for what, pattern in ELSEWHERE.items()
        for match in re.finditer(pattern, path.read_bytes().decode(errors="replace"))
    ]
    assert found == []

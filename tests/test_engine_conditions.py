"""Conditions asked of a lead's texts: what they are compared with says how they are read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conditions.texts import condition, holds, names
from engine.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9_]*")
LEAD = {"days": "31", "debt": "1240,50", "city": "Казань", "due": "08.03.2026", "note": " ", "zip": "0042"}


@pytest.mark.parametrize(
    "text, true",
    [
        ("days > 30", True),
        ("days > 31", False),
        ("days >= 31 and days <= 31", True),
        ("days < 4", False),  # numbers, not texts
        ("debt = 1240.5", True),
        ("debt > 1240.49 and debt < 1240.51", True),
        ("days between 1 and 31", True),
        ("days not between 1 and 30", True),
        ("days in (30, 31)", True),
        ("zip = 42", True),
        ("zip = '42'", False),
        ("city = 'Казань'", True),
        ("city = 'казань'", False),
        ("city ~ 'КАЗ'", True),
        ("city != 'Омск'", True),
        ("city in ('Омск', 'Тула')", False),
        ("due < 2026-03-09", True),
        ("due = 2026-03-08", True),
        ("note is empty", True),
        ("absent is empty", True),
        ("city is not empty", True),
        ("absent > 1", False),
        ("not absent > 1", True),
        ("absent != 'a'", True),
        ("city = 'Омск' or (days = 31 and not note = 'a')", True),
    ],
)
def test_a_condition_of_texts(text: str, true: bool) -> None:
    assert holds(condition(text, NAME), LEAD) is true


@pytest.mark.parametrize(
    "text, why",
    [
        ("city > 30", "city: 'Казань' is no number"),
        ("days in (1, 2026-03-08)", "days: '31' is no date like 2026-03-08"),
        ("days = 31 or city > 30", "city: 'Казань' is no number"),
        ("days = 1 and city > 30", "city: 'Казань' is no number"),
        ("days between 1 and 2026-03-08", "days: '31' is no date"),
    ],
)
def test_a_value_that_cannot_be_compared_is_an_error_and_never_no(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        holds(condition(text, NAME), LEAD)


@pytest.mark.parametrize(
    "text, why",
    [
        ("Days > 30", r"column 1: there is no field 'Days'; there are: columns of the list"),
        ("days > today", "days is compared with a number, a 'text' or a date here"),
        ("days = true", "days is compared with"),
        ("days >", "column 7: a value"),
        ("days ~ 5", "`~` looks for a text"),
        ("", "column 1: a field"),
    ],
)
def test_a_condition_that_makes_no_sense(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        condition(text, NAME)


def test_the_fields_that_are_asked_for() -> None:
    assert names(condition("a = 1 and not (b is empty or a in (2, 3))", NAME)) == {"a", "b"}


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_numbers_are_compared_as_numbers(one: int, other: int) -> None:
    for sign, true in (("<", one < other), (">=", one >= other), ("=", one == other)):
        assert holds(condition(f"a {sign} {other}", NAME), {"a": str(one)}) is true

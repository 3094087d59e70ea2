"""A condition asked of texts, as a list brings them. Pure.

What it is compared with says how a value is read: a number as a number ("1240", "-3,5"), a date as a date
(2026-03-08 or 08.03.2026), a text as it is written. A value that cannot be read so is an error, never "no".
"""

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engine.conditions.filters import And, Condition, Node, Not, Op, Or, Today, Value
from engine.conditions.language import parse
from engine.errors import UsageError
from storage.vocab import FieldKind

NUMBER = re.compile(r"-?[0-9]{1,15}(?:[.,][0-9]{1,6})?")
DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)", re.ASCII),
    re.compile(r"(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>\d{4})", re.ASCII),
)
COMPARED = {
    Op.EQUAL: operator.eq,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}


@dataclass(frozen=True)
class _AnyName(Mapping[str, FieldKind]):
    """Fields of which only the names' form is known."""

    form: re.Pattern[str]

    def __getitem__(self, name: str) -> FieldKind:
        if not self.form.fullmatch(name):
            raise KeyError(name)
        return FieldKind.UNKNOWN

    def __iter__(self) -> Iterator[str]:
        return iter(("columns of the list, in lower-case letters",))

    def __len__(self) -> int:
        return 1


def condition(text: str, names: re.Pattern[str]) -> Node:
    """The tree of a text over any fields that are named so; UsageError names the column in it.

    Texts know neither `today` nor true and false.
    """
    node = parse(text, _AnyName(names))
    for test in _tests(node):
        for value in test.values:
            if isinstance(value, bool | Today):
                raise UsageError(f"{test.field} is compared with a number, a 'text' or a date here")
    return node


def names(node: Node) -> frozenset[str]:
    """The fields that a condition asks for."""
    return frozenset(test.field for test in _tests(node))


def holds(node: Node, values: Mapping[str, str]) -> bool:
    """Is it so of these values? UsageError for one that cannot be compared so."""
    if isinstance(node, Not):
        return not holds(node.term, values)
    if isinstance(node, And | Or):
        found = [holds(term, values) for term in node.terms]  # all of them, so that all values are checked
        return all(found) if isinstance(node, And) else any(found)
    text = values.get(node.field, "").strip()
    if node.op is Op.EMPTY or not text:
        return node.op is Op.EMPTY and not text
    return _holds(node, text)


def _holds(test: Condition, text: str) -> bool:
    if test.op is Op.HAS:
        return str(test.values[0]).casefold() in text.casefold()
    sides = [_sides(text, value, test.field) for value in test.values]
    if test.op is Op.IN:
        return any(own == value for own, value in sides)
    if test.op is Op.BETWEEN:
        (one, low), (other, high) = sides
        return bool(low <= one and other <= high)
    return bool(COMPARED[test.op](*sides[0]))


def _sides(text: str, value: Value, field: str) -> tuple[Any, Any]:
    """A text as what it is compared with is, and that."""
    if isinstance(value, str):
        return text, value
    if isinstance(value, date):
        if (own := day(text)) is None:
            raise UsageError(f"{field}: {text[:32]!r} is no date like 2026-03-08 or 08.03.2026")
        return own, value
    if not NUMBER.fullmatch(text):
        raise UsageError(f"{field}: {text[:32]!r} is no number")
    return Decimal(text.replace(",", ".")), Decimal(str(value))


def day(text: str) -> date | None:
    """A date as lists have them; None for what is none."""
    found = next(filter(None, (pattern.fullmatch(text) for pattern in DATES)), None)
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"])) if found else None
    except ValueError:
        return None


def _tests(node: Node) -> Iterator[Condition]:
    if isinstance(node, Not):
        yield from _tests(node.term)
    elif isinstance(node, And | Or):
        for term in node.terms:
            yield from _tests(term)
    else:
        yield node

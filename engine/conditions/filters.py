"""Conditions on named fields as a tree: what it may hold, how it is stored and written. Pure.

A field without a value satisfies no condition but `is empty`; `not` turns that round. The text that operators
write is told in engine.conditions.language; nothing of it gets any further than this tree.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from storage.vocab import FieldKind


class Op(StrEnum):
    """What is asked of one field."""

    EQUAL = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    BETWEEN = "between"
    IN = "in"
    HAS = "~"
    EMPTY = "is empty"


@dataclass(frozen=True, slots=True)
class Today:
    """So many days after today."""

    days: int = 0


Value = bool | int | float | str | date | Today


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one field."""

    field: str
    op: Op
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    term: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of them; of none: everybody."""

    terms: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    terms: "tuple[Node, ...]"


Node = Condition | Not | And | Or


def mismatch(kind: FieldKind, op: Op, value: Value) -> str:
    """Why a field of this kind cannot be asked so; empty when it can."""
    if op is Op.HAS and (not isinstance(value, str) or kind not in (FieldKind.TEXT, FieldKind.UNKNOWN)):
        return "`~` looks for a text in a text"
    if isinstance(value, bool):
        fits = kind in (FieldKind.FLAG, FieldKind.UNKNOWN) and op in (Op.EQUAL, Op.IN)
    elif isinstance(value, date | Today):
        fits = kind in (FieldKind.DATE, FieldKind.TEXT, FieldKind.UNKNOWN)
    else:
        own = FieldKind.TEXT if isinstance(value, str) else FieldKind.NUMBER
        fits = kind in (own, FieldKind.UNKNOWN)
    return "" if fits else f"it is a {kind}, and cannot be compared so with {written(value)}"


def to_json(node: Node) -> Any:
    """A tree as it is stored."""
    if isinstance(node, Not):
        return {"not": to_json(node.term)}
    if isinstance(node, And | Or):
        return {type(node).__name__.lower(): [to_json(term) for term in node.terms]}
    return {"field": node.field, "op": node.op.value, "values": [_value_json(one) for one in node.values]}


def _value_json(value: Value) -> Any:
    if isinstance(value, Today):
        return {"today": value.days}
    return {"date": value.isoformat()} if isinstance(value, date) else value


def from_json(stored: Any) -> Node:
    """The tree that was stored."""
    match stored:
        case {"not": term}:
            return Not(from_json(term))
        case {"and": terms}:
            return And(tuple(map(from_json, terms)))
        case {"or": terms}:
            return Or(tuple(map(from_json, terms)))
    return Condition(stored["field"], Op(stored["op"]), tuple(map(_value_from, stored["values"])))


def _value_from(stored: Any) -> Value:
    match stored:
        case {"today": days}:
            return Today(days)
        case {"date": text}:
            return date.fromisoformat(text)
    found: Value = stored
    return found


def day(value: date | Today, today: date) -> date:
    """The date that is meant."""
    return today + timedelta(days=value.days) if isinstance(value, Today) else value


def write(node: Node) -> str:
    """A tree as text that `parse` reads as the same tree."""
    if isinstance(node, Not):
        return f"not {_part(node.term)}"
    if isinstance(node, And | Or):
        return f" {type(node).__name__.lower()} ".join(map(_part, node.terms))
    values = [written(value) for value in node.values]
    if node.op is Op.EMPTY:
        return f"{node.field} is empty"
    if node.op is Op.BETWEEN:
        return f"{node.field} between {values[0]} and {values[1]}"
    if node.op is Op.IN:
        return f"{node.field} in ({', '.join(values)})"
    return f"{node.field} {node.op} {values[0]}"


def _part(node: Node) -> str:
    return f"({write(node)})" if isinstance(node, And | Or) else write(node)


def written(value: Value) -> str:
    """A value as it is written in a condition."""
    if isinstance(value, Today):
        return f"today {'+' if value.days > 0 else '-'} {abs(value.days)}" if value.days else "today"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return value.isoformat() if isinstance(value, date) else str(value)

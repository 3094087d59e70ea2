"""A tree of conditions as a bound SQL expression: columns are looked up, values are bound, nothing is pasted.

SQL knows a third truth, NULL; operators do not. A field without a value fails every condition but `is empty`,
so a condition that is turned round (`not`, `!=`) lets it in. Days are compared as [day, next day), which is
right for dates, for moments, and for both written as text.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, collate, literal, not_, or_, true

from engine.conditions.filters import And, Condition, Node, Not, Op, Or, Today, Value, day, mismatch
from engine.errors import UsageError
from engine.gateways.erp import Erp, Field
from storage.vocab import FieldKind

Truth = ColumnElement[bool]


def compiled(node: Node, source: Erp, today: date) -> Truth:
    """The tree over a source's fields; UsageError when it has one of them no more."""
    return _Maker(source, today).make(node, turned=False)


class _Maker:
    """What stays the same while a tree is walked."""

    def __init__(self, source: Erp, today: date) -> None:
        self._source, self._today = source, today

    def make(self, node: Node, turned: bool) -> Truth:
        """`turned`: the contrary of the node; it is carried down to the single conditions."""
        if isinstance(node, Not):
            return self.make(node.term, not turned)
        if isinstance(node, And | Or):
            parts = [self.make(term, turned) for term in node.terms]
            return and_(true(), *parts) if isinstance(node, And) != turned else or_(*parts)
        return self._one(node, turned)

    def _one(self, test: Condition, turned: bool) -> Truth:
        fields: Mapping[str, Field] = self._source.fields
        field = fields.get(test.field)
        if field is None:
            raise UsageError(f"source {self._source.name} has no field {test.field!r} any more")
        for value in test.values:
            if wrong := mismatch(field.kind, test.op, value):
                raise UsageError(f"{test.field}: {wrong}")
        if test.op is Op.EMPTY:
            return not_(_empty(field)) if turned else _empty(field)
        found = self._compared(field, test)
        return or_(field.column.is_(None), not_(found)) if turned else found

    def _compared(self, field: Field, test: Condition) -> Truth:
        if test.op is Op.IN:
            days = [one for one in test.values if isinstance(one, date | Today)]
            rest = [one for one in test.values if not isinstance(one, date | Today)]
            return or_(*(self._same(field, one) for one in days), _fitting(field, rest).in_(rest))
        if test.op is Op.BETWEEN:
            low, high = test.values
            return and_(self._least(field, low), self._most(field, high))
        (value,) = test.values
        match test.op:
            case Op.EQUAL:
                return self._same(field, value)
            case Op.AT_LEAST:
                return self._least(field, value)
            case Op.AT_MOST:
                return self._most(field, value)
            case Op.MORE:
                return self._least(field, value, after=True)
            case Op.LESS:
                return self._most(field, value, before=True)
        return self._text(field).icontains(str(value), autoescape=True)

    def _text(self, field: Field) -> ColumnElement[Any]:
        """A text whose letters have cases under any collation of its own: under "C" only English ones do."""
        text = _fitting(field, [""])
        return collate(text, "und-x-icu") if self._source.dialect == "postgresql" else text

    def _same(self, field: Field, value: Value) -> Truth:
        if isinstance(value, date | Today):
            return and_(self._least(field, value), self._most(field, value))
        return _fitting(field, [value]) == value

    def _least(self, field: Field, value: Value, after: bool = False) -> Truth:
        """From this value on, or from what comes after it."""
        if isinstance(value, date | Today):
            return field.column >= self._moment(field, value, after)
        left = _fitting(field, [value])
        return left > value if after else left >= value

    def _most(self, field: Field, value: Value, before: bool = False) -> Truth:
        if isinstance(value, date | Today):
            return field.column < self._moment(field, value, not before)
        left = _fitting(field, [value])
        return left < value if before else left <= value

    def _moment(self, field: Field, value: date | Today, after: bool) -> ColumnElement[Any]:
        """The first moment of a day, or of the one after it; where days are kept as text, as text."""
        first = day(value, self._today) + timedelta(days=after)
        if field.kind is FieldKind.TEXT or self._source.dialect == "sqlite":
            return literal(first.isoformat(), String)
        return literal(first)


def _empty(field: Field) -> Truth:
    nothing = field.column.is_(None)
    if field.kind is FieldKind.TEXT:
        return or_(nothing, field.column == "")
    return or_(nothing, cast(field.column, String) == "") if field.kind is FieldKind.UNKNOWN else nothing


def _fitting(field: Field, values: list[Any]) -> ColumnElement[Any]:
    """The column, or what is not told to be text read as text when it is compared with one."""
    texts = any(isinstance(value, str) for value in values)
    return cast(field.column, String) if texts and field.kind is FieldKind.UNKNOWN else field.column

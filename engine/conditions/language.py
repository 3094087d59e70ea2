"""The language in which operators say whom they mean: text -> tree. Pure.

    city = 'Казань' and sum >= 500 and (days_overdue between 10 and 60 or segment in ('a', 'b'))
    name ~ 'иван' and due_date < today - 30 and not email is empty

| condition | meaning |
|---|---|
| field = value, != < <= > >= | compared; text exactly, a date with whole days |
| field between low and high | both ends included |
| field in (value, value) | one of these |
| field ~ 'text' | contains it, in any case of letters |
| field is empty, is not empty | no value, or an empty text |
| not, and, or, ( ) | not binds most, or least |

A value is a number, a 'text' (or "text"; the quote doubled inside), a date 2026-01-31, `today`, `today - 30`
(days), true or false. A field without a value satisfies no condition but `is empty`; `not` turns that round.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from engine.conditions.filters import And, Condition, Node, Not, Op, Or, Today, Value, mismatch
from engine.errors import UsageError
from storage.vocab import FieldKind

MAX_TEXT, MAX_DEPTH, MAX_VALUES = 10_000, 40, 1000
MAX_DAYS = 36_500
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<date>\d{4}-\d{2}-\d{2}(?!\w))
      | (?P<number>-?\d{1,15}(?:\.\d{1,6})?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=|>=|!=|<>|[=<>~(),+-])""",
    re.VERBOSE,
)
WORDS = frozenset({"and", "or", "not", "in", "between", "is", "empty", "today", "true", "false"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text, and where it begins (1 is the first character)."""

    kind: str
    text: str
    at: int


def parse(text: str, fields: Mapping[str, FieldKind]) -> Node:
    """The tree of a text over these fields; UsageError names the column where it makes no sense."""
    if len(text) > MAX_TEXT:
        raise UsageError(f"the condition is longer than {MAX_TEXT} characters")
    return _Parser(_tokens(text), fields).all()


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None or "\0" in token[0]:
            raise UsageError(f"column {at + 1}: {text[at : at + 20]!r} is no part of a condition")
        kind = str(token.lastgroup)
        if kind == "word" and token[0].lower() in WORDS:
            found.append(Token("sign", token[0].lower(), at + 1))
        elif kind != "space":
            found.append(Token(kind, token[0], at + 1))
        at = token.end()
    return [*found, Token("end", "", len(text) + 1)]


class _Parser:
    """Recursive descent: one method a rule of the grammar."""

    def __init__(self, tokens: list[Token], fields: Mapping[str, FieldKind]) -> None:
        self._tokens, self._fields = tokens, fields
        self._at = self._depth = 0

    def all(self) -> Node:
        """The whole text as one tree."""
        found = self._or()
        if self._next.kind != "end":
            raise self._wrong("`and` or `or`")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *signs: str) -> str:
        """The next token's text if it is one of these signs, and go on; otherwise nothing."""
        token = self._next
        if token.kind != "sign" or token.text not in signs:
            return ""
        self._at += 1
        return token.text

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(f"`{sign}`")

    def _wrong(self, wanted: str) -> UsageError:
        token = self._next
        found = f"{token.text[:40]!r}" if token.text else "the end"
        return UsageError(f"column {token.at}: {wanted} should stand here, not {found}")

    def _or(self) -> Node:
        terms = [self._and()]
        while self._take("or"):
            terms.append(self._and())
        return Or(tuple(terms)) if len(terms) > 1 else terms[0]

    def _and(self) -> Node:
        terms = [self._not()]
        while self._take("and"):
            terms.append(self._not())
        return And(tuple(terms)) if len(terms) > 1 else terms[0]

    def _not(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UsageError(f"column {self._next.at}: conditions are nested deeper than {MAX_DEPTH}")
        if self._take("not"):
            found: Node = Not(self._not())
        elif self._take("("):
            found = self._or()
            self._need(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Node:
        token = self._next
        if token.kind != "word":
            raise self._wrong("a field")
        if token.text not in self._fields:
            known = ", ".join(sorted(self._fields))
            raise UsageError(f"column {token.at}: there is no field {token.text[:40]!r}; there are: {known}")
        self._at += 1
        field = token.text
        if self._take("is"):
            contrary = self._take("not")
            self._need("empty")
            return _turned(Condition(field, Op.EMPTY), contrary)
        if sign := self._take("=", "!=", "<>", "<", "<=", ">", ">="):
            unequal = sign in ("!=", "<>")
            op = Op.EQUAL if unequal else Op(sign)
            return _turned(Condition(field, op, (self._value(field, op),)), "not" if unequal else "")
        contrary = self._take("not")
        return _turned(self._set(field), contrary)

    def _set(self, field: str) -> Condition:
        """`between`, `in` and `~`, before which `not` may stand."""
        if self._take("between"):
            low = self._value(field, Op.BETWEEN)
            self._need("and")
            return Condition(field, Op.BETWEEN, (low, self._value(field, Op.BETWEEN)))
        if self._take("~"):
            return Condition(field, Op.HAS, (self._value(field, Op.HAS),))
        if not self._take("in"):
            raise self._wrong("a comparison")
        self._need("(")
        values = [self._value(field, Op.IN)]
        while self._take(","):
            values.append(self._value(field, Op.IN))
        if len(values) > MAX_VALUES:
            raise UsageError(f"column {self._next.at}: a list of more than {MAX_VALUES} values")
        self._need(")")
        return Condition(field, Op.IN, tuple(values))

    def _value(self, field: str, op: Op) -> Value:
        at, value = self._next.at, self._literal()
        if wrong := mismatch(self._fields[field], op, value):
            raise UsageError(f"column {at}: {field}: {wrong}")
        return value

    def _literal(self) -> Value:
        token = self._next
        self._at += 1
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "date":
            return _date(token)
        if token.kind == "sign" and token.text in ("true", "false"):
            return token.text == "true"
        if token.kind == "sign" and token.text == "today":
            return Today(self._days())
        self._at -= 1
        raise self._wrong("a value: 500, 'text', 2026-01-31, today, true")

    def _days(self) -> int:
        """`- 30` after today; a minus may stand at the number itself."""
        sign, token = self._take("+", "-"), self._next
        if not sign and not (token.kind == "number" and token.text.startswith("-")):
            return 0
        self._at += 1
        if token.kind != "number" or "." in token.text or (sign and token.text.startswith("-")):
            raise UsageError(f"column {token.at}: a whole number of days should stand here")
        days = -int(token.text) if sign == "-" else int(token.text)
        if abs(days) > MAX_DAYS:
            raise UsageError(f"column {token.at}: more than {MAX_DAYS} days")
        return days


def _turned(test: Condition, contrary: str) -> Node:
    return Not(test) if contrary else test


def _date(token: Token) -> date:
    try:
        found = date.fromisoformat(token.text)
    except ValueError:
        found = date.min
    if not 1800 <= found.year <= 9000:
        raise UsageError(f"column {token.at}: there is no day {token.text}")
    return found

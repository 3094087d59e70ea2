"""Who hears which template. Pure.

    --template debt=50 --template soft=50                  everybody: one half this, the other that
    --message "role = 'contact': friends"                  but a contact person hears this one
    --message "debt >= 10000000: large=30,larger=70"       and who owes much one of these

The first rule whose condition holds for a row of the list decides, or else the campaign's own templates. A
condition (`engine.conditions`) may ask for any column; `role` and `lang` are there in every list, in lower
case. A list without a column that is asked for is a mistake, never "no".

Shares are whole per cents that make 100. Which template somebody hears is told by a hash of the campaign and
the key of his debt: the same one, whenever his list is imported again.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.conditions.filters import Node
from engine.conditions.texts import condition, holds, names
from engine.errors import UsageError

COLUMN = re.compile(r"[^\W\d]\w{0,63}")
GIVEN = frozenset({"role", "lang"})  # columns that every row has
WHOLE = 100
MAX_RULES = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """`when`: a condition, or empty for everybody. `shares`: templates (by name as they are told, by id as
    they are stored) with their per cents.
    """

    when: str
    shares: tuple[tuple[str, int], ...]


def told(templates: str, messages: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that an operator wrote, the one for everybody last; UsageError says what is wrong."""
    if len(messages) > MAX_RULES:
        raise UsageError(f"at most {MAX_RULES} messages beside the campaign's own")
    return (*map(_rule, messages), Rule("", _shares(templates)))


def _rule(text: str) -> Rule:
    when, sign, templates = text.rpartition(":")
    if not sign or not when.strip():
        raise UsageError(
            f"message {text!r}: write CONDITION: TEMPLATE, or CONDITION: TEMPLATE=50,TEMPLATE=50"
        )
    try:
        condition(when, COLUMN)
        return Rule(when.strip(), _shares(templates))
    except UsageError as error:
        raise UsageError(f"message {text!r}: {error}") from None


def _shares(text: str) -> tuple[tuple[str, int], ...]:
    """`debt`, or `debt=50,soft=50`."""
    shares: dict[str, int] = {}
    parts = text.split(",")
    for part in parts:
        name, sign, share = (piece.strip() for piece in part.partition("="))
        if not name:
            raise UsageError(f"{text.strip()!r}: a template's name is missing")
        if name in shares:
            raise UsageError(f"template {name} comes twice")
        if not sign and len(parts) > 1:
            raise UsageError(f"template {name}: of several each needs its share: {name}=50")
        if sign and not re.fullmatch(r"[1-9][0-9]{0,2}", share):
            raise UsageError(f"template {name}: {share!r} is no share from 1 to {WHOLE} per cent")
        shares[name] = int(share) if sign else WHOLE
    if sum(shares.values()) != WHOLE:
        raise UsageError(
            f"the shares of {', '.join(shares)} make {sum(shares.values())} and not {WHOLE} per cent"
        )
    return tuple(shares.items())


def stored(rules: Sequence[Rule], ids: Mapping[str, UUID]) -> list[dict[str, Any]]:
    """The rules as a campaign keeps them, with templates' ids for their names."""
    return [
        {"if": rule.when, "templates": [[str(ids[name]), share] for name, share in rule.shares]}
        for rule in rules
    ]


def rules_of(kept: Sequence[Mapping[str, Any]], template_id: UUID) -> tuple[Rule, ...]:
    """A campaign's rules; one that keeps none has one template for everybody."""
    if not kept:
        return (Rule("", ((str(template_id), WHOLE),)),)
    return tuple(Rule(row["if"], tuple((key, share) for key, share in row["templates"])) for row in kept)


class Choice:
    """Chooses for the rows of one campaign, by its rules as they are stored."""

    def __init__(self, campaign_id: UUID, rules: Sequence[Rule]) -> None:
        self._campaign_id = campaign_id
        self._tests: list[tuple[Node | None, tuple[tuple[UUID, int], ...]]] = [
            (condition(rule.when, COLUMN) if rule.when else None, tuple(_steps(rule.shares)))
            for rule in rules
        ]
        asked = (names(test) for test, _steps in self._tests if test)
        self._columns = frozenset[str]().union(*asked) - GIVEN

    @property
    def templates(self) -> frozenset[UUID]:
        """All that may be chosen."""
        return frozenset(key for _test, steps in self._tests for key, _upto in steps)

    def of(self, row: Mapping[str, str], role: str, lang: str, key: str) -> UUID:
        """The template of a row with this key of its debt; UsageError for a column that is missing, or that
        holds what cannot be compared.
        """
        steps = self._tests[0][1]
        if len(self._tests) > 1:
            if missing := self._columns - row.keys():
                raise UsageError(f"messages are told by {min(missing)}, and the list has no such column")
            asked = {**row, "role": role, "lang": lang}
            steps = next(steps for test, steps in self._tests if test is None or holds(test, asked))
        if len(steps) == 1:
            return steps[0][0]
        at = place(self._campaign_id, key)
        return next(template for template, upto in steps if at < upto)


def _steps(shares: Sequence[tuple[str, int]]) -> Iterator[tuple[UUID, int]]:
    """Each template with the place before which it is chosen."""
    upto = 0
    for key, share in shares:
        upto += share
        yield UUID(key), upto


def place(campaign_id: UUID, key: str) -> int:
    """Where somebody stands among a hundred: 0 to 99, all alike."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, key=campaign_id.bytes).digest()
    return int.from_bytes(digest) % WHOLE

"""Keys of a template: what each does for whoever hears its message. Pure.

    [[key]]
    press = "1"
    action = "operator"

Without any, the keys are those of DEFAULT. Each key and each action stands once, and `opt-out` is always
among them: a debtor may refuse contact (230-FZ, article 8), a subscriber may refuse automatic calls (126-FZ),
and a recorded voice has to offer a key for it (47 CFR 64.1200). A contact person is offered nothing that
tells of a debt.
"""

from dataclasses import dataclass
from typing import Any

from engine.errors import TemplateError
from storage.vocab import Action, Role

PRESSED = frozenset("0123456789*#")
OF_A_DEBT = frozenset({Action.PAID, Action.PROMISE})


@dataclass(frozen=True, slots=True)
class Key:
    """`press`: a digit, * or #."""

    press: str
    action: Action


DEFAULT = (
    Key("1", Action.OPERATOR),
    Key("2", Action.REPEAT),
    Key("3", Action.PAID),
    Key("5", Action.LATER),
    Key("9", Action.OPT_OUT),
)


def keys_of(rows: Any, role: Role) -> tuple[Key, ...]:
    """The [[key]] tables of a template, checked; TemplateError says what is wrong."""
    if not isinstance(rows, list):
        raise TemplateError("keys are [[key]] tables")
    if not rows:
        return tuple(key for key in DEFAULT if role is Role.DEBTOR or key.action not in OF_A_DEBT)
    made = tuple(_key(row, number) for number, row in enumerate(rows, 1))
    for what in ("press", "action"):
        values = [str(getattr(key, what)) for key in made]
        for value in values:
            if values.count(value) > 1:
                raise TemplateError(f"two keys have the same {what}: {value}")
    told = [key.action.value for key in made if key.action in OF_A_DEBT]
    if role is Role.CONTACT and told:
        raise TemplateError(f"a template for contact persons must not offer {told[0]}: it tells of a debt")
    if Action.OPT_OUT not in {key.action for key in made}:
        raise TemplateError("one key must have the action opt-out: the law lets everybody refuse such calls")
    return made


def _key(row: Any, number: int) -> Key:
    if not isinstance(row, dict) or row.keys() != {"press", "action"}:
        raise TemplateError(f"key {number}: it has press and action")
    press, action = row["press"], row["action"]
    if not isinstance(press, str) or press not in PRESSED:
        raise TemplateError(f"key {number}: press is one of 0 to 9, * and #, in quotes, not {press!r}")
    if action not in list(Action):
        raise TemplateError(f"key {number}: action is one of {', '.join(Action)}, not {action!r}")
    return Key(press, Action(action))

"""What a menu says: a sentence for each key that is offered, and all of them as one clip. Pure.

What can be offered is known on the call: is there an operator, may a call-back be promised? So with the
phrases of a campaign every menu is made that may be asked for, four for the keys of a template at the most.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from engine.speech.keys import Key
from storage.vocab import Action

Phrases = Mapping[str, Mapping[str, str]]  # table -> name -> text


def offered(keys: Sequence[Key], *, operator: bool, later: bool) -> tuple[Key, ...]:
    """Those keys whose action can be done."""
    barred = ({Action.OPERATOR} if not operator else set()) | ({Action.LATER} if not later else set())
    return tuple(key for key in keys if key.action not in barred)


def menu_name(keys: Iterable[Key]) -> str:
    """The name of the phrase that offers these keys."""
    return " ".join(("menu", *(f"{key.press}={key.action}" for key in keys)))


def menus(keys: Sequence[Key], phrases: Phrases) -> dict[str, str]:
    """Name -> text of every menu that these keys may come to."""
    known = product((True, False), repeat=2)
    some = {offered(keys, operator=operator, later=later) for operator, later in known}
    return {menu_name(one): " ".join(_sentence(key, phrases) for key in one) for one in some}


def _sentence(key: Key, phrases: Phrases) -> str:
    return phrases["menu"][key.action].replace("{key}", phrases["keys"][key.press])

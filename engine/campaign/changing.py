"""A campaign's figures changed while it runs: `campaign set NAME key=value …`.

| key | value |
|---|---|
| `cps` | calls a second, above 0 to 1000 |
| `channels` | calls at a time, 1 to 100 000 |
| `priority` | a whole number; the higher goes first |
| `weight` | 1 to 1000: its share among campaigns of its priority |
| `attempts` | calls to a lead at most, 1 to 20 |
| `abandon` | for operators: the most answered calls without one, a share above 0 to 1 |
| `record` | `yes` or `no` |
| `trunks` | names from the settings, with commas |
| `retry.OUTCOME` | a rule (`retry_rules`), or `default` |

Dialers read campaigns in every beat, so it holds within a second; calls under way stay as they were begun.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from engine.campaign.retry_rules import parse
from engine.errors import NotFound, UsageError
from engine.settings import Settings
from storage import audit
from storage import campaign as store
from storage.db import writing
from storage.vocab import Pacing

Read = Callable[[str], Any]
RETRY = "retry."


def _number(least: float, most: float, *, whole: bool = False) -> Read:
    """Reads a figure within bounds; `least` itself only counts for whole ones."""

    def read(text: str) -> Any:
        form = "-?[0-9]{1,9}" if whole else r"[0-9]{1,9}(\.[0-9]{1,6})?"
        value = float(text) if re.fullmatch(form, text) else None
        if value is None or not (least <= value <= most) or (value == least and not whole):
            above = "" if whole else "above "
            raise UsageError(f"{text!r} is not a {'whole ' * whole}number from {above}{least:g} to {most:g}")
        return int(value) if whole else value

    return read


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise UsageError(f"{text!r} is neither yes nor no")
    return text == "yes"


READ: Mapping[str, Read] = {
    "cps": _number(0, 1000),
    "channels": _number(1, 100_000, whole=True),
    "priority": _number(-1_000_000, 1_000_000, whole=True),
    "weight": _number(1, 1000, whole=True),
    "attempts": _number(1, 20, whole=True),
    "abandon": _number(0, 1),
    "record": _yes_or_no,
}


def wanted(row: store.CampaignRow, pairs: Sequence[str], settings: Settings) -> dict[str, Any]:
    """What these `key=value` make of it: column -> value. UsageError, SettingsError: what is wrong."""
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for pair in pairs:
        key, sign, text = (part.strip() for part in pair.partition("="))
        if not sign:
            raise UsageError(f"{pair!r}: write key=value")
        if key in seen:
            raise UsageError(f"{key} comes twice")
        seen.add(key)
        if key.startswith(RETRY):
            rule = f"{key.removeprefix(RETRY)}={text}"
            found["retry"] = parse([rule], found.get("retry", row.retry))
        elif key == "trunks":
            names = [name.strip() for name in text.split(",")]
            found["trunks"] = [settings.trunk_named(name).name for name in dict.fromkeys(names)]
        elif key in READ:
            try:
                found[key] = READ[key](text)
            except UsageError as error:
                raise UsageError(f"{key}: {error}") from None
        else:
            known = ", ".join([*READ, "trunks", "retry.OUTCOME"])
            raise UsageError(f"{key!r} cannot be set; what can: {known}")
    if "abandon" in found and row.pacing is Pacing.FILL:
        raise UsageError("abandon: this campaign calls for no operators")
    return found


def change(
    engine: Engine, settings: Settings, name: str, pairs: Sequence[str], actor: str
) -> dict[str, tuple[Any, Any]]:
    """Set them; column -> (old, new) of what differs. The audit has both."""
    with writing(engine) as connection:
        row = store.find(connection, name, lock=True)
        if row is None:
            raise NotFound(f"no campaign named {name!r}")
        new = wanted(row, pairs, settings)
        changed = {
            key: (getattr(row, key), value) for key, value in new.items() if getattr(row, key) != value
        }
        if changed:
            now = settings.now()
            store.change(connection, row.id, now, **{key: value for key, (_old, value) in changed.items()})
            old, new = ({key: pair[place] for key, pair in changed.items()} for place in (0, 1))
            audit.note(connection, at=now, actor=actor, deed="campaign.set", subject=name, old=old, new=new)
    return changed

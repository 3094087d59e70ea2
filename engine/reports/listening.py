"""How calls were listened to: each fragment to its end, and by what AMD took for a person or a machine.

Whether AMD is right nobody tells; but who presses keys is a person. So where its verdict is only noted
(`--machine note`), the share of `machine` that pressed one, beside that of `human`, measures its mistakes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from engine.errors import NotFound
from storage import campaign as campaigns
from storage import reports as store
from storage.db import Record, reading
from storage.vocab import Amd

COLUMNS = ("amd", "count", "median_s", "mean_s", "pressed", "pressed_share")


def fragments(rows: Iterable[Record]) -> list[dict[str, Any]]:
    """Of answered calls (`storage.reports.listened`), how many heard each fragment to its end, in the order
    of the message.
    """
    heard, calls = Counter[str](), 0
    for row in sorted(rows, key=lambda row: -len(row.heard)):
        calls += row.calls
        for name in filter(None, row.heard.split(",")):
            heard[name] += row.calls
    return [
        {"outcome": f"heard: {name}", "count": count, "share": round(count / calls, 4)}
        for name, count in heard.items()
    ]


def by_amd(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Talks by verdict: how many, how long from answer to end, how many pressed a key; COLUMNS of each."""
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        rows = store.talks_by_amd(connection, campaign.id)
    parts = ((amd, [row for row in rows if row.amd == amd]) for amd in Amd)
    return [_row(amd, own) for amd, own in parts if own]


def _row(amd: Amd, rows: list[Record]) -> dict[str, Any]:
    count, pressed = sum(row.calls for row in rows), sum(row.pressed for row in rows)
    mean = sum(row.seconds * row.calls for row in rows) / count
    cells = (amd.value, count, median(rows), round(mean, 1), pressed, round(pressed / count, 4))
    return dict(zip(COLUMNS, cells, strict=True))


def median(rows: list[Record]) -> int:
    """The whole seconds that half of the calls did not exceed."""
    half, seen = sum(row.calls for row in rows) / 2, 0
    for row in sorted(rows, key=lambda row: row.seconds):
        seen += row.calls
        if seen >= half:
            return int(row.seconds)
    return 0

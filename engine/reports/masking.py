"""Masked calls: how many were connected, how soon, why others were not; and the last of them one by one.

A call counts to the day (UTC) on which it began. `connected`: the other side took it. `missed`: it rang, and
nobody took it. `refused`: it was not let through, by rule. No phone is told whole.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.contact.lists import beginning, moment
from engine.errors import UsageError
from engine.files.drafts import drafted
from engine.reports.papers import texts
from engine.reports.sheets import Sheet, write_csv, write_xlsx
from engine.reports.words import recording, title
from engine.reports.words_mask import word
from engine.settings import share
from engine.telemetry import mask
from storage import mask_reports as store
from storage.db import Record, reading
from storage.vocab import MaskEnd, MaskRule

COLUMNS = ("day", "role", "end", "calls", "share", "talk_min")
CALLS = ("at", "order", "role", "caller", "did", "peer", "end", "answer_s", "talk_s", "rule", "recording")
MISSED = (MaskEnd.BUSY, MaskEnd.NO_ANSWER, MaskEnd.OFF)
REFUSED = (
    *(MaskRule.PREFIX, MaskRule.CALLS_AT_ONCE, MaskRule.CALLS_HOUR, MaskRule.CODES_HOUR),
    *(MaskRule.ORDER_FINISHED, MaskRule.CROSSED, MaskRule.NO_TRUNK),
)
DAY = timedelta(days=1)
USUAL = 30 * DAY
ENDINGS = (".xlsx", ".html", ".csv")

Row = dict[str, Any]


def period(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """From a day's beginning (UTC) to another's end, or two moments; else the last 30 days. UsageError."""
    end = moment(until, "--until") or now
    first = beginning(since, "--since") or end - USUAL
    if first >= end:
        raise UsageError("--until is before --since")
    return first, end


def masking(engine: Engine, since: datetime, until: datetime) -> Row:
    """The figures of this time; `days`: COLUMNS by day, role and end."""
    with reading(engine) as connection:
        parts = [(day, store.counts(connection, *day)) for day in _days(since, until)]
        waits = Counter[int]()
        for day, _ in parts:
            waits.update({row.seconds: row.calls for row in store.waits(connection, *day)})
    rows = [row for _, day in parts for row in day]
    calls, connected = _sum(rows, "calls"), _sum(rows, "answered")
    refused = {rule.value: sum(row.calls for row in rows if row.rule == rule) for rule in REFUSED}
    return {
        "since": since,
        "until": until,
        "calls": calls,
        "connected": connected,
        "connected_share": round(connected / calls, 4) if calls else 0.0,
        "answer_median_s": within(waits, 0.5),
        "answer_p95_s": within(waits, 0.95),
        "talk_min": round(_sum(rows, "talk_s") / 60, 1),
        "strangers": sum(row.calls for row in rows if row.role == "stranger"),
        "missed": sum(row.calls for row in rows if row.ended in MISSED),
        "refused": {rule: count for rule, count in refused.items() if count},
        "days": [one for (begin, _), day in parts for one in _by_end(begin, day)],
    }


def within(waits: Mapping[int, int], share: float) -> int | None:
    """The whole seconds that such a share of the calls did not exceed; None of no calls."""
    most, seen = share * sum(waits.values()), 0
    for seconds in sorted(waits):
        seen += waits[seconds]
        if seen >= most:
            return seconds
    return None


def last(engine: Engine, order: str, limit: int) -> list[Row]:
    """The newest calls, of an order or ("") of all: CALLS of each, of phones the last four digits."""
    with reading(engine) as connection:
        return [_call(row) for row in store.last(connection, order, limit)]


def _call(row: Record) -> Row:
    rang = row.answered_at - row.dialled_at if row.answered_at and row.dialled_at else None
    talked = row.ended_at - row.answered_at if row.answered_at and row.ended_at else None
    return {
        "at": row.begun_at,
        "order": row.order_id,
        "role": row.role,
        "caller": mask(row.caller),
        "did": row.did,
        "peer": mask(row.peer),
        "end": row.ended if row.ended_at else "",
        "answer_s": round(rang.total_seconds()) if rang is not None else None,
        "talk_s": round(talked.total_seconds()) if talked is not None else None,
        "rule": row.rule,
        "recording": row.recording,
    }


def shown_call(call: Row, lang: str) -> Row:
    """A call in the words of a reader of `lang`."""
    state = recording(call["recording"], lang) if call["recording"] else ""
    words = {name: word(name, call[name], lang) for name in ("role", "end", "rule")}
    return call | words | {"recording": state}


def _days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """This time, cut at midnight (UTC)."""
    begin = since.astimezone(UTC)
    while begin < until:
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        yield begin, min(midnight, until)
        begin = midnight


def _by_end(begin: datetime, rows: Sequence[Record]) -> Iterator[Row]:
    """COLUMNS of a day by role and end."""
    total = _sum(rows, "calls")
    for role, end in sorted({(row.role, row.ended) for row in rows}):
        own = [row for row in rows if (row.role, row.ended) == (role, end)]
        calls, talk = _sum(own, "calls"), round(_sum(own, "talk_s") / 60, 1)
        cells = (f"{begin:%Y-%m-%d}", role, end, calls, round(calls / total, 4), talk)
        yield dict(zip(COLUMNS, cells, strict=True))


def _sum(rows: Sequence[Record], name: str) -> int:
    return sum(int(getattr(row, name) or 0) for row in rows)


# In the words of a reader, and as a file.


def summary(report: Row, lang: str) -> list[Row]:
    """The figures without the days, one a row: measure, value."""
    rows = [(title(name, lang), report[name]) for name in report if name not in ("refused", "days")]
    refused = title("refused", lang)
    rows += [(f"{refused}: {word('rule', rule, lang)}", count) for rule, count in report["refused"].items()]
    return [{"measure": name, "value": value} for name, value in rows]


def days(report: Row, lang: str) -> list[Row]:
    """Its days in the words of a reader of `lang`."""
    return [
        day | {"role": word("role", day["role"], lang), "end": word("end", day["end"], lang)}
        for day in report["days"]
    ]


def write(report: Row, out: Path, lang: str) -> int:
    """By the file's ending, whole or not at all; how many rows of days, all that a CSV has. UsageError."""
    ending = out.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{out}: this report is written as .xlsx, .html or .csv")
    cells = [list(day.values()) for day in days(report, lang)]
    by_day = Sheet(title("by_day", lang), [title(name, lang) for name in COLUMNS], cells, frozenset({4}))
    figures = [list(row.values()) for row in summary(report, lang)]
    heads = [title(name, lang) for name in ("measure", "value")]
    with drafted(out) as draft:
        if ending == ".csv":
            return write_csv(draft, by_day)
        if ending == ".html":
            _write_html(draft, report, lang)
            return len(cells)
        return write_xlsx(draft, [Sheet(title("summary", lang), heads, figures), by_day])[1]


def _write_html(out: Path, report: Row, lang: str) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(share("etc/reports")), undefined=StrictUndefined, autoescape=True
    )
    page = pages.get_template("masking.html").render(
        lang=lang,
        word=lambda name: title(name, lang),
        summary=[texts(row, ("measure", "value")) for row in summary(report, lang)],
        columns=COLUMNS,
        days=[texts(day, COLUMNS) for day in days(report, lang)],
    )
    out.write_text(page, encoding="utf-8")

"""What came of a campaign: attempts by outcome, and every attempt as a row of a sheet.

Cells that a spreadsheet would take for a formula are written as text (OWASP, CSV injection).
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.errors import NotFound, UsageError
from engine.reports.words import outcome as outcome_word
from engine.reports.words import title
from storage import calls
from storage import campaign as campaigns
from storage import reports as store
from storage.db import Record, reading
from storage.vocab import Outcome

COLUMNS = (
    *("external_id", "person", "city", "phone", "number", "trunk", "started", "ringing", "answered", "ended"),
    *("outcome", "talk_s", "heard_ms", "message_ms", "keys", "cause", "tech_cause"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
MAX_ROWS = 2**20 - 1  # of a sheet, less its titles


def summary(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Attempts by outcome in the contract's order, with their share of all; and leads that are not called."""
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        counts = calls.outcome_counts(connection, campaign.id)
        blocked = store.blocked_of(connection, campaign.id)
    total = sum(counts.values())
    order = [*(outcome.value for outcome in Outcome), ""]
    rows = [
        {"outcome": key, "count": counts[key], "share": round(counts[key] / total, 4)}
        for key in order
        if counts.get(key)
    ]
    return [*rows, *({"outcome": f"blocked: {why}", "count": n, "share": 0.0} for why, n in blocked)]


def write(engine: Engine, name: str, out: Path, lang: str) -> int:
    """Every attempt into a CSV or an XLSX by the file's ending, atomically; how many rows."""
    writers = {".csv": _write_csv, ".xlsx": _write_xlsx}
    if out.suffix.lower() not in writers:
        raise UsageError(f"{out}: a report is written as .xlsx or .csv")
    counts = summary(engine, name)
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        rows = store.attempts_of(connection, campaign.id) if campaign else iter(())
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f".{out.name}.draft")
        try:
            written = writers[out.suffix.lower()](draft, (_row(row, lang) for row in rows), counts, lang)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    return written


def _row(row: Record, lang: str) -> list[Any]:
    talked = (row.ended_at - row.answered_at).total_seconds() if row.answered_at and row.ended_at else None
    return [
        *(row.key, row.name, row.city, row.e164, row.number, row.trunk),
        *(row.prepared_at, row.ringing_at, row.answered_at, row.ended_at, outcome_word(row.outcome, lang)),
        *(talked, row.heard_ms, row.message_ms, row.pressed, row.cause, row.tech_cause),
    ]


def _write_csv(out: Path, rows: Iterable[list[Any]], _counts: list[dict[str, Any]], lang: str) -> int:
    written = 0
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow([title(column, lang) for column in COLUMNS])
        for row in rows:
            writer.writerow([_safe(cell) for cell in row])
            written += 1
    return written


def _safe(cell: Any) -> Any:
    """A cell that no spreadsheet runs; a phone number keeps its plus."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds")
    if isinstance(cell, str) and cell.startswith(FORMULA) and not cell[1:].isdigit():
        return "'" + cell
    return cell


@contextmanager
def _workbook(out: Path) -> Iterator[Any]:
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(out), options | {"remove_timezone": True}) as book:
        yield book


def _write_xlsx(out: Path, rows: Iterable[list[Any]], counts: list[dict[str, Any]], lang: str) -> int:
    with _workbook(out) as book:
        bold, percent = book.add_format({"bold": True}), book.add_format({"num_format": "0.0%"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        first = book.add_worksheet(title("summary", lang).capitalize())
        first.set_column(0, 0, 32)
        first.write_row(0, 0, [title(key, lang) for key in ("outcome", "count", "share")], bold)
        for line, count in enumerate(counts, 1):
            first.write_string(line, 0, outcome_word(count["outcome"], lang))
            first.write_number(line, 1, count["count"])
            first.write_number(line, 2, count["share"], percent)
        sheet = book.add_worksheet(title("calls", lang).capitalize())
        sheet.set_column(0, len(COLUMNS) - 1, 18)
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, [title(column, lang) for column in COLUMNS], bold)
        written = 0
        for written, row in enumerate(rows, 1):
            if written > MAX_ROWS:
                raise UsageError(f"a sheet has room for {MAX_ROWS} attempts; write a .csv")
            for column, cell in enumerate(row):
                _write_cell(sheet, written, column, cell, moment)
        sheet.autofilter(0, 0, max(written, 1), len(COLUMNS) - 1)
    return written


def _write_cell(sheet: Any, line: int, column: int, cell: Any, moment: Any) -> None:
    if isinstance(cell, datetime):
        sheet.write_datetime(line, column, cell, moment)
    elif isinstance(cell, str):
        sheet.write_string(line, column, cell)
    elif cell is not None:
        sheet.write_number(line, column, cell)

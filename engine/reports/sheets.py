"""Tables as files for people: CSV for all programs, XLSX for spreadsheets; whole or not at all.

Cells that a spreadsheet would take for a formula are written as text (OWASP, CSV injection).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import UsageError

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
MAX_ROWS = 2**20 - 1  # of a sheet, less its titles
WIDTH = 18


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its name, the titles of its columns, its rows (read once, one at a time)."""

    name: str
    titles: Sequence[str]
    rows: Iterable[Sequence[Any]]
    shares: frozenset[int] = frozenset()  # columns that hold parts of one


def write_csv(out: Path, sheet: Sheet) -> int:
    """One table; how many rows."""
    written = 0
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(sheet.titles)
        for row in sheet.rows:
            writer.writerow([safe(cell) for cell in row])
            written += 1
    return written


def safe(cell: Any) -> Any:
    """A cell that no spreadsheet runs; a phone number keeps its plus."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds")
    if isinstance(cell, str) and cell.startswith(FORMULA) and not cell[1:].isdigit():
        return "'" + cell
    return cell


def write_xlsx(out: Path, sheets: Sequence[Sheet]) -> list[int]:
    """A workbook; how many rows each sheet got. UsageError when one has no room for all."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(out), options | {"remove_timezone": True}) as book:
        return [_filled(book, sheet) for sheet in sheets]


def _filled(book: Any, sheet: Sheet) -> int:
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    share = book.add_format({"num_format": "0.0%"})
    page = book.add_worksheet(sheet.name)
    page.set_column(0, len(sheet.titles) - 1, WIDTH)
    page.freeze_panes(1, 0)
    page.write_row(0, 0, sheet.titles, book.add_format({"bold": True}))
    written = 0
    for written, row in enumerate(sheet.rows, 1):
        if written > MAX_ROWS:
            raise UsageError(f"a sheet has room for {MAX_ROWS} rows; write a .csv")
        for column, cell in enumerate(row):
            _write(page, written, column, cell, share if column in sheet.shares else None, moment)
    page.autofilter(0, 0, max(written, 1), len(sheet.titles) - 1)
    return written


def _write(page: Any, line: int, column: int, cell: Any, number: Any, moment: Any) -> None:
    if isinstance(cell, datetime):
        page.write_datetime(line, column, cell, moment)
    elif isinstance(cell, str):
        page.write_string(line, column, cell)
    elif cell is not None:
        page.write_number(line, column, cell, number)

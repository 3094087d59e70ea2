"""Lists that operators bring: CSV (`;`, `,` or tab; UTF-8 or cp1251, recognised) and XLSX, row by row.

A row is (line number in the file, column -> text). Columns are known by their header, in any order and
case. What makes the whole file unreadable is a FileError; what is wrong with one row is told of that row.
"""

import codecs
import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import reduce
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from engine.errors import FileError

Row = tuple[int, dict[str, str]]
EXTRA = "+"  # the name under which cells beyond the header are kept, so that the row can be refused
ZIP = b"PK\x03\x04"
# What reading a damaged or encrypted archive raises.
BROKEN = (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)
MAX_XLSX = 50 * 2**20
MAX_UNPACKED = 2**30
MAX_AREA = 30 * 10**6  # cells; about 1 GB
MAX_LINE = 2**16
csv.field_size_limit(2**24)  # the outline of a district is long
CELL = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")


def rows(path: Path, *needs: str) -> Iterator[Row]:
    """Every row of a list that has anything in it; FileError for a file that is none, or lacks one of these
    columns (without any: phone).
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    if not start:
        raise FileError(f"{path}: the file is empty")
    wanted = needs or ("phone",)
    return _xlsx(path, wanted) if start == ZIP else _csv(path, wanted)


def size(path: Path) -> int:
    """About how many rows a list has, for a progress bar; 0 when only reading it would tell."""
    if path.suffix.lower() == ".xlsx":
        return 0
    with path.open("rb") as file:
        return max(0, sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b"")) - 1)


def _encoding(path: Path) -> str:
    """UTF-8 (with or without BOM) when every byte of the file says so, otherwise cp1251."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            for block in iter(lambda: file.read(2**20), b""):
                if b"\0" in block:
                    raise FileError(f"{path}: not a text file (save it as CSV in UTF-8, or as XLSX)")
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1251"
    return "utf-8-sig"


def _csv(path: Path, needs: Sequence[str]) -> Iterator[Row]:
    encoding = _encoding(path)
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        first = file.readline(MAX_LINE)
        delimiter = max(";,\t", key=first.count)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1  # where the row begins; it may have line breaks between quotes
        try:
            header = _header(path, next(reader, []), needs)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield line, _named(header, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise FileError(f"{path}, line {line}: {error}") from None


def _xlsx(path: Path, needs: Sequence[str]) -> Iterator[Row]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(path, archive)
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    except BROKEN as error:
        raise FileError(f"{path}: not a workbook that can be read: {error}") from None
    header: list[str] = []
    for line, cells in enumerate(sheet.iter_rows(), 1):
        texts = [_text(cell) for cell in cells]
        if not any(texts):
            continue
        if header:
            yield line, _named(header, texts)
        else:
            header = _header(path, texts, needs)
    if not header:
        raise FileError(f"{path}: the first sheet is empty")


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """FileError for a workbook that memory may not hold: calamine reads all of the area that cells span."""
    items = archive.infolist()
    if path.stat().st_size > MAX_XLSX or sum(item.file_size for item in items) > MAX_UNPACKED:
        raise FileError(f"{path}: too large for one workbook; split it or bring a CSV")
    for item in items:
        if item.filename.startswith("xl/worksheets/") and _area(archive, item) > MAX_AREA:
            raise FileError(
                f"{path}: a sheet's cells are too far apart; delete what stands alone far below or to the"
                " right, or bring a CSV"
            )


def _area(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> int:
    """How many cells the rectangle has that a sheet's cells span, from A1."""
    width = height = 0
    rest = b""
    with archive.open(item) as sheet:
        while block := sheet.read(2**20):
            found = CELL.findall(rest + block)
            height = max([height, *(int(line) for _, line in found)])
            width = max([width, *map(_column, {column for column, _ in found})])
            rest = block[-16:]
    return width * height


def _column(name: bytes) -> int:
    """A -> 1, Z -> 26, AA -> 27."""
    return reduce(lambda number, letter: 26 * number + letter - 64, name, 0)


def _text(cell: Any) -> str:
    """A cell as a person reads it: a phone typed as a number has no `.0`, a date is ISO."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()


def _header(path: Path, cells: list[str], needs: Sequence[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if missing := [name for name in needs if name not in names]:
        raise FileError(f"{path}, line 1: there is no column named `{missing[0]}` in the header")
    for name in names:
        if not name or names.count(name) > 1:
            raise FileError(
                f"{path}, line 1: " + (f"two columns named {name!r}" if name else "a column without a name")
            )
    return names


def _named(header: list[str], cells: list[str]) -> dict[str, str]:
    """Every column with its cell ("" where the row is short); what is beyond the last one is under EXTRA."""
    named = dict(zip(header, map(str.strip, cells), strict=False))
    if len(cells) < len(header):
        named |= dict.fromkeys(header[len(cells) :], "")
    elif extra := [cell for cell in cells[len(header) :] if cell.strip()]:
        named[EXTRA] = " ".join(extra)
    return named

"""The files of the numbering register, read and checked: nothing is kept of a broken one.

The official files (`DEF-9xx.csv`, `ABC-3xx.csv` …) have `;`, with or without BOM, and these columns; newer
ones two more, of which the territory says what a region of "-" does not:

    АВС/ DEF; От; До; Емкость; Оператор; Регион [; Территория ГАР; ИНН]
    900; 0000000; 0061999; 62000; ООО "Т2 Мобайл"; Краснодарский край

The file of ported numbers is our own. An empty region is that of the number's range:

    number; operator; region
    +79001234567; ПАО "МегаФон"; Краснодарский край
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from engine.contact.numbers import e164
from engine.errors import FileError, UsageError
from storage.numbering import PORTED

OFFICIAL = ("от", "до", "емкость", "оператор", "регион")
MORE = ("территория гар", "инн")
PORTED_HEADER = ("number", "operator", "region")
REGISTERS = {"3": "ABC-3xx", "4": "ABC-4xx", "8": "ABC-8xx", "9": "DEF-9xx"}
NOTHING = "-"
MOST_BYTES = 200 * 2**20
MOST_TOLD = 10


class Range(NamedTuple):
    """Numbers from `first` to `last` (E.164 digits), and the line that says so."""

    first: int
    last: int
    operator: str
    region: str
    line: int


class File(NamedTuple):
    """A register as its file has it, in order; `name` is that of the register it is."""

    name: str
    sha256: str
    ranges: list[Range]


Cells = tuple[int, list[str]]


def official(path: Path) -> File:
    """A file of the official register; FileError names the lines that are wrong."""
    digest, header, lines = _open(path)
    wide = (*OFFICIAL, *MORE)
    if not header or "def" not in header[0] or tuple(header[1:]) not in (OFFICIAL, wide):
        raise FileError(
            f"{path}, line 1: the columns must be АВС/DEF;{';'.join(OFFICIAL)}[;{';'.join(MORE)}]"
        )
    ranges = _checked(path, lines, lambda line, cells: _range(line, cells, len(header)))
    names = {str(one.first)[1] for one in ranges}
    if len(names) > 1:
        raise FileError(f"{path}: codes of several registers: they begin with {', '.join(sorted(names))}")
    return File(REGISTERS[names.pop()], digest, ranges)


def ported(path: Path, country: str) -> File:
    """A file of ported numbers; FileError names the lines that are wrong."""
    digest, header, lines = _open(path)
    if tuple(header) != PORTED_HEADER:
        raise FileError(f"{path}, line 1: the columns must be {';'.join(PORTED_HEADER)}")
    return File(PORTED, digest, _checked(path, lines, lambda line, cells: _ported(line, cells, country)))


def _open(path: Path) -> tuple[str, list[str], Iterator[Cells]]:
    """The file's digest, its header in small letters, and its other lines with their numbers."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FileError(f"{path}: larger than {MOST_BYTES >> 20} MB")
        content = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1251", errors="replace")
    lines = _lines(path, text)
    _, header = next(lines, (1, []))
    return sha256(content).hexdigest(), [cell.casefold().replace("ё", "е") for cell in header], lines


def _lines(path: Path, text: str) -> Iterator[Cells]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FileError(f"{path}, line {reader.line_num}: {error}") from None


def _checked(path: Path, lines: Iterable[Cells], read: Callable[[int, list[str]], Range]) -> list[Range]:
    """The ranges in order; FileError when there are none, or a line is wrong, or two overlap."""
    ranges: list[Range] = []
    wrong: list[str] = []
    for line, cells in lines:
        try:
            ranges.append(read(line, cells))
        except UsageError as error:
            wrong.append(f"line {line}: {error}")
    ranges.sort()
    for one, other in pairwise(ranges):
        if other.first <= one.last:
            wrong.append(f"line {max(one.line, other.line)}: overlaps line {min(one.line, other.line)}")
    if not ranges and not wrong:
        wrong = ["there is nothing in it"]
    if wrong:
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise FileError(f"{path}: {'; '.join(wrong[:MOST_TOLD])}{more}")
    return ranges


def _range(line: int, cells: list[str], width: int) -> Range:
    if len(cells) != width:
        raise UsageError(f"{len(cells)} columns, the header has {width}")
    code, begins, ends, capacity, operator, region = cells[:6]
    if not re.fullmatch("[3489][0-9]{2}", code):
        raise UsageError(f"code {code[:16]!r} is not three digits that begin with 3, 4, 8 or 9")
    if not (re.fullmatch("[0-9]{7}", begins) and re.fullmatch("[0-9]{7}", ends)):
        raise UsageError("a number within the code must have seven digits")
    first, last = int(f"7{code}{begins}"), int(f"7{code}{ends}")
    if first > last:
        raise UsageError("it ends before it begins")
    if capacity != str(last - first + 1):
        raise UsageError(
            f"capacity {capacity[:16]!r}, but from {begins} to {ends} there are {last - first + 1}"
        )
    if not operator or not region:
        raise UsageError("no operator" if region else "no region")
    if region == NOTHING and width > 6:
        region = cells[6] or NOTHING
    return Range(first, last, operator, region, line)


def _ported(line: int, cells: list[str], country: str) -> Range:
    if len(cells) != len(PORTED_HEADER):
        raise UsageError(f"{len(cells)} columns, the header has {len(PORTED_HEADER)}")
    number = int(e164(cells[0], country)[1:])
    if not cells[1]:
        raise UsageError("no operator")
    return Range(number, number, cells[1], cells[2], line)

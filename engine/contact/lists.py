"""Lists that operators bring into a register and take out of it; refused rows go into a file."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from engine.errors import UsageError

BATCH = 5000
EXTRA = "+"  # where the reader of sheets keeps cells beyond the header
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = tuple[int, dict[str, str]]


@dataclass(slots=True)
class Summary:
    """What became of a list's rows."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects_file: str | None = None
    refused: list[tuple[int, str, dict[str, str]]] = field(default_factory=list, repr=False)

    def as_json(self) -> dict[str, Any]:
        """As an import of leads tells it."""
        names = ("rows", "imported", "duplicates", "rejected", "rejects_file")
        return {name: getattr(self, name) for name in names}

    def write_rejects(self, target: Path) -> None:
        """The refused rows as a file that can be mended and brought again; none when there are none."""
        if not self.refused:
            target.unlink(missing_ok=True)
            return
        columns = list(dict.fromkeys(name for _line, _why, row in self.refused for name in row))
        rows = ([line, why, *(row.get(name, "") for name in columns)] for line, why, row in self.refused)
        write(target, ["line", "why", *columns], rows)
        self.rejects_file = str(target)


def batches(
    rows: Iterable[Row], read: Callable[[dict[str, str]], dict[str, Any]], summary: Summary
) -> Iterator[list[dict[str, Any]]]:
    """What `read` makes of the rows, at most 5000 at a time; a row that it refuses goes to the summary."""
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        taken = []
        for line, row in batch:
            summary.rows += 1
            try:
                if EXTRA in row:
                    raise UsageError("more cells than the header has columns")
                taken.append(read(row))
            except UsageError as error:
                summary.rejected += 1
                summary.refused.append((line, str(error), row))
        yield taken


def write(target: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """A CSV, whole or not at all; how many rows it has."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft, written = target.with_name(f".{target.name}.draft"), 0
    try:
        with draft.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                written += 1
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return written


def plain(text: str, what: str, longest: int) -> str:
    """A text that can be stored, and that no spreadsheet takes for a formula; UsageError says why not."""
    text = text.strip()
    if not text:
        raise UsageError(f"{what}: nothing is written")
    if len(text) > longest:
        raise UsageError(f"{what}: longer than {longest} characters")
    if not text.isprintable():
        raise UsageError(f"{what}: it has characters that cannot be shown")
    if text.startswith(FORMULA):
        raise UsageError(f"{what}: begins like a spreadsheet's formula")
    return text


def moment(text: str, what: str) -> datetime | None:
    """An ISO moment with its zone, or a date, which means its end (UTC); None for no text."""
    if not text.strip():
        return None
    try:
        if len(text.strip()) == len("2026-12-31"):
            last = date.fromisoformat(text.strip())
            return datetime.combine(last, time.min, UTC) + timedelta(days=1)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UsageError(f"{what}: write a date, 2026-12-31, or a moment, 2026-12-31T18:00+03:00") from None
    if found.tzinfo is None:
        raise UsageError(f"{what}: a moment needs its zone, as in 2026-12-31T18:00+03:00")
    return found


def word(row: Mapping[str, str], name: str, words: Iterable[str], default: str = "") -> str:
    """A cell that has one of these words."""
    found = row.get(name, "").lower() or default
    if found not in list(words):
        raise UsageError(f"{name}: write one of {', '.join(words)}")
    return found

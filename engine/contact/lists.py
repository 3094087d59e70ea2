"""Lists that operators bring into a register: in batches, what is wrong with a row told of that row."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from engine.errors import UsageError
from engine.files.rejects import Rejects
from engine.files.sheets import EXTRA, Row

BATCH = 5000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(slots=True)
class Summary:
    """What became of a list's rows."""

    rows: int = 0
    imported: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejects_file: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The contract's keys."""
        return asdict(self)


def batches(
    rows: Iterable[Row],
    read: Callable[[dict[str, str]], dict[str, Any]],
    summary: Summary,
    refused: Rejects,
) -> Iterator[list[dict[str, Any]]]:
    """What `read` makes of the rows, at most 5000 at a time; a row that it refuses goes to `refused`."""
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        taken = []
        summary.rows += len(batch)
        for line, row in batch:
            try:
                if EXTRA in row:
                    raise UsageError("more cells than the header has columns")
                taken.append(read(row))
            except UsageError as error:
                refused.add(line, str(error), row)
        summary.rejected, summary.rejects_file = refused.count, refused.path
        yield taken


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


def beginning(text: str, what: str) -> datetime | None:
    """The same, but a date means its beginning (UTC)."""
    day = text.strip()
    return moment(f"{day}T00:00+00:00" if len(day) == len("2026-12-31") else day, what)


def word(row: Mapping[str, str], name: str, words: Iterable[str], default: str = "") -> str:
    """A cell that has one of these words."""
    found = row.get(name, "").lower() or default
    if found not in list(words):
        raise UsageError(f"{name}: write one of {', '.join(words)}")
    return found

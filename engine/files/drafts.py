"""Files that are whole or not at all: a draft is written beside each, and takes its place in the end."""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def drafted(out: Path) -> Iterator[Path]:
    """A file beside `out` to write into, which takes its place in the end; none is left when this fails."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.draft")
    try:
        yield draft
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def write_list(out: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> int:
    """A CSV that can be brought as a list; how many rows it has."""
    written = 0
    with drafted(out) as draft, draft.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            written += 1
    return written

"""Rows that were not taken, as a file that can be mended and brought again."""

import csv
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from engine.files.sheets import EXTRA
from storage.db import new_id

# A list's own columns are never named like these, but for a refused list that is brought again: its lines
# and reasons are of an earlier time, and new ones take their place.
OURS = ("rejected_line", "rejected_why")


class Rejects:
    """Written as they come to a draft, which takes the target's place at the end: all of them or none.

    An import that refuses nothing leaves no file, also none of an earlier time; one that breaks leaves the
    earlier one as it was. Cells beyond the header stand where they stood in the list.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._draft = target.with_name(f".{target.name}.{new_id().hex}.draft")
        self._file: TextIO | None = None
        self._names: list[str] = []
        self.count = 0

    def add(self, line: int, why: str, row: Mapping[str, str]) -> None:
        """One row with its line in the list and the reason."""
        if self._file is None:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._draft.open("w", encoding="utf-8-sig", newline="")
            self._writer: Any = csv.writer(self._file, delimiter=";")
            self._names = [name for name in row if name not in (*OURS, EXTRA)]
            self._writer.writerow([*OURS, *self._names])
        self.count += 1
        extra = [row[EXTRA]] if EXTRA in row else []
        self._writer.writerow([line, why, *(row.get(name, "") for name in self._names), *extra])

    @property
    def path(self) -> str | None:
        """Where they are, once all is done; None when there are none."""
        return str(self._target) if self.count else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if kind is not None:
            self._draft.unlink(missing_ok=True)
        elif self._file is not None:
            self._draft.replace(self._target)
        else:
            self._target.unlink(missing_ok=True)

"""A folder of recordings: `0198/0198c7a/0198c7a2-….alaw`, named by the call's id and by nothing else.

An id begins with its moment (UUID version 7, 48 bits of milliseconds), so a folder of the first seven digits
holds what was prepared in 2^20 ms, 17 minutes: 12,000 files at a million calls a day. The dialplan works the
same place out of the same id (etc/asterisk/extensions.conf).
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

SUFFIX = ".alaw"
SPAN_BITS = 20
_FOLDER = re.compile(r"[0-9a-f]{7}")


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of recordings; whatever was prepared in it was so before `until`."""

    path: Path
    until: datetime

    def files(self) -> dict[UUID, int]:
        """Call -> bytes of its recording. What is named otherwise is none of ours."""
        found: dict[UUID, int] = {}
        with suppress(FileNotFoundError), os.scandir(self.path) as entries:
            for entry in entries:
                with suppress(ValueError, FileNotFoundError):
                    if entry.name.endswith(SUFFIX):
                        found[UUID(entry.name.removesuffix(SUFFIX))] = entry.stat().st_size
        return found

    def leave(self) -> None:
        """Take the folder away if nothing is left in it, and the one that it stands in."""
        with suppress(OSError):
            self.path.rmdir()
            self.path.parent.rmdir()


class Shelf:
    """Where recordings lie."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, call: UUID) -> Path:
        """The place of a call's recording."""
        name = str(call)
        return self.root / name[:4] / name[:7] / f"{name}{SUFFIX}"

    def size(self, call: UUID) -> int | None:
        """Bytes of a call's recording; None when there is no file. OSError: it cannot be looked at."""
        try:
            return self.path(call).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def folders(self, before: datetime) -> Iterator[Folder]:
        """The folders all of whose calls were prepared before a moment, the oldest first."""
        for path in sorted(self.root.glob("????/???????")):
            if _FOLDER.fullmatch(path.name) and path.name.startswith(path.parent.name):
                ends = int(path.name, 16) + 1 << SPAN_BITS
                folder = Folder(path, datetime.fromtimestamp(ends / 1000, UTC))
                if folder.until <= before:
                    yield folder

    def free(self) -> int | None:
        """Bytes that there is room for; None while there is no folder."""
        with suppress(OSError):
            return shutil.disk_usage(self.root).free
        return None

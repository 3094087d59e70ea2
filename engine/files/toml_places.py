"""Where the strings of a TOML document stand, to the character. Pure.

tomllib tells values and no places. This finds the strings again, which is simple in a text that tomllib has
read: outside of strings and comments there are only headers, keys, brackets and bare values. Strings in
arrays and under quoted keys are not looked for.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

Path = tuple[str | int, ...]  # ("fragment", 0, "text", "ru"): of tables in an array, their number from 0
TOKEN = re.compile(
    r'''
    \#[^\n]*
    | (?P<string>"""(?:\\.|[^\\])*?"{3,5} | \'\'\'.*?\'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | ^[ \t]*(?P<header>\[{1,2}[ \t]*[\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*[ \t]*\]{1,2})
    | (?P<key>[\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*)[ \t]*=
    | (?P<bracket>[{}])''',
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# What makes no character of a basic string, and what makes one.
LETTER = re.compile(r"\\[ \t]*\n\s*()|\\u.{4}|\\U.{8}|\\.|.", re.DOTALL)


class Places:
    """The places of one document's strings."""

    def __init__(self, source: str) -> None:
        self._source = source.replace("\r\n", "\n")

    def of(self, path: Path, text: str, at: int = 0) -> tuple[int, int] | None:
        """Line and column (from 1) of a character of the string there; None if it is not this text."""
        spot = self._strings.get(path)
        if spot is None:
            return None
        offsets = [*_offsets(self._source, *spot)]
        if len(offsets) != len(text):
            return None
        found = [*offsets, spot[1] - 1][at]
        before = self._source[:found]
        return before.count("\n") + 1, found - before.rfind("\n")

    @cached_property
    def _strings(self) -> dict[Path, tuple[int, int]]:
        """Where each string begins and ends, its quotes included."""
        found: dict[Path, tuple[int, int]] = {}
        tables: Counter[str] = Counter()
        above: list[Path] = [()]
        key: Path | None = None
        for token in TOKEN.finditer(self._source):
            if token["header"]:
                above = [_table(token["header"], tables)]
            elif token["key"]:
                key = (*above[-1], *_names(token["key"]))
            elif token["bracket"] == "{":
                above.append(key or ())
            elif token["bracket"]:
                above = above[:-1] or [()]
            elif token["string"] and key:
                found.setdefault(key, token.span("string"))
                key = None
        return found


def _names(dotted: str) -> list[str]:
    return [name.strip() for name in dotted.split(".")]


def _table(header: str, tables: Counter[str]) -> Path:
    """[[fragment]] is the next of its kind, [fragment.text] belongs to the last of them."""
    first, *rest = _names(header.strip("[] \t"))
    if header.startswith("[["):
        tables[first] += 1
    number = (tables[first] - 1,) if tables[first] else ()
    return (first, *number, *rest)


def _offsets(source: str, start: int, end: int) -> Iterator[int]:
    """Where each character of a string stands in the document."""
    quote = source[start]
    width = 3 if source[start : start + 3] == quote * 3 else 1
    start, end = start + width, end - width
    start += width == 3 and source[start] == "\n"  # the first line break of """ is not part of it
    if quote == "'":
        yield from range(start, end)
        return
    for letter in LETTER.finditer(source, start, end):
        if letter[1] is None:
            yield letter.start()

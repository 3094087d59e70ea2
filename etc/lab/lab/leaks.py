"""Is somebody's number in what the other side gets: a SIP message, a log, a file's name? Pure.

A number is found by its digits within the country (ten in Russia), with which all its spellings end: +7…,
8…, 7…, 810 7…, none before it. Up to four characters that are neither digit nor Latin letter may stand
between two of them, as in `8 (921) 123-45-67`, `tel:+7.921.123.45.67` or a folded header; `%XX` is read as
well, thrice if need be. Within a longer row of digits they count too: carriers write prefixes of their own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers

BETWEEN = r"[^0-9A-Za-z]{0,4}"
ENCODED_TIMES = 3
FIRST_LINE, BODY = "first line", "body"


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message on the wire: `at` in seconds of the epoch, UDP ports, its bytes."""

    at: float
    source: int
    target: int
    data: bytes

    @property
    def kind(self) -> str:
        """`INVITE`, or `183 INVITE` for a response to one."""
        first, *_ = self.data.decode(errors="replace").split("\r\n", 1)
        words = first.split(" ")
        if words[0] != "SIP/2.0":
            return words[0]
        method = next((text.split()[-1] for name, text in parts(self.data) if name.lower() == "cseq"), "")
        return f"{words[1]} {method}"


@dataclass(frozen=True, slots=True)
class Leak:
    """A `number` (E.164) was found `where`: a message's kind and header, a file; as it is written there."""

    where: str
    number: str
    text: str


def in_text(where: str, text: str | bytes, numbers: Iterable[str]) -> list[Leak]:
    """Each number's first place in a text: a log, a name of a file, a page of metrics."""
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text
    readings = [plain]
    while (
        len(readings) <= ENCODED_TIMES and (read := unquote(readings[-1], errors="replace")) != readings[-1]
    ):
        readings.append(read)
    found = ((number, _written(number).search(one)) for number in numbers for one in readings)
    first = {number: match[0] for number, match in reversed(list(found)) if match}
    return [Leak(where, number, written) for number, written in first.items()]


def in_message(message: Message, numbers: Iterable[str]) -> list[Leak]:
    """Where in a SIP message: in which headers, in the first line, in the body."""
    wanted = list(numbers)
    return [
        leak
        for name, text in parts(message.data)
        for leak in in_text(f"{message.kind}: {name}", text, wanted)
    ]


def parts(data: bytes) -> list[tuple[str, str]]:
    """A SIP message taken apart: its first line, each header (a folded one as one), its body."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    first, *headers = re.split(r"\r\n(?![ \t])", head)
    split = [header.partition(":")[::2] for header in headers]
    return [(FIRST_LINE, first), *((name.strip(), text) for name, text in split), (BODY, body)]


@lru_cache(maxsize=1024)
def _written(number: str) -> re.Pattern[str]:
    """What a number in E.164 looks like in any spelling; ValueError for what is none."""
    try:
        digits = phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        raise ValueError(f"not a number in E.164: {number!r}") from None
    return re.compile(BETWEEN.join(digits))

"""The auditor's report on paper: printable HTML, a workbook, a CSV; and in the words of its reader.

The HTML asks for nothing from outside, and is written as it is read: so much memory as one row. Times are
UTC but where they say "local".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.reports.sheets import Sheet, write_csv, write_xlsx
from engine.reports.words import outcome as outcome_word
from engine.reports.words import recording, title
from engine.settings import share

Row = dict[str, Any]

# How the printed report puts them together; a table or a sheet has them one by one.
GROUPS = (
    ("at_utc", "local", "zones", "attempt"),
    ("window", "limits", "law"),
    ("person_key", "external_id", "phone", "campaign", "number"),
    ("kind", "trunk", "caller_id"),
    ("ringing_utc", "answered_utc", "ended_utc"),
    ("outcome", "keys", "call_back", "promised_on", "cause", "tech_cause", "counts"),
    ("heard_ms", "message_ms", "fragments_heard", "clips", "recording"),
    ("recount",),
)
COLUMNS = tuple(name for group in GROUPS for name in group)
BRIEF = ("at_utc", "local", "campaign", "phone", "window", "limits", "law", "outcome", "recount")
ENTRY = ("register", "kind", "subject", "scope", "at", "until", "says", "source", "proof", "actor", "removed")
OK = "ok"  # of the recount


@dataclass(frozen=True, slots=True)
class Paper:
    """What is to be written. `head`: word -> text, above all; `calls` is read once, `entries` are those of
    the blacklist and of the consents.
    """

    head: Mapping[str, str]
    calls: Iterable[Row]
    entries: list[Row]


def write(out: Path, ending: str, paper: Paper, lang: str) -> int:
    """The file; how many calls. UsageError when there is no such ending. A CSV has the calls alone."""
    match ending:
        case ".html":
            return _write_html(out, paper, lang)
        case ".xlsx":
            return write_xlsx(out, [_calls(paper, lang), _entries(paper, lang)])[0]
        case ".csv":
            return write_csv(out, _calls(paper, lang))
        case _:
            raise UsageError("the auditor's report is written as .xlsx, .html or .csv")


def shown(call: Row, lang: str) -> Row:
    """A call in the words of a reader of `lang`."""
    words = {"outcome": outcome_word(call["outcome"], lang), "kind": title(call["kind"], lang)}
    words |= {"recording": recording(call["recording"], lang)}
    return call | words | {"counts": title("yes" if call["counts"] else "no", lang)}


def told(entry: Row, lang: str) -> Row:
    """A register's entry in the words of a reader of `lang`."""
    kind = title(f"{'consent' if entry['register'] == 'consent' else 'entry'}.{entry['kind']}", lang)
    words = {"register": title(entry["register"], lang), "kind": kind.rpartition(".")[2]}
    says = title(entry["says"], lang) if entry["register"] == "consent" else entry["says"]
    return entry | words | {"says": says}


def text(value: Any) -> str:
    """A value for people."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def texts(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, str]:
    """These columns as text."""
    return {name: text(row[name]) for name in columns}


def _calls(paper: Paper, lang: str) -> Sheet:
    cells = ([row[name] for name in COLUMNS] for row in (shown(call, lang) for call in paper.calls))
    return Sheet(title("calls", lang).capitalize(), [title(name, lang) for name in COLUMNS], cells)


def _entries(paper: Paper, lang: str) -> Sheet:
    cells = [[told(entry, lang)[name] for name in ENTRY] for entry in paper.entries]
    name = title("register_entries", lang).capitalize()
    return Sheet(name, [title(column, lang) for column in ENTRY], cells)


def _write_html(out: Path, paper: Paper, lang: str) -> int:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    written = 0

    def calls() -> Iterator[dict[str, str]]:
        nonlocal written
        for call in paper.calls:
            written += 1
            yield texts(shown(call, lang), COLUMNS)

    pages = Environment(
        loader=FileSystemLoader(share("etc/reports")),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    stream = pages.get_template("auditor.html").stream(
        lang=lang,
        word=lambda name: title(name, lang),
        head=paper.head,
        groups=GROUPS,
        calls=calls(),
        columns=ENTRY,
        entries=[texts(told(entry, lang), ENTRY) for entry in paper.entries],
        ok=OK,
    )
    stream.enable_buffering(100)
    with out.open("wb") as file:
        stream.dump(file, "utf-8")
    return written

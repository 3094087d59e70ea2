"""How data is printed: a table for people, one JSON document or CSV for programs; talk goes to stderr."""

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import click

from engine.errors import UsageError
from engine.settings import Settings, load

FORMATS = ("table", "json", "csv")
WIDE = 250


def formatted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--format` to a command; the function gets it as `style`."""
    option = click.option(
        "--format",
        "style",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print.",
    )
    return option(command)


def settings_of(ctx: click.Context) -> Settings:
    """The settings of this command line, read once, with `--lang` in them; from then on we may log."""
    given = ctx.find_root().obj
    if "settings" not in given:
        from engine import telemetry

        settings = load(given["config"])
        telemetry.setup(settings.log.level)
        if given["lang"]:
            settings = settings.model_copy(update={"lang": given["lang"]})
        given["settings"] = settings
    found: Settings = given["settings"]
    return found


def actor() -> str:
    """Who is at the keyboard, for the audit."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def say(text: str) -> None:
    """Talk to the operator; not data."""
    click.echo(text, err=True)


def agree(question: str) -> None:
    """Go on only if the operator agrees; UsageError when nobody is there to ask."""
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes, or --dry-run")
    click.confirm(question, abort=True, err=True)


def plain(value: Any) -> Any:
    """A value as JSON writes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def show_rows(rows: Sequence[Mapping[str, Any]], style: str, titles: Mapping[str, str] | None = None) -> None:
    """Rows of the same columns. JSON and CSV have the keys, the table their titles."""
    if style == "json":
        click.echo(json.dumps(plain(list(rows)), ensure_ascii=False))
        return
    columns = list(rows[0]) if rows else list(titles or {})
    if style == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([plain(row[name]) for name in columns] for row in rows)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        numeric = all(isinstance(row[name], int | float) for row in rows)
        table.add_column((titles or {}).get(name, name), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in columns))
    console().print(table)


def show_record(record: Mapping[str, Any], style: str, titles: Mapping[str, str] | None = None) -> None:
    """One thing with its properties; nested ones are written `a.b` except in JSON."""
    if style == "json":
        click.echo(json.dumps(plain(record), ensure_ascii=False))
        return
    flat = dict(_flat(record))
    if style == "csv":
        show_rows([flat], "csv")
        return
    rows = [{"": (titles or {}).get(name, name), "value": value} for name, value in flat.items()]
    show_rows(rows, "table", {"": "", "value": ""})


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return escape(str("" if value is None else plain(value)))


def console(*, err: bool = False) -> Any:
    """A rich console for the terminal at hand; a file or a pipe has room enough."""
    from rich.console import Console

    found = Console(stderr=err)
    if not found.is_terminal:
        found.width = WIDE
    return found

"""`zvonar contact numbering`: whose number a number is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli.output import actor, console, formatted, settings_of, show_record


@click.group()
def command() -> None:
    """Whose number a number is, and where it belongs."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--ported", is_flag=True, help="FILE names single numbers (number;operator;region).")
@formatted
@click.pass_context
def load(ctx: click.Context, file: Path, ported: bool, style: str) -> None:
    """Put FILE in the place of the register that it is, and work out again the zones of leads.

    FILE is one of the official register (DEF-9xx.csv, ABC-3xx.csv …). A broken one is refused, and the
    register stays as it was.
    """
    from engine.wiring import numbering

    service = numbering(settings_of(ctx))
    with _bar() as progress:
        loaded = asdict(service.load(file, actor(), ported=ported, progress=progress))
    _show(ctx, {name: loaded[name] for name in ("register", "ranges", "phones", "leads")}, style)


@command.command()
@formatted
@click.pass_context
def refresh(ctx: click.Context, style: str) -> None:
    """Work out again the zones of all leads that are not over: after a new tzdata, or a load broken off."""
    from engine.wiring import numbering

    with _bar() as progress:
        changed = numbering(settings_of(ctx)).refresh(progress)
    _show(ctx, asdict(changed), style)


@command.command()
@click.argument("phone")
@formatted
@click.pass_context
def find(ctx: click.Context, phone: str, style: str) -> None:
    """What is known of a number by itself: its operator, region and time zones."""
    from engine.wiring import numbering

    _show(ctx, numbering(settings_of(ctx)).find(phone), style)


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """A bar of the rows that were looked at; nobody knows how many there are."""
    from rich.progress import Progress

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task("zones", total=None)
        yield lambda rows: bar.advance(task, rows)


def _show(ctx: click.Context, record: dict[str, Any], style: str) -> None:
    from engine.reports.words import titles

    if style == "table" and "zones" in record:
        record = record | {"zones": ", ".join(record["zones"])}
    show_record(record, style, titles(list(record), settings_of(ctx).lang))

"""`zvonar contact consent`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.output import actor, console, formatted, say, settings_of, show_record, show_rows
from storage.vocab import ConsentKind

KINDS = [kind.value for kind in ConsentKind]

phone_ = click.argument("phone", default="")
person_ = click.option("--person", default="", metavar="KEY", help="A person, id:42, in place of PHONE.")


@click.group()
def command() -> None:
    """Who agreed to what, and who refused. What is written down is never changed; the newest holds."""


def service(ctx: click.Context) -> Any:
    """The register of this database."""
    from engine.wiring import consents

    return consents(settings_of(ctx))


def said(function: Callable[..., None]) -> Callable[..., None]:
    """What a consent and a refusal both say."""
    for decorator in (
        click.option("--at", default="", metavar="ISO", help="When it was said, if not now."),
        click.option("--proof", required=True, metavar="REF", help="The document or the recording."),
        click.option("--source", required=True, help="Where it was said: contract, call, letter …"),
        click.option("--kind", type=click.Choice(KINDS), required=True, help="To what."),
        person_,
        phone_,
    ):
        function = decorator(function)
    return function


def _write_down(ctx: click.Context, row: dict[str, str]) -> None:
    new = service(ctx).say(row, actor())
    say("written down" if new else "it is in the register already, with this proof")


@command.command()
@said
@click.option("--until", default="", metavar="DATE", help="To the end of that day (UTC), or a moment.")
@click.pass_context
def add(ctx: click.Context, /, **row: str) -> None:
    """A consent. What is on the blacklist stays there until it is undone."""
    _write_down(ctx, row | {"given": "yes"})


@command.command()
@said
@click.pass_context
def refuse(ctx: click.Context, /, **row: str) -> None:
    """A refusal. Of calls to PHONE: it is on the blacklist at once, in every campaign."""
    _write_down(ctx, row | {"given": "no"})


@command.command("list")
@phone_
@person_
@formatted
@click.pass_context
def list_(ctx: click.Context, phone: str, person: str, style: str) -> None:
    """All that was said, the oldest first."""
    from engine.reports.words import title, titles

    lang = settings_of(ctx).lang
    rows = service(ctx).of(phone, person)
    columns = ["subject", "kind", "given", "at", "until", "source", "proof", "actor"]
    if style == "table":
        rows = [
            row
            | {
                "kind": title(f"consent.{row['kind']}", lang).removeprefix("consent."),
                "given": title(_word(row["given"]), lang),
            }
            for row in rows
        ]
    show_rows(rows, style, titles(columns, lang))


def _word(given: bool) -> str:
    return "yes" if given else "no"


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@formatted
@click.pass_context
def import_(ctx: click.Context, file: Path, style: str) -> None:
    """Read a list (CSV or XLSX) with the columns phone or person, kind, given (yes, no), source, proof,
    until, at. The same list again adds nothing.
    """
    from rich.progress import Progress

    from engine.files.sheets import rows
    from engine.reports.words import titles

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task(file.name, total=None)
        done = service(ctx).load(
            rows(file, "kind"), file.name, actor(), lambda count: bar.update(task, completed=count)
        )
    summary = done.as_json()
    show_record(summary, style, titles(list(summary), settings_of(ctx).lang))
    if done.rejects_file:
        say(f"{done.rejected} rows were not taken; mend them in {done.rejects_file} and import that file")

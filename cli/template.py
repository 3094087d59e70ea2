"""`zvonar template`: messages of text and variables."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import actor, console, formatted, say, settings_of, show_record, show_rows
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.speech.fragment import Fragment


@click.group()
def command() -> None:
    """Keep and render message templates."""


@command.command("set")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def set_(ctx: click.Context, name: str, file: Path) -> None:
    """Keep FILE as template NAME; campaigns made before keep the version they were made with."""
    from engine.wiring import templates

    row = templates(settings_of(ctx)).set(name, file, actor())
    say(f"template {name} is at version {row.version}")


@command.command()
@click.argument("name")
@formatted
@click.pass_context
def show(ctx: click.Context, name: str, style: str) -> None:
    """Print a template's newest version."""
    from engine.speech.message import message_of
    from engine.wiring import templates

    row = templates(settings_of(ctx)).newest(name)
    message = message_of(row).template
    record = {
        "name": row.name,
        "version": row.version,
        "for": message.role,
        "lang": message.lang,
        "langs": list(message.langs),
        "variables": sorted(message.variables),
        "fragments": [_shown(part) for part in message.fragments],
        "keys": {key.press: key.action for key in message.keys},
        "created_at": row.created_at,
    }
    if style == "table":
        click.echo(row.source.rstrip())
    else:
        show_record(record, style)


def _shown(part: "Fragment") -> dict[str, Any]:
    """A fragment as JSON: what it says by language, and to whom."""
    from engine.conditions.filters import write

    said = {"text": dict(part.texts)} if part.texts else {"wav": dict(part.wavs)}
    return {"name": part.name, **said, "when": write(part.when) if part.when else ""}


@command.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """The newest version of every template."""
    from engine.reports.words import titles
    from engine.wiring import templates

    settings, columns = settings_of(ctx), ["name", "version", "created_at"]
    rows = [{column: getattr(row, column) for column in columns} for row in templates(settings).list()]
    show_rows(rows, style, titles(columns, settings.lang))


@command.command()
@click.argument("name")
@click.option("--var", "pairs", multiple=True, metavar="K=V", help="A variable's value; may be repeated.")
@click.option("--lang", default="", metavar="LANG", help="One of the template's languages; else its first.")
@click.option("--lead", "who", default="", metavar="ID", help="Whom: his external id or phone.")
@click.option("--campaign", default="", metavar="NAME", help="Of which campaign the lead is.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The WAV to write.")
@click.pass_context
def render(
    ctx: click.Context, name: str, pairs: tuple[str, ...], lang: str, who: str, campaign: str, out: Path
) -> None:
    """Write the message as a callee would hear it, with the values of --var or exactly as a --lead will."""
    from engine.wiring import previews, templates

    if ((pairs or lang) and who) or (campaign and not who):
        raise UsageError("give --var, or --lead with or without its --campaign")
    if who:
        _written(out, previews(settings_of(ctx)).lead(name, who, out, campaign))
        return
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--var {pair!r}: write NAME=VALUE")
        values[key.strip()] = value
    _written(out, templates(settings_of(ctx)).render(name, values, out, lang))


def _written(out: Path, ms: int) -> None:
    say(f"{out}: {ms / 1000:.1f} s")


@command.command()
@click.argument("name")
@click.option("--campaign", default="", metavar="NAME", help="Among its leads; else of the [sample].")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The folder for WAVs.")
@formatted
@click.pass_context
def preview(ctx: click.Context, name: str, campaign: str, out: Path, style: str) -> None:
    """Render the worst: the longest message in each language, the longest name, the most joined pieces.

    What was synthesised for it is told; the rest was there already.
    """
    from rich.progress import Progress

    from engine.reports.words import titles
    from engine.wiring import previews

    settings = settings_of(ctx)
    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        rows = previews(settings).worst(name, out, campaign, lambda done: bar.update(task, completed=done))
    columns = ["cases", "who", "lang", "seconds", "pieces", "synthesised", "text", "file"]
    if style != "json":
        rows = [
            row | {"cases": " ".join(row["cases"]), "synthesised": " | ".join(row["synthesised"])}
            for row in rows
        ]
    told = [row | {"seconds": round(row["ms"] / 1000, 1)} for row in rows]
    show_rows([{key: row[key] for key in columns} for row in told], style, titles(columns, settings.lang))

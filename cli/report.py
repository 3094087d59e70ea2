"""`zvonar report`: figures and lists of what was called."""

from pathlib import Path

import click

from cli.output import formatted, say, settings_of, show_rows


@click.group()
def command() -> None:
    """Figures and lists of what was called."""


@command.command()
@click.argument("name")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Every attempt into an .xlsx or .csv.")
@formatted
@click.pass_context
def campaign(ctx: click.Context, name: str, out: Path | None, style: str) -> None:
    """Attempts of a campaign by outcome; with -o every attempt as a row of a file."""
    from engine.reports import campaign as report
    from engine.reports.words import outcome, titles
    from engine.wiring import database

    settings = settings_of(ctx)
    engine = database(settings)
    rows = report.summary(engine, name)
    if out is not None:
        written = report.write(engine, name, out, settings.lang)
        say(f"{out}: {written} attempts")
    if style == "table":
        rows = [
            row | {"outcome": outcome(row["outcome"], settings.lang), "share": f"{row['share']:.1%}"}
            for row in rows
        ]
    show_rows(rows, style, titles(["outcome", "count", "share"], settings.lang))

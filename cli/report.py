"""`zvonar report`: figures and lists of what was called."""

from pathlib import Path
from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_record, show_rows

BY = click.Choice(["outcome", "template", "amd"])


@click.group()
def command() -> None:
    """Figures and lists of what was called."""


@command.command()
@click.argument("name")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Every attempt into an .xlsx or .csv.")
@click.option("--by", type=BY, default="outcome", show_default=True, help="What the rows are of.")
@formatted
@click.pass_context
def campaign(ctx: click.Context, name: str, out: Path | None, by: str, style: str) -> None:
    """Attempts of a campaign by outcome; with -o every attempt as a row of a file.

    By template: how many of the leads who hear it were reached, heard it to the end, pressed which key, with
    the interval in which the true share lies (95 %). The table has it whenever there are several templates.
    By amd: talks by what AMD took them for, their length, who pressed a key.
    """
    from engine.reports import campaign as report
    from engine.reports import listening
    from engine.reports.variants import variants
    from engine.reports.words import outcome, titles
    from engine.wiring import database

    settings = settings_of(ctx)
    engine = database(settings)
    rows = report.summary(engine, name)
    if out is not None:
        written = report.write(engine, name, out, settings.lang)
        say(f"{out}: {written} attempts")
    compared = variants(engine, name) if by == "template" or style == "table" else []
    if by == "template":
        _show_variants(compared, style, settings.lang)
        return
    if by == "amd":
        columns = list(listening.COLUMNS)
        show_rows(listening.by_amd(engine, name), style, titles(columns, settings.lang))
        return
    if style == "table":
        rows = [
            row | {"outcome": outcome(row["outcome"], settings.lang), "share": f"{row['share']:.1%}"}
            for row in rows
        ]
    show_rows(rows, style, titles(["outcome", "count", "share"], settings.lang))
    if len({(row["template"], row["version"]) for row in compared}) > 1:
        _show_variants(compared, style, settings.lang)


def _show_variants(rows: list[dict[str, Any]], style: str, lang: str) -> None:
    from engine.reports.variants import COLUMNS
    from engine.reports.words import measure, titles

    if style == "table":
        shares = {name: [f"{row[name]:.1%}" for row in rows] for name in ("share", "low", "high")}
        rows = [
            row | {"measure": measure(row["measure"], lang)} | {name: shares[name][n] for name in shares}
            for n, row in enumerate(rows)
        ]
    show_rows(rows, style, titles(list(COLUMNS), lang))


@command.command()
@click.option("--since", default="", metavar="DATE", help="The first day (UTC), or a moment; else 30 days.")
@click.option("--until", default="", metavar="DATE", help="The last day (UTC), or a moment; else now.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Into an .xlsx, .html or .csv.")
@formatted
@click.pass_context
def masking(ctx: click.Context, since: str, until: str, out: Path | None, style: str) -> None:
    """Masked calls: how many were connected, how soon, why others were not; by day, role and end.

    JSON has all of it, CSV the days.
    """
    from engine.reports import masking as report
    from engine.reports.words import titles
    from engine.wiring import database

    settings = settings_of(ctx)
    found = report.masking(database(settings), *report.period(since, until, settings.now()))
    if out is not None:
        say(f"{out}: {report.write(found, out, settings.lang)} rows")
        return
    if style == "json":
        show_record(found, style)
        return
    days = found["days"] if style == "csv" else report.days(found, settings.lang)
    if style == "table":
        figures = report.summary(found, settings.lang)
        show_rows(figures, style, titles(["measure", "value"], settings.lang))
    show_rows(days, style, titles(list(report.COLUMNS), settings.lang))


@command.command()
@click.argument("phone", default="")
@click.option("--from", "since", default="", metavar="DATE", help="The first day (UTC), or a moment.")
@click.option("--to", "until", default="", metavar="DATE", help="The last day (UTC), or a moment.")
@click.option("--campaign", default="", metavar="NAME", help="Of this campaign only.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Into an .xlsx, .html or .csv.")
@formatted
@click.pass_context
def auditor(ctx: click.Context, /, phone: str, out: Path | None, style: str, **question: str) -> None:
    """Every attempt with why it was lawful: hours, limits and law at that moment, each worked out once more.

    With PHONE: all calls to all who have this number, on all their phones, and what blacklist and consents
    say of them. Without: all calls --from --to. That it was drawn stands in the audit.
    """
    from engine.wiring import auditor as auditing

    settings = settings_of(ctx)
    service = auditing(settings)
    asked = service.ask(phone, **question)
    if out is not None:
        say(f"{out}: {service.write(asked, out, actor())} attempts")
        return
    attempts, entries = service.draw(asked, actor())
    if style == "json":
        show_record({"attempts": attempts, "registers": entries}, style)
    elif style == "csv":
        show_rows(attempts, style)
    else:
        _show(attempts, entries, settings.lang)


def _show(attempts: list[dict[str, Any]], entries: list[dict[str, Any]], lang: str) -> None:
    """What a terminal has room for."""
    from engine.reports.papers import BRIEF, ENTRY, shown, texts, told
    from engine.reports.words import titles

    show_rows([texts(shown(row, lang), BRIEF) for row in attempts], "table", titles(list(BRIEF), lang))
    if entries:
        show_rows([texts(told(row, lang), ENTRY) for row in entries], "table", titles(list(ENTRY), lang))

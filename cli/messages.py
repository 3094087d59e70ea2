"""`zvonar campaign messages`: who hears which template."""

from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_rows

TEMPLATE = "What everybody hears, the newest version; of several NAME=SHARE (per cent), or A=50,B=50."
MESSAGE = "CONDITION: TEMPLATE, or TEMPLATE=SHARE,…; the first that holds decides. May be repeated."
COLUMNS = ["when", "share", "template", "version", "role", "leads"]


@click.command("messages")
@click.argument("name")
@click.option("--template", "templates", multiple=True, metavar="TEMPLATE", help=TEMPLATE)
@click.option("--message", "messages", multiple=True, metavar="RULE", help=MESSAGE)
@formatted
@click.pass_context
def command(
    ctx: click.Context, name: str, templates: tuple[str, ...], messages: tuple[str, ...], style: str
) -> None:
    """Which template which leads hear; with --template, from now on others.

    Leads that are imported already keep what was chosen for them.
    """
    from engine.errors import UsageError
    from engine.wiring import hearing

    settings = settings_of(ctx)
    service = hearing(settings)
    if messages and not templates:
        raise UsageError("--message: give --template too, which is for all others")
    if templates:
        service.change(name, ",".join(templates), messages, actor())
        say(f"campaign {name}: leads imported from now on hear this")
    show(service.list(name), style, settings.lang)


def show(rows: list[dict[str, Any]], style: str, lang: str) -> None:
    """Who hears what, as a table or as data."""
    from engine.reports.words import title, titles

    if style == "table":
        rows = [
            row
            | {"when": row["when"] or title("everybody" if row["share"] else "earlier", lang)}
            | {"share": f"{row['share']}%", "role": title(f"role.{row['role']}", lang)}
            for row in rows
        ]
    show_rows(rows, style, titles(COLUMNS, lang) | {"role": title("for", lang)})

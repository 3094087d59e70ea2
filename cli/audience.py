"""`zvonar audience`: whom to call, chosen in the client's own data or among the people we know."""

from pathlib import Path
from typing import Any

import click

from cli.output import actor, console, formatted, say, settings_of, show_record, show_rows

NAME = click.argument("name")


@click.group()
def command() -> None:
    """Choose people from the client's data, by conditions and by where they live."""


def service(ctx: click.Context) -> Any:
    """The audiences of this database."""
    from engine.wiring import audiences

    return audiences(settings_of(ctx))


@command.command()
@NAME
@click.option("--source", default="person", show_default=True, help="A [[source]], or our own people.")
@click.option("--where", default="", help="Conditions: \"city = 'Казань' and sum >= 500\".")
@click.option("--near", default="", metavar="PLACE", help="kind:name of a place, or LAT,LON.")
@click.option("--within", type=click.FloatRange(1, 1_000_000), metavar="METRES", help="How near.")
@click.option("--inside", default="", metavar="PLACE", help="kind:name of a place that has a polygon.")
@click.pass_context
def define(ctx: click.Context, /, name: str, **wanted: Any) -> None:
    """Save a selection of people; one of that name takes the new meaning.

    Conditions are comparisons (= != < <= > >=), `between A and B`, `in (A, B)`, `~ 'text'` (contains, in any
    case of letters), `is empty`, joined by `and`, `or`, `not` and brackets. A value is a number, a 'text', a
    date 2026-01-31, `today - 30` (days), true or false.
    """
    from engine.campaign.audience import Wanted

    new = service(ctx).define(name, Wanted(**wanted), actor())
    say(f"audience {name} is {'saved' if new else 'changed'}; `zvonar audience count {name}` asks its source")


@command.command()
@NAME
@formatted
@click.pass_context
def show(ctx: click.Context, name: str, style: str) -> None:
    """How an audience is defined."""
    from engine.reports.words import titles

    found = service(ctx).show(name)
    show_record(found, style, titles(list(found), settings_of(ctx).lang))


@command.command("list")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="People at most.")
@formatted
@click.pass_context
def list_(ctx: click.Context, name: str | None, limit: int, style: str) -> None:
    """The saved audiences; with a NAME its first people."""
    from engine.reports.words import titles

    columns = ["name", "source", "where", "near", "within", "inside", "changed_at"]
    if name is None:
        rows = service(ctx).all()
    else:
        selection = service(ctx).selection(name)
        columns, rows = list(selection.source.fields), list(selection.rows(limit))
    show_rows(rows, style, titles(columns, settings_of(ctx).lang))


@command.command()
@NAME
@formatted
@click.pass_context
def count(ctx: click.Context, name: str, style: str) -> None:
    """How many people are in an audience now."""
    from engine.reports.words import titles

    found = {"name": name, "count": service(ctx).selection(name).count()}
    show_record(found, style, titles(list(found), settings_of(ctx).lang))


@command.command()
@NAME
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The CSV file.")
@click.pass_context
def export(ctx: click.Context, name: str, out: Path) -> None:
    """Write an audience's people into a CSV file, which `campaign import` reads too."""
    say(f"{out}: {service(ctx).export(name, out)} people")


@command.command()
@NAME
@click.argument("campaign")
@click.option("--dry-run", is_flag=True, help="Only count what would change.")
@click.option("--withdraw", is_flag=True, help="Block uncalled leads that are no longer in the audience.")
@formatted
@click.pass_context
def fill(ctx: click.Context, /, name: str, campaign: str, style: str, **how: bool) -> None:
    """Bring an audience's people into a campaign; again, it adds only who is new.

    Shown is the difference: new people, those who were there already, and uncalled leads of the campaign that
    are not in the audience (gone), which --withdraw blocks and a later fill gives back.
    """
    from rich.progress import Progress

    from engine.reports.words import titles
    from engine.wiring import filling

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        done = filling(settings_of(ctx)).fill(
            name, campaign, actor(), progress=lambda rows: bar.update(task, completed=rows), **how
        )
    change = done.as_json()
    show_record(change, style, titles(list(change), settings_of(ctx).lang))
    if how["dry_run"]:
        say("this was a dry run: nothing was changed")
    elif done.rejects_file:
        say(f"{done.rejected} people were not taken; the reasons are in {done.rejects_file}")


@command.group()
def places() -> None:
    """Stations, districts, offices: what --near and --inside name."""


@places.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def load(ctx: click.Context, file: Path) -> None:
    """Read places from a CSV: kind;name;city;lat;lon and perhaps polygon (WKT or GeoJSON).

    The file replaces all places of the kinds and cities that it has; with a wrong line nothing is changed.
    """
    from engine.campaign import places as known
    from engine.wiring import database

    say(f"{file}: {known.load(database(settings_of(ctx)), file)} places")


@places.command("list")
@click.option("--kind", default="", help="Only of this kind.")
@formatted
@click.pass_context
def places_list(ctx: click.Context, kind: str, style: str) -> None:
    """The places that are known; `polygon` is how many points theirs has."""
    from engine.campaign import places as known
    from engine.reports.words import titles
    from engine.wiring import database

    settings = settings_of(ctx)
    columns = ["kind", "name", "city", "lat", "lon", "polygon"]
    show_rows(known.listed(database(settings), kind), style, titles(columns, settings.lang))

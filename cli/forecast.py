"""`zvonar campaign forecast`: what will come of a campaign; nobody is dialled."""

from datetime import UTC, datetime
from typing import Any

import click

from cli.output import formatted, say, settings_of, show_record, show_rows

MOST_ZONES = 8  # columns of the table; the other zones share one


@click.command("forecast")
@click.argument("name")
@click.option("--cps", type=click.FloatRange(0.01, 10_000), help="Calls per second; else the campaign's.")
@click.option("--channels", type=click.IntRange(1, 1_000_000), help="Calls at a time; else the campaign's.")
@click.option("--answer-rate", type=click.FloatRange(0, 1), help="Share of calls that are answered.")
@click.option(
    "--ring", "ring_s", type=click.FloatRange(0, 600), metavar="S", help="Seconds that a call rings."
)
@click.option(
    "--talk", "talk_s", type=click.FloatRange(0, 7200), metavar="S", help="Seconds that a talk lasts."
)
@click.option("--from", "start", default="", metavar="ISO", help="Begin at this moment; else now.")
@click.option("--days", type=click.IntRange(1, 365), default=31, show_default=True, help="At most so many.")
@formatted
@click.pass_context
def command(ctx: click.Context, /, name: str, start: str, style: str, **given: Any) -> None:
    """Play the campaign's days under law, limits and trunks: when it ends, who is left and why. Dials nobody.

    What is not given is taken from the campaign's own calls, or from all calls, or else assumed; the answer
    shows all of it. It is taken to have its trunks for itself.
    """
    from engine.campaign.forecasting import Ask, predict
    from engine.wiring import database

    settings = settings_of(ctx)
    found = predict(database(settings), settings, name, Ask(start=_moment(start), **given))
    if style == "json":
        show_record(found, style)
    elif style == "csv":
        show_rows(found["hours"], style)
    else:
        _show(found, settings.lang)


def _moment(text: str) -> datetime | None:
    """A moment as given; without a zone it is UTC. UsageError: it is none."""
    from engine.errors import UsageError

    if not text:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--from: {text!r} is no moment; write 2026-01-31T09:00+03:00") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _show(found: dict[str, Any], lang: str) -> None:
    """What a terminal has room for."""
    from engine.reports.words import outcome, reason, title, titles

    rows, columns = _matrix(found["hours"], title("others", lang), title("total", lang))
    show_rows(rows, "table", titles(["hour"], lang) | {key: _short(key) for key in columns})
    left = [row | {"reason": reason(row["reason"], lang)} for row in found["left"]]
    if left:
        show_rows(left, "table", titles(["reason", "leads"], lang))
    seen = {outcome(key, lang): calls for key, calls in found["outcomes"].items()}
    if seen:
        show_record(seen, "table")
    told = {key: found[key] for key in ("from", "finish", "calls", "connected_minutes")}
    told |= {f"leads.{key}": leads for key, leads in found["leads"].items()}
    told["source"] = title(found["assumptions"].pop("source"), lang)
    told |= {f"assumed.{key}": value for key, value in found["assumptions"].items()}
    show_record(told, "table", titles(list(told), lang))
    if found["finish"] is None and found["leads"]["left"]:
        say(title("not over within these days", lang))


def _short(zones: str) -> str:
    """A zone set as a column's title."""
    first, _comma, others = zones.partition(",")
    return f"{first} +{others.count(',') + 1}" if others else first


def _matrix(hours: list[dict[str, Any]], others: str, total: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A row an hour, a column for each of the largest zones, the others together, and all."""
    zones: dict[str, int] = {}
    for row in hours:
        zones[row["zones"]] = zones.get(row["zones"], 0) + row["calls"]
    large = sorted(zones, key=lambda zone: -zones[zone])[:MOST_ZONES]
    columns = [*large, *([others] if len(zones) > len(large) else []), total]
    table: dict[datetime, dict[str, Any]] = {}
    for row in hours:
        line = table.setdefault(row["hour"], {"hour": row["hour"]} | dict.fromkeys(columns, 0))
        line[row["zones"] if row["zones"] in large else others] += row["calls"]
        line[total] += row["calls"]
    return list(table.values()), columns

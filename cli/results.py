"""`zvonar campaign results`: what became of calls, for systems that ask."""

import csv
import json
import sys
import time
from typing import Any

import click

from cli.output import formatted, plain, settings_of, show_rows

SHOWN = ("position", "campaign", "external_id", "phone", "number", "outcome", "final", "ended_at", "heard_ms")
PAUSE_S = 1.0


@click.command("results")
@click.argument("name", required=False)
@click.option(
    "--since", type=click.IntRange(0), default=0, show_default=True, help="Those behind this position."
)
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="So many at a time."
)
@click.option("--follow", is_flag=True, help="Go on as they come: a JSON line each, or CSV.")
@formatted
@click.pass_context
def command(ctx: click.Context, name: str | None, since: int, limit: int, follow: bool, style: str) -> None:
    """Every call that is over, in the order of storing; of the campaign NAME, or of all.

    The last position is what to ask for --since the next time: nothing is missed, nothing comes twice but
    what has been corrected.
    """
    from engine.campaign.results import KEYS
    from engine.reports.words import outcome, title, titles
    from engine.wiring import results

    lang, service = settings_of(ctx).lang, results(settings_of(ctx))
    rows = service.since(since, limit, name)
    if not follow:
        shown: list[dict[str, Any]] = rows
        if style == "table":
            shown = [{key: row[key] for key in SHOWN} for row in rows]
            for row in shown:
                row["outcome"] = outcome(row["outcome"], lang)
                row["final"] = title("yes" if row["final"] else "no", lang)
        columns = list(SHOWN if style == "table" else KEYS)
        show_rows(shown, style, titles(columns, lang))
        return
    if style == "csv":
        csv.writer(sys.stdout).writerow(KEYS)
    while True:
        for row in rows:
            _line(row, style)
        sys.stdout.flush()
        if len(rows) < limit:
            time.sleep(PAUSE_S)
        since = rows[-1]["position"] if rows else since
        rows = service.since(since, limit, name)


def _line(row: dict[str, Any], style: str) -> None:
    """One result on a line of its own."""
    if style == "csv":
        csv.writer(sys.stdout).writerow(plain(value) for value in row.values())
    else:
        click.echo(json.dumps(plain(row), ensure_ascii=False))

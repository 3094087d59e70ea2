"""`zvonar recording`: what was recorded, for those who may hear it, for as long as it has to be kept."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_record, show_rows
from engine.errors import UsageError
from storage.vocab import Recording

ATTEMPT = click.argument("attempt")
STATES = click.Choice([state.value for state in Recording if state])


@click.group()
def command() -> None:
    """Recordings of calls: list, hand out, delete when their time is over.

    A call is recorded where its campaign asks for it (`campaign create --record`). Those of masked calls are
    handed out over HTTP only (`/v1/recordings`); here they are deleted.
    """


def service(ctx: click.Context) -> Any:
    """The recordings of this database."""
    from engine.wiring import recordings

    return recordings(settings_of(ctx))


@command.command("list")
@click.option("--campaign", default="", metavar="NAME", help="Of this campaign only.")
@click.option("--since", default="", metavar="DATE", help="From that day (UTC), or a moment, on.")
@click.option("--state", type=STATES, default=None, help="Only those of which this became.")
@formatted
@click.pass_context
def list_(ctx: click.Context, campaign: str, since: str, state: str | None, style: str) -> None:
    """Every call that was to be recorded, with what became of its recording."""
    from engine.reports.words import titles

    lang = settings_of(ctx).lang
    columns = ["attempt", "campaign", "at_utc", "outcome", "heard_ms", "recording"]
    found = service(ctx).list(campaign, since, state or "")
    rows = [{name: row[name] for name in columns} for row in found]
    if style == "table":
        rows = [_worded(row, lang) for row in rows]
    show_rows(rows, style, titles(columns, lang))


def _worded(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """A call in the words of a reader of `lang`."""
    from engine.reports.words import outcome, recording

    return row | {"outcome": outcome(row["outcome"], lang), "recording": recording(row["recording"], lang)}


@command.command()
@ATTEMPT
@formatted
@click.pass_context
def show(ctx: click.Context, attempt: str, style: str) -> None:
    """The recording of one call: is it there, where, how long."""
    from engine.reports.words import titles

    lang = settings_of(ctx).lang
    row = service(ctx).show(attempt)
    if style == "table":
        row = _worded(row, lang)
    show_record(row, style, titles(list(row), lang))


@command.command()
@ATTEMPT
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="A .wav or .alaw file.")
@click.pass_context
def export(ctx: click.Context, attempt: str, out: Path) -> None:
    """Hand a recording out as a file; who took it stands in the audit."""
    ms = service(ctx).export(attempt, out, actor())
    say(f"{out}: {ms / 1000:.1f} s")


@command.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@click.option("--yes", is_flag=True, help="Do not ask; for cron.")
@formatted
@click.pass_context
def purge(ctx: click.Context, dry_run: bool, yes: bool, style: str) -> None:
    """Delete the recordings that nobody has to keep any longer; that they were stands in the audit.

    Kept are recording.keep_days, or as many as a law pack of the call's campaign asks for, if that is more;
    of masked calls masking.keep_days.
    """
    from engine.recording.clearing import purge
    from engine.reports.words import titles
    from engine.wiring import clearings

    settings = settings_of(ctx)
    kinds = clearings(settings)
    if not dry_run and not yes:
        would = purge(kinds, actor(), dry_run=True)
        if not sys.stdin.isatty():
            raise UsageError(f"{would.removed} recordings would be deleted: say --yes, or --dry-run")
        click.confirm(f"Delete {would.removed} recordings?", abort=True, err=True)
    done = asdict(purge(kinds, actor(), dry_run=dry_run))
    show_record(done, style, titles(list(done), settings.lang))

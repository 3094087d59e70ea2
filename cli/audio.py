"""`zvonar audio`: the cache of finished audio."""

import sys
from typing import Any

import click

from cli.output import console, formatted, settings_of, show_record
from engine.errors import UsageError


@click.group()
def command() -> None:
    """Finished audio."""


@command.group()
def cache() -> None:
    """The audio cache: what it holds, what may go, what is broken."""


def service(ctx: click.Context) -> Any:
    """The audio cache of these settings."""
    from engine.wiring import keeping

    return keeping(settings_of(ctx))


@cache.command()
@formatted
@click.pass_context
def stats(ctx: click.Context, style: str) -> None:
    """Files and bytes, by voice; which share of what is played was not made for it; what voices cost."""
    from engine.reports.audio import titles

    found = service(ctx).stats()
    show_record(found, style, titles(settings_of(ctx).lang))


@cache.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be dropped.")
@click.option("--yes", is_flag=True, help="Do not ask; for cron.")
@formatted
@click.pass_context
def gc(ctx: click.Context, dry_run: bool, yes: bool, style: str) -> None:
    """Drop what nobody knows, and what was not used for longest until the cache is within speech.cache_gb.

    Never what a campaign that is not over needs, nor what was asked for within the last day.
    """
    from engine.reports.audio import titles
    from engine.speech.keeping import summary

    keeper = service(ctx)
    if not dry_run and not yes:
        would = keeper.gc(dry_run=True)
        if not sys.stdin.isatty():
            raise UsageError(f"{would.dropped} files would be dropped: say --yes, or --dry-run")
        click.confirm(f"Drop {would.dropped} files, {would.dropped_bytes} bytes?", abort=True, err=True)
    done = summary(keeper.gc(dry_run=dry_run))
    show_record(done, style, titles(settings_of(ctx).lang))


@cache.command()
@formatted
@click.pass_context
def verify(ctx: click.Context, style: str) -> None:
    """Read every file; broken ones are made again, and leads that need them wait for it.

    Exit code 1: something could not be made again. A recording cannot: set its template again.
    """
    from rich.progress import Progress

    from engine.reports.audio import titles
    from engine.speech.keeping import summary

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task("verify", total=None)
        found = service(ctx).verify(lambda: bar.advance(task))
    done = summary(found)
    show_record(done, style, titles(settings_of(ctx).lang))
    ctx.exit(0 if found.mended else 1)

"""`zvonar doctor`: what is missing, in one list."""

from dataclasses import asdict

import click

from cli.output import formatted, settings_of, show_rows
from engine.errors import Unreachable, ZvonarError


@click.command()
@click.option("--quick", is_flag=True, help="Leave out neighbours on the network.")
@formatted
@click.pass_context
def command(ctx: click.Context, quick: bool, style: str) -> None:
    """Look at everything that Zvonar needs. Exit 5 when a neighbour is away, 1 when something else fails."""
    from engine.doctor import FAIL, examine
    from engine.reports.words import titles

    settings = settings_of(ctx)
    findings = list(examine(settings, quick=quick))
    rows = [asdict(finding) for finding in findings]
    show_rows(rows, style, titles(["check", "verdict", "detail"], settings.lang))
    failed = [finding.check for finding in findings if finding.verdict == FAIL]
    if any(check.startswith(("database", "ami")) for check in failed):
        raise Unreachable(f"not well: {', '.join(failed)}")
    if failed:
        raise ZvonarError(f"not well: {', '.join(failed)}")

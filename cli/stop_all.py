"""`zvonar stop-all`: the red button."""

import click

from cli.output import actor, agree, say, settings_of
from engine.errors import UsageError


@click.command("stop-all")
@click.option("--reason", default="", metavar="TEXT", help="For the audit, and for whoever asks.")
@click.option("--hangup", is_flag=True, help="Hang up the calls under way too.")
@click.option("--release", is_flag=True, help="Let dialling go on.")
@click.option("--yes", is_flag=True, help="Do not ask; for cron. (A stop alone is never asked about.)")
@click.option("--dry-run", is_flag=True, help="Only tell what it is about.")
@click.pass_context
def command(ctx: click.Context, reason: str, hangup: bool, release: bool, yes: bool, dry_run: bool) -> None:
    """Stop all dialling, of every dialer and campaign, within a second; calls under way go on.

    It stays stopped, whatever is started again, until --release. Campaigns keep their states.
    """
    from engine.wiring import switches

    if hangup and release:
        raise UsageError("--hangup and --release do not go together")
    service = switches(settings_of(ctx))
    stake = service.at_stake()
    about = f"{stake['campaigns']} campaigns run, {stake['calls']} calls are under way"
    if dry_run:
        say(about)
        return
    if (hangup or release) and not yes:
        agree(f"{about}. {'Hang up every call?' if hangup else 'Let dialling go on?'}")
    if release:
        done = service.release(reason, actor())
        say(f"dialling goes on: {about}" if done else "nothing was stopped")
        return
    done = service.stop(reason, actor(), hangup=hangup)
    say(f"everything is {'stopped' if done else 'stopped already'}: {about}")

"""`zvonar campaign prepare`: make a campaign's audio now, and see how much there is to do."""

from dataclasses import asdict

import click

from cli.output import actor, console, formatted, say, settings_of, show_record


@click.command("prepare")
@click.argument("name")
@click.option("--again", is_flag=True, help="Try those too that were blocked because of their audio.")
@click.option("--dry-run", is_flag=True, help="Only tell what there is to do.")
@formatted
@click.pass_context
def command(ctx: click.Context, name: str, again: bool, dry_run: bool, style: str) -> None:
    """Make the audio that a campaign's leads need; `serve dialer` does it too, once the campaign runs.

    Told first: how many different fragments, how many are there, seconds and kopecks to go (estimates).
    """
    from rich.progress import Progress

    from engine.reports.audio import titles
    from engine.wiring import preparation

    preparing = preparation(settings_of(ctx), name)
    if again and not dry_run:
        say(f"{preparing.again(actor())} leads are tried again")
    plan = preparing.plan()
    done, waits = 0, ""
    if not dry_run:
        todo = f"{plan.to_make} of {plan.pieces} fragments to make"
        say(f"{todo}, about {plan.seconds:g} s, {plan.kopecks} kopecks")
        with Progress(console=console(err=True), transient=True) as bar:
            task = bar.add_task(name, total=plan.to_make or None)
            for leads, waiting in preparing.make(lambda: bar.advance(task)):
                done, waits = done + leads, waiting or waits
    show_record({**asdict(plan), "done": done, "waiting": waits}, style, titles(settings_of(ctx).lang))
    if waits:
        say("what waits is tried again by itself, later and later")

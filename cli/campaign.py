"""`zvonar campaign`: from an empty campaign to one that is called through."""

from pathlib import Path
from typing import Any

import click

from cli import forecast, prepare, results, watch
from cli import messages as messages_
from cli.output import actor, console, formatted, say, settings_of, show_record, show_rows

NAME = click.argument("name")
PACING = ["fill", "progressive", "predictive"]
RETRY = "As busy='10m x2 max 1h', no-answer='2h times 3 next-phone', rejected=never; may be repeated."
MACHINE = "What machines get: the verdict noted (default), a hang-up, a message for anybody."
PACED = "All channels, or for operators: a call for each free one, or ahead of them."


@click.group()
def command() -> None:
    """Create, fill, start, pause and watch campaigns."""


def service(ctx: click.Context) -> Any:
    """The campaigns of this database."""
    from engine.wiring import campaigns

    return campaigns(settings_of(ctx))


@command.command()
@NAME
@click.option("--template", "templates", multiple=True, required=True, help=messages_.TEMPLATE)
@click.option("--message", "messages", multiple=True, metavar="RULE", help=messages_.MESSAGE)
@click.option("--trunk", "trunks", multiple=True, required=True, help="A [[trunk]]; may be repeated.")
@click.option("--cps", type=click.FloatRange(0.01, 1000), help="Calls per second; else its trunks' sum.")
@click.option("--channels", type=click.IntRange(1, 100_000), help="Calls at a time; else its trunks' sum.")
@click.option("--attempts", type=click.IntRange(1, 20), default=1, show_default=True, help="A lead, at most.")
@click.option("--priority", type=int, default=0, show_default=True, help="Higher is called first.")
@click.option("--pacing", type=click.Choice(PACING), default="fill", show_default=True, help=PACED)
@click.option("--operators", "queue", default="", metavar="QUEUE", help="Asterisk's queue they are in.")
@click.option(
    "--abandon",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.03,
    show_default=True,
    help="Most answered calls without an operator, a share.",
)
@click.option("--law", multiple=True, metavar="PACK", help="May be repeated; else contact.law.")
@click.option("--exempt", default="", metavar="WHY", help="Why no consent is needed, for the record.")
@click.option("--owes", default="", metavar="SOURCE", help="A [[source]] to ask who still owes.")
@click.option("--retry", multiple=True, metavar="OUTCOME=RULE", help=RETRY)
@click.option("--amd", type=click.Choice(["fast", "careful"]), help="Tell answering machines; else nothing.")
@click.option("--machine", default="", metavar="note|hangup|TEMPLATE", help=MACHINE)
@click.option("--record", is_flag=True, help="Record its calls, and tell the callee so.")
@click.pass_context
def create(
    ctx: click.Context,
    /,
    name: str,
    templates: tuple[str, ...],
    messages: tuple[str, ...],
    trunks: tuple[str, ...],
    law: tuple[str, ...],
    exempt: str,
    owes: str,
    retry: tuple[str, ...],
    record: bool,
    amd: str | None,
    machine: str,
    pacing: str,
    **figures: Any,
) -> None:
    """A new campaign, in draft."""
    from engine.campaign.service import Limits, Rules
    from storage.vocab import Pacing

    limits = Limits(**figures, pacing=Pacing(pacing))
    rules = Rules(law, exempt, owes, record, retry, amd or "", machine)
    service(ctx).create(name, ",".join(templates), trunks, limits, actor(), rules, messages)
    say(f"campaign {name} is in draft; import a list, then start it")


@command.command("import")
@NAME
@click.argument("file", type=click.Path(path_type=Path))
@formatted
@click.pass_context
def import_(ctx: click.Context, name: str, file: Path, style: str) -> None:
    """Read a list (CSV or XLSX) into a campaign; the same list again changes nothing."""
    from rich.progress import Progress

    from engine.errors import FileError
    from engine.files.sheets import size
    from engine.reports.words import titles

    try:
        total = size(file)
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from None
    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task(file.name, total=total or None)
        done = service(ctx).fill(name, file, actor(), lambda rows: bar.update(task, completed=rows))
    summary = done.as_json()
    show_record(summary, style, titles(list(summary), settings_of(ctx).lang))
    if done.rejects_file:
        say(f"{done.rejected} rows were not taken; mend them in {done.rejects_file} and import that file")


def _verb(verb: str, done: str) -> click.Command:
    """One of the verbs that change a campaign's state."""

    @NAME
    @click.pass_context
    def turn(ctx: click.Context, name: str) -> None:
        changed = service(ctx).turn(name, verb, actor())
        say(f"campaign {name} is {done}" + ("" if changed else " already"))
        if done == "running":
            _warn_of_stop(ctx)

    return click.command(verb, help=HELP[verb])(turn)


def _warn_of_stop(ctx: click.Context) -> None:
    """Say so when it will not be called now, because everything is stopped."""
    from engine.wiring import switches

    if row := switches(settings_of(ctx)).stopped():
        say(f"but nothing is dialled: {row.actor} stopped everything at {row.at:%Y-%m-%d %H:%M} UTC")
        say("`zvonar stop-all --release` lets it go on")


HELP = {
    "start": "Begin to call. Audio is made first, lead by lead; `serve dialer` does the work.",
    "pause": "Make no new calls (within a second); those under way go on.",
    "resume": "Go on after a pause.",
    "stop": "End the campaign; it may be started again.",
}
for _name, _done in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
    command.add_command(_verb(_name, _done))
command.add_command(prepare.command)
command.add_command(results.command)
command.add_command(forecast.command)
command.add_command(messages_.command)
command.add_command(watch.command)


@command.command("set")
@NAME
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE…")
@formatted
@click.pass_context
def set_(ctx: click.Context, name: str, pairs: tuple[str, ...], style: str) -> None:
    """Change a campaign's figures, at once, while it runs too; what changed, from what to what.

    cps, channels, priority, weight, attempts, abandon, record=yes|no, trunks=a,b and retry.OUTCOME='10m x2'.
    """
    from engine.reports.words import titles

    changed = service(ctx).change(name, pairs, actor())
    rows = [{"setting": key, "old": old, "new_value": new} for key, (old, new) in changed.items()]
    show_rows(rows, style, titles(["setting", "old", "new_value"], settings_of(ctx).lang))
    if not rows:
        say(f"campaign {name} has these figures already")


@command.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """Every campaign with its limits."""
    from engine.reports.words import title, titles

    lang = settings_of(ctx).lang
    columns = ["name", "state", "trunks", "cps", "channels", "attempts", "priority", "created_at"]
    rows = [{column: getattr(row, column) for column in columns} for row in service(ctx).list()]
    if style != "json":
        rows = [row | {"trunks": " ".join(row["trunks"])} for row in rows]
    if style == "table":
        rows = [row | {"state": title(row["state"], lang)} for row in rows]
    show_rows(rows, style, titles(columns, lang))


@command.command()
@NAME
@formatted
@click.pass_context
def status(ctx: click.Context, name: str, style: str) -> None:
    """How a campaign stands at this moment."""
    from engine.reports.words import outcome, title

    lang = settings_of(ctx).lang
    now = service(ctx).status(name)
    if style == "table":
        now["state"] = title(now["state"], lang)
        why, offenders = now.pop("why"), now.pop("offenders")
        if why:
            now |= {"why": why, "offenders": "\n".join(offenders)}
        seen = {outcome(key, lang): n for key, n in now.pop("attempts").items() if n and key != "total"}
        flat = {
            f"{part}.{key}": n
            for part in ("leads", "rate", "operators", "audio")
            for key, n in now.pop(part).items()
        }
        now |= {title(key, lang): value for key, value in flat.items()} | seen
        now = {title(key, lang): value for key, value in now.items()}
    show_record(now, style)


@command.command()
@NAME
@formatted
@click.pass_context
def explain(ctx: click.Context, name: str, style: str) -> None:
    """From all leads to those that can be called now: how many, and why not the rest."""
    from engine.reports.words import reason, title, titles

    lang = settings_of(ctx).lang
    found = service(ctx).explain(name)
    if style == "json":
        show_record(found, style)
        return
    rows = [row | {"zones": ""} for row in found["reasons"] if row["reason"] != "hours"]
    rows += [row | {"reason": "hours"} for row in found["zones"]]
    rows = [{"reason": "ready", "leads": found["dialable_now"], "zones": "", "opens_at": None}, *rows]
    if style == "table":
        if len(found["messages"]) > 1:
            messages_.show(found["messages"], style, lang)
        state, total = title(found["state"], lang), title("leads.total", lang)
        say(f"{name}: {state}, {total}: {found['leads']}, {found['at']:%Y-%m-%d %H:%M} UTC")
        rows = [row | {"reason": reason(row["reason"], lang)} for row in rows]
    columns = ["reason", "leads", "zones", "opens_at"]
    show_rows([{key: row[key] for key in columns} for row in rows], style, titles(columns, lang))

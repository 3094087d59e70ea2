"""`zvonar rehearse`: a conversation without Asterisk, printed as it would be heard."""

from typing import Any

import click

from cli.output import formatted, say, settings_of, show_record, show_rows


@click.group()
def command() -> None:
    """Play a conversation without Asterisk."""


@command.command()
@click.option("--from", "phone", required=True, help="The debtor's number; he is in a campaign.")
@click.option("--to", "_did", hidden=True, help="Without meaning here: we call him.")
@click.option(
    "--keys", default="", help="What he does at each pause, by commas: a key, - (waits), x (hangs up)."
)
@formatted
@click.pass_context
def debtor(ctx: click.Context, phone: str, _did: str | None, keys: str, style: str) -> None:
    """What the debtor with this number would hear, and what would come of it. Nothing is changed."""
    from dialplan.debtor import debtor as conversation
    from dialplan.rehearsal import rehearse
    from engine.contact.numbers import e164
    from engine.wiring import talks

    settings = settings_of(ctx)
    sheet = talks(settings).rehearsal(e164(phone, settings.region))
    played = rehearse(conversation(sheet.call), _keys(keys))
    _show(played.steps, played.result.outcome, style)


@command.command()
@click.option("--from", "caller", default="", metavar="P", help="Who calls; empty: he withholds his number.")
@click.option("--to", "did", required=True, metavar="DID", help="The number of ours that he dials.")
@click.option(
    "--keys",
    default="",
    help="What he does at each pause, by commas: a key, - (waits), x (hangs up); and what becomes of ringing"
    " the other side: busy, silent, off, anything else is a talk.",
)
@formatted
@click.pass_context
def mask(ctx: click.Context, caller: str, did: str, keys: str, style: str) -> None:
    """What both sides of a masked call would hear now, and what would come of it. Nothing is changed."""
    from dialplan.mask import mask as conversation
    from dialplan.mask import taken
    from dialplan.rehearsal import rehearse
    from engine.reports.words_mask import why
    from engine.telemetry import mask as hidden
    from engine.wiring import bindings, mask_rehearsal

    settings = settings_of(ctx)
    rehearsal = mask_rehearsal(settings, did, caller)
    callee = lambda: taken(rehearsal.callee())  # noqa: E731  one line, used once
    played = rehearse(conversation(rehearsal.call()), _keys(keys), lookup=rehearsal.ask, callee=callee)
    steps = [one | {"to": hidden(one["to"])} if one["step"] == "reach" else one for one in played.steps]
    say(why(bindings(settings).explain(caller, did), settings.lang))
    if style == "json":
        show_record({"steps": steps, "outcome": played.result}, style)
        return
    _show_masked(steps, played.result, style, settings.lang)


def _keys(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",") if key.strip()]


def _show(steps: list[dict[str, Any]], outcome: str, style: str) -> None:
    if style == "json":
        show_record({"steps": steps, "outcome": outcome}, style)
        return
    rows = [{"step": step["step"], "said": _said(step), "key": step.get("key", "")} for step in steps]
    show_rows([*rows, {"step": "outcome", "said": outcome, "key": ""}], style)


def _show_masked(steps: list[dict[str, Any]], outcome: str, style: str, lang: str) -> None:
    """The same of two who hear something: what a table says, it says to a reader of `lang`."""
    from engine.reports.words import titles
    from engine.reports.words_mask import word

    told = lang if style == "table" else ""
    rows = [
        {
            "step": word("step", step["step"], told),
            "hears": word("hears", step.get("hears", "caller"), told),
            "said": _said(step),
            "key": step.get("key", ""),
        }
        for step in steps
    ]
    end = {"step": word("step", "outcome", told), "hears": "", "said": word("end", outcome, told), "key": ""}
    show_rows([*rows, end], style, titles(list(end), lang))


def _said(step: dict[str, Any]) -> str:
    return " ".join(step.get("say", [])) or step.get("to") or step.get("fact") or ""

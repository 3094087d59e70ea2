"""`zvonar rehearse`: a conversation without Asterisk, printed as it would be heard."""

import click

from cli.output import formatted, settings_of, show_record, show_rows


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
    played = rehearse(conversation(sheet.call), [key.strip() for key in keys.split(",") if key.strip()])
    if style == "json":
        show_record({"steps": played.steps, "outcome": played.result.outcome}, style)
        return
    rows = [
        {
            "step": step["step"],
            "said": " ".join(step.get("say", [])) or step.get("to") or step.get("fact") or "",
            "key": step.get("key", ""),
        }
        for step in played.steps
    ]
    show_rows([*rows, {"step": "outcome", "said": played.result.outcome, "key": ""}], style)

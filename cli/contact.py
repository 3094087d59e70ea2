"""`zvonar contact`: who may be called, when, and why not."""

from datetime import datetime

import click

from cli.lazy import Lazy
from cli.output import formatted, plain, say, settings_of, show_record, show_rows

PARTS = {
    "blacklist": "whom not to call: add, remove, list, import, export, undo",
    "consent": "who agreed to what, and who refused",
    "law": "the law packs, figure by figure, with their sources",
    "numbering": "the numbering register: load it, look a number up",
}


@click.group(cls=Lazy, members=PARTS, heading="Parts")
def command() -> None:
    """Who may be called, when, and why not."""


@command.command()
@click.argument("phone")
@click.option("--campaign", metavar="NAME", help="Under its law, and as one of its leads.")
@click.option("--at", metavar="ISO", help="As if it were then: 2026-11-23T09:00+03:00.")
@formatted
@click.pass_context
def explain(ctx: click.Context, phone: str, campaign: str | None, at: str | None, style: str) -> None:
    """Every rule for one number: may it be called now, and if not, why and when."""
    from engine.reports.words import title, titles
    from engine.wiring import contacts

    settings = settings_of(ctx)
    found = contacts(settings).explain(phone, campaign, _moment(at), settings.lang)
    if style == "json":
        show_record(found, style)
        return
    if style == "table":
        opens = found["next_allowed_at"]
        when = f" ({title('next_allowed_at', settings.lang)}: {plain(opens)})" if opens else ""
        zones = ", ".join(found["zones"]) or "-"
        say(f"{found['phone']}: {title(found['decision'], settings.lang)}{when}")
        say(f"{title('zones', settings.lang)}: {zones} ({title(found['zone_source'], settings.lang)})")
    rows = [
        rule | {"verdict": title(rule["verdict"], settings.lang) if style == "table" else rule["verdict"]}
        for rule in found["rules"]
    ]
    show_rows(rows, style, titles(["rule", "verdict", "detail", "source"], settings.lang))


def _moment(text: str | None) -> datetime | None:
    """An ISO moment with its zone; UsageError otherwise."""
    from engine.errors import UsageError

    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
    if text and (moment is None or moment.tzinfo is None):
        raise UsageError(f"--at {text!r}: write a moment with its zone, as 2026-11-23T09:00+03:00")
    return moment

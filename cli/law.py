"""`zvonar contact law`: what the packs say, figure by figure, and where each figure is from."""

from collections.abc import Iterator
from typing import Any

import click

from cli.output import formatted, settings_of, show_rows
from engine.contact.law import Pack
from engine.contact.limits import Limit
from engine.contact.packs import packs
from engine.errors import NotFound
from engine.reports.words import title, titles


@click.group()
def command() -> None:
    """The law packs, figure by figure."""


@command.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """The packs that a campaign may name, and `own`, which always holds."""
    settings = settings_of(ctx)
    rows = [
        {
            "name": pack.name,
            "title": pack.title[settings.lang],
            "version": pack.version,
            "effective": pack.effective,
            "expires": pack.expires,
            "country": pack.country,
            "kind": pack.kind,
        }
        for pack in packs(settings).values()
    ]
    show_rows([_written(row) for row in rows], style, titles(list(rows[0]), settings.lang))


@command.command()
@click.argument("pack")
@formatted
@click.pass_context
def show(ctx: click.Context, pack: str, style: str) -> None:
    """Every figure of a pack with its source, what is uncertain, and what is left for people to see to."""
    settings = settings_of(ctx)
    there = packs(settings)
    if pack not in there:
        raise NotFound(f"no law pack named {pack!r}; there are: {', '.join(there)}")
    rows = [_written(row) for row in _figures(there[pack], settings.lang)]
    if style == "table":
        rows = [row | {"figure": title(row["figure"], settings.lang)} for row in rows]
    show_rows(rows, style, titles(["figure", "value", "source"], settings.lang))


def _figures(pack: Pack, lang: str) -> Iterator[dict[str, Any]]:
    def figure(name: str, value: Any, source: str = "") -> dict[str, Any]:
        return {"figure": name, "value": value, "source": source}

    yield figure("title", pack.title[lang])
    yield figure("version", pack.version)
    yield figure("effective", pack.effective, pack.source("effective"))
    plain = {"expires": pack.expires, "country": pack.country, "kind": pack.kind}
    yield from (figure(name, value) for name, value in plain.items() if value)
    for day, window in (pack.hours or {}).items():
        yield figure(f"hours.{day}", window, pack.source("hours"))
    for limit in pack.limits:
        yield figure(f"limit.{limit.name}", _limit(limit), limit.source)
    rest = {
        "consents": ", ".join(pack.consents) + (" | exemption" if pack.exemptible else ""),
        "third_party": ", ".join(pack.third_party or ()),
        "announcements": ", ".join(pack.announcements),
        "label": "required" if pack.label else "",
        "refusal": "for good" if "refusal" in pack.sources else "",
        "attempts": pack.max_attempts,
        "retention_days": pack.retention_days,
    }
    found = {name: value for name, value in rest.items() if value}
    yield from (figure(name, value, pack.source(name.removesuffix("_days"))) for name, value in found.items())
    yield from (figure("uncertain", text[lang]) for text in pack.uncertain)
    yield from (figure("unchecked", text[lang]) for text in pack.unchecked)


def _limit(limit: Limit) -> str:
    """`2 / week, person, connected, talk`."""
    stretch = limit.period or f"{limit.rolling.total_seconds() / 3600:g}h"
    kind = f", {limit.kind}" if limit.kind else ""
    return f"{limit.most} / {stretch}, {limit.scope}, {limit.counts}{kind}"


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Dates and windows as text; figures stay as they are."""
    return {
        name: value if isinstance(value, int | str) or value is None else str(value)
        for name, value in row.items()
    }

"""`zvonar trunk`: the ways out to carriers, and the numbers that we call from."""

from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_rows

NUMBER = click.argument("number")
COLUMNS = ("trunk", "endpoint", "cps", "channels", "priority", "cost", "prefixes", "reachable")
NUMBERS = ("caller_id", "calls", "answer_share", "short_share", "rests_until", "why")


@click.group()
def command() -> None:
    """Trunks and the numbers that we call from: how each stands; rest one, wake one."""


def service(ctx: click.Context) -> Any:
    """The trunks of these settings."""
    from engine.wiring import carriers

    return carriers(settings_of(ctx))


@command.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """Every trunk with its limits, whether its carrier answers, and how its caller ids do.

    One line a caller id: calls of the last days (older ones count for less), shares answered and cut short.
    """
    from engine.reports.words import titles

    lang = settings_of(ctx).lang
    found = service(ctx).all()
    if style == "json":
        show_rows(found, style)
        return
    nobody = dict.fromkeys(NUMBERS)
    rows = [
        _line(trunk, style, lang) | {name: number[name] for name in NUMBERS}
        for trunk in found
        for number in trunk["caller_ids"] or [nobody]
    ]
    if style == "table":
        rows = [row | {"why": _why(row["why"], lang)} for row in rows]
    show_rows(rows, style, titles([*COLUMNS, *NUMBERS], lang))


def _line(trunk: dict[str, Any], style: str, lang: str) -> dict[str, Any]:
    """A trunk without its numbers, for one line."""
    from engine.reports.words import title

    words = {True: "yes", False: "no", None: "unknown"}
    seen = [
        f"{node} {title(words[reached], lang) if style == 'table' else words[reached]}"
        for node, reached in trunk["reachable"].items()
    ]
    flat = {"prefixes": " ".join(trunk["prefixes"]), "reachable": ", ".join(seen)}
    return {name: (trunk | flat)[name] for name in COLUMNS}


def _why(why: str | None, lang: str) -> str:
    from engine.reports.words import title

    return title(why, lang) if why else ""


@command.command()
@NUMBER
@click.pass_context
def rest(ctx: click.Context, number: str) -> None:
    """Call no more from this number, until it is woken; if it is a trunk's only one, the trunk rests too."""
    trunks = service(ctx).rest(number, actor())
    say(f"it rests from now on ({trunks} trunks); `zvonar trunk wake` ends that")


@command.command()
@NUMBER
@click.pass_context
def wake(ctx: click.Context, number: str) -> None:
    """Call from this number again; what was counted against it is forgotten."""
    trunks = service(ctx).wake(number, actor())
    say(f"it is called from again ({trunks} trunks)")

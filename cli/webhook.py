"""`zvonar webhook`: how far the client's systems have been told."""

from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_rows

NAME = click.argument("name")


@click.group()
def command() -> None:
    """Systems that are told every result, or what happens on masked calls: how far they are."""


def service(ctx: click.Context) -> Any:
    """The webhooks of this database."""
    from engine.wiring import webhooks

    return webhooks(settings_of(ctx))


@command.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """Each with its position, what is not delivered yet, and why the last delivery failed."""
    from engine.reports.words import titles

    columns = ["name", "tells", "position", "backlog", "failures", "error", "next_at", "delivered_at"]
    show_rows(service(ctx).list(), style, titles(columns, settings_of(ctx).lang))


@command.command()
@NAME
@click.pass_context
def test(ctx: click.Context, name: str) -> None:
    """Send a signed delivery of nothing, from this machine, and say what is answered."""
    from engine.errors import Unreachable

    answer = service(ctx).test(name)
    if answer.error:
        raise Unreachable(f"webhook {name}: {answer.error}")
    say(f"webhook {name} accepted the delivery")


@command.command()
@NAME
@click.option(
    "--to", type=click.IntRange(0), metavar="POSITION", help="Deliver what comes behind it; 0: all there is."
)
@click.pass_context
def reset(ctx: click.Context, name: str, to: int | None) -> None:
    """Try again at once, whatever was waited for; or go on from another position."""
    service(ctx).reset(name, to, actor())
    say(f"webhook {name} is tried again" + ("" if to is None else f", from position {to}"))

"""`zvonar web`: keys of the HTTP interface."""

from typing import Any

import click

from cli.output import actor, formatted, say, settings_of, show_rows
from storage.vocab import Scope

NAME = click.argument("name")
COLUMNS = ("name", "scopes", "signed", "created_at", "revoked_at")


@click.group()
def command() -> None:
    """Who may use the HTTP interface."""


@command.group()
def key() -> None:
    """Keys: each is shown once, when it is made."""


def service(ctx: click.Context) -> Any:
    """The keys of this database."""
    from engine.wiring import keys

    return keys(settings_of(ctx))


@key.command()
@NAME
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it is good for; may be repeated.",
)
@click.option("--signed", is_flag=True, help="For signed requests only.")
@click.pass_context
def add(ctx: click.Context, name: str, scopes: tuple[str, ...], signed: bool) -> None:
    """Make a key and print it."""
    made = service(ctx).add(name, [Scope(scope) for scope in scopes], actor(), signed=signed)
    click.echo(made)
    say("this is the only time that it is shown")


@key.command("list")
@formatted
@click.pass_context
def list_(ctx: click.Context, style: str) -> None:
    """Every key without its secret, revoked ones too."""
    from engine.reports.words import titles

    rows = service(ctx).all()
    if style != "json":
        rows = [row | {"scopes": " ".join(row["scopes"])} for row in rows]
    show_rows(rows, style, titles([*COLUMNS], settings_of(ctx).lang))


@key.command()
@NAME
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """Make a key good for nothing, from the next request on."""
    service(ctx).revoke(name, actor())
    say(f"key {name} is good for nothing")

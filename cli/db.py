"""`zvonar db`: the schema."""

import click

from cli.output import formatted, say, settings_of, show_record


@click.group()
def command() -> None:
    """Bring the database's schema up to date, check it."""


@command.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the schema up to date; safe to repeat, and while another process does the same."""
    from alembic.util import CommandError

    from engine.errors import ZvonarError
    from storage.db import open_engine
    from storage.migrations import upgrade as bring_up

    try:
        before, after = bring_up(open_engine(settings_of(ctx).database_url.get_secret_value()))
    except CommandError as error:  # a revision that only a newer version knows
        raise ZvonarError(f"the schema cannot be brought up to date: {error}") from None
    if before == after:
        say(f"the schema is {after} already")
    else:
        say(f"the schema was {before or 'empty'} and is {after} now")


@command.command()
@formatted
@click.pass_context
def check(ctx: click.Context, style: str) -> None:
    """Can the database be reached, and has it the schema that this version needs? (Exit 5 when not.)"""
    from engine.errors import DatabaseDown
    from storage.db import open_engine
    from storage.migrations import current, head

    engine = open_engine(settings_of(ctx).database_url.get_secret_value())
    have, need = current(engine), head()
    show_record({"database": engine.dialect.name, "schema": have, "needed": need, "ok": have == need}, style)
    if have != need:
        raise DatabaseDown("run `zvonar db upgrade`")

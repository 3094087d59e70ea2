"""`zvonar config`: the settings as they are in force."""

import click

from cli.output import formatted, settings_of, show_rows


@click.group()
def command() -> None:
    """Show the settings and where each comes from."""


@command.command()
@formatted
@click.pass_context
def show(ctx: click.Context, style: str) -> None:
    """Every setting with its value and source; secrets are hidden."""
    from engine.reports.words import titles
    from engine.settings import sources

    settings, columns = settings_of(ctx), ["setting", "value", "source"]
    rows = [dict(zip(columns, row, strict=True)) for row in sources(settings, ctx.find_root().obj["config"])]
    show_rows(rows, style, titles(columns, settings.lang))


@command.command()
def sample() -> None:
    """Print a settings file with every setting at its default."""
    from engine.sample import sample as text

    click.echo(text(), nl=False)

"""`zvonar contact numbering`."""

import click


@click.group()
def command() -> None:
    """Whose number a number is."""

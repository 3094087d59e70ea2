"""`zvonar contact consent`."""

import click


@click.group()
def command() -> None:
    """Who agreed to what, and who refused."""

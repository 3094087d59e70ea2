"""`zvonar contact blacklist`."""

import click


@click.group()
def command() -> None:
    """Whom not to call."""

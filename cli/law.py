"""`zvonar contact law`."""

import click


@click.group()
def command() -> None:
    """The law packs, figure by figure."""

"""`zvonar contact`: who may be called, when, and why not."""

import click

from cli.lazy import Lazy

PARTS = {
    "blacklist": "whom not to call: add, remove, list, import, export, undo",
    "consent": "who agreed to what, and who refused",
    "law": "the law packs, figure by figure, with their sources",
    "numbering": "the numbering register: load it, look a number up",
}


@click.group(cls=Lazy, members=PARTS, heading="Parts")
def command() -> None:
    """Who may be called, when, and why not."""

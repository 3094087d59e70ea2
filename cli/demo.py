"""`zvonar demo`: the main job on this machine; the story itself is in etc/demo."""

import os
import re
import sys
from importlib.util import find_spec

import click


@click.command()
@click.option("--at", default="15:00", metavar="HH:MM", show_default=True, help="The time of day in Moscow.")
def command(at: str) -> None:
    """Call sixty fictional people on a real Asterisk, and report (as `make demo`)."""
    from engine.errors import UsageError
    from engine.settings import share

    if find_spec("numpy") is None:
        raise UsageError("the demo listens with numpy, which is missing: pip install numpy")
    story = str(share("etc/demo") / "demo.py")
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", at):
        raise UsageError(f"--at {at!r}: write a time of day, as 15:00")
    environment = os.environ | {"PYTHONPATH": str(share("etc/lab"))}
    os.execve(sys.executable, [sys.executable, story, "--at", at], environment)  # noqa: S606  (no shell)

"""`zvonar demo`: the main job on this machine; the story itself is in etc/demo."""

import os
import sys
from importlib.util import find_spec

import click


@click.command()
def command() -> None:
    """Call sixty fictional people on a real Asterisk, and report (as `make demo`)."""
    from engine.errors import UsageError
    from engine.settings import share

    if find_spec("numpy") is None:
        raise UsageError("the demo listens with numpy, which is missing: pip install numpy")
    story = str(share("etc/demo") / "demo.py")
    environment = os.environ | {"PYTHONPATH": str(share("etc/lab"))}
    os.execve(sys.executable, [sys.executable, story], environment)  # noqa: S606  (no shell)

"""A group of commands whose modules are imported when they are used, so that `--help` is quick."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Lazy(click.Group):
    """Finds a member's command in the module of its name; beside commands added as usual."""

    def __init__(self, *args: Any, members: Mapping[str, str], heading: str = "Nouns", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._members, self._heading = members, heading

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._members, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._members:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(f"cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(self._heading):
            formatter.write_dl(list(self._members.items()))
        if super().list_commands(ctx):
            with formatter.section("Commands"):
                own = [(name, self.commands[name].get_short_help_str()) for name in sorted(self.commands)]
                formatter.write_dl(own)

"""`zvonar asterisk`: its configuration, ours to render and to check; its nodes, to look at and to drain."""

import tempfile
from pathlib import Path

import click

from cli.output import actor, formatted, say, settings_of, show_rows
from engine.errors import ZvonarError


@click.group()
def command() -> None:
    """Render and check Asterisk's configuration; look at its nodes, drain them."""


NODE = (
    click.option("--node", default="", help="Which [[asterisk]]; else the first."),
    click.option(
        "--home", default="/etc/asterisk", show_default=True, help="The folder on Asterisk's machine."
    ),
    click.option("--sip", default="0.0.0.0:5060", show_default=True, help="HOST:PORT for SIP."),
)


def node_options(function: click.decorators.FC) -> click.decorators.FC:
    """The options that say which Asterisk is meant."""
    for option in reversed(NODE):
        function = option(function)
    return function


@command.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@node_options
@click.pass_context
def render(ctx: click.Context, out: Path, node: str, home: str, sip: str) -> None:
    """Write a whole configuration folder with its prompts; files that are not ours stay as they are."""
    from dialplan import contexts
    from engine.speech.shipped import static_sounds

    settings = settings_of(ctx)
    with tempfile.TemporaryDirectory() as folder:
        sounds = static_sounds(settings, Path(folder))
        written = contexts.write(settings, out, contexts.Node(name=node, home=home, sip=sip), sounds)
    say(f"{out}: {len(written)} files; install them as {home} and restart Asterisk")


@command.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default="/etc/asterisk",
    show_default=True,
    help="The folder to look at.",
)
@node_options
@formatted
@click.pass_context
def check(ctx: click.Context, folder: Path, style: str, node: str, home: str, sip: str) -> None:
    """Is a configuration folder what these settings would render? (Exit 1 when not.)"""
    from dialplan import contexts

    wanted = contexts.render(settings_of(ctx), contexts.Node(name=node, home=home, sip=sip))
    rows = [{"file": name, "verdict": _verdict(folder / name, text)} for name, text in sorted(wanted.items())]
    show_rows(rows, style)
    if any(row["verdict"] != "same" for row in rows):
        raise ZvonarError(f"{folder} is not what the settings ask for: run `zvonar asterisk render`")


def _verdict(file: Path, text: str) -> str:
    try:
        return "same" if file.read_text(encoding="utf-8") == text else "differs"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror}"


@command.command()
@click.argument("node")
@click.option("--reason", default="", metavar="TEXT", help="For the audit.")
@click.pass_context
def drain(ctx: click.Context, node: str, reason: str) -> None:
    """Give a node no new calls, from within a second; those that it has go on."""
    from engine.wiring import switches

    changed = switches(settings_of(ctx)).drain(node, reason, actor())
    say(
        f"{node} is drained"
        + ("" if changed else " already")
        + "; `zvonar asterisk status` tells when it is empty"
    )


@command.command()
@click.argument("node")
@click.pass_context
def undrain(ctx: click.Context, node: str) -> None:
    """Let a node have calls again."""
    from engine.wiring import switches

    changed = switches(settings_of(ctx)).undrain(node, actor())
    say(f"{node} gets calls again" if changed else f"{node} was not drained")


@command.command()
@formatted
@click.pass_context
def status(ctx: click.Context, style: str) -> None:
    """The nodes as each dialer sees them: connected, calls under way and their limit, drained or not."""
    from engine.reports.words import title, titles
    from engine.wiring import switches

    lang = settings_of(ctx).lang
    rows = switches(settings_of(ctx)).nodes()
    columns = ["node", "dialer", "connected", "used", "channels", "drained"]
    rows = [{name: row[name] for name in columns} for row in rows]
    if style == "table":
        for row in rows:
            row |= {name: title("yes" if row[name] else "no", lang) for name in ("connected", "drained")}
    show_rows(rows, style, titles(columns, lang))
    if not any(row["dialer"] for row in rows):
        say("no dialer runs")

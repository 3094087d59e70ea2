"""What the documents promise is there, and what is there is documented."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from house.tree import ROOT, classes, files, name
from prometheus_client import REGISTRY
from pydantic import BaseModel

from cli import reference
from cli.main import zvonar
from engine import telemetry
from engine.settings import Settings

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(#[^)\s]*)?\)")


def text(path: str) -> str:
    """A document of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


def test_what_the_code_writes_is_written() -> None:
    assert list(reference.stale()) == [], "run `make docs`"


def every_command(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for verb in command.list_commands(ctx):
            child = command.get_command(ctx, verb)
            assert child is not None
            yield from every_command(child, f"{path} {verb}")


def test_every_command_and_option_is_in_the_reference() -> None:
    sections = dict(re.findall(r"^##+ (zvonar.*)\n((?:(?!^##).*\n)*)", text("docs/cli.md"), re.M))
    commands = dict(every_command(zvonar, "zvonar"))
    assert set(sections) == set(commands)
    for path, command in commands.items():
        assert command.help and command.help.splitlines()[0] in sections[path], path
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                assert param.help, f"{path} {param.opts}"
                assert all(opt in sections[path] for opt in param.opts), f"{path} {param.opts}"
            elif isinstance(param, click.Argument):
                assert param.make_metavar(click.Context(command)) in sections[path], f"{path} {param.name}"


def every_setting() -> Iterator[str]:
    """Names as `zvonar.toml` has them, read off the default settings."""
    for top, value in Settings.model_construct():
        yield from names(top, value[0] if isinstance(value, list) else value)


def names(name: str, value: Any) -> Iterator[str]:
    """A setting's own name, or those of all that a table of settings holds."""
    if isinstance(value, BaseModel):
        for key, inner in value:
            yield from names(f"{name}.{key}", inner)
    else:
        yield name


def test_every_setting_is_in_operations_and_in_the_sample() -> None:
    operations, sample = text("docs/operations.md"), text("zvonar.sample.toml")
    for setting in every_setting():
        assert f"\n| `{setting}` |" in operations
        table, _, key = setting.rpartition(".")
        assert re.search(rf"^#{key} = ", sample, re.M), setting
        assert not table or re.search(rf"^\[+{table}\]+$", sample, re.M), setting


def test_every_metric_is_in_operations() -> None:
    ours = {family.name for family in REGISTRY.collect() if family.name.startswith("zvonar_")}
    assert ours, telemetry.__name__
    told = set(re.findall(r"^\| `(zvonar_\w+?)(?:_total)?` \|", text("docs/operations.md"), re.M))
    assert told == ours


def test_every_error_code_is_in_operations() -> None:
    operations = text("docs/operations.md")
    for error in classes():
        assert f"\n| `{error.code}` | {error.exit_code} | {error.http_status} |" in operations


def test_readme_shows_the_two_commands() -> None:
    readme = text("README.md")
    assert "make demo" in readme
    assert "make test" in readme


def test_every_link_leads_somewhere() -> None:
    pages = [path for path in files() if path.suffix == ".md"]
    assert [f"{name(page)}: {link}" for page in pages for link in dead(page)] == []


def dead(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target, anchor in LINK.findall(prose):
        place = (page.parent / target) if target else page
        outside = re.match(r"[a-z]+:", target)
        if not outside and (not place.exists() or (anchor and anchor[1:] not in anchors(place))):
            yield f"{target}{anchor}"


def anchors(path: Path) -> set[str]:
    """The anchors that a rendered Markdown file has: its headings in small letters with dashes."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

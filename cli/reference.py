"""The documents that the code writes: `python -m cli.reference`; with `--check` they are only compared.

| file | told by |
|---|---|
| docs/cli.md | the commands |
| zvonar.sample.toml | the settings |
| docs/operations.md, the tables between its marks | settings, metrics, errors |
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from prometheus_client.metrics import MetricWrapperBase

from cli.main import zvonar
from cli.output import say
from engine import errors, telemetry
from engine.sample import every_setting, sample, toml

ROOT = Path(__file__).resolve().parent.parent
OPERATIONS = "docs/operations.md"
INTRODUCTION = """\
# The command line

Written by `make docs` from the commands themselves. Data goes to standard output, talk to standard error;
exit codes are in [operations](operations.md#errors). Every command has `--help`.
"""


def documents() -> dict[str, str]:
    """File name -> what should stand in it."""
    tables = {"settings": settings_table(), "metrics": metrics_table(), "errors": errors_table()}
    operations = (ROOT / OPERATIONS).read_text(encoding="utf-8")
    for name, table in tables.items():
        operations = between(operations, name, table)
    return {"docs/cli.md": commands(), "zvonar.sample.toml": sample(), OPERATIONS: operations}


def between(text: str, name: str, table: str) -> str:
    """The text with this table between the marks of its name; ValueError when there are none."""
    mark = f"<!-- {name}: written by make docs -->\n"
    before, found, rest = text.partition(mark)
    _, end, after = rest.partition("<!-- end -->")
    if not (found and end):
        raise ValueError(f"{OPERATIONS} has no place for the table of {name}")
    return f"{before}{mark}\n{table}\n\n{end}{after}"


def commands() -> str:
    """Every command that is not hidden, with its arguments and options."""
    root = click.Context(zvonar, info_name="zvonar")
    return "\n".join([INTRODUCTION, *(described(ctx) for ctx in walk(root))])


def walk(ctx: click.Context) -> Iterator[click.Context]:
    """A command and all below it, in the order of `--help`."""
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            child = ctx.command.get_command(ctx, name)
            if child and not child.hidden:
                yield from walk(click.Context(child, info_name=name, parent=ctx))


def described(ctx: click.Context) -> str:
    """One command's section."""
    usage = " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])
    depth = "#" * (2 if isinstance(ctx.command, click.Group) else 3)
    lines = [
        f"{depth} {ctx.command_path}",
        "",
        f"`{usage}`",
        "",
        inspect.cleandoc(ctx.command.help or ""),
        "",
    ]
    records = [param.get_help_record(ctx) for param in ctx.command.params]
    options = [f"- `{left}`: {' '.join(right.split())}" for left, right in filter(None, records) if right]
    return "\n".join([*lines, *options, ""] if options else lines)


def settings_table() -> str:
    """Every setting with its environment variable."""
    rows = []
    for heading, key, default, meaning in every_setting():
        name = f"{heading.strip('[]')}.{key}".removeprefix(".")
        variable = "ZVONAR_" + name.upper().replace(".", "__")
        rows.append((f"`{name}`", f"`{variable}`", f"`{toml(default)}`", meaning))
    return table(("setting", "environment", "default", "meaning"), rows)


def metrics_table() -> str:
    """Every metric, by the name that Prometheus shows."""
    rows = []
    for metric in vars(telemetry).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            suffix = "_total" if family.type == "counter" else ""
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            rows.append((f"`{family.name}{suffix}`", family.type, labels, family.documentation))
    return table(("metric", "kind", "labels", "meaning"), rows)


def errors_table() -> str:
    """Every error with its code and exits."""
    rows = [
        (f"`{error.code}`", str(error.exit_code), str(error.http_status), error.__doc__ or "")
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.ZvonarError)
    ]
    return table(("code", "exit", "HTTP", "meaning"), rows)


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Markdown."""
    cells = [titles, ("---",) * len(titles), *rows]
    return "\n".join("| " + " | ".join(re.sub(r"\|", r"\\|", cell) for cell in row) + " |" for row in cells)


def stale() -> dict[str, str]:
    """Those of the documents that are not what the code says."""
    return {
        name: text
        for name, text in documents().items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text
    }


def main() -> int:
    """Write what is stale, or with `--check` tell it and exit 1."""
    check = sys.argv[1:] == ["--check"]
    found = stale()
    for name, text in found.items():
        if not check:
            (ROOT / name).write_text(text, encoding="utf-8")
        say(f"{name}: {'is not what the code says: run `make docs`' if check else 'written'}")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())

"""`zvonar contact blacklist`."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from cli.output import actor, console, formatted, say, settings_of, show_record, show_rows
from storage.vocab import BanKind

KINDS = click.Choice([kind.value for kind in BanKind])
COLUMNS = (
    "id",
    "kind",
    "value",
    "scope",
    "until",
    "reason",
    "actor",
    "created_at",
    "removed_at",
    "removed_by",
)

value_ = click.argument("value")
kind_ = click.option("--kind", type=KINDS, default="number", show_default=True, help="What VALUE is.")
scope_ = click.option("--campaign", "scope", default="global", metavar="NAME", help="For this campaign only.")
dry_run_ = click.option("--dry-run", is_flag=True, help="Only count what would change.")


@click.group()
def command() -> None:
    """Whom not to call. In force with the next call, and in every campaign."""


def service(ctx: click.Context) -> Any:
    """The blacklist of this database."""
    from engine.wiring import blacklists

    return blacklists(settings_of(ctx))


@command.command()
@value_
@kind_
@scope_
@click.option(
    "--until", default="", metavar="DATE", help="To the end of that day (UTC), or a moment; else for good."
)
@click.option("--reason", required=True, help="Why, for the record.")
@click.pass_context
def add(ctx: click.Context, /, value: str, kind: str, scope: str, until: str, reason: str) -> None:
    """Call VALUE no more: a number, a prefix (+7921), a person (id:42, tel:+7…) or a group of people.

    Who told us himself that he wants no calls is better written down with `consent refuse`.
    """
    done = service(ctx).add(value, BanKind(kind), scope=scope, until=until, reason=reason, actor=actor())
    if done.id is None:
        say("such an entry stands already")
    else:
        say(f"entry {done.id}; {done.leads} leads are taken out of their campaigns")


@command.command()
@value_
@kind_
@scope_
@dry_run_
@click.pass_context
def remove(ctx: click.Context, /, value: str, kind: str, scope: str, dry_run: bool) -> None:
    """Undo the entry that stands under VALUE; it stays in the history."""
    undone = service(ctx).remove(value, BanKind(kind), scope=scope, actor=actor(), dry_run=dry_run)
    _tell(undone, dry_run)


@command.command()
@click.argument("wanted", metavar="ID", type=click.UUID)
@dry_run_
@click.pass_context
def undo(ctx: click.Context, wanted: UUID, dry_run: bool) -> None:
    """Undo an entry, or all of an import, by its id; what stays out otherwise stays out."""
    _tell(service(ctx).undo(wanted, actor=actor(), dry_run=dry_run), dry_run)


def _tell(undone: Any, dry_run: bool) -> None:
    say(f"{undone.entries} entries undone, {undone.leads} leads given back")
    if dry_run:
        say("this was a dry run: nothing was changed")


@command.command("list")
@click.option("--kind", type=KINDS, help="Only these.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most.")
@click.option("--before", type=click.UUID, metavar="ID", help="Go on below this entry: the next page.")
@click.option("--removed", is_flag=True, help="Those too that stand no longer.")
@formatted
@click.pass_context
def list_(
    ctx: click.Context, /, kind: str | None, limit: int, before: UUID | None, removed: bool, style: str
) -> None:
    """Entries, the newest first."""
    from engine.reports.words import titles

    lang = settings_of(ctx).lang
    chosen = BanKind(kind) if kind else None
    rows = service(ctx).entries(limit, kind=chosen, before=before, removed=removed)
    columns = list(COLUMNS) if removed else list(COLUMNS[:-2])
    if style == "table":
        rows = [{name: row[name] for name in columns} | {"kind": _kind(row["kind"], lang)} for row in rows]
    else:
        columns = [*columns, "evidence"]
        rows = [{name: row[name] for name in columns} for row in rows]
    if style == "csv":
        rows = [row | {"evidence": json.dumps(row["evidence"], ensure_ascii=False)} for row in rows]
    show_rows(rows, style, titles(columns, lang))


def _kind(kind: str, lang: str) -> str:
    from engine.reports.words import title

    return title(f"entry.{kind}", lang).removeprefix("entry.")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@formatted
@click.pass_context
def import_(ctx: click.Context, file: Path, style: str) -> None:
    """Read a list (CSV or XLSX) with the columns value, kind, scope, until, reason.

    An empty kind is number, an empty scope global. The same list again changes nothing; `undo` with the id of
    the import takes all of it back.
    """
    from rich.progress import Progress

    from engine.files.sheets import rows
    from engine.reports.words import titles

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task(file.name, total=None)
        import_id, done = service(ctx).load(
            rows(file, "value"), file.name, actor(), lambda count: bar.update(task, completed=count)
        )
    summary = {"import": import_id} | done.as_json()
    show_record(summary, style, titles(list(summary), settings_of(ctx).lang))
    if done.rejects_file:
        say(f"{done.rejected} rows were not taken; mend them in {done.rejects_file} and import that file")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--kind", type=KINDS, help="Only these.")
@click.pass_context
def export(ctx: click.Context, file: Path, kind: str | None) -> None:
    """Write all that stands into a CSV, which `import` reads."""
    say(f"{file}: {service(ctx).export(file, BanKind(kind) if kind else None)} entries")

"""`zvonar mask`: two people talk through our number, and neither learns the other's."""

from typing import Any
from uuid import UUID

import click

from cli.output import actor, agree, formatted, plain, say, settings_of, show_record, show_rows
from storage.vocab import MaskMode, MaskRole

ORDER = click.argument("order")
PHONE = "May be repeated; the first is called first."
LIST = (
    *("order", "state", "version", "driver", "mode", "driver_dials", "client_dials"),
    *("closes_at", "grace_until", "ended"),
)
NUMBERS = ("did", "shared", "state", "label", "routes")


@click.group()
def command() -> None:
    """Bind a driver and a client, close an order, tell where a call would go; our numbers."""


def service(ctx: click.Context) -> Any:
    """The bindings of this database."""
    from engine.wiring import bindings

    return bindings(settings_of(ctx))


@command.command()
@ORDER
@click.option("--driver", "drivers", multiple=True, required=True, metavar="P", help=PHONE)
@click.option("--client", "clients", multiple=True, required=True, metavar="P", help=PHONE)
@click.option("--version", type=click.IntRange(1), help="Only grows; else the next.")
@click.option("--driver-id", default="", help="What the dispatch calls him.")
@click.option("--client-name", default="", help="For operators.")
@click.option("--mode", type=click.Choice([mode.value for mode in MaskMode]), help="Else masking.mode.")
@click.option("--ttl", "ttl_s", type=int, metavar="S", help="Until it closes by itself; else masking.ttl_s.")
@click.option("--record/--no-record", default=None, help="Record talks, and say so; else masking.record.")
@formatted
@click.pass_context
def bind(
    ctx: click.Context,
    /,
    order: str,
    drivers: tuple[str, ...],
    clients: tuple[str, ...],
    version: int | None,
    driver_id: str,
    client_name: str,
    style: str,
    **asked: Any,
) -> None:
    """Bind ORDER: from now on driver and client reach each other by what is printed."""
    from engine.reports.words import titles

    bindings = service(ctx)
    body = {name: value for name, value in asked.items() if value is not None} | {
        "order": order,
        "version": version or bindings.next_version(order),
        "driver": {"id": driver_id, "phones": list(drivers)},
        "client": {"name": client_name, "phones": list(clients)},
    }
    record = bindings.ask(body, actor())
    show_record(record, style, titles(list(record), settings_of(ctx).lang))


@command.command()
@ORDER
@click.option("--grace", "grace_s", type=click.IntRange(0), metavar="S", help="Else masking.grace_s.")
@click.option("--cancelled", is_flag=True, help="It never took place: no grace.")
@click.pass_context
def close(ctx: click.Context, order: str, grace_s: int | None, cancelled: bool) -> None:
    """End ORDER now; talks under way go on. Closed again, nothing changes."""
    row = service(ctx).close(order, actor(), grace_s, cancelled=cancelled)
    say(f"order {order} is over; its client reaches the driver until {plain(row['grace_until'])}")


@command.command()
@ORDER
@click.option(
    "--from",
    "side",
    required=True,
    type=click.Choice([role.value for role in MaskRole]),
    help="Who is rung first.",
)
@click.option("--dry-run", is_flag=True, help="Only tell who would be rung.")
@click.option("--yes", is_flag=True, help="Do not ask; for cron.")
@formatted
@click.pass_context
def call(ctx: click.Context, order: str, side: str, dry_run: bool, yes: bool, style: str) -> None:
    """Ring one side of ORDER, and the other when he has taken the call and pressed 1."""
    from engine.reports.words import titles
    from engine.wiring import call_backs

    settings = settings_of(ctx)
    backs = call_backs(settings)
    if dry_run or not yes:
        about = f"the {side} of order {order} would be rung, and see {backs.would(order, MaskRole(side))}"
        if dry_run:
            say(about)
            return
        agree(f"{about}. Ring?")
    record = backs.call(order, MaskRole(side), actor())
    show_record(record, style, titles(list(record), settings.lang))
    if not record["accepted"]:
        say("Asterisk did not say whether it rings; nobody is rung again")


@command.command()
@click.argument("call_id", metavar="CALL", type=click.UUID)
@formatted
@click.pass_context
def card(ctx: click.Context, call_id: UUID, style: str) -> None:
    """What an operator is told of CALL: who calls, about which order, and why he was led to him."""
    from engine.reports.words import titles
    from engine.reports.words_mask import why
    from engine.wiring import cards

    settings = settings_of(ctx)
    record = cards(settings).read(call_id)
    record |= {"why": why(record, settings.lang)}
    show_record(record, style, titles(list(record), settings.lang))


@command.command("list")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@formatted
@click.pass_context
def list_(ctx: click.Context, limit: int, style: str) -> None:
    """Orders that are not over."""
    from engine.reports.words import titles

    show_rows(service(ctx).open(limit), style, titles([*LIST], settings_of(ctx).lang))


@command.command()
@click.option("--from", "caller", default="", metavar="P", help="Who calls; empty: he withholds his number.")
@click.option("--to", "did", required=True, metavar="DID", help="The number of ours that he dials.")
@formatted
@click.pass_context
def explain(ctx: click.Context, caller: str, did: str, style: str) -> None:
    """Tell what would become of a call now, by which rule, and why."""
    from engine.reports.words import titles
    from engine.reports.words_mask import why, word

    lang = settings_of(ctx).lang
    record = service(ctx).explain(caller, did)
    record |= {"why": why(record, lang)}
    if style == "table":
        record |= {"decision": word("decision", record["decision"], lang)}
    show_record(record, style, titles(list(record), lang))


@command.command()
@click.option("--order", default="", help="Of this order only.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The newest so many.")
@formatted
@click.pass_context
def calls(ctx: click.Context, order: str, limit: int, style: str) -> None:
    """The last masked calls, those under way among them; of phones the last four digits."""
    from engine.reports import masking as report
    from engine.reports.words import titles
    from engine.wiring import database

    settings = settings_of(ctx)
    rows = report.last(database(settings), order, limit)
    if style == "table":
        rows = [report.shown_call(row, settings.lang) for row in rows]
    show_rows(rows, style, titles([*report.CALLS], settings.lang))


@command.command("leak-test")
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help="Only this one; may be repeated."
)
@formatted
@click.pass_context
def leak_test(ctx: click.Context, scenarios: tuple[str, ...], style: str) -> None:
    """Play masked calls of every kind on a throw-away Asterisk here, and look for numbers in what it sends.

    Takes two minutes, as root, with SIPp and the lab's Asterisk (`make lab`). Nothing of yours is touched:
    database, ports and folder are its own. Exit code 1 when a number reached the other side.
    """
    import os
    import sys

    from engine.settings import share

    ours = {name for name in os.environ if name.startswith("ZVONAR_")} - {"ZVONAR_CACHE"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    paths = [str(share("etc/lab")), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    story = str(share("etc/demo") / "leak_test.py")
    given = ["--format", style, "--lang", settings_of(ctx).lang, *scenarios]
    os.execve(sys.executable, [sys.executable, story, *given], environment)  # noqa: S606  (no shell)


@command.group()
def pool() -> None:
    """The numbers of ours that masking gives out."""


def numbers(ctx: click.Context) -> Any:
    """The numbers of this database."""
    from engine.wiring import mask_numbers

    return mask_numbers(settings_of(ctx))


@pool.command("add")
@click.argument("did")
@click.option("--shared", is_flag=True, help="Everybody's: the company's number.")
@click.option("--label", default="", help="What carriers show beside it (126-FZ, article 45).")
@click.pass_context
def add_number(ctx: click.Context, did: str, shared: bool, label: str) -> None:
    """Give DID out from now on."""
    added = numbers(ctx).add(did, actor(), shared=shared, label=label)
    say("it is given out from now on" if added else "it is given out already")


@pool.command()
@click.argument("did")
@click.pass_context
def drain(ctx: click.Context, did: str) -> None:
    """Give DID to no more orders; those that have it keep it."""
    say(f"no order gets it any more; {numbers(ctx).drain(did, actor())} routes still have it")


@pool.command("list")
@formatted
@click.pass_context
def list_numbers(ctx: click.Context, style: str) -> None:
    """Every number and how many open routes it has; how many are free for the busiest phone."""
    from engine.reports.words import titles

    pool = numbers(ctx)
    show_rows(pool.all(), style, titles([*NUMBERS], settings_of(ctx).lang))
    room = pool.room()
    say(
        f"the pool gives out {room['numbers']}; the phone with the most orders has {room['busiest']} of them,"
        f" {room['free']} are free for it"
    )


@pool.command()
@click.option("--drivers", type=int, required=True, metavar="D", help="Most orders of one driver at a time.")
@click.option("--clients", type=int, required=True, metavar="C", help="Most orders of one client at a time.")
@formatted
@click.pass_context
def plan(ctx: click.Context, drivers: int, clients: int, style: str) -> None:
    """How many numbers a pool needs, and why."""
    from dataclasses import asdict

    from engine.masking.pool import plan as planned
    from engine.reports.words import titles

    record = asdict(planned(drivers, clients))
    show_record(record, style, titles(list(record), settings_of(ctx).lang))
    say(
        "a phone needs a number for each of its orders at a time, grace included; all phones share them."
        " With one number for both sides of an order it would be per_order. Modes replace and menu need one"
        " number in all; talks need channels, not numbers."
    )

"""`zvonar campaign watch`: a campaign's picture, once or twice a second."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from cli.output import console, formatted, settings_of, show_record
from engine.errors import UsageError

BAR = 30  # characters
FULL = 1000  # due leads of a priority, zone set and stream are counted so far (engine.campaign.live)
STYLES = {"running": "bold green", "paused": "bold yellow", "stopped": "bold red"}

Picture = Mapping[str, Any]


@click.command("watch")
@click.argument("name")
@click.option("--once", is_flag=True, help="Show it once, and end.")
@click.option("--interval", type=click.FloatRange(0.5, 60), default=1.0, show_default=True, help="Seconds.")
@formatted
@click.pass_context
def command(ctx: click.Context, name: str, once: bool, interval: float, style: str) -> None:
    """A campaign as it runs: rate, channels, outcomes, who is next, trunks, nodes, dialers, errors.

    Until Ctrl-C. Without a terminal, and for --format json, say --once.
    """
    from rich.live import Live

    from engine.wiring import live

    settings = settings_of(ctx)
    screen = console()
    if style == "csv":
        raise UsageError(
            "a picture has no columns: --format table or json; as CSV there is `campaign status`"
        )
    if not once and (style == "json" or not screen.is_terminal):
        raise UsageError("this shows one picture after another, on a terminal; say --once for a single one")
    watched = live(settings, name)
    if once:
        picture = watched.look()
        if style == "json":
            show_record(picture, style)
        else:
            screen.print(frame(picture, settings.lang))
        return
    with Live(frame(watched.look(), settings.lang), console=screen, auto_refresh=False) as shown:
        while True:
            time.sleep(interval)
            shown.update(frame(watched.look(), settings.lang), refresh=True)


def frame(picture: Picture, lang: str) -> Any:
    """One picture for the terminal."""
    from rich.console import Group

    return Group(*_parts(picture, lang))


def _parts(picture: Picture, lang: str) -> Iterator[Any]:
    """From what matters most."""
    from rich.text import Text

    from engine.reports.words import title

    yield _head(picture, lang)
    if stop := picture["stopped"]:
        told = f" {stop['at']:%Y-%m-%d %H:%M} UTC, {stop['actor']} {stop['reason']} "
        yield Text(f" {title('everything is stopped', lang)}:{told}", style="bold white on red")
    if picture["why"]:
        yield Text(picture["why"], style="yellow")
    yield _figures(picture, lang)
    yield from _outcomes(picture, lang)
    yield from _next(picture, lang)
    yield from _trunks(picture, lang)
    yield from _fleet(picture, lang)
    for error in picture["errors"]:
        yield Text(f"{error['at'][:19]} {error['dialer']}: {error['text']}", style="red")


def _head(picture: Picture, lang: str) -> Any:
    from rich.text import Text

    from engine.reports.words import title

    state, at = str(picture["state"]), picture["at"]
    here = f"{title('here', lang)} {at.astimezone():%H:%M:%S}, UTC {at:%H:%M:%S}"
    return Text.assemble(
        (picture["name"], "bold"), "  ", (title(state, lang), STYLES.get(state, "bold")), f"  {here}"
    )


def _figures(picture: Picture, lang: str) -> Any:
    """Leads, rate, channels, answers; for operators, who found none."""
    from rich.text import Text

    from engine.reports.words import title

    rate, limit = picture["rate"], title("limit", lang)
    lines = [
        "  ".join(f"{title(f'leads.{key}', lang)} {count}" for key, count in picture["leads"].items()),
        f"{title('rate.cps', lang)} {rate['cps']:g} ({limit} {rate['cps_limit']:g})  "
        f"{title('rate.channels', lang)} {rate['channels']} ({limit} {rate['channels_limit']})  "
        f"{title('answer_rate', lang)} {_percent(picture['answer_rate'])}",
    ]
    manned = picture["operators"]
    if manned["queue"]:
        lines.append(
            f"{title('operators.queue', lang)} {manned['queue']}  {title('operators.abandoned_share', lang)} "
            f"{_percent(manned['abandoned_share'])} ({limit} {_percent(manned['abandoned_limit'])})"
        )
    return Text("\n".join(lines))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _outcomes(picture: Picture, lang: str) -> Iterator[Any]:
    """A bar for each outcome, as long as its share."""
    from engine.reports.words import outcome

    counts = {key: n for key, n in picture["attempts"].items() if n and key != "total"}
    total, table = sum(counts.values()), _table([])
    for key, count in counts.items():
        bar = "█" * max(1, round(BAR * count / total))
        table.add_row(outcome(key, lang), str(count), _percent(count / total), bar)
    if counts:
        yield table


def _next(picture: Picture, lang: str) -> Iterator[Any]:
    """Who is due, by zone and priority; closed zones with the time at which they open."""
    from engine.reports.words import title

    columns = ["zones", "local", "next", "opens_at"]
    table = _table([title(name, lang) for name in columns])
    for row in picture["zones"]:
        due = ", ".join(f"{_due(count)} ({title('priority', lang)} {p})" for p, count in row["due"].items())
        table.add_row(row["zones"] or "?", " ".join(row["local"]), due, _opens(row, lang))
    if picture["zones"]:
        yield table
    elif picture["state"] == "running":
        yield title("nobody is due", lang)


def _due(count: int) -> str:
    return f"{FULL}+" if count >= FULL else str(count)


def _opens(row: Mapping[str, Any], lang: str) -> str:
    from engine.reports.words import title

    opens: datetime | None = row["opens_at"]
    return title("day now", lang) if row["open"] else f"{opens.astimezone():%d.%m %H:%M}" if opens else "?"


def _trunks(picture: Picture, lang: str) -> Iterator[Any]:
    """Rate, channels and health of the campaign's trunks, as each dialer sees them."""
    from engine.reports.words import title

    names = ["trunk", "dialer", "cps", "channels", "breaker", "offenders"]
    table = _table([title(name, lang) for name in names])
    for row in picture["trunks"]:
        breaker = title(str(row["breaker"]), lang)
        wait = f" {row['opens_in_s']} s" if row["opens_in_s"] else ""
        table.add_row(
            *(row["trunk"], row["dialer"], f"{row['cps']:g} / {row['cps_limit']:g}"),
            *(
                f"{row['channels']} / {row['channels_limit']}",
                breaker + wait,
                " ".join(row["offenders"][-3:]),
            ),
        )
    if picture["trunks"]:
        yield table


def _fleet(picture: Picture, lang: str) -> Iterator[Any]:
    """The dialers, and the nodes as each of them sees them."""
    from rich.text import Text

    from engine.reports.words import title

    if not any(row["left_s"] >= 0 for row in picture["dialers"]):
        yield Text(title("no dialer runs", lang), style="bold red")
    dialers = _table([title(name, lang) for name in ("dialer", "able", "lease_s", "clock")])
    for row in picture["dialers"]:
        able = title("yes" if row["able"] else "no", lang)
        dialers.add_row(row["dialer"], able, f"{row['left_s']:g}", row["clock"])
    if picture["dialers"]:
        yield dialers
    nodes = _table([title(name, lang) for name in ("node", "dialer", "connected", "used", "drained")])
    for row in picture["nodes"]:
        said = [title("yes" if row[name] else "no", lang) for name in ("connected", "drained")]
        nodes.add_row(row["node"], row["dialer"], said[0], f"{row['used']} / {row['channels']}", said[1])
    if picture["nodes"]:
        yield nodes


def _table(titles: list[str]) -> Any:
    from rich import box
    from rich.table import Table

    return Table(*titles, box=box.SIMPLE_HEAD, show_header=bool(titles), pad_edge=False)

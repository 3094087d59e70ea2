"""The main job on one machine: a list goes in, everybody hears his own message, a true report comes out.

It plays at three in the afternoon in Moscow, whatever the hour is (`--at HH:MM` for another): whom the law
forbids to call then is not called, and the demo shows why.

    a real Asterisk (etc/lab)  <- AMI -  zvonar serve all  - SQLite
            | SIP and RTP                       ^
    SIPp: 62 people of every kind               `- FastAGI

Exit 0 only if all outcomes are the expected ones, nobody was called unlawfully, and what people heard was
their own message.
Ctrl-C at any moment ends everything that was started.
"""

import argparse
import csv
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.live import Live
from rich.table import Table

from engine.contact.numbers import e164
from engine.contact.service import Contacts
from engine.contact.zones import zone
from engine.reports.words import outcome as word
from engine.settings import load as load_settings
from engine.speech.message import message_of
from engine.speech.service import Speech
from engine.speech.shipped import static_sounds
from engine.speech.templates import Templates
from lab import LabError
from lab.ear import load, match
from lab.kinds import number
from lab.shell import ZVONAR, Shell
from lab.stand import Stand
from storage.db import open_engine

HERE = Path(__file__).resolve().parent
PEOPLE = HERE / "people.csv"
TEMPLATE = HERE / "debt.toml"
NAME = "demo"
MOSCOW = "Europe/Moscow"
GROUP = "bankrupt"
LONGEST_S = 150
LIKE = 0.9  # correlation from which two sounds are the same message
# What a carrier fails is tried again later, for hours; here each number is called once.
ONCE = ("--retry", "congestion=never", "--retry", "trunk-fault=never")
console = Console(width=None if sys.stdout.isatty() else 110)


def people() -> list[dict[str, str]]:
    """The list, each row with its number as E.164."""
    with PEOPLE.open(encoding="utf-8", newline="") as file:
        return [row | {"e164": e164(row["phone"])} for row in csv.DictReader(file, delimiter=";")]


class Demo:
    """One run, all of it under the stand's folder."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def type(self, *arguments: str) -> None:
        """One command of ours, shown as an operator sees it."""
        console.print(f"[bold]$ zvonar {shlex.join(arguments)}[/]")
        done = self.shell.run(*arguments)
        console.print((done.stdout.rstrip() + "\n" + done.stderr.rstrip()).strip(), highlight=False)
        if done.returncode:
            raise LabError(f"`zvonar {shlex.join(arguments)}` ended with {done.returncode}")

    def fill(self) -> None:
        """From nothing to a campaign that is running."""
        self.type("db", "upgrade")
        self.type("template", "set", "debt", str(TEMPLATE))
        why = ("--kind", "group", "--reason", "230-ФЗ, статья 8: банкрот")
        self.type("contact", "blacklist", "add", GROUP, *why)
        words = ("create", NAME, "--template", "debt", "--trunk", "lab", "--cps", "8", *ONCE)
        self.type("campaign", *words)
        self.type("campaign", "import", NAME, str(PEOPLE))
        self.type("campaign", "start", NAME)

    def refused(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """Those who may not be called now, as `contact explain` has it before anybody is."""
        engine = open_engine(self.shell.database_url)
        contacts = Contacts(engine, self.shell.stand.settings)
        told = [contacts.explain(row["e164"], None, None, "ru") for row in rows]
        engine.dispose()
        return [row for row, one in zip(rows, told, strict=True) if one["decision"] != "allow"]

    def watch(self, callable_: int) -> None:
        """A live table until so many have been called through; LabError when that takes too long."""
        began = time.monotonic()
        with Live(console=console, refresh_per_second=4, transient=not console.is_terminal) as live:
            while True:
                now = self.shell.status(NAME)
                live.update(picture(now, time.monotonic() - began))
                if now["leads"]["done"] >= callable_:
                    return
                if time.monotonic() - began > LONGEST_S:
                    raise LabError(f"the campaign is not done after {LONGEST_S} s: {now}")
                time.sleep(0.5)

    def outcomes(self) -> dict[str, str]:
        """external id -> outcome, read from the report's file as anybody would."""
        out = self.shell.folder / "attempts.csv"
        self.shell.zvonar("--lang", "en", "report", "campaign", NAME, "-o", str(out))
        with out.open(encoding="utf-8-sig", newline="") as file:
            return {row["external id"]: row["outcome"] for row in csv.DictReader(file, delimiter=";")}

    def misheard(self, rows: list[dict[str, str]]) -> tuple[int, list[str]]:
        """(people whose audio was compared, those who heard anything but their own message)."""
        stand = self.shell.stand
        engine = open_engine(self.shell.database_url)
        speech = Speech(engine, stand.settings)
        message = message_of(Templates(engine, speech).newest("debt"))
        listeners = [row for row in rows if row["kind"] == "listens"]
        wrong = []
        for row in listeners:
            made = speech.make(message.pieces(row), message.template.lang).whole()
            heard = stand.ear.heard(row["e164"])
            found = [match(heard, load(speech.cache.path(clip.name))) for clip in message.clips(row, made)]
            least = min(one.correlation for one in found)
            if least < LIKE or found != sorted(found, key=lambda one: one.offset_s):
                wrong.append(f"{row['external_id']}: heard something else (correlation {least:.2f})")
        return len(listeners), wrong


def picture(now: dict[str, Any], seconds: float) -> Table:
    """The campaign at this moment."""
    leads, rate, audio = now["leads"], now["rate"], now["audio"]
    table = Table(title=f"{NAME}: {now['state']}, {seconds:.0f} s", min_width=60)
    table.add_column("leads", justify="left")
    table.add_column("", justify="right")
    table.add_column("outcomes so far", justify="left")
    table.add_column("", justify="right")
    left = [
        ("total", leads["total"]),
        ("pending", leads["pending"]),
        ("on the line", leads["in_flight"]),
        ("done", leads["done"]),
        ("messages ready", f"{audio['ready']}/{audio['needed']}"),
        ("calls a second", f"{rate['cps']} of {rate['cps_limit']}"),
    ]
    right = [(word(key, "en"), n) for key, n in now["attempts"].items() if n and key != "total"]
    for place in range(max(len(left), len(right))):
        a, b = (side[place] if place < len(side) else ("", "") for side in (left, right))
        table.add_row(a[0], str(a[1]), b[0], str(b[1]))
    return table


def verdict(rows: list[dict[str, str]], seen: dict[str, str]) -> bool:
    """Outcomes beside what was expected of them; were they all right?"""
    wanted = Counter(row["expected"] for row in rows)
    right = Counter(row["expected"] for row in rows if seen.get(row["external_id"]) == row["expected"])
    table = Table(title="outcome by outcome", min_width=60)
    for column in ("outcome", "expected", "seen as expected"):
        table.add_column(column, justify="left" if column == "outcome" else "right")
    for key in sorted(wanted):
        style = "" if wanted[key] == right[key] else "red"
        table.add_row(word(key, "ru") + f" ({key})", str(wanted[key]), str(right[key]), style=style)
    console.print(table)
    for row in rows:
        got = seen.get(row["external_id"], "no attempt")
        if got != row["expected"]:
            console.print(
                f"[red]{row['external_id']} ({row['kind']}): expected {row['expected']}, got {got}[/]"
            )
    return right == wanted


def shift_to(clock: str) -> int:
    """Seconds from now to that time of today in Moscow."""
    hour, minute = map(int, clock.split(":"))
    now = datetime.now(UTC)
    return int((now.astimezone(zone(MOSCOW)).replace(hour=hour, minute=minute) - now).total_seconds())


def play(run_dir: Path, clock: str) -> bool:
    """The whole story; True when everything was as expected."""
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    settings: dict[str, Any] = {
        "dialer": {"dial_timeout_s": 12, "max_call_s": 45},
        "company": {"name": "Ромашка", "operator": number("operator", 1)},
        "contact": {"clock_shift_s": shift_to(clock)},
        "lang": "ru",
    }
    console.print("starting Asterisk, and SIPp as carrier and callees …")
    sounds = static_sounds(load_settings(), run_dir)
    rows = people()
    database = f"sqlite:///{run_dir / 'zvonar.db'}"
    with Stand(run_dir, sounds=sounds, **settings) as stand, Shell(stand, database) as shell:
        console.print(f"it is {stand.settings.now().astimezone(zone(MOSCOW)):%A, %d.%m.%Y %H:%M} in Moscow")
        demo = Demo(shell)
        demo.fill()
        refused = demo.refused(rows)
        rows = [row for row in rows if row not in refused]
        console.print(f"[bold]$ zvonar serve all[/]  (its log: {run_dir / 'all.log'})")
        shell.serve("all")
        demo.watch(len(rows))
        seen = demo.outcomes()
        for row in refused:
            demo.type("contact", "explain", row["e164"], "--campaign", NAME)
        demo.type("campaign", "explain", NAME)
        demo.type("report", "campaign", NAME, "-o", str(run_dir / "report.xlsx"))
        compared, wrong = demo.misheard(rows)
        good = verdict(rows, seen)
        called = Counter(call.number for call in stand.carrier.sent)
    twice = [row["external_id"] for row in rows if called[row["e164"]] > 1]
    unlawful = [row["external_id"] for row in refused if called[row["e164"]]]
    console.print(f"{len(refused)} people may not be called now, and {len(unlawful)} of them were")
    console.print(
        f"audio of {compared} people compared with their own message: {compared - len(wrong)} match"
    )
    for line in [*wrong, *(f"{one}: called more than once" for one in twice), *unlawful]:
        console.print(f"[red]{line}[/]")
    console.print(
        f"\nreport: {run_dir / 'report.xlsx'}\nlook further:\n"
        f"  export ZVONAR_DATABASE_URL={database}\n"
        f"  {ZVONAR} campaign status {NAME}\n"
        f"  {ZVONAR} rehearse debtor --from {rows[0]['e164']} --keys -,9\n"
        f"  less {run_dir / 'all.log'}",
        highlight=False,
        soft_wrap=True,
    )
    return good and not wrong and not twice and not unlawful


def interrupted(*_: object) -> NoReturn:
    """SIGTERM ends the demo as Ctrl-C does: in order."""
    raise KeyboardInterrupt


def main() -> int:
    """Exit code: 0 all as expected, 1 something was not, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="zvonar demo")
    parser.add_argument("--at", default="15:00", metavar="HH:MM", help="the time of day in Moscow")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)  # also where a shell started us in the background
    try:
        with suppress(BrokenPipeError):
            return 0 if play(Path("var/demo").resolve(), arguments.at) else 1
    except LabError as error:
        console.print(f"[red]{error}[/]")
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started has been stopped")
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""A soak: the whole of Zvonar calls for an hour, or as long as is asked, and nothing may grow.

Lab Asterisk, SIPp as carrier and callees of every kind, PostgreSQL, `serve dialer`, `serve fastagi`, the
demo's message under ru-230fz-talk. In a long run the AMI line is cut for 30 s, in an hour also for 5
minutes. At each look: calls made and ended, memory, descriptors and threads of our processes and of Asterisk,
PostgreSQL's connections, channels, and orphans: channels whose attempt was over 10 s ago, or that no attempt
knows.

Judged at the end, without the first quarter: slopes (`_slope`), and that every call has its end. Exit 1 when
something is not flat. Not one of `make bench`: `make soak`, with ARGS='--seconds 600' for a short one.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from _meter import memory_mb
from _ours import LAW, clock_shift
from _slope import flat, settled, slope
from cut import Cut
from dial import tone
from sqlalchemy import func, select, text, update

from engine.sections import Contact, Dialer, Trunk
from engine.settings import share
from lab.kinds import number
from lab.postgres import Postgres
from lab.shell import Shell
from lab.stand import Stand
from storage import calls
from storage import campaign as campaigns
from storage.db import open_engine, reading, writing
from storage.vocab import CampaignState

# Of ten: kind and its second (before the answer, or from the answer to the act).
PEOPLE = (
    *(("listens", 2), ("listens", 1), ("listens", 3), ("busy", 1), ("busy", 0), ("rings", 0)),
    *(("hangs-up", 1), ("hangs-up", 4), ("press-9", 3), ("no-such-number", 1)),
)
CHANNELS = 300
DIAL_S, CALL_S = 12, 60
CUTS = ((600, 30.0), (3000, 300.0))  # a run of so many seconds has a cut of so many
ORPHAN_S = 10
START_S, DRAIN_S = 20, 90
MADE = 0.8  # of the calls that the rate makes: a cut line and a slow start cost some
# What is judged: growth an hour, and in all, that is still flat.
LIMITS = {"mb": (1.0, 2.0), "fds": (1.0, 4.0), "threads": (0.5, 2.0)}
TOGETHER = {"pg_connections": (0.5, 2.0), "channels": (5.0, 30.0), "orphans": (0.0, 0.0)}


class Soak:
    """All of it, running; to be entered."""

    def __init__(self, folder: Path, rate: float, seconds: float) -> None:
        self._folder, self._rate, self._seconds = folder, rate, seconds
        self._open = ExitStack()

    def __enter__(self) -> "Soak":
        with ExitStack() as stack:
            self._start(stack)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _start(self, stack: ExitStack) -> None:
        postgres = stack.enter_context(Postgres())
        self._stand = stack.enter_context(
            Stand(
                self._folder,
                calls=CHANNELS,
                hear=False,
                log=False,
                sounds={"ru/fallback.wav": tone(self._folder / "fallback.wav", 500)},
                trunk=Trunk(name="lab", endpoint="lab", cps=self._rate, channels=CHANNELS),
                contact=Contact(clock_shift_s=clock_shift()),
                dialer=Dialer(dial_timeout_s=DIAL_S, max_call_s=CALL_S),
            )
        )
        node = self._stand.settings.asterisk[0]
        self.line = stack.enter_context(Cut(node.port))
        through = json.loads(self._stand.environment["ZVONAR_ASTERISK"])
        through[0]["port"] = self.line.port
        url = postgres.database()
        given = {"ZVONAR_ASTERISK": json.dumps(through), "ZVONAR_LOG__LEVEL": "warning"}
        self._shell = stack.enter_context(Shell(self._stand, url, **given))
        self._shell.zvonar("db", "upgrade")
        self._engine = open_engine(url)
        stack.callback(self._engine.dispose)
        self._fill()
        self._pids = {name: self._shell.serve(name).pid for name in ("fastagi", "dialer")}
        self._pids["asterisk"] = self._stand.node.pid
        self._began = time.monotonic()

    def _fill(self) -> None:
        people = round(self._rate * (self._seconds + 120))
        names, cities = ("Анна", "Борис", "Вера", "Глеб", "Дарья"), ("Казань", "Омск", "Тверь")
        listed = self._folder / "people.csv"
        with listed.open("w", encoding="utf-8") as out:
            out.write("phone;timezone;name;city;sum\n")
            for serial in range(people):
                kind, second = PEOPLE[serial % len(PEOPLE)]
                words = names[serial % 5], cities[serial % 3], str(100 + 37 * (serial % 40))
                phone = number(kind, serial, second)
                out.write(";".join((phone, "Europe/Moscow", *words)) + "\n")
        run = self._shell.zvonar
        run("template", "set", "debt", str(share("etc/demo") / "debt.toml"))
        run("campaign", "create", "soak", "--template", "debt", "--trunk", "lab", "--law", LAW)
        run("campaign", "import", "soak", str(listed))
        run("campaign", "start", "soak")

    # Looking.

    def look(self) -> dict[str, Any]:
        """A row."""
        row: dict[str, Any] = {"at_s": round(time.monotonic() - self._began, 1)}
        live = self._live()
        attempt = calls.attempt
        late = self._stand.settings.now() - timedelta(seconds=ORPHAN_S)
        with reading(self._engine) as connection:
            made, ended = connection.execute(
                select(func.count(), func.count(attempt.c.ended_at)).select_from(attempt)
            ).one()
            known = {
                str(row.id): row.ended_at
                for row in connection.execute(
                    select(attempt.c.id, attempt.c.ended_at).where(attempt.c.id.in_(live))
                )
            }
            ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            row |= {"made": made, "ended": ended, "pg_connections": connection.scalar(text(ours))}
        over = [one for one in live if one not in known or (known[one] and known[one] < late)]
        row |= {"channels": len(live), "orphans": len(over)}
        for name, pid in self._pids.items():
            row[f"mb {name}"] = round(memory_mb([pid]), 2)
            row[f"fds {name}"] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            row[f"threads {name}"] = len(list(Path(f"/proc/{pid}/task").iterdir()))
        return row

    def _live(self) -> list[str]:
        """Ids of Asterisk's channels: the last field of its concise list."""
        lines = self._stand.node.console("core show channels concise").splitlines()
        return [line.rpartition("!")[2] for line in lines if "!" in line]

    def end(self) -> dict[str, Any]:
        """Nothing new, wait for the last call; the last row, with every outcome."""
        with writing(self._engine) as connection:
            connection.execute(update(campaigns.campaign).values(state=CampaignState.PAUSED))
        deadline = time.monotonic() + DRAIN_S
        while True:
            row = self.look()
            if (row["made"] == row["ended"] and not row["channels"]) or time.monotonic() > deadline:
                break
            time.sleep(1)
        outcome = calls.attempt.c.outcome
        with reading(self._engine) as connection:
            found = connection.execute(select(outcome, func.count()).group_by(outcome))
            return row | {"outcomes": {row[0]: row[1] for row in found}}


def judge(rows: list[dict[str, Any]], last: dict[str, Any], rate: float) -> list[str]:
    """Print the slopes; what is not as it should be."""
    broken = []
    ours = [name for name in rows[0] if name.startswith(tuple(LIMITS)) and not name.endswith("asterisk")]
    judged = {name: LIMITS[name.split()[0]] for name in ours} | TOGETHER
    print(f"{'':18}{'first':>10}{'last':>10}{'an hour':>10}")
    for name, limit in judged.items():
        series = settled([(row["at_s"], row[name]) for row in rows])
        well = flat(series, *limit)
        told = f"{series[0][1]:>10}{series[-1][1]:>10}{slope(series):>+10.2f}"
        print(f"{name:18}{told}  {'flat' if well else 'NOT FLAT'}")
        broken += [] if well else [f"{name} grows"]
    lasted = rows[-1]["at_s"] - rows[0]["at_s"]
    wanted = MADE * rate * lasted
    made = rows[-1]["made"] - rows[0]["made"]
    print(f"{made} calls in {lasted:.0f} s; in the end {last}")
    broken += [f"{made} calls, not {wanted:.0f}"] if made < wanted else []
    broken += [f"{last['made'] - last['ended']} calls have no end"] if last["made"] > last["ended"] else []
    broken += [f"{last['channels']} channels are left"] if last["channels"] else []
    return broken


def soak(folder: Path, given: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All rows, and the last one."""
    every = min(60.0, max(10.0, given.seconds / 60))
    cuts = given.cut if given.cut is not None else [cut for least, cut in CUTS if given.seconds >= least]
    moments = [(place + 1) * given.seconds / (len(cuts) + 1) for place in range(len(cuts))]
    with Soak(folder, given.rate, given.seconds) as soaked:
        rows: list[dict[str, Any]] = []
        time.sleep(START_S)
        began = time.monotonic()
        while (now := time.monotonic() - began) < given.seconds:
            rows.append(soaked.look())
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
            if moments and now >= moments[0]:
                print(f"the AMI line is cut for {cuts[-len(moments)]:g} s", flush=True)
                soaked.line.cut()
                time.sleep(cuts[-len(moments)])
                soaked.line.mend()
                moments.pop(0)
            time.sleep(max(0.0, every - (time.monotonic() - began - now) % every))
        return rows, soaked.end()


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=3600)
    options.add_argument("--rate", type=float, default=5, help="calls a second")
    options.add_argument(
        "--cut",
        type=float,
        nargs="*",
        help="seconds without AMI, evenly spread; else as long runs have",
    )
    options.add_argument("--json", type=Path, help="write the rows to this file")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="zvonar-soak-"))
    try:
        rows, last = soak(folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    broken = judge(rows, last, given.rate)
    if given.json:
        given.json.write_text(json.dumps([*rows, {**last, "broken": broken}], indent=1) + "\n")
    for one in broken:
        print(f"NOT FLAT: {one}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

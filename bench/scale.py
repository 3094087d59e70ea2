"""Calls a second of one dialer and of two when Asterisk is not the limit, in campaigns of several sizes.

The node is the shipped fake Asterisk in a process of its own (`_fake`), whose callees decide at once; the
dialers are `zvonar serve dialer`, one name and folder each, on one PostgreSQL, under ru-230fz-talk, and no
limit of trunk, node or campaign is in the way. They go as fast as they go by themselves. Beside them, in the
same run, a bare loop: the same Originates over one AMI connection, no database, no law, no account. What it
does is also what the fake carries. At the end of each run every call has to be accounted.

Each row tells calls a second, the ratio to the bare loop, CPU ms a call by process (which depends less on
who else uses the machine), and the most calls at a time.
"""

import argparse
import json
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _crowd import WORKDAY, again, gather
from _fake import SECRET, Fake, bare
from _meter import Meter
from sqlalchemy import Engine, func, select, update

from lab.postgres import Postgres
from lab.process import Process, tail
from lab.shell import ZVONAR
from storage import calls, migrations
from storage import campaign as campaigns
from storage.db import open_engine, reading, writing
from storage.vocab import CampaignState, LeadState, Outcome

CONFIG = """
data_dir = "{folder}"
database_url = "{url}"
dialer.name = "{name}"
contact.clock_shift_s = {shift}
log.level = "warning"
[[asterisk]]
port = {port}
channels = 100000
secret = "{secret}"
[[trunk]]
name = "first"
address = "127.0.0.1:5060"
cps = 1000
channels = 100000
[[trunk]]
name = "second"
address = "127.0.0.1:5060"
cps = 1000
channels = 100000
"""
TRUNKS = ["first", "second"]
DIALERS = (1, 2)
BARE_S = 5.0
WARM_S = 6.0  # in which two trunks that start slowly come to over 1,200 calls a second
START_S, DRAIN_S = 30, 60
RESERVE = 0.1  # of the leads: with fewer left the campaign begins to end
LOOK_S = 0.25


class Run:
    """Some dialers at one campaign."""

    def __init__(self, folder: Path, url: str, engine: Engine, fake: Fake, dialers: int) -> None:
        self._engine, self._fake = engine, fake
        shift = int((WORKDAY - datetime.now(UTC)).total_seconds())
        self._commands = {}
        for number in range(1, dialers + 1):
            own = folder / f"dialer-{number}"
            own.mkdir(exist_ok=True)
            given = {"folder": own, "url": url, "name": own.name, "shift": shift}
            config = own / "zvonar.toml"
            config.write_text(CONFIG.format(**given, port=fake.port, secret=SECRET))
            self._commands[own.name] = ([ZVONAR, "--config", str(config), "serve", "dialer"], own / "log")

    def measure(self, pids: dict[str, int], seconds: float) -> dict[str, Any]:
        """Start them, warm up, measure, wait until all is accounted; a row without its name."""
        before, booked = self._fake.counts()["placed"], self._booked()
        self._set(CampaignState.RUNNING)
        with ExitStack() as stack:
            for name, command in self._commands.items():
                dialer = Process(*command)
                stack.callback(dialer.stop, 20)
                pids = pids | {name: dialer.pid}
            self._warm(before)
            row = self._window(pids, seconds)
            self._set(CampaignState.PAUSED)
            row["open"] = self._drained()
        placed = self._fake.counts()["placed"] - before
        ended, returned = (now - then for now, then in zip(self._booked(), booked, strict=True))
        return row | {"placed": placed, "given_back": returned, "unaccounted": placed - ended}

    def _warm(self, before: int) -> None:
        deadline = time.monotonic() + START_S
        while self._fake.counts()["placed"] == before:
            if time.monotonic() > deadline:
                logs = "\n".join(tail(log) for _command, log in self._commands.values())
                raise SystemExit(f"no dialer has called anybody within {START_S} s:\n{logs}")
            time.sleep(LOOK_S)
        time.sleep(WARM_S)

    def _window(self, pids: dict[str, int], seconds: float) -> dict[str, Any]:
        left = self._left()
        enough, placed = left * RESERVE, self._fake.counts()["placed"]
        meter, began, made = Meter(pids), time.monotonic(), 0
        while time.monotonic() - began < seconds and left - made > enough:
            time.sleep(LOOK_S)
            counts = self._fake.counts()
            made = counts["placed"] - placed
        spent, cpu = time.monotonic() - began, meter.per_call(made)
        row = {"calls_s": round(made / spent, 1), "seconds": round(spent, 1), "most": counts["most"]}
        return row | {f"cpu_ms {name}": round(ms, 2) for name, ms in cpu.items()}

    def _set(self, state: CampaignState) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(campaigns.campaign).values(state=state))

    def _left(self) -> int:
        """Leads that are still to be called."""
        query = select(func.count()).where(campaigns.lead.c.state == LeadState.PENDING)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def _drained(self) -> int:
        """Wait for the last end; attempts that stay open."""
        query = select(func.count()).where(calls.attempt.c.ended_at.is_(None))
        deadline = time.monotonic() + DRAIN_S
        while True:
            with reading(self._engine) as connection:
                still = connection.execute(query).scalar_one()
            if not still or time.monotonic() > deadline:
                return still
            time.sleep(LOOK_S)

    def _booked(self) -> tuple[int, int]:
        """Attempts with a cause from the node: they were called, and their end was seen. And those that were
        prepared and given back, since they could not be sent in time.
        """
        attempt = calls.attempt
        back = func.count().filter(attempt.c.outcome == Outcome.CANCELLED)
        with reading(self._engine) as connection:
            ended, returned = connection.execute(select(func.count(attempt.c.cause), back)).one()
            return ended, returned


def sized(folder: Path, postgres: Postgres, fake: Fake, size: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of one size of campaign."""
    url = postgres.database()
    engine = open_engine(url)
    migrations.upgrade(engine)
    began = time.monotonic()
    gather(engine, size)
    with writing(engine) as connection:
        connection.execute(update(campaigns.campaign).values(trunks=TRUNKS, cps=2000))
    print(f"{size:,} leads ({time.monotonic() - began:.0f} s to make)", flush=True)
    rows = []
    for dialers in DIALERS:
        run = Run(folder, url, engine, fake, dialers)
        found = run.measure({"postgresql": postgres.pid, "fake": fake.pid}, seconds)
        row = {"bench": "scale", "what": f"{size:,} leads, {dialers} dialers", **found}
        rows.append(row)
        tell(row)
        again(engine, size)
    engine.dispose()
    postgres.drop(url)
    return rows


def floor(fake: Fake) -> dict[str, Any]:
    """The row of the bare loop."""
    meter = Meter({"fake": fake.pid})
    before = fake.counts()["placed"]
    found = bare(fake.port, BARE_S)
    cpu = meter.per_call(fake.counts()["placed"] - before)
    row = {"bench": "scale", "what": "bare loop", "calls_s": round(found["per_s"]), "seconds": BARE_S}
    row |= {"cpu_ms fake": round(cpu["fake"], 2), "cpu_ms loop": round(found["cpu_ms"], 2)}
    tell(row)
    return row


def tell(row: dict[str, Any]) -> None:
    """A line of the table."""
    figures = (f"{name} {value}" for name, value in row.items() if name not in ("bench", "what"))
    print(f"  {row['what']}: {'  '.join(figures)}", flush=True)


def main() -> None:
    """Measure, and print; exit 1 when a call is unaccounted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leads", type=int, nargs="*", default=[10_000, 1_000_000], help="sizes")
    parser.add_argument("--seconds", type=float, default=20, help="how long each is measured")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Postgres() as postgres, Fake() as fake:
        rows = [floor(fake)]
        for size in given.leads:
            rows += sized(Path(folder), postgres, fake, size, given.seconds)
        rows.append(floor(fake))
    carried = max(row["calls_s"] for row in rows if row["what"] == "bare loop")
    for row in rows:
        row["ratio"] = round(row["calls_s"] / carried, 3)
        print(f"{row['what']:32}{row['calls_s']:>10.1f} calls/s{row['ratio']:>8.3f} of the bare loop")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    if any(row.get("unaccounted") or row.get("open") for row in rows):
        raise SystemExit("calls are unaccounted")


if __name__ == "__main__":
    main()

"""How many calls a second the whole of Zvonar holds on this machine, beside a bare originate loop.

Both dial on the same Asterisk with the same callees (SIPp: answers at once, hangs up after 2 s) and play the
same second of audio. Bare: one AMI connection that sends Originates, no events, no database, and an AGI of
two commands. Zvonar: PostgreSQL, `serve dialer`, `serve fastagi`, three fragments, every outcome accounted.

A rate is held when over the window at least 97 % of it was answered and heard, the calls in flight did not
grow, and every call has its end. Steps up to the highest rate that is held for a short window, then that rate
for the long one (`--seconds`), stepping down if it is not.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _bare import CALL_S
from sqlalchemy import func, select

from engine import wiring
from engine.campaign.preparing import Preparer
from engine.campaign.service import Limits, Rules
from engine.sections import Trunk
from engine.settings import Settings
from engine.speech.clip import place
from lab.kinds import number
from lab.postgres import Postgres
from lab.shell import Shell
from lab.stand import Stand
from storage import calls, migrations
from storage import campaign as campaigns
from storage.db import open_engine, reading, writing
from storage.vocab import AttemptState, CampaignState, LeadState, Outcome

FRAGMENT_MS = 300
HELD = 0.97
STEP_S = 12
SETTLE_S = 4  # from one rate to the next
STEP = 10
DRAIN_S = 15


@dataclass(frozen=True, slots=True)
class Window:
    """What came of a window: calls made and heard, calls without an end, CPU ms a call by process."""

    rate: float
    seconds: float
    made: int
    heard: int
    lost: int
    cpu_ms: dict[str, float]

    @property
    def held(self) -> bool:
        """The rate was kept."""
        return (
            self.lost == 0
            and self.heard >= HELD * self.rate * self.seconds
            and self.heard >= 0.99 * self.made
        )


def cpu_s(pids: list[int]) -> float:
    """CPU seconds that these processes and their children have used; those that are gone count nothing."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


class Meter:
    """CPU of named processes over a window."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._roots = processes
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: cpu_s(family(pid)) for name, pid in self._roots.items()}

    def per_call(self, count: int) -> dict[str, float]:
        """CPU ms a call since this meter was made."""
        now = self._now()
        return {name: (now[name] - self._before[name]) * 1000 / max(count, 1) for name in now}


class Bare:
    """The bare loop beside us."""

    def __init__(self, stand: Stand, sound: str) -> None:
        self._stand = stand
        environment = {**os.environ, **stand.environment}
        command = [sys.executable, str(Path(__file__).with_name("_bare.py")), sound]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin and self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._out.readline()

    def window(self, rate: float, seconds: float) -> Window:
        """Dial at a rate for so long, and wait for the last of these calls."""
        processes = {"asterisk": self._stand.node.pid, "sipp": self._stand.carrier.pid}
        meter = Meter({**processes, "bare loop": self._process.pid})
        sent, started, ended = self._run(rate, seconds)
        heard = min(started, ended)
        return Window(rate, seconds, sent, heard, 0, meter.per_call(heard))

    def _run(self, rate: float, seconds: float) -> list[int]:
        self._in.write(f"{rate} {seconds}\n")
        self._in.flush()
        counted: list[int] = json.loads(self._out.readline())
        return counted

    def close(self) -> None:
        """End it."""
        self._in.close()
        self._process.wait(10)


class Ours:
    """Zvonar beside us: PostgreSQL, the two daemons, one campaign of many leads."""

    def __init__(self, stand: Stand, postgres: Postgres, settings: Settings, sound: Path, leads: int) -> None:
        self._stand, self._postgres = stand, postgres
        migrations.upgrade(open_engine(settings.database_url.get_secret_value()))
        self._engine = wiring.database(settings)
        self._campaign = self._fill(settings, sound, leads)
        url = settings.database_url.get_secret_value()
        self._shell = Shell(stand, url, ZVONAR_LOG__LEVEL="warning")
        self._daemons = {name: self._shell.serve(name) for name in ("fastagi", "dialer")}

    def _fill(self, settings: Settings, sound: Path, leads: int) -> Any:
        """A campaign of `leads` people whose messages are three recordings and whose phrases are short."""
        folder = self._stand.run_dir
        (folder / "bench.toml").write_text(
            "".join(f'[[fragment]]\nname = "part{n}"\nwav = "{sound}"\n' for n in range(3))
        )
        with (folder / "leads.csv").open("w") as file:
            file.write("phone\n")
            file.writelines(f"{number('hangs-up', serial, CALL_S)}\n" for serial in range(leads))
        speech, service = wiring.speech(settings), wiring.campaigns(settings)
        written = speech.set_template("bench", folder / "bench.toml", "bench")
        campaign = service.create(
            "bench", "bench", [settings.trunk[0].name], Limits(cps=1), "bench", Rules(law=("none",))
        )
        service.fill("bench", folder / "leads.csv", "bench")
        short = [*next(iter(written.wavs.values())), ""]
        names = ("robot", "menu", "menu-alone", "connecting", "operator-busy", "paid", "opted-out", "goodbye")
        with writing(self._engine) as connection:
            campaigns.change(connection, campaign.id, datetime.now(UTC), phrases=dict.fromkeys(names, short))
            campaign = campaigns.get(connection, campaign.id)
        preparer = Preparer(self._engine, speech, settings)
        while preparer.step(campaign):
            pass
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        return campaign

    def window(self, rate: float, seconds: float) -> Window:
        """Dial at a rate for so long, wait until all of it is accounted for."""
        self._at(rate)
        time.sleep(SETTLE_S + 1)
        processes = {
            "asterisk": self._stand.node.pid,
            "sipp": self._stand.carrier.pid,
            "dialer": self._daemons["dialer"].pid,
            "fastagi": self._daemons["fastagi"].pid,
            "postgresql": self._postgres.pid,
        }
        meter, begin = Meter(processes), datetime.now(UTC)
        time.sleep(seconds)
        cpu, end = meter, datetime.now(UTC)
        sent = self._count(begin, end)
        per_call = cpu.per_call(sum(sent.values()))
        deadline = time.monotonic() + CALL_S + 15
        while sent.get("", 0) and time.monotonic() < deadline:
            time.sleep(0.5)
            sent = self._count(begin, end)
        made = sum(sent.values())
        return Window(rate, seconds, made, sent.get(Outcome.ANSWERED_HEARD, 0), sent.get("", 0), per_call)

    def _at(self, rate: float) -> None:
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            campaigns.change(connection, self._campaign.id, now, cps=rate, state=CampaignState.RUNNING)

    def _count(self, begin: datetime, end: datetime) -> dict[str, int]:
        """Outcome -> attempts of those prepared in the window."""
        attempt = calls.attempt
        query = select(attempt.c.outcome, func.count()).where(
            attempt.c.prepared_at >= begin, attempt.c.prepared_at < end
        )
        with reading(self._engine) as connection:
            return {row.outcome: row.count_1 for row in connection.execute(query.group_by(attempt.c.outcome))}

    def left(self) -> int:
        """Leads not dialled yet."""
        with reading(self._engine) as connection:
            return campaigns.lead_counts(connection, self._campaign.id).get(LeadState.PENDING, 0)

    def unaccounted(self) -> int:
        """Attempts that have no end when all is over."""
        with writing(self._engine) as connection:
            campaigns.change(connection, self._campaign.id, datetime.now(UTC), state=CampaignState.PAUSED)
        time.sleep(CALL_S + 8)
        ends = (AttemptState.ENDED, AttemptState.UNKNOWN)
        query = select(func.count()).select_from(calls.attempt).where(calls.attempt.c.state.not_in(ends))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def close(self) -> None:
        """End the daemons in the order of a shutdown."""
        for name in ("dialer", "fastagi"):
            self._daemons[name].stop(seconds=20)


def search(
    window: Callable[[float, float], Window], start: float, seconds: float, top: float
) -> list[Window]:
    """Climb while a rate is held, then hold the highest for the whole time; the last window is the result."""
    seen = []
    rate = start
    while rate <= top:
        found = window(rate, STEP_S)
        seen.append(found)
        tell(found)
        if not found.held:
            time.sleep(DRAIN_S)
            break
        rate += STEP
    rate -= STEP
    while rate > 0:
        found = window(rate, seconds)
        seen.append(found)
        tell(found)
        if found.held:
            return seen
        time.sleep(DRAIN_S)  # an Asterisk that was asked too much needs time to come to itself
        rate = round(rate * 0.9)
    return seen


def tell(window: Window) -> None:
    """A window as a line."""
    cpu = " ".join(f"{name} {ms:.1f}" for name, ms in window.cpu_ms.items())
    print(
        f"  {window.rate:6.1f}/s for {window.seconds:3.0f} s: {window.made} made, {window.heard} heard, "
        f"{window.lost} open, {'held' if window.held else 'NOT HELD'}; CPU ms a call: {cpu}",
        flush=True,
    )


def tone(path: Path, ms: int) -> Path:
    """A recording of so many milliseconds: a 440 Hz tone."""
    import math

    samples = (round(9000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8 * ms))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return path


@contextmanager
def bench_stand(run_dir: Path) -> Iterator[Stand]:
    """An Asterisk for many calls, callees that are not listened to."""
    trunk = Trunk(name="lab", endpoint="lab", cps=1000, channels=700)
    run_dir.mkdir()
    sounds = {"ru/fallback.wav": tone(run_dir / "fallback.wav", 200)}
    with Stand(run_dir, calls=700, hear=False, log=False, trunk=trunk, sounds=sounds) as stand:
        yield stand


def main() -> None:
    """Both in one run, the table, the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=60, help="how long the highest rate is held")
    options.add_argument("--start", type=float, default=60, help="the first rate that is tried")
    options.add_argument("--bare-start", type=float, default=0, help="the same for the bare loop")
    options.add_argument("--top", type=float, default=250, help="the highest rate that is tried")
    options.add_argument("--json", type=Path, help="write the rows to this file")
    given = options.parse_args()
    run_dir = Path(tempfile.mkdtemp(prefix="zvonar-bench-"))
    try:
        rows = measure(run_dir, given)
    finally:
        shutil.rmtree(run_dir, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(run_dir: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Bare, then ours."""
    begin, top, seconds = given.start, given.top, given.seconds
    sound = tone(run_dir / "part.wav", FRAGMENT_MS)
    whole = tone(run_dir / "whole.wav", 4 * FRAGMENT_MS)
    with bench_stand(run_dir / "stand") as stand, Postgres() as postgres:
        audio = stand.settings.audio_dir / place("b" * 64)
        audio.parent.mkdir(parents=True)
        shutil.copy(whole, f"{audio}.wav")
        print("bare originate loop", flush=True)
        loop = Bare(stand, str(audio))
        floor = search(loop.window, max(begin, given.bare_start), seconds, top)
        loop.close()
        settings = stand.settings.model_copy(update={"database_url": _secret(postgres.database())})
        leads = 45_000
        print(f"zvonar ({leads} leads)", flush=True)
        ours = Ours(stand, postgres, settings, sound, leads)
        best = search(ours.window, begin, seconds, top)
        unaccounted, left = ours.unaccounted(), ours.left()
        ours.close()
    rows = [row("bare", floor[-1]), row("zvonar", best[-1])]
    ratio = best[-1].rate / floor[-1].rate
    print(f"ratio {ratio:.2f}; {unaccounted} attempts without an end; {left} leads left")
    return [*rows, {"bench": "dial", "what": "ratio", "ratio": round(ratio, 3), "unaccounted": unaccounted}]


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)


def row(what: str, window: Window) -> dict[str, Any]:
    """A window as a row of results."""
    return {
        "bench": "dial",
        "what": what,
        "calls_s": window.rate,
        "seconds": window.seconds,
        "held": window.held,
        **{f"cpu_ms {name}": round(ms, 2) for name, ms in window.cpu_ms.items()},
    }


if __name__ == "__main__":
    main()

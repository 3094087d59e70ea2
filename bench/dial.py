"""How many calls a second the whole of Zvonar holds on this machine, beside a bare originate loop.

Both dial on the same Asterisk with the same callees (SIPp: answers at once, hangs up after 2 s) and play the
same second of audio. Bare: one AMI connection that sends Originates, no events, no database, and an AGI of
two commands. Zvonar: PostgreSQL, `serve dialer`, `serve fastagi`, three fragments, people in three time
zones under ru-230fz-talk (the clock is set to the morning), every outcome accounted.

A rate is held when over the window at least 97 % of it was answered and heard and every call has its end.
How the highest is found: `_window.search`. First audio is from the carrier's 200 to the first RTP packet,
seen on the wire (`_audio`).
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _meter import Meter
from _ours import Ours, clock_shift
from _window import STEP_S, Window, search

from engine.sections import Contact, Trunk
from engine.speech.clip import place
from lab.postgres import Postgres
from lab.stand import Stand

FRAGMENT_MS = 300
CHANNELS = 800


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


def tone(path: Path, ms: int) -> Path:
    """A recording of so many milliseconds: a 440 Hz tone."""
    samples = (round(9000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8 * ms))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return path


@contextmanager
def bench_stand(run_dir: Path) -> Iterator[Stand]:
    """An Asterisk for many calls, callees that are not listened to, and the clock of a working morning."""
    trunk = Trunk(name="lab", endpoint="lab", cps=1000, channels=CHANNELS)
    run_dir.mkdir()
    sounds = {"ru/fallback.wav": tone(run_dir / "fallback.wav", 200)}
    given: dict[str, Any] = {"trunk": trunk, "contact": Contact(clock_shift_s=clock_shift())}
    with Stand(run_dir, calls=CHANNELS, hear=False, log=False, sounds=sounds, **given) as stand:
        yield stand


def main() -> None:
    """Both in one run, the table, the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--seconds", type=float, default=180, help="how long the highest rate is held")
    options.add_argument("--start", type=float, default=100, help="the first rate that is tried")
    options.add_argument("--bare-start", type=float, default=0, help="the same for the bare loop")
    options.add_argument("--top", type=float, default=500, help="the highest rate that is tried")
    options.add_argument("--leads", type=int, default=0, help="people on the list; 0: enough for the run")
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
        # We cannot be faster than that; slow starts and short windows need as much again.
        leads = given.leads or math.ceil(floor.rate * (1.5 * seconds + 20 * (STEP_S + 10)))
        print(f"zvonar ({leads} leads)", flush=True)
        ours = Ours(stand, postgres, sound, leads)
        best = search(ours.window, begin, seconds, top)
        unaccounted, left = ours.unaccounted(), ours.left()
        ours.close()
    ratio = best.rate / floor.rate
    print(f"ratio {ratio:.2f}; {unaccounted} attempts without an end; {left} leads left")
    whole_run = {"bench": "dial", "what": "ratio", "ratio": round(ratio, 3), "unaccounted": unaccounted}
    return [row("bare", floor), row("zvonar", best), whole_run]


def row(what: str, window: Window) -> dict[str, Any]:
    """A window as a row of results."""
    figures = {
        "cpu_ms ours": window.ours_ms,
        "lag_s p99": window.lag_s,
        "audio_s p99": window.audio_s,
        "grown_mb": window.grown_mb,
    }
    return {
        "bench": "dial",
        "what": what,
        "calls_s": window.rate,
        "seconds": window.seconds,
        "held": window.held,
        **{f"cpu_ms {name}": round(ms, 2) for name, ms in window.cpu_ms.items()},
        **{name: round(value, 3) for name, value in figures.items() if value is not None},
    }


if __name__ == "__main__":
    main()

"""Starts dialers quickly: a process that has imported everything, and forks.

A dialer so started is a process like any other, with connections and files of its own; only the second that
Python needs to import is saved, and so kills can follow one another every second. Told by lines of JSON on
standard input: `{"arguments": [...], "failpoint": "", "log": FILE}` starts one, `{"pid": N, "signal": N}`
sends a signal to one that lives. Answers: `{"born": PID}`, `{"dead": PID, "status": N}` (as subprocess has
it: below 0 a signal). It and all of them end with its standard input.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

TURN_S = 0.01
ANSWER_S = 60.0


class Nursery:
    """Started by `with`; `dead` has whoever died, with his status."""

    def __init__(self) -> None:
        self.dead: dict[int, int] = {}
        self._lines: list[bytes] = []
        self._rest = b""

    def __enter__(self) -> "Nursery":
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "chaos.nursery"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._popen = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._popen.stdin
        self._popen.stdin.close()
        self._popen.wait(20)

    def start(self, arguments: list[str], log: Path, failpoint: str = "") -> int:
        """Run `zvonar` with these arguments; its pid."""
        self._tell({"arguments": arguments, "log": str(log), "failpoint": failpoint})
        while "born" not in (told := self._hear(ANSWER_S)):
            pass
        return int(told["born"])

    def signal(self, pid: int, which: signal.Signals) -> None:
        """Send a signal; nothing happens to one who is dead."""
        self._tell({"pid": pid, "signal": int(which)})

    def alive(self, pid: int) -> bool:
        """He has not died, as far as was told."""
        while self._hear(0.0):
            pass
        return pid not in self.dead

    def wait(self, pid: int, seconds: float) -> int | None:
        """How he ended; None: he lives still after so long."""
        ends = time.monotonic() + seconds
        while self.alive(pid) and time.monotonic() < ends:
            self._hear(0.05)
        return self.dead.get(pid)

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._popen.stdin
        self._popen.stdin.write(json.dumps(what).encode() + b"\n")
        self._popen.stdin.flush()

    def _hear(self, seconds: float) -> dict[str, Any]:
        """The next answer, {} when none comes in time."""
        assert self._popen.stdout
        out = self._popen.stdout.fileno()
        while not self._lines:
            if not select.select([out], [], [], seconds)[0]:
                return {}
            data = os.read(out, 65536)
            if not data:
                raise RuntimeError("the nursery died")
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._lines += lines
        told: dict[str, Any] = json.loads(self._lines.pop(0))
        if "dead" in told:
            self.dead[told["dead"]] = told["status"]
        return told


def _fork(told: dict[str, Any]) -> int:
    """The pid of a new dialer; in the dialer it does not return."""
    pid = os.fork()
    if pid:
        return pid
    from cli.main import run
    from engine import failpoints

    os.setsid()
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number in (1, 2):
        os.dup2(log, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    failpoints.arm(told["failpoint"])
    code = 1
    with suppress(BaseException):
        code = run(told["arguments"])
    sys.stdout.flush()
    os._exit(code)


def _answer(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def _serve() -> None:
    living: set[int] = set()
    rest = b""
    while True:
        if select.select([0], [], [], TURN_S)[0]:
            data = os.read(0, 65536)
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for told in map(json.loads, lines):
                if "arguments" in told:
                    pid = _fork(told)
                    living.add(pid)
                    _answer({"born": pid})
                elif told["pid"] in living:
                    os.kill(told["pid"], told["signal"])
        for pid in sorted(living):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                living.discard(pid)
                _answer({"dead": pid, "status": os.waitstatus_to_exitcode(status)})
    for pid in living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    for module in ("cli.serve", "engine.wiring", "sdnotify", "uvloop"):
        import_module(module)
    _serve()

"""A program that never outlives us, whatever happens to us.

The kernel kills it when our thread that started it ends (PR_SET_PDEATHSIG), also by SIGKILL; so start
programs from a thread that lives as long as they should. In namespaces of its own (`isolated`) all its
children and mounts go with it. Its session is its own: Ctrl-C on the terminal reaches us, and we stop it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab import LabError


class Process:
    """One program, its output in `log`."""

    def __init__(
        self, command: list[str], log: Path, isolated: bool = False, cwd: Path | None = None
    ) -> None:
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child"] if isolated else []
        self.log = log
        self.isolated = isolated
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *own, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
            )

    @property
    def pid(self) -> int:
        """The program's own pid; inside namespaces that is unshare's only child."""
        if not self.isolated:
            return self.popen.pid
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        return int(children[0]) if children else self.popen.pid

    @property
    def alive(self) -> bool:
        """It runs."""
        return self.popen.poll() is None

    def wait_for(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Until `ready()`; LabError with the log's tail when it ends or takes longer than that."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise LabError(f"{what} ended with status {self.popen.returncode}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise LabError(f"{what} is not ready after {seconds:g} s:\n{tail(self.log)}")
            time.sleep(0.02)

    def stop(self, seconds: float = 5, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, and kill it if it does not in time."""
        if self.alive:
            try:
                os.kill(self.pid, how)
                self.popen.wait(seconds)
            except (subprocess.TimeoutExpired, ProcessLookupError, FileNotFoundError):
                self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; with the first of a namespace all others in it go."""
        if self.alive:
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(self.pid, signal.SIGKILL)
        self.popen.wait()


def tail(path: Path, lines: int = 30) -> str:
    """The last lines of a log, for an error message."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or f"({path} is empty)"

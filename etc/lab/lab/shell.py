"""A person at the shell beside a stand: types `zvonar …`, starts daemons, reads what they print."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.campaign.service import Campaigns
from lab import LabError
from lab.process import Process, tail
from lab.stand import Stand
from storage.db import open_engine

ZVONAR = str(Path(sys.executable).with_name("zvonar"))


class Shell:
    """Leaving it (`with`) ends the daemons that were started and not ended."""

    def __init__(self, stand: Stand, database_url: str, **environment: str) -> None:
        self.stand, self.folder = stand, stand.run_dir
        self.database_url = database_url
        self.environment = {
            **os.environ,
            **stand.environment,
            "ZVONAR_DATABASE_URL": database_url,
            **environment,
        }
        self._daemons = ExitStack()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command, whatever comes of it."""
        return subprocess.run(
            [ZVONAR, *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def zvonar(self, *arguments: str) -> str:
        """The standard output of a command that must succeed; LabError with what it said if not."""
        done = self.run(*arguments)
        if done.returncode:
            raise LabError(f"`zvonar {' '.join(arguments)}` ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The same, asked for as JSON."""
        return json.loads(self.zvonar(*arguments, "--format", "json"))

    @cached_property
    def _campaigns(self) -> Campaigns:
        return Campaigns(open_engine(self.database_url), self.stand.settings)

    def status(self, campaign: str) -> dict[str, Any]:
        """How a campaign stands, as `zvonar campaign status` tells; asked often, so not by a process each."""
        return self._campaigns.status(campaign)

    def until(
        self, campaign: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 60
    ) -> dict[str, Any]:
        """Its status once `holds` of it; LabError when that takes longer."""
        deadline = time.monotonic() + seconds
        while True:
            now = self.status(campaign)
            if holds(now):
                return now
            if time.monotonic() > deadline:
                raise LabError(f"not so after {seconds:g} s: {now}\n{self.logs(20)}")
            time.sleep(0.2)

    def serve(self, what: str, *options: str) -> Process:
        """Start `zvonar serve WHAT …`; its log is WHAT.log."""
        ours = (f"{name}={value}" for name, value in self.environment.items() if name.startswith("ZVONAR_"))
        command = ["env", *ours, ZVONAR, "serve", what, *options]
        daemon = Process(command, self.folder / f"{what}.log", cwd=self.folder)
        self._daemons.callback(daemon.stop, 5)
        return daemon

    def logs(self, lines: int = 100_000) -> str:
        """What the daemons have written."""
        names = ("all", "fastagi", "dialer", "web")
        files = [self.folder / f"{name}.log" for name in names]
        return "\n".join(tail(file, lines) for file in files if file.exists())

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        self._daemons.close()

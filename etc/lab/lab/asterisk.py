"""One running Asterisk with a configuration of ours, alone in its namespaces.

Its ports are in the settings that it is rendered from; they stay the same over `kill` and `start`, so that a
test can take Asterisk away in mid-campaign and bring it back.
"""

import socket
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dialplan import contexts
from engine.settings import Settings
from lab import LabError, chroot
from lab.process import Process, tail

START_S = 30


class Asterisk:
    """Started by `with`; everything of it is in `run_dir`: conf/, log/, spool/, asterisk.log."""

    def __init__(
        self,
        settings: Settings,
        run_dir: Path,
        node: contexts.Node,
        sounds: Mapping[str, Path] | None = None,
    ) -> None:
        self.settings = settings
        self.run_dir = run_dir.resolve()
        self.conf = self.run_dir / "conf"
        folders = {name: self.run_dir / name for name in ("log", "spool", "lib", "cache")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        directories = {
            "astrundir": self.run_dir,
            "astlogdir": folders["log"],
            "astspooldir": folders["spool"],
            "astvarlibdir": folders["lib"],
            "astdbdir": folders["lib"],
            "astcachedir": folders["cache"],
        }
        self.node = replace(
            node,
            home=str(self.conf),
            directories={name: str(folder) for name, folder in directories.items()} | dict(node.directories),
        )
        self.ami_port = contexts.described(settings, node.name).port
        self._launcher = chroot.launcher()
        self._in_chroot = len(self._launcher) > 1
        self._process: Process | None = None
        contexts.write(settings, self.conf, self.node, sounds)

    @property
    def pid(self) -> int:
        """Asterisk's own pid, for measuring what it uses."""
        if self._process is None:
            raise LabError("Asterisk was not started")
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it says FullyBooted; LabError with its last lines if it does not."""
        command = [*self._launcher, "-f", "-C", str(self.conf / "asterisk.conf")]
        self._process = Process(command, self.run_dir / "asterisk.log", isolated=self._in_chroot)
        try:
            self._process.wait_for(self.is_up, START_S, "Asterisk")
        except LabError as error:
            self.kill()
            raise LabError(f"{error}\n{tail(self.run_dir / 'log/messages.log')}") from None

    def is_up(self) -> bool:
        """AMI lets the watcher in and says FullyBooted."""
        asterisk = contexts.described(self.settings, self.node.name)
        password = asterisk.watcher_secret.get_secret_value() or asterisk.secret.get_secret_value()
        login = f"Action: Login\r\nUsername: {asterisk.watcher}\r\nSecret: {password}\r\n\r\n"
        heard = b""
        try:
            with socket.create_connection(("127.0.0.1", self.ami_port), timeout=2) as ami:
                ami.sendall(login.encode())
                while b"Event: FullyBooted" not in heard:
                    received = ami.recv(4096)
                    if not received:
                        return False
                    heard += received
        except OSError:
            return False
        return True

    def console(self, command: str) -> str:
        """What Asterisk's own console answers to a command, as `core show channels`."""
        words = [*self._launcher, "-C", str(self.conf / "asterisk.conf"), "-rx", command]
        own = ["unshare", "--mount"] if self._in_chroot else []
        return subprocess.run([*own, *words], capture_output=True, text=True, timeout=30, check=True).stdout

    def stop(self) -> None:
        """As `systemctl stop` would: it hangs up and says Shutdown."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """As a crash would."""
        if self._process:
            self._process.kill()

    def __enter__(self) -> "Asterisk":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

"""One running Redis of Debian's, on loopback, that keeps nothing on disk."""

import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from lab import LabError
from lab.ports import Ports
from lab.process import Process

START_S = 10


class Redis:
    """Started by `with`."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise LabError("Redis is missing: apt-get install redis-server")
        self._ports = Ports()
        self.port = self._ports.take()
        self.folder = Path(tempfile.mkdtemp(prefix="zvonar-redis-"))
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = Process(self._command, self.folder / "redis.log")
        self._process.wait_for(self.is_up, START_S, "Redis")

    def is_up(self) -> bool:
        """It answers a ping."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(7) == b"+PONG\r\n"
        return False

    def stop(self) -> None:
        """What it held is gone."""
        if self._process:
            self._process.stop()

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._ports.close()

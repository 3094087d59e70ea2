"""One running PostgreSQL with a cluster of its own, durable as in production (fsync on), on loopback.

For root it runs as the user `postgres`, since PostgreSQL refuses to be root; its folder is then outside of
run folders that only root may enter.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
from psycopg2 import sql

from lab import LabError
from lab.ports import Ports
from lab.process import Process, tail

USER = "postgres"
START_S = 30


def programs() -> Path:
    """The folder of `initdb` and `postgres`; LabError when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if not found and not on_path:
        raise LabError("PostgreSQL is missing: apt-get install postgresql-15")
    return found[-1].parent if found else Path(str(on_path)).parent


class Postgres:
    """Started by `with`; `kill` and `start` take it away and bring it back on the same port."""

    def __init__(self) -> None:
        self._bin = programs()
        self._ports = Ports()
        self.port = self._ports.take()
        self.folder = Path(tempfile.mkdtemp(prefix="zvonar-postgres-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
            self._as_user = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
        self._data = self.folder / "data"
        self._process: Process | None = None
        initdb = [*self._as_user, str(self._bin / "initdb"), "--pgdata", str(self._data), "--username", USER]
        initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        made = subprocess.run(initdb, capture_output=True, text=True, timeout=120, cwd="/", check=False)
        if made.returncode:
            self.remove()
            raise LabError(f"initdb failed:\n{made.stderr}")

    @property
    def pid(self) -> int:
        """The first of its processes, for measuring what they use."""
        if self._process is None:
            raise LabError("PostgreSQL was not started")
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        ]
        command = [*self._as_user, "setpriv", "--pdeathsig", "KILL", str(self._bin / "postgres")]
        command += ["-D", str(self._data), *(word for option in options for word in ("-c", option))]
        log = self.folder / "postgres.log"
        deadline = time.monotonic() + START_S
        while True:
            self._process = Process(command, log, cwd=Path("/"))
            try:
                self._process.wait_for(self.is_up, START_S, "PostgreSQL")
                return
            except LabError:
                # After kill -9 the dead one's memory may be held for a moment by a child on its way out.
                if time.monotonic() > deadline or "shared memory block" not in tail(log):
                    self.kill()
                    raise
                time.sleep(0.2)

    def is_up(self) -> bool:
        """It takes connections."""
        with suppress(psycopg2.OperationalError), closing(psycopg2.connect(self.url())):
            return True
        return False

    def url(self, database: str = "postgres") -> str:
        """`postgresql://…` of a database in it."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """Make a fresh, empty database and return its URL."""
        name = f"lab_{uuid.uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {}", name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        self._execute("DROP DATABASE {} WITH (FORCE)", url.rpartition("/")[2])

    def _execute(self, statement: str, name: str) -> None:
        with closing(psycopg2.connect(self.url())) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql.SQL(statement).format(sql.Identifier(name)))

    def stop(self) -> None:
        """An orderly end: connections are cut, nothing is lost."""
        if self._process:
            self._process.stop(20, signal.SIGINT)  # PostgreSQL's "fast shutdown"

    def kill(self) -> None:
        """As a power cut would: every process of it by SIGKILL at once."""
        if self._process and self._process.alive:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self._process.kill()
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)

    def remove(self) -> None:
        """Its files and its port too."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._ports.close()

    def __enter__(self) -> "Postgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.remove()

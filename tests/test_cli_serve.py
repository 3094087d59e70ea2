"""`zvonar serve`: what systemd hears of a daemon, and what a daemon hears by SIGHUP."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.shell import ZVONAR
from storage import dialer as dialers
from storage.db import open_engine, reading


def until(systemd: socket.socket, wanted: bytes) -> None:
    """Hear signs of life up to another word."""
    while (told := systemd.recv(99)) == b"WATCHDOG=1":
        pass
    assert told == wanted


def test_systemd_hears_that_it_is_ready_alive_and_about_to_end(ready: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(ready / "notify"))
        systemd.settimeout(60)
        environment = os.environ | {"ZVONAR_WEB__BIND": "127.0.0.1:0", "WATCHDOG_USEC": "300000"}
        environment |= {"NOTIFY_SOCKET": str(ready / "notify")}
        daemon = subprocess.Popen([ZVONAR, "serve", "web"], env=environment, stderr=subprocess.DEVNULL)
        try:
            until(systemd, b"READY=1")
            assert [systemd.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            daemon.send_signal(signal.SIGTERM)
            until(systemd, b"STOPPING=1")
            assert daemon.wait(30) == 0
        finally:
            daemon.kill()


def trunks(cps: int, *nodes: str) -> str:
    """A settings file with one trunk and these nodes."""
    tables = [f'[[asterisk]]\nname = "{name}"\nport = 9\n' for name in nodes]
    return "\n".join([*tables, f'[[trunk]]\nname = "trunk"\ncps = {cps}\n'])


def test_a_hangup_signal_has_nodes_and_trunks_read_anew_and_a_wrong_file_changes_nothing(
    ready: Path, monkeypatch: Any
) -> None:
    monkeypatch.delenv("ZVONAR_ASTERISK__SECRET")  # it is for one node
    engine, file, log = open_engine(os.environ["ZVONAR_DATABASE_URL"]), ready / "zvonar.toml", ready / "log"

    def told() -> tuple[float, set[str]] | None:
        with reading(engine) as connection:
            states = [row.state for row in dialers.dialers(connection) if row.state]
        return (states[0]["trunks"]["trunk"]["cps_limit"], set(states[0]["nodes"])) if states else None

    def until(holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, (told(), log.read_text())
            time.sleep(0.1)

    file.write_text(trunks(7, "east"))
    with log.open("wb") as out:
        daemon = subprocess.Popen([ZVONAR, "serve", "dialer"], stderr=out)
    try:
        until(lambda: told() == (7, {"east"}))
        file.write_text(trunks(9, "east", "west"))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: told() == (9, {"east", "west"}))
        file.write_text(trunks(-1, "west"))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "the old ones stay in force" in log.read_text())
        file.write_text('lang = "en"\n' + trunks(8, "west"))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: told() == (8, {"west"}))
        assert '"settings": ["lang"]' in log.read_text()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
    finally:
        daemon.kill()
        engine.dispose()

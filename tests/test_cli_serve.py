"""`zvonar serve`: what systemd hears of a daemon."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from lab.shell import ZVONAR


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

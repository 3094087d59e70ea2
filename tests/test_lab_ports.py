"""Reserved ports: nobody gets the same ones, and they come back."""

import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lab import LabError
from lab.ports import BLOCK, BLOCKS, FIRST, Ports, is_free


def test_two_spans_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.shuffle", sorted)  # both look in the same place first
    with Ports(BLOCK) as one, Ports(2 * BLOCK) as other:
        mine = {one.take() for _ in range(10)}
        theirs = set(range(first := other.take(BLOCK + 100), first + BLOCK + 100))
        assert not mine & theirs
        assert all(FIRST <= port < FIRST + BLOCK * BLOCKS for port in mine | theirs)


def test_ports_taken_together_are_in_a_row_even_and_taken_once() -> None:
    with Ports() as ports:
        firsts = [ports.take(3) for _ in range(20)]
        assert all(first % 2 == 0 for first in firsts)
        assert all(later - earlier >= 3 for earlier, later in pairwise(firsts))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_passed_over(kind: socket.SocketKind) -> None:
    with Ports() as ports, socket.socket(socket.AF_INET, kind) as busy:
        first = ports.take()
        busy.bind(("127.0.0.1", first + 3))
        if kind == socket.SOCK_STREAM:
            busy.listen()
        assert not is_free(first + 3)
        assert ports.take(4) > first + 3


def test_a_span_has_an_end_and_so_has_the_machine() -> None:
    with Ports() as ports:
        ports.take(BLOCK - 2)
        with pytest.raises(LabError, match="fewer than 4"):
            ports.take(4)
    with pytest.raises(LabError, match="in a row"):
        Ports(BLOCK * (BLOCKS + 1))


def test_a_holder_that_dies_lets_go() -> None:
    hold = "from lab.ports import *; import os, signal; Ports(); os.kill(os.getpid(), signal.SIGKILL)"
    before = held()
    subprocess.run([sys.executable, "-c", hold], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert held() <= before


def held() -> set[str]:
    """The names of blocks held by anybody on this machine."""
    table = Path("/proc/net/unix").read_text().splitlines()
    return {line.split()[-1] for line in table if "zvonar-lab-ports" in line}

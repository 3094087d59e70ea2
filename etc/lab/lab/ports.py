"""Free ports on loopback, reserved for the life of their holder.

Asking the kernel for a free port and letting it go is a race, and an RTP range has to be kept while no call
uses it. So spans of ports below the kernel's own range are reserved by binding an abstract Unix socket
named after each block: no file to clean up, and the kernel lets go when the holder dies.
"""

import random
import socket

from lab import LabError

FIRST, BLOCK, BLOCKS = 12_000, 500, 40  # up to 32,000: outgoing connections begin at 32,768


class Ports:
    """`size` ports in a row that no other lab on this machine has."""

    def __init__(self, size: int = BLOCK) -> None:
        self._held: list[socket.socket] = []
        count = -(-size // BLOCK)
        starts = list(range(BLOCKS - count + 1))
        random.shuffle(starts)
        for start in starts:
            if self._hold(range(start, start + count)):
                self._next, self._end = FIRST + start * BLOCK, FIRST + (start + count) * BLOCK
                return
        raise LabError(f"no {size} free ports in a row between {FIRST} and {FIRST + BLOCK * BLOCKS}")

    def _hold(self, blocks: range) -> bool:
        """Hold all these blocks, or none."""
        for block in blocks:
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._held.append(holder)
            try:
                holder.bind(f"\0zvonar-lab-ports-{block}")
            except OSError:
                self.close()
                return False
        return True

    def take(self, count: int = 1) -> int:
        """The first of `count` ports in a row, even (RTP's custom), all free for TCP and UDP now."""
        first = self._next + self._next % 2
        while first + count <= self._end:
            taken = next((port for port in range(first, first + count) if not is_free(port)), None)
            if taken is None:
                self._next = first + count
                return first
            first = taken + 1 + (taken + 1) % 2
        raise LabError(f"fewer than {count} free ports are left of this lab's")

    def close(self) -> None:
        """Let the ports go."""
        while self._held:
            self._held.pop().close()

    def __enter__(self) -> "Ports":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_free(port: int) -> bool:
    """Nobody listens on it on any address, by TCP or UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # the remains of closed connections do not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104  any address: only to see whether one is taken
            except OSError:
                return False
    return True

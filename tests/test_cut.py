"""The line that can be cut does what its table says; else the tests that use it would show nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from cut import Cut, Way


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything again."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve_one(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            while data := peer.recv(4096):
                peer.sendall(data)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve_one, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1]
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def call(cut: Cut) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cut.port), timeout=5)


def says(line: socket.socket, word: bytes) -> bytes:
    line.sendall(word)
    return line.recv(100)


def test_it_passes_everything_on_and_the_end_too(echo):
    with Cut(echo) as cut, call(cut) as line:
        assert says(line, b"one") == b"one"
        line.shutdown(socket.SHUT_WR)
        assert line.recv(100) == b""


def test_cut_resets_and_refuses_until_mended_on_the_same_port(echo):
    with Cut(echo) as cut, call(cut) as line:
        port = cut.port
        assert says(line, b"one") == b"one"
        cut.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(100)
        with pytest.raises(ConnectionRefusedError):
            call(cut)
        cut.mend()
        with call(cut) as again:
            assert cut.port == port
            assert says(again, b"two") == b"two"


@pytest.mark.parametrize("way", [Way.BOTH, Way.THERE, Way.BACK])
def test_hold_is_silent_and_comes_through_late(echo, way):
    with Cut(echo) as cut, call(cut) as line:
        assert says(line, b"one") == b"one"
        cut.hold(way)
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            says(line, b"two")
        cut.mend()
        line.settimeout(5)
        assert line.recv(100) == b"two"


def test_what_was_held_is_lost_by_a_cut(echo):
    with Cut(echo) as cut, call(cut) as line:
        cut.hold()
        line.sendall(b"lost")
        cut.cut()
        cut.mend()
        with pytest.raises(ConnectionResetError):
            line.recv(100)
        with call(cut) as again:
            assert says(again, b"new") == b"new"


def test_slow_delays_each_answer(echo):
    with Cut(echo) as cut, call(cut) as line:
        cut.slow(0.4)
        began = time.monotonic()
        assert says(line, b"one") == b"one"
        assert time.monotonic() - began >= 0.4

"""A TCP line between two of our parts that can be cut: for tests of what is promised when a network fails.

| | connections that are there | new ones |
|---|---|---|
| `cut` | reset | refused |
| `hold` | stay, and nothing passes any more, not even their end: a lost router | taken, and silent |
| `slow` | what the server says comes later by so much | the same |
| `mend` | what was held comes through, late; and all is well | pass |

`hold(Way.BACK)` holds one way only. `cut` while held: what was held is lost.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from enum import Flag
from typing import Any

CHUNK = 65536


class Way(Flag):
    """From whoever connected to the server, and back."""

    THERE = 1
    BACK = 2
    BOTH = 3


class Cut:
    """Started by `with`, in a thread of its own; whoever should be cut off connects to `port`."""

    def __init__(self, to_port: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self._to = host, to_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: dict[Way, asyncio.Event] = {}
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break what is there, let nobody in."""
        self._do(self._cut())

    def hold(self, way: Way = Way.BOTH) -> None:
        """Let nothing pass, and say nothing of it."""
        self._do(self._hold(way))

    def slow(self, seconds: float) -> None:
        """Each word of the server's comes so much later."""
        self._delay_s = seconds

    def mend(self) -> None:
        """As if nothing had been."""
        self._delay_s = 0.0
        self._do(self._mend())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._writers:
            _reset(writer)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold(self, way: Way) -> None:
        for one in way:
            self._open[one].clear()

    async def _mend(self) -> None:
        for event in self._open.values():
            event.set()
        if self._server is None:
            await self._listen()

    def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._open[Way.THERE].wait()
            far_reader, far = await asyncio.open_connection(*self._to)
            self._writers.add(far)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass_on(reader, far, Way.THERE))
                    both.create_task(self._pass_on(far_reader, writer, Way.BACK))
            finally:
                self._writers.discard(far)
                far.transport.abort()
        except (OSError, ExceptionGroup):
            pass  # broken by either side: the other is broken too
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        """One way, until its end, which is passed on too."""
        loop = asyncio.get_running_loop()
        while data := await reader.read(CHUNK):
            said = loop.time()
            await self._open[way].wait()
            if way is Way.BACK and self._delay_s:
                await asyncio.sleep(said + self._delay_s - loop.time())
            writer.write(data)
            await writer.drain()
        await self._open[way].wait()
        with suppress(OSError):
            writer.write_eof()

    def __enter__(self) -> "Cut":
        self._open = {way: asyncio.Event() for way in Way.BOTH}
        self._thread.start()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST and not with FIN."""
    sock = writer.transport.get_extra_info("socket")
    with suppress(OSError):  # gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

"""Asterisk's end of FastAGI, for tests: a blocking socket that sends an environment and answers commands.

`Running` is our server on an event loop in a thread of its own, so a test reads from top to bottom.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Self

import structlog
import uvloop

from engine.sections import Fastagi
from fastagi.routes import Route
from fastagi.server import Server
from fastagi.session import Studio

AUDIO = "/var/zvonar/audio"
PATIENCE_S = 10
# What Asterisk 22 sends, in its order; agi_calleridname is the caller's own text.
ENVIRONMENT = {
    "agi_network": "yes",
    "agi_network_script": "debtor",
    "agi_request": "agi://127.0.0.1:4573/debtor",
    "agi_channel": "PJSIP/trunk-00000a1b",
    "agi_language": "ru",
    "agi_type": "PJSIP",
    "agi_uniqueid": "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55",
    "agi_version": "22.10.1",
    "agi_callerid": "unknown",
    "agi_calleridname": "unknown",
    "agi_callingpres": "67",
    "agi_callingani2": "0",
    "agi_callington": "0",
    "agi_callingtns": "0",
    "agi_dnid": "unknown",
    "agi_rdnis": "unknown",
    "agi_context": "zvonar-debtor",
    "agi_extension": "start",
    "agi_priority": "3",
    "agi_enhanced": "0.0",
    "agi_accountcode": "",
    "agi_threadid": "140213399213824",
}


def environment(**changes: str) -> bytes:
    """The environment's bytes, some values changed or added."""
    lines = [f"{key}: {value}\n" for key, value in {**ENVIRONMENT, **changes}.items()]
    return "".join(lines).encode() + b"\n"


class Asterisk:
    """One call's connection to the server."""

    def __init__(self, port: int, first: bytes | None = None, **changes: str) -> None:
        """Connect and send the environment, or `first` in its place."""
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.lines = self.socket.makefile("rb")
        self.say(environment(**changes) if first is None else first)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.hang_up()

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def hear(self) -> str:
        """The next command, or "" when the server has closed the connection."""
        try:
            return self.lines.readline().decode().rstrip("\n")
        except ConnectionResetError:
            return ""

    def answer(self, *replies: str) -> list[str]:
        """Give each next command the next reply; the commands."""
        commands = []
        for reply in replies:
            commands.append(self.hear())
            self.say(reply.encode() + b"\n")
        return commands

    def hang_up(self) -> None:
        """Close the connection, as Asterisk does with AGIEXITONHANGUP."""
        self.lines.close()
        self.socket.close()


class Running:
    """Our server, listening on a port of 127.0.0.1 that is free."""

    def __init__(
        self, routes: Mapping[str, Route], stock_loop: bool = False, audio: str = AUDIO, **settings: Any
    ) -> None:
        self._settings = Fastagi(**{"bind": "127.0.0.1:0", "threads": 2} | settings)
        self._routes = routes
        self._faults: list[dict[str, Any]] = []
        self._studio = Studio(audio, max_call_s=60)
        self._loop = asyncio.new_event_loop() if stock_loop else uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._loop.set_exception_handler(lambda _loop, context: self._faults.append(context))
        self._thread.start()
        self.server = self.run(self._start())
        self.port = self.server.port
        return self

    def __exit__(self, *_error: object) -> None:
        self.run(self.server.drain(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()
        assert not self._faults, "an exception of ours came out in the event loop"

    async def _start(self) -> Server:
        server = Server(self._settings, self._routes, self._studio)
        await server.start()
        return server

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's loop; its result."""
        return self.start(work).result(PATIENCE_S)

    def start(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Begin a coroutine on the server's loop; a future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)


class Log:
    """What was logged, as dictionaries; contextvars are in them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.logger = structlog.wrap_logger(
            None,
            processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, self._keep],
        )

    def _keep(self, _logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        raise structlog.DropEvent

    def at(self, *levels: str) -> list[dict[str, Any]]:
        """The events of these levels."""
        return [event for event in self.events if event["level"] in levels]


def until(true: Callable[[], object]) -> None:
    """Wait for something that happens in another thread; an error when it does not."""
    ticks = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if true():
            return
        ticks.wait(0.01)
    raise AssertionError("it did not happen")

"""One TCP connection of Asterisk's: makes the moves of one call, driven by the socket's callbacks.

No task and no queue stand between a reply and the next command: `data_received` hands the reply to the call
and writes the command that comes out. Nothing can pile up on the way out (one command of at most 8 KiB is
under way) nor on the way in (a line of at most 8 KiB, and a reply that nobody asked for ends the session).

`_stop` is why no further command may be sent: HungUp, or the error that broke the session. It is thrown
into the call at its next command. Work in the pool is never cut off: what it began is awaited, so `finish`
comes last and once.
"""

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

from structlog.contextvars import bind_contextvars

from dialplan.steps import HungUp
from engine.telemetry import logger
from fastagi.commands import words
from fastagi.protocol import Connection, Environment, RemoteError, Reply
from fastagi.routes import NotLetIn
from fastagi.session import Do, Move, Moves, Work

if TYPE_CHECKING:
    from fastagi.server import Server

GOOD, DEAD = 200, 511
ENVIRONMENT_S = 2.0
# `open` and `tell` are one short transaction while the caller hears nothing; later he is led to the fallback.
WORK_S = 2.5

# Why a command cannot be sent any more once the line was given back.
_FREED = HungUp()

log = logger("agi")


class Link(asyncio.Protocol):
    """A connection from its accept to the end of its call's `finish`."""

    __slots__ = (
        "_agi",
        "_call",
        "_context",
        "_server",
        "_stop",
        "_transport",
        "_working",
        "deadline",
        "has_call",
    )

    # Set by `connection_made`, and once the environment is good (`has_call`).
    _transport: asyncio.Transport
    _call: Moves
    _context: Context

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._agi = Connection()
        self._stop: Exception | None = None
        self._working = False
        self.has_call = False
        self.deadline = server.loop.time() + ENVIRONMENT_S

    # What the socket tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the peer in, or close at once."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if peer is None:  # a port scan: gone again already
            self.halt(HungUp())
            return
        try:
            self._server.admit(self, peer[0])
        except NotLetIn as refusal:
            self._refuse(refusal)

    def data_received(self, data: bytes) -> None:
        """Hand on what the bytes complete, up to what ends the session."""
        try:
            events = self._agi.receive(data)
        except RemoteError as error:
            if self.has_call:
                self.halt(error)
            else:
                self._refuse(NotLetIn("environment", str(error)))
            return
        for event in events:
            if self._stop is not None:
                break
            if type(event) is Environment:
                self._enter(event)
            elif type(event) is not Reply:
                self.halt(HungUp())
            elif event.code == GOOD:
                self._context.run(self._advance, self._call.send, event)
            else:
                self._refused(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller hung up, or Asterisk died; a connection that never spoke just goes."""
        if self._stop is None:
            self.halt(HungUp())

    # What the server's clock and its end tell us.

    def overdue(self) -> None:
        """The deadline has passed: of the environment, of a reply, or of work that the caller waits for."""
        if not self.has_call:
            self._refuse(NotLetIn("slow"))
        elif self._working:
            self._context.run(log.error, "work took too long, the dialplan falls back", limit_s=WORK_S)
            self.halt(HungUp())
        else:
            self.halt(RemoteError(f"no reply in time to {words(self._agi.command)}"))

    def halt(self, reason: Exception) -> None:
        """No further command: free the line, and tell the call why at the command under way."""
        self._free(reason)
        if not self.has_call:
            self._server.leave(self)
        elif not self._working:
            self._context.run(self._advance, self._call.throw, reason)

    # What the call asks for.

    def _refused(self, reply: Reply) -> None:
        if reply.code == DEAD:
            reason: Exception = HungUp()
        else:
            reason = RemoteError(f"{reply.code} to {words(self._agi.command)}")
        self._context.run(self._advance, self._call.throw, reason)

    def _enter(self, environment: Environment) -> None:
        try:
            call_id, self._call = self._server.enter(environment.variables)
        except NotLetIn as refusal:
            self._refuse(refusal)
            return
        self.has_call = True
        self._context = copy_context()
        self._context.run(bind_contextvars, call_id=call_id)
        self._context.run(self._advance, self._call.send, None)

    def _refuse(self, refusal: NotLetIn) -> None:
        self._server.refused(refusal)
        self.halt(refusal)

    def _advance(self, resume: Callable[[Any], Move], value: Any) -> None:
        """Give the call what came of its last move, and make its next ones up to one that takes time."""
        try:
            move = resume(value)
            while type(move) is not Work:
                if type(move) is not Do:
                    self._free(_FREED)
                    move = self._call.send(None)
                elif self._stop is None:
                    self.deadline = self._server.loop.time() + move.patience_s
                    self._transport.write(self._agi.send(move.command))
                    return
                else:
                    move = self._call.throw(self._stop)
            self._work(move)
        except (StopIteration, HungUp):
            self._over()
        except Exception as error:
            log.error("call broke, the dialplan falls back", exc_info=error)
            self._over()

    def _free(self, reason: Exception) -> None:
        """Give the line back: nobody waits any more, and `reason` is what a command from now on gets."""
        self._stop = self._stop or reason
        self.deadline = math.inf
        self._transport.close()

    def _over(self) -> None:
        self._free(_FREED)
        self._server.leave(self)

    def _work(self, move: Work) -> None:
        """Into the pool; with a deadline only as long as a caller waits for it."""
        self._working = True
        if self._stop is None:
            self.deadline = self._server.loop.time() + WORK_S
        future = self._server.pool.submit(copy_context().run, move.function, move.argument)
        future.add_done_callback(self._from_thread)

    def _from_thread(self, future: Future[Any]) -> None:
        self._server.loop.call_soon_threadsafe(self._worked, future)

    def _worked(self, future: Future[Any]) -> None:
        self._working = False
        error = future.exception()
        if error is None:
            self._context.run(self._advance, self._call.send, future.result())
        else:
            self._context.run(self._advance, self._call.throw, error)

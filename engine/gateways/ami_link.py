"""One AMI connection: actions with their replies, events to a callback, a watchdog. Nothing is ever re-sent.

The reader only cuts bytes into messages and hands them on. A reply finds its action by ActionID; a reply
that comes after its deadline finds none and is dropped.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import cast

from engine.errors import AsteriskDown, UsageError
from engine.failpoints import reached
from engine.gateways.ami_protocol import Framer, Message, ProtocolError, encode

GREETING = "Asterisk Call Manager"
WRITE_LIMIT = 64 * 1024  # bytes that may wait for a peer that does not read; above it nothing is sent


class NoReply(AsteriskDown):
    """The action was written and its reply did not come: whether it was carried out is not known."""


class Denied(AsteriskDown):
    """Asterisk refuses our user or lacks a right for it: trying again would not help."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A Ping each `ping_s` has `reply_s` to be answered, as every action but the list of channels.

    What is out of reach is asked for each `reach_s`.

    Pauses between connections grow from `back_off_s[0]` to `[1]`; chance shortens each by up to half.
    """

    connect_s: float = 5
    reply_s: float = 3
    list_s: float = 30
    ping_s: float = 5
    reach_s: float = 30
    back_off_s: tuple[float, float] = (0.2, 5)


class Link(asyncio.Protocol):
    """A connection; `lost` is done, with the reason, once it is gone."""

    def __init__(self, on_event: Callable[["Link", Message], None]) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.paused = False
        self._on_event = on_event
        self._framer = Framer()
        self._replies: dict[str, asyncio.Future[Message]] = {}
        self._ids = (f"link-{number}" for number in count(1))
        self._transport: asyncio.Transport | None = None
        self._clogged = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_LIMIT)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.feed(data)
            if self._framer.banner is not None and not self._framer.banner.startswith(GREETING):
                raise ProtocolError("no Asterisk manager answers there")
        except ProtocolError as error:
            self.drop(str(error))
            return
        for message in messages:
            if message.event:
                self._on_event(self, message)
            else:
                self._reply(message)

    def connection_lost(self, error: Exception | None) -> None:
        self.drop(str(error or "Asterisk closed the connection"))

    def pause_writing(self) -> None:
        self._clogged = True

    def resume_writing(self) -> None:
        self._clogged = False

    # What the node calls.

    @property
    def gone(self) -> bool:
        """The connection is lost."""
        return self.lost.done()

    def pause(self) -> None:
        """Read no more for now; what Asterisk has to say waits with it."""
        if self._transport and not self.paused and not self.gone:
            self.paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport and self.paused and not self.gone:
            self.paused = False
            self._transport.resume_reading()

    def drop(self, reason: str) -> None:
        """Close at once; actions that wait for a reply get NoReply."""
        if self.gone:
            return
        self.lost.set_result(reason)
        if self._transport:
            self._transport.abort()
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(NoReply(f"connection lost before the reply: {reason}"))
        self._replies.clear()

    async def ask(self, headers: Mapping[str, str], within_s: float) -> Message:
        """Send an action once and return its reply.

        AsteriskDown: nothing was written. NoReply: it was, and no reply came. UsageError: bad headers.
        """
        action_id = headers.get("ActionID") or next(self._ids)
        data = encode({**headers, "ActionID": action_id})
        if self.gone or self._transport is None:
            raise AsteriskDown(self.lost.result() if self.gone else "not connected yet")
        if self._clogged:
            raise AsteriskDown("Asterisk does not read what we send")
        if action_id in self._replies:
            raise UsageError(f"ActionID {action_id!r} still waits for its reply")
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Message] = loop.create_future()
        self._replies[action_id] = reply
        deadline = loop.call_later(within_s, self._late, action_id, within_s)
        self._transport.write(data)
        if headers.get("Action") == "Originate":
            reached("originate-written")
        try:
            return await reply
        finally:
            deadline.cancel()
            self._replies.pop(action_id, None)

    async def watch(self, timing: Timing, until: asyncio.Future[None] | None = None) -> None:
        """Ping now and then; return when `until` is done. AsteriskDown when the link is lost or dead."""
        waited_for = {self.lost} | ({until} if until else set())
        while True:
            await asyncio.wait(waited_for, timeout=timing.ping_s, return_when=asyncio.FIRST_COMPLETED)
            if self.gone:
                raise AsteriskDown(self.lost.result())
            if until and until.done():
                return
            try:
                await self.ask({"Action": "Ping"}, timing.reply_s)
            except NoReply as error:
                if not self.paused:  # while we do not read, a reply cannot come
                    raise AsteriskDown(f"Ping was not answered: {error}") from None

    def _reply(self, message: Message) -> None:
        waiting = self._replies.get(message.get("ActionID"))
        if waiting and not waiting.done():
            waiting.set_result(message)

    def _late(self, action_id: str, within_s: float) -> None:
        waiting = self._replies.get(action_id)
        if waiting and not waiting.done():
            waiting.set_exception(NoReply(f"no reply within {within_s:g} s"))


async def connect(host: str, port: int, on_event: Callable[[Link, Message], None], timing: Timing) -> Link:
    """A fresh connection, not logged in; AsteriskDown when there is none to be had."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timing.connect_s):
            _, link = await loop.create_connection(lambda: Link(on_event), host, port)
    except TimeoutError:
        raise AsteriskDown(f"{host}:{port} does not answer within {timing.connect_s:g} s") from None
    except OSError as error:
        raise AsteriskDown(f"{host}:{port}: {error}") from None
    return link


async def log_in(link: Link, username: str, secret: str, *, events: bool, timing: Timing) -> None:
    """Log in; Denied when user or secret are refused."""
    action = {"Action": "Login", "Username": username, "Secret": secret, "Events": "on" if events else "off"}
    reply = await link.ask(action, timing.reply_s)
    if reply.get("Response") != "Success":
        told = reply.get("Message")
        if told == "Authentication failed":
            raise Denied(f"Asterisk refuses the AMI user {username!r}: {told}")
        raise AsteriskDown(f"login as {username!r}: {told}")

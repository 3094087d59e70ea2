"""The FastAGI listener: who may connect, how many at a time, and how it ends.

- Binds one address; 0.0.0.0 and :: only with `allow_any_address`, for AGI has neither login nor encryption.
- Peers by address, scripts by route, calls by token (see `routes`). Whoever is not let in is closed at once:
  Asterisk then plays the dialplan's fallback, which is quicker and kinder than a call kept waiting.
- At most `max_sessions` connections, whatever they are at: greeting, playing or finishing.
- One sweep of all connections every 0.2 s keeps the deadlines: no timer is set or cancelled per command.
- Blocking work runs in `threads` threads; a connection has at most one piece there, so their queue is
  bounded by `max_sessions`.

`drain` is the end: nobody new, calls under way get their time, then they are cut and still finished.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from socket import SOCK_STREAM

from dialplan.steps import HungUp
from engine import telemetry
from engine.errors import SettingsError
from engine.sections import Fastagi
from fastagi import session
from fastagi.link import Link
from fastagi.routes import NotLetIn, Route, call_of, check_token, route_of
from fastagi.session import Moves, Studio

SWEEP_S = 0.2
BACKLOG = 1024
# After the limit of a drain: time for the database work of the calls that were cut.
FINISH_S = 10.0

log = telemetry.logger("agi")


class Server:
    """Listens, limits, drains. Make, start and drain it on one running event loop."""

    def __init__(self, settings: Fastagi, routes: Mapping[str, Route], studio: Studio) -> None:
        """SettingsError when an address cannot be."""
        self.loop = asyncio.get_running_loop()
        self.pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="agi")
        self._settings = settings
        self._routes = routes
        self._studio = studio
        self._host, self._port = _host_and_port(settings.bind)
        self._peers = frozenset(_address(peer) for peer in settings.peers)
        self._key = settings.token_key.get_secret_value()
        self._links: set[Link] = set()
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self) -> None:
        """Listen; SettingsError when the address is not ours, in use, or every address there is."""
        try:
            found = await self.loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)
            addresses = sorted({str(info[4][0]) for info in found})
            if not self._settings.allow_any_address and any(
                ip_address(one).is_unspecified for one in addresses
            ):
                raise SettingsError(
                    f"fastagi.bind: {self._settings.bind} means every address, and AGI has no login; "
                    "name one, or set fastagi.allow_any_address"
                )
            self._listener = await self.loop.create_server(
                lambda: Link(self), addresses, self._port, backlog=BACKLOG
            )
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"fastagi.bind: {self._settings.bind}: {error}") from None
        self._sweep()
        log.info("listening", address=self._settings.bind, routes=sorted(self._routes))

    @property
    def port(self) -> int:
        """The port that it listens on; useful when the setting says 0."""
        if self._listener is None:
            raise RuntimeError("the server has not been started")
        return int(self._listener.sockets[0].getsockname()[1])

    @property
    def sessions(self) -> int:
        """Connections under way."""
        return len(self._links)

    async def drain(self, limit_s: float | None = None) -> int:
        """Take nobody new, wait `limit_s` (`drain_s`) for calls under way, cut the rest; how many were cut.

        A cut call's dialplan plays its fallback; its conversation ends as by a hang-up and is finished.
        """
        limit_s = self._settings.drain_s if limit_s is None else limit_s
        if self._listener is not None:
            self._listener.close()
        for link in [link for link in self._links if not link.has_call]:
            link.halt(HungUp())
        await self._emptied(limit_s)
        cut = list(self._links)
        for link in cut:
            link.halt(HungUp())
        await self._emptied(FINISH_S)
        if self._sweeper is not None:
            self._sweeper.cancel()
        telemetry.sessions.set(len(self._links))
        self.pool.shutdown(wait=False)
        log.info("drained", cut=len(cut), unfinished=len(self._links))
        return len(cut)

    async def _emptied(self, limit_s: float) -> None:
        self._empty.clear()
        if self._links:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), limit_s)

    # What a link asks of its server.

    def admit(self, link: Link, peer: str) -> None:
        """Count the connection in; NotLetIn for strangers and when the house is full."""
        if peer not in self._peers:
            raise NotLetIn("peer", peer)
        if len(self._links) >= self._settings.max_sessions:
            raise NotLetIn("busy")
        self._links.add(link)

    def enter(self, environment: Mapping[str, str]) -> tuple[str, Moves]:
        """The call's id and its moves; NotLetIn when there is no such script or the token is not right."""
        call = call_of(environment)
        route = route_of(call, self._routes)
        if self._key:
            check_token(call, self._key, time.time())
        return call.uniqueid, session.call(call, route, self._studio)

    def refused(self, refusal: NotLetIn) -> None:
        """Somebody was not let in."""
        telemetry.sessions_refused.labels(refusal.why).inc()
        log.warning("call refused", reason=str(refusal))

    def leave(self, link: Link) -> None:
        """A connection is done with, its call finished."""
        self._links.discard(link)
        if not self._links:
            self._empty.set()

    def _sweep(self) -> None:
        telemetry.sessions.set(len(self._links))
        now = self.loop.time()
        for link in [link for link in self._links if link.deadline < now]:
            link.overdue()
        self._sweeper = self.loop.call_later(SWEEP_S, self._sweep)


def _host_and_port(bind: str) -> tuple[str, int]:
    """`127.0.0.1:4573`, `[::1]:4573` -> host and port; SettingsError for anything else."""
    host, colon, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and colon and port.isdecimal() and int(port) < 65536):
        raise SettingsError(f"fastagi.bind: {bind!r} is not HOST:PORT")
    return host, int(port)


def _address(peer: str) -> str:
    """A peer's address as the socket will write it."""
    try:
        return str(ip_address(peer))
    except ValueError:
        raise SettingsError(f"fastagi.peers: {peer!r} is not an address") from None

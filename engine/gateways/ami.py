"""One Asterisk node over AMI: calls go out, what happens to them comes in.

Two connections. Actions go through the first (user `username`: originate and call, events off). Events come
through the second (`watcher`: reads call and system, may ask `reporting`). Each is re-made on its own, with
growing pauses; only "Authentication failed" or a missing right ends that.

The second's life:

    connect -> log in -> FullyBooted -> CoreSettings -> QueueStatus -> one CoreShowChannels -> LinkUp
    ... LinkDown -> again

Which endpoints a carrier answers behind is asked before LinkUp and then told by events (`unreachable`); those
out of reach are asked for again now and then, lest a missed event keep a trunk from use for ever.

AMI has no replay: what happens between LinkDown and LinkUp is lost, so LinkUp tells which channels live. It
stands in the queue where the list ended, and a channel that hung up while the list was told is not in it.

A full queue stops the reading, it drops nothing. An event dropped here would be a call without an end, and
nobody would know. Unread events wait in the sockets, then in Asterisk; if we stay slow it breaks the
connection (`writetimeout`), and that loss is told: LinkDown, then LinkUp with what is true now. While the
queue is full nothing is dialled.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine import telemetry
from engine.errors import AsteriskDown
from engine.gateways.ami_link import Denied, Link, NoReply, Timing, connect, log_in
from engine.gateways.ami_protocol import (
    OUT_OF_REACH,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Message,
    Originate,
    Reach,
    ask_state,
    translate,
    warnings,
)
from engine.sections import Asterisk

QUEUE_LIMIT = 10_000  # events; about 800 calls' worth, a few MB
LAG_EVENTS, LAG_S = 1000, 2.0  # the lag is that of so many events, of so many last seconds


@dataclass(frozen=True, slots=True)
class Accepted:
    """Asterisk took the call over; its events follow."""


@dataclass(frozen=True, slots=True)
class Declined:
    """Asterisk refused, with its reason: nothing was dialled."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It was sent and no answer came: dialled or not. Events may tell; it may not be sent again."""

    reason: str


@dataclass(slots=True)
class _Listing:
    """CoreShowChannels under way: channels told so far, and those that hung up meanwhile."""

    told: dict[str, str] = field(default_factory=dict)  # channel -> ChannelState
    gone: set[str] = field(default_factory=set)

    def tell(self, started: datetime, version: str) -> LinkUp:
        """What is true at its end."""
        live = self.told.keys() - self.gone
        up = frozenset(channel for channel in live if self.told[channel] == "6")
        return LinkUp(frozenset(live), started, version, up)


class Node:
    """One Asterisk. `start`, then `take` events for ever and `originate`; at the end `stop`."""

    def __init__(
        self,
        settings: Asterisk,
        timing: Timing | None = None,
        queue_limit: int = QUEUE_LIMIT,
        endpoints: Collection[str] = (),
    ) -> None:
        """`endpoints`: those that calls go out by, whose reach is to be known."""
        self.name = settings.name
        self.unreachable: frozenset[str] = frozenset()
        self._endpoints = endpoints
        self._settings = settings
        self._timing = timing or Timing()
        self._log = telemetry.logger("ami").bind(node=settings.name)
        self._limit = queue_limit
        self._queue: deque[tuple[float, Event]] = deque()
        self._filled = asyncio.Event()
        self._lags: deque[tuple[float, float]] = deque(maxlen=LAG_EVENTS)  # (when taken, how late)
        self._actions: Link | None = None
        self._events: Link | None = None  # set while events flow: between LinkUp and LinkDown
        self._reading: Link | None = None
        self._booted: asyncio.Future[None] | None = None
        self._listed: asyncio.Future[None] | None = None
        self._listing: _Listing | None = None
        self._started = datetime.fromtimestamp(0, UTC)
        self._version = ""
        self._denied = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to connect, and to keep connected; LinkUp tells when it has come about."""
        self._tasks = [
            asyncio.create_task(self._keep(self._run_events), name=f"ami-events-{self.name}"),
            asyncio.create_task(self._keep(self._run_actions), name=f"ami-actions-{self.name}"),
            asyncio.create_task(self._ask_again(), name=f"ami-reach-{self.name}"),
        ]

    async def stop(self) -> None:
        """Close both connections. Calls that Asterisk has go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """May dial: both connections are up, Asterisk has booted, and its events are being handled."""
        return self._why_not() == ""

    def _why_not(self) -> str:
        if self._denied:
            return self._denied
        if self._actions is None or self._events is None or self._actions.gone or self._events.gone:
            return f"{self.name}: no AMI connection"
        return f"{self.name}: events are handled too slowly" if self._events.paused else ""

    async def take(self, most: int = 256) -> list[Event]:
        """The next events in order, at least one and at most `most`; waits for them."""
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        now = asyncio.get_running_loop().time()
        taken: list[Event] = []
        while self._queue and len(taken) < most:
            arrived, event = self._queue.popleft()
            telemetry.event_lag.observe(now - arrived)
            self._lags.append((now, now - arrived))
            taken.append(event)
        if self._reading and self._reading.paused and len(self._queue) <= self._limit // 2:
            self._reading.resume()
        return taken

    @property
    def lag_s(self) -> float:
        """How late events are handled: p99 of the last two seconds, or how long the eldest waits already."""
        now = asyncio.get_running_loop().time()
        recent = sorted(late for taken, late in self._lags if now - taken <= LAG_S)
        waits = now - self._queue[0][0] if self._queue else 0.0
        return max(waits, recent[(99 * len(recent)) // 100] if recent else 0.0)

    async def originate(self, call: Originate) -> Accepted | Declined | Unclear:
        """Send one Originate, once. AsteriskDown: nothing was sent, the call may be made later."""
        if not self.connected or self._actions is None:
            raise AsteriskDown(self._why_not())
        try:
            reply = await self._actions.ask(call.headers(), self._timing.reply_s)
        except NoReply as error:
            return Unclear(str(error))
        return Accepted() if reply.get("Response") == "Success" else Declined(reply.get("Message"))

    async def survey(self) -> None:
        """Have it tell again which channels live: one more LinkUp. Without a connection one comes anyway."""
        link = self._events
        if link is None:
            return
        self._listing = _Listing()
        try:
            await link.ask({"Action": "CoreShowChannels"}, self._timing.list_s)
        except AsteriskDown as error:
            link.drop(str(error))  # the next connection begins with the list

    async def hangup(self, channel: str) -> bool:
        """End a channel; False when there is none of that id. AsteriskDown, NoReply as `Link.ask`."""
        if self._actions is None:
            raise AsteriskDown(self._why_not())
        action = {"Action": "Hangup", "Channel": channel, "Cause": "16"}
        reply = await self._actions.ask(action, self._timing.reply_s)
        return reply.get("Response") == "Success"

    # Keeping both connections.

    async def _keep(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run one side, and again when it is lost; `run` ends only by an error."""
        shortest, longest = self._timing.back_off_s
        wait, told = shortest, ""
        while not self._denied:
            began = asyncio.get_running_loop().time()
            try:
                await run()
            except Denied as error:
                self._give_up(str(error))
            except AsteriskDown as error:
                if str(error) != told:  # not the same again each few seconds
                    self._log.warning("AMI connection lost or not made", reason=str(error))
                told = str(error)
            if asyncio.get_running_loop().time() - began > longest:
                wait, told = shortest, ""  # it had been up
            await asyncio.sleep(wait * random.uniform(0.5, 1))
            wait = min(wait * 2, longest)

    def _give_up(self, reason: str) -> None:
        self._denied = reason
        self._log.error("AMI given up", reason=reason)
        self._put(LinkDown(reason, final=True))
        for link in (self._actions, self._reading):
            if link:
                link.drop(reason)

    async def _run_actions(self) -> None:
        node, timing = self._settings, self._timing
        link = await connect(node.host, node.port, lambda _link, _message: None, timing)
        try:
            await log_in(link, node.username, node.secret.get_secret_value(), events=False, timing=timing)
            self._actions = link
            await link.watch(timing)
        finally:
            self._actions = None
            link.drop("closed by us")

    async def _run_events(self) -> None:
        node, timing = self._settings, self._timing
        secret = node.watcher_secret.get_secret_value() or node.secret.get_secret_value()
        loop = asyncio.get_running_loop()
        self._booted, self._listed, self._listing = loop.create_future(), loop.create_future(), None
        link = self._reading = await connect(node.host, node.port, self._arrived, timing)
        try:
            await log_in(link, node.watcher, secret, events=True, timing=timing)
            await link.watch(timing, until=self._booted)
            await self._catch_up(link)
            await link.watch(timing)
        except AsteriskDown as error:
            if self._events and not self._denied:
                self._put(LinkDown(str(error)))
            raise
        finally:
            self._events = self._reading = None
            link.drop("closed by us")

    async def _catch_up(self, link: Link) -> None:
        """Ask what is true now: version, and which channels live. Done when LinkUp is in the queue."""
        core = await link.ask({"Action": "CoreSettings"}, self._timing.list_s)
        self._version = core.get("AsteriskVersion")
        for warning in warnings(self._version):
            self._log.warning(warning)
        await self._ask_reach(link, self._endpoints)
        # The operators come as events. Without app_queue there are none, and the answer is an error.
        await link.ask({"Action": "QueueStatus"}, self._timing.list_s)
        self._listing = _Listing()
        reply = await link.ask({"Action": "CoreShowChannels"}, self._timing.list_s)
        if reply.get("Response") != "Success":
            raise Denied(f"{self._settings.watcher!r} may not CoreShowChannels: {reply.get('Message')}")
        try:
            async with asyncio.timeout(self._timing.list_s):
                await link.watch(self._timing, until=self._listed)
        except TimeoutError:
            raise AsteriskDown("CoreShowChannels was not told to its end") from None

    async def _ask_reach(self, link: Link, endpoints: Collection[str]) -> None:
        """Ask for the state of these endpoints. What Asterisk cannot tell counts as reachable."""
        for endpoint in sorted(endpoints):
            state = (await link.ask(ask_state(endpoint), self._timing.reply_s)).get("Value")
            self._reached(Reach(endpoint, state not in OUT_OF_REACH), state)

    async def _ask_again(self) -> None:
        """From time to time, for those that are out of reach."""
        while True:
            await asyncio.sleep(self._timing.reach_s)
            if self._events and self.unreachable:
                with suppress(AsteriskDown):  # the connection's own loop tells, and asks anew
                    await self._ask_reach(self._events, self.unreachable)

    def _reached(self, told: Reach, state: str) -> None:
        """Note what was told of an endpoint; a change is said."""
        if told.reachable is (told.endpoint not in self.unreachable):
            return
        one = frozenset({told.endpoint})
        self.unreachable = self.unreachable - one if told.reachable else self.unreachable | one
        say = self._log.info if told.reachable else self._log.warning
        say(
            "endpoint reachable again" if told.reachable else "endpoint unreachable: no calls go by it",
            endpoint=told.endpoint,
            state=state,
        )

    # What the reader calls: it parses and puts, no more.

    def _arrived(self, link: Link, message: Message) -> None:
        event = translate(message)
        if event is None:
            self._control(link, message)
            return
        if self._listing and isinstance(event, Ended):
            self._listing.gone.add(event.channel)
        if isinstance(event, Reach):
            self._reached(event, message.get("PeerStatus"))
        self._put(event)

    def _control(self, link: Link, message: Message) -> None:
        """Messages for the node itself."""
        kind = message.event
        if kind == "CoreShowChannel" and self._listing:
            self._listing.told[message.get("Uniqueid")] = message.get("ChannelState")
        elif kind == "CoreShowChannelsComplete" and self._listing and self._listed:
            up = self._listing.tell(self._started, self._version)
            self._listing, self._events = None, link
            self._log.info("AMI connected", version=self._version, live=len(up.live))
            self._put(up)
            if not self._listed.done():
                self._listed.set_result(None)
        elif kind == "FullyBooted" and self._booted and not self._booted.done():
            uptime = message.get("Uptime")
            if uptime.isdigit():  # whole seconds, rounded down
                self._started = datetime.now(UTC) - timedelta(seconds=int(uptime) + 1)
            self._booted.set_result(None)
        elif kind == "Shutdown":
            link.drop("Asterisk shuts down")

    def _put(self, event: Event) -> None:
        self._queue.append((asyncio.get_running_loop().time(), event))
        self._filled.set()
        if len(self._queue) >= self._limit and self._reading:
            self._reading.pause()

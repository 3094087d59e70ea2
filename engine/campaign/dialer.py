"""The dialer: three loops around the board, on one event loop.

| loop | does |
|---|---|
| beat, 0.2 to 0.5 s | one transaction: renew the lease, take the next leads, save what ended (`books`) |
| | and each second: divide the limits with the other dialers, take over whoever died (`fleet`) |
| send, as calls fall due | one Originate each, never a second |
| listen, per node | events -> what was seen of each attempt |

A lost database stops new calls by itself: without a beat there are no orders. A lost Asterisk stops them
too: what waits is given back. What else is done meanwhile are `chores`.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engine import telemetry
from engine.campaign.attempts import Seen
from engine.campaign.board import Board
from engine.campaign.books import Books
from engine.campaign.chores import Chore, Habit
from engine.campaign.clock import Clock
from engine.campaign.errand import DRAIN, HANGUP, STOP, Errand, News
from engine.campaign.fleet import LEASE_S, Fleet
from engine.campaign.hangups import Hangups
from engine.campaign.nodes import Make, Nodes
from engine.campaign.pacing import BEAT_S, Appetite, interval
from engine.campaign.sender import Sender
from engine.campaign.witness import seen_in
from engine.errors import Fenced
from engine.failpoints import reached
from engine.gateways.ami import Node
from engine.gateways.ami_members import Member
from engine.gateways.ami_protocol import Event, LinkDown, LinkUp, Reach
from engine.settings import Settings
from storage.db import is_down

SETTLE_S = 1.0
DOWN_S = 1.0
SLOW_S, LATE_S = 1.0, 2.0  # a beat after which nothing new is asked for; one that is told of
STANDBY_S = 1.0
SURVEY_S = 1.2  # a little longer than `board.SETTLE_S`

log = telemetry.logger("dialer")


class Dialer:
    """One process's dialling; `run` until `stop`."""

    def __init__(
        self, settings: Settings, books: Books, fleet: Fleet, chores: Sequence[Chore | Habit], make: Make
    ) -> None:
        self._settings, self._books, self._fleet, self._chores = settings, books, fleet, chores
        self._nodes = Nodes(make)
        self._board = Board(settings.dialer, settings.trunk)
        self._sender = Sender(settings, self._board, self._nodes)
        self._hangups = Hangups(self._nodes)
        self._books_thread = ThreadPoolExecutor(1, "books")
        self._stopping = asyncio.Event()
        self._reloaded: Settings | None = None
        self._clock, self._appetite, self._next_s = Clock(), Appetite(), BEAT_S
        self._drained: frozenset[str] = frozenset()
        self._survey_at = 0.0  # when nodes are to be asked which channels live; 0: never
        self._late = False  # the last beat took so long that its orders would have been void
        self._doubt = True  # the books may hold attempts that the board does not know
        self._settled_at = self._steady_since = 0.0
        self._astray: set[str] = set()  # campaigns whose trunks are in no settings
        self.database_down = False

    @property
    def connected(self) -> bool:
        """May dial: a node is there, and so is the database."""
        return not self.database_down and self._nodes.connected

    def stop(self) -> None:
        """Begin the end: nothing new is sent, what is under way is seen to its end."""
        self._stopping.set()

    def reload(self, settings: Settings) -> None:
        """Take in changed nodes and trunks (SIGHUP), with the next beat; calls under way go on."""
        self._reloaded = settings

    async def run(self) -> None:
        """Dial until `stop`, then wait for the calls under way, as long as a call may last.

        Refused: a dialer of this name runs on this machine. Fenced: another dialer took this one's place.
        """
        try:
            with self._fleet.alone():
                if await self._joined():
                    await self._dial()
        except BaseExceptionGroup as group:
            fenced, _rest = group.split(Fenced)
            if fenced is None:
                raise
            raise Fenced("another dialer has taken this one's place; it may be started again") from None
        finally:
            self._books_thread.shutdown()

    async def _dial(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:  # one that breaks ends them all, and says so

                def listen(node: Node) -> asyncio.Task[None]:
                    return group.create_task(self._listen(node))

                await self._nodes.take_in(self._settings.asterisk, listen)
                others = [group.create_task(chore.run(lambda: self._board.running)) for chore in self._chores]
                others.append(group.create_task(self._sender.run()))
                await self._beats(listen)
                for task in others:
                    task.cancel()
                await self._sender.done()
                await self._nodes.stop()
        finally:
            await self._sender.done()
            await self._nodes.stop()
        if self._board.empty:
            await self._in_books(self._fleet.leave)

    async def _joined(self) -> bool:
        """Wait for the lease of this name, which another machine may have; False: stopped meanwhile."""
        told = False
        while not self._stopping.is_set():
            try:
                if await self._in_books(self._fleet.join):
                    self._steady_since = asyncio.get_running_loop().time()
                    reached("lease-taken")
                    return True
                if not told:
                    log.warning("another machine dials under this name; standing by", name=self._fleet.name)
                told = True
            except Exception as error:
                if not is_down(error):
                    raise
                self._tell_down(type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), STANDBY_S)
        return False

    async def _in_books(self, work: Any, *arguments: Any) -> Any:
        """Something of the database, in the one thread that speaks to it."""
        return await asyncio.get_running_loop().run_in_executor(self._books_thread, work, *arguments)

    # The beat.

    async def _beats(self, listen: Any) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self._take_in(listen)
            await self._survey()
            saved = await self._guarded(self._beat())
            if saved and (self._board.unshared or began - self._settled_at >= SETTLE_S):
                saved = await self._guarded(self._settle())
            if self._stopping.is_set() and saved and self._board.empty:
                return
            self._steady_since = self._steady_since if saved else loop.time()
            self._next_s = interval(spent := loop.time() - began)
            await asyncio.sleep(max(0.0, (self._next_s if saved else DOWN_S) - spent))

    async def _take_in(self, listen: Any) -> None:
        """Settings that were read anew."""
        if (settings := self._reloaded) is None:
            return
        self._reloaded, self._settings = None, settings
        self._books.reload(settings)
        self._sender.reload(settings)
        self._board.limits(settings.trunk)
        await self._nodes.take_in(settings.asterisk, listen)
        log.info("settings read anew", nodes=len(settings.asterisk), trunks=len(settings.trunk))

    async def _guarded(self, work: Any) -> bool:
        """Whether the database did it; False when it is away (all is kept for the next time)."""
        late = asyncio.get_running_loop().call_later(LATE_S, self._tell_down, "no answer")
        try:
            await work
        except Exception as error:
            if not is_down(error):
                raise
            self._doubt = True  # it may have been written, and only the answer lost
            self._tell_down(type(error).__name__)
            return False
        finally:
            late.cancel()
        return True

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        if self._doubt:
            await self._reconcile()
        if self._stopping.is_set():
            self._board.recall()
            reached("recalled")
        self._board.step(loop.time(), self._nodes.lag_s, self._next_s)
        nodes = {} if self._late else self._open_nodes()
        errand = self._reachable(self._board.errand(nodes, loop.time(), self._settings.now()))
        most = int(self._appetite.most)
        errand = replace(errand, wants={key: min(most, wanted) for key, wanted in errand.wants.items()})
        reached("beat-begun")
        began = loop.time()
        news: News = await self._in_books(self._books.beat, errand)
        spent = loop.time() - began
        self._late = spent > SLOW_S
        self._appetite = self._appetite.after(spent) if errand.wants else self._appetite
        reached("beat-committed")
        self._saved(errand, news)
        self._drained = frozenset(name.removeprefix(DRAIN) for name in news.switches if DRAIN in name)
        if STOP in news.switches:
            self._board.recall()
        if HANGUP in news.switches:
            self._hangups.keep(line.order for line in self._board.lines.values() if line.busy)
        self._board.refresh(news)
        self._look_at_clock()  # its orders too were made by the clock that may be wrong
        reached("orders-handed")
        self._warn_astray()

    def _open_nodes(self) -> dict[str, int]:
        """Node -> calls at a time, of those that may be given calls now."""
        doubted = self._clock.doubted(asyncio.get_running_loop().time())
        return {} if self._stopping.is_set() or doubted else self._nodes.open(self._drained)

    def _reachable(self, errand: Errand) -> Errand:
        """An errand that knows which trunks do not answer: on some nodes, or on all that are open."""
        unreached = self._nodes.unreached(self._settings.trunk)
        nowhere = [unreached[name] for name in errand.nodes]
        dead = frozenset.intersection(*nowhere) if nowhere else frozenset()
        return replace(errand, shut=errand.shut | dead, unreached=unreached)

    def _look_at_clock(self) -> None:
        before, loop = self._clock.why, asyncio.get_running_loop()
        self._clock = self._clock.look(time.time(), loop.time(), self._fleet.skew_s)
        if self._clock.why and self._clock.why != before:
            log.error("clock in doubt; nothing new is dialled", reason=self._clock.why)
            self._board.recall()

    def _tell_down(self, reason: str) -> None:
        if not self.database_down:
            log.error("database lost; nothing new is dialled", reason=reason)
        self.database_down = True

    def _saved(self, errand: Errand, news: News) -> None:
        if self.database_down and not self._late:
            log.info("database is back")
            self.database_down = False
        self._board.saved(errand)
        for trunk, used in self._board.used.items():
            telemetry.channels.labels(trunk).set(used)
        for attempt, outcome in news.closed.items():
            telemetry.calls.labels(outcome).inc()
            log.info("attempt over", call_id=str(attempt), outcome=outcome)

    def _warn_astray(self) -> None:
        """A running campaign whose trunks are in no settings is never called: say so, once."""
        known = {trunk.name for trunk in self._settings.trunk}
        astray = {campaign.name for campaign in self._board.running if known.isdisjoint(campaign.trunks)}
        for name in astray - self._astray:
            log.error("campaign has no trunk: it is not called", campaign=name, trunks=sorted(known))
        self._astray = astray

    async def _reconcile(self) -> None:
        """Attempts that stand open in the books and are not in hand.

        Those of an earlier run or of a dialer that died may have been sent: they are taken over, and LinkUp
        tells which of them live. Those of a beat of ours whose answer did not come were not sent, since only
        we could have: they are given back.
        """
        now = asyncio.get_running_loop().time()
        for order, seen, ours in await self._in_books(self._books.unfinished):
            if self._board.holds(order.id):
                continue
            log.warning("open attempt found", call_id=str(order.id), taken_over=not ours)
            if ours:
                self._board.give_back(order)
            else:
                self._board.adopt(order, seen, now)
                # Nodes may have told before this which channels live; and the youngest may have none yet.
                self._survey_at = now + SURVEY_S
        self._doubt = False

    async def _survey(self) -> None:
        """Ask which of the calls that were taken over live."""
        if self._survey_at and asyncio.get_running_loop().time() >= self._survey_at:
            self._survey_at = 0.0
            await self._nodes.survey()

    # The other dialers.

    async def _settle(self) -> None:
        """Divide the limits with the others, and take over what the dead left."""
        loop = asyncio.get_running_loop()
        self._settled_at = loop.time()
        await self._nodes.forget(self._board.at_nodes)
        claims = self._board.claims(self._nodes.channels)
        able = bool(self._open_nodes()) and not self._stopping.is_set()
        shares = await self._in_books(self._fleet.settle, claims, able, self._told())
        reached("share-settled")
        self._board.keep_to(shares)
        # Whoever was away himself waits until the others have had time to renew their leases.
        if loop.time() - self._steady_since > LEASE_S and (
            dead := await self._in_books(self._fleet.take_over)
        ):
            reached("taken-over")
            log.warning("calls of dead dialers taken over", dialers=dead)
            self._doubt = True
            await self._reconcile()

    def _told(self) -> dict[str, Any]:
        """What watchers are shown of this dialer."""
        return {
            "nodes": self._nodes.told(self._board.at_nodes),
            "trunks": self._board.told(asyncio.get_running_loop().time()),
            "clock": self._clock.why,
            "errors": telemetry.last_errors(),
        }

    # Listening.

    async def _listen(self, node: Node) -> None:
        while True:
            events, at = await node.take(), self._settings.now()
            for event in events:
                self._heard(node, event, at)

    def _heard(self, node: Node, event: Event, at: datetime) -> None:
        if isinstance(event, LinkUp):
            now = asyncio.get_running_loop().time()
            started = event.started + timedelta(seconds=self._settings.contact.clock_shift_s)
            self._board.reconnected(node.name, event.live, started, now, at)
            for channel in event.up:  # perhaps while nobody listened: it has a whole call before it
                self._witness(channel, Seen(answered_at=at))
        elif isinstance(event, Member):
            self._board.operators.heard(node.name, event, asyncio.get_running_loop().time())
        elif isinstance(event, LinkDown):
            self._board.operators.lost(node.name)
            log.warning("events lost", node=node.name, reason=event.reason, final=event.final)
        elif not isinstance(event, Reach):  # which the node itself keeps in mind
            self._witness(event.channel, seen_in(event, at))

    def _witness(self, channel: str, seen: Seen | None) -> None:
        with suppress(ValueError):  # a channel that is not one of ours has another kind of id
            if seen is not None:
                self._board.witness(UUID(channel), seen, asyncio.get_running_loop().time())

"""The dialer: three loops around the board, on one event loop.

| loop | does |
|---|---|
| beat, 0.2 s | one transaction: save what ended, see what runs, take the next leads (`books`) |
| send, as calls fall due | one Originate each, never a second |
| listen, per node | events -> what was seen of each attempt |

And in threads of their own the audio of leads to come, who still owes, and at which hours people answer. A
lost database stops new calls by itself: without a beat there are no orders. A lost Asterisk stops them too:
what waits is given back.
"""

import asyncio
import fcntl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from engine import telemetry
from engine.campaign.attempts import Seen
from engine.campaign.board import Board
from engine.campaign.books import Books, Errand, News, Order
from engine.campaign.owing import Owing
from engine.campaign.preparing import Preparer
from engine.errors import AsteriskDown, Refused, Unreachable, UsageError, VoiceError
from engine.gateways.ami import Accepted, Declined, Node
from engine.gateways.ami_members import Member
from engine.gateways.ami_protocol import (
    Answered,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Originate,
    Originated,
    Progress,
    Reach,
    Ringing,
)
from engine.settings import Settings
from storage.db import DOWN, is_down

CONTEXT, EXTEN = "zvonar-debtor", "start"
BEAT_S = 0.2
TURN_S = 0.01
DOWN_S = 1.0
IDLE_S = 1.0
TROUBLE_S = 10.0
LEARN_S = 60.0

log = telemetry.logger("dialer")


class Dialer:
    """One process's dialling; `run` until `stop`."""

    def __init__(
        self, settings: Settings, books: Books, preparer: Preparer, owing: Owing, nodes: list[Node]
    ) -> None:
        self._settings, self._books, self._preparer, self._owing = settings, books, preparer, owing
        self._nodes = {node.name: node for node in nodes}
        self._board = Board(settings.dialer, settings.trunk)
        self._books_thread = ThreadPoolExecutor(1, "books")
        self._voice_thread = ThreadPoolExecutor(1, "prepare")
        self._owing_thread = ThreadPoolExecutor(1, "owing")
        self._stopping = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._doubt = True  # the books may hold attempts that the board does not know
        self._started = False  # and those of an earlier run are among them
        self._astray: set[str] = set()  # campaigns whose trunk is in no settings
        self.database_down = False

    @property
    def connected(self) -> bool:
        """May dial: a node is there, and so is the database."""
        return not self.database_down and any(node.connected for node in self._nodes.values())

    def stop(self) -> None:
        """Begin the end: nothing new is sent, what is under way is seen to its end."""
        self._stopping.set()

    async def run(self) -> None:
        """Dial until `stop`, then wait for the calls under way, as long as a call may last."""
        with self._alone():
            for node in self._nodes.values():
                await node.start()
            try:
                async with asyncio.TaskGroup() as group:  # one that breaks ends them all, and says so
                    chores = [self._send(), self._prepare(), self._ask_who_owes(), self._learn()]
                    loops = [*chores, *map(self._listen, self._nodes.values())]
                    others = [group.create_task(one) for one in loops]
                    await self._beats()
                    for task in others:
                        task.cancel()
            finally:
                await asyncio.gather(*self._sending, return_exceptions=True)
                for node in self._nodes.values():
                    await node.stop()
                self._books_thread.shutdown()
                for thread in (self._voice_thread, self._owing_thread):
                    thread.shutdown(cancel_futures=True)

    def _alone(self) -> BinaryIO:
        """The lock that keeps a second dialer of this name from taking our calls for its own dead ones."""
        path = Path(self._settings.data_dir) / f"dialer-{self._settings.dialer.name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Refused(f"a dialer named {self._settings.dialer.name!r} runs already ({path})") from None
        return lock

    # The beat.

    async def _beats(self) -> None:
        while True:
            began = asyncio.get_running_loop().time()
            saved = await self._beat()
            if self._stopping.is_set() and saved and self._board.empty:
                return
            spent = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.0, (BEAT_S if saved else DOWN_S) - spent))

    async def _beat(self) -> bool:
        """One beat; False when the database is away (all is kept for the next)."""
        loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._board.recall()
        self._board.step(loop.time(), max(node.lag_s for node in self._nodes.values()))
        errand = self._board.errand(self._free_node(), loop.time(), self._settings.now())
        errand = replace(errand, shut=errand.shut | self._out_of_reach(errand.node))
        try:
            if self._doubt:
                await self._reconcile()
            news: News = await loop.run_in_executor(self._books_thread, self._books.beat, errand)
        except Exception as error:
            if not is_down(error):
                raise
            self._doubt = True  # it may have been written, and only the answer lost
            self._tell_down(error)
            return False
        self._saved(errand, news)
        self._board.refresh(news)
        self._warn_astray()
        return True

    def _tell_down(self, error: BaseException) -> None:
        if not self.database_down:
            log.error("database lost; nothing new is dialled", reason=type(error).__name__)
        self.database_down = True

    def _saved(self, errand: Errand, news: News) -> None:
        if self.database_down:
            log.info("database is back")
            self.database_down = False
        self._board.saved(errand)
        for trunk, used in self._board.used.items():
            telemetry.channels.labels(trunk).set(used)
        for attempt, outcome in news.closed.items():
            telemetry.calls.labels(outcome).inc()
            log.info("attempt over", call_id=str(attempt), outcome=outcome)

    def _warn_astray(self) -> None:
        """A running campaign whose trunk is in no settings is never called: say so, once."""
        known = {trunk.name for trunk in self._settings.trunk}
        astray = {campaign.name for campaign in self._board.running if known.isdisjoint(campaign.trunks)}
        for name in astray - self._astray:
            log.error("campaign has no trunk: it is not called", campaign=name, trunks=sorted(known))
        self._astray = astray

    async def _reconcile(self) -> None:
        """Attempts that stand open in the books and are not in hand.

        At the start they are of an earlier run and may have been sent: they are taken over, and the first
        LinkUp tells which of them live. Later they are of a beat whose answer did not come: we alone could
        have sent them and did not, so they are given back.
        """
        loop = asyncio.get_running_loop()
        left = await loop.run_in_executor(self._books_thread, self._books.unfinished)
        for order, seen in left:
            if self._board.holds(order.id):
                continue
            log.warning("open attempt found", call_id=str(order.id), taken_over=not self._started)
            if self._started:
                self._board.give_back(order)
            else:
                self._board.adopt(order, seen, loop.time())
        self._doubt, self._started = False, True

    def _free_node(self) -> str:
        """The connected node with the fewest calls; "" when nothing may be dialled."""
        if self._stopping.is_set():
            return ""
        used = dict.fromkeys((name for name, node in self._nodes.items() if node.connected), 0)
        for line in self._board.lines.values():
            if line.order.node in used:
                used[line.order.node] += 1
        return min(used, key=lambda name: used[name], default="")

    def _out_of_reach(self, node: str) -> frozenset[str]:
        """Trunks whose endpoint does not answer on this node."""
        if node not in self._nodes:
            return frozenset()
        dead = self._nodes[node].unreachable
        return frozenset(trunk.name for trunk in self._settings.trunk if trunk.endpoint in dead)

    # Sending.

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for order in self._board.due(loop.time(), self._settings.now()):
                task = asyncio.create_task(self._originate(order))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            await asyncio.sleep(TURN_S)

    async def _originate(self, order: Order) -> None:
        """Send one attempt, once; what is not known to have failed counts as sent."""
        endpoint = self._settings.trunk_named(order.trunk).endpoint
        call = Originate(
            attempt=str(order.id),
            number=order.e164,
            endpoint=endpoint,
            context=CONTEXT,
            exten=EXTEN,
            caller_id=order.caller_id,
            ring_s=self._settings.dialer.dial_timeout_s,
            record=order.record,
        )
        telemetry.originates.labels(order.trunk).inc()
        try:
            answer = await self._nodes[order.node].originate(call)
        except AsteriskDown:
            self._board.unsend(order.id)
            return
        if isinstance(answer, Declined):
            log.warning("originate refused", call_id=str(order.id), reason=answer.reason)
            self._witness(str(order.id), Seen(refused=answer.reason or "refused"))
        elif not isinstance(answer, Accepted):
            log.warning("originate unclear", call_id=str(order.id), reason=answer.reason)

    # Listening.

    async def _listen(self, node: Node) -> None:
        while True:
            for event in await node.take():
                self._heard(node, event)

    def _heard(self, node: Node, event: Event) -> None:
        if isinstance(event, LinkUp):
            now = asyncio.get_running_loop().time()
            started = event.started + timedelta(seconds=self._settings.contact.clock_shift_s)
            self._board.reconnected(node.name, event.live, started, now, self._settings.now())
        elif isinstance(event, Member):
            self._board.operators.heard(node.name, event, asyncio.get_running_loop().time())
        elif isinstance(event, LinkDown):
            self._board.operators.lost(node.name)
            log.warning("events lost", node=node.name, reason=event.reason, final=event.final)
        elif not isinstance(event, Reach):  # which the node itself keeps in mind
            self._witness(event.channel, seen_in(event, self._settings.now()))

    def _witness(self, channel: str, seen: Seen | None) -> None:
        with suppress(ValueError):  # a channel that is not one of ours has another kind of id
            if seen is not None:
                self._board.witness(UUID(channel), seen, asyncio.get_running_loop().time())

    # Audio.

    async def _prepare(self) -> None:
        """Make audio for the campaigns that run, batch after batch."""
        loop = asyncio.get_running_loop()
        while True:
            made, pause = 0, IDLE_S
            for campaign in self._board.running:
                try:
                    made += await loop.run_in_executor(self._voice_thread, self._preparer.step, campaign)
                except VoiceError as error:
                    log.error("no voice", campaign=campaign.name, reason=str(error))
                    pause = TROUBLE_S
                except DOWN:
                    pause = TROUBLE_S  # the beat tells
            if not made:
                await asyncio.sleep(pause)

    # Debts.

    async def _ask_who_owes(self) -> None:
        """Ask the sources of the campaigns that run who still owes; without an answer nobody is called."""
        loop = asyncio.get_running_loop()
        while True:
            asked, pause = 0, IDLE_S
            for campaign in self._board.running:
                try:
                    asked += await loop.run_in_executor(self._owing_thread, self._owing.step, campaign)
                except (Unreachable, UsageError) as error:
                    log.error("not known who still owes", campaign=campaign.name, reason=str(error))
                    pause = TROUBLE_S
                except DOWN:
                    pause = TROUBLE_S  # the beat tells
            if not asked:
                await asyncio.sleep(pause)

    # Results.

    async def _learn(self) -> None:
        """Learn from the results of the last minute: when people answer, which of our numbers are ill."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(*DOWN):  # the beat tells
                await loop.run_in_executor(None, self._books.learn)
            await asyncio.sleep(LEARN_S)


def seen_in(event: Event, at: datetime) -> Seen | None:
    """What an event proves of its attempt."""
    match event:
        case Ringing():
            return Seen(ringing_at=at)
        case Progress():
            return Seen(progress_at=at)
        case Answered():
            return Seen(answered_at=at)
        case Ended():
            return Seen(hangup_at=at, cause=event.cause, tech_cause=event.tech_cause)
        case Originated(success=False):
            return Seen(failed_at=at, timed_out=event.timed_out or None)
    return None

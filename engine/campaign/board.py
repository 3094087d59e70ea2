"""The dialer's board: attempts waiting to be sent and attempts under way, in memory; no I/O in it.

    books.beat -> orders wait -> `due` lets one go when campaign and trunk have a channel and a turn
       (whose turn it is among campaigns: `fair`; how many a trunk takes at present: `valves`)
    -> `witness` adds what is seen of it -> final, or overdue -> `errand` hands it to the next beat -> gone

Times: `now` is monotonic seconds, `at` is UTC.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from engine.campaign.attempts import UNWATCHED, Seen
from engine.campaign.breaker import CampaignBreaker, Storm
from engine.campaign.errand import Closing, Errand, News, Order
from engine.campaign.fair import Ledger
from engine.campaign.line import CALL_GRACE_S, RING_GRACE_S, TALK_GRACE_S, Line, until
from engine.campaign.operators import Operators
from engine.campaign.pacing import BEAT_S, Pace, Room
from engine.campaign.shares import Claims, Key, Share
from engine.campaign.valves import Valves
from engine.sections import Dialer, Trunk
from storage.campaign import CampaignRow
from storage.vocab import Outcome, Pacing

SETTLE_S = 1.0  # an Originate so young may not have its channel yet


class Board:
    """What one dialer has in hand."""

    def __init__(self, dialer: Dialer, trunks: Iterable[Trunk]) -> None:
        self._dialer = dialer
        self._described = list(trunks)
        self._shares: dict[Key, Share] = {}  # of every limit; nothing is dialled of what is not shared yet
        self._valves = Valves([])
        self._campaigns: dict[UUID, CampaignRow] = {}
        self._rooms: dict[UUID, Room] = {}
        self._breakers: dict[UUID, CampaignBreaker] = {}
        self._ledger = Ledger()
        self._waiting: dict[tuple[UUID, str], deque[Order]] = {}  # by campaign and trunk
        self._returned: list[Order] = []
        self.lines: dict[UUID, Line] = {}
        self.operators = Operators()
        self._turn = 0  # of the nodes, for calls to operators
        self._apply()

    @property
    def waiting(self) -> int:
        """Orders that wait for their turn."""
        return sum(map(len, self._waiting.values()))

    @property
    def empty(self) -> bool:
        """Nothing is under way, nothing waits, nothing is still to be written."""
        return not (self.lines or self.waiting or self._returned)

    @property
    def running(self) -> list[CampaignRow]:
        """The campaigns that run, the urgent first."""
        return list(self._campaigns.values())

    @property
    def used(self) -> dict[str, int]:
        """Trunk -> channels in use."""
        return self._valves.used

    def told(self, now: float) -> dict[str, dict[str, Any]]:
        """The trunks as watchers see them (`Valves.told`)."""
        return self._valves.told(now)

    def holds(self, attempt: UUID) -> bool:
        """Is this attempt in hand, in whatever way?"""
        waiting = (order.id for orders in self._waiting.values() for order in orders)
        return attempt in self.lines or attempt in {*waiting, *(order.id for order in self._returned)}

    # What the books tell.

    def refresh(self, news: News) -> None:
        """Take in a beat's news: which campaigns run under which limits, talks, new orders."""
        self._campaigns = {campaign.id: campaign for campaign in news.campaigns}
        for campaign in news.campaigns:
            self._rooms[campaign.id] = self._rooms.get(campaign.id) or self._fresh(campaign)
        self._apply()
        self._breakers = {key: self._breakers.get(key, CampaignBreaker()) for key in self._campaigns}
        for key, (answered, abandoned) in news.begun.items():
            self.operators.begin(key, answered, abandoned)
        self.operators.abandoned(news.abandoned)
        for order in news.orders:
            self._waiting.setdefault((order.campaign_id, order.trunk), deque()).append(order)
        for attempt, talk in news.talks.items():
            if attempt in self.lines:
                self._add(self.lines[attempt], Seen(talk=talk))
        self._forget({key for key in self._waiting if key[0] not in self._campaigns})
        wanting = {campaign for campaign, _trunk in self._waiting}
        self._ledger = self._ledger.present({key: self._campaigns[key].priority for key in wanting})

    # Limits.

    def limits(self, trunks: Iterable[Trunk]) -> None:
        """Changed limits of trunks, trunks that are new, and without those that are gone; at once."""
        self._described = list(trunks)
        self._apply()

    def claims(self, nodes: Mapping[str, int]) -> Claims:
        """What there is of every limit, what this dialer keeps to and uses; `nodes`: name -> channels."""
        caps: dict[Key, Share] = {
            ("trunk", one.name): Share(one.channels, one.cps) for one in self._described
        }
        caps |= {("node", name): Share(channels) for name, channels in nodes.items()}
        used: dict[Key, int] = {("trunk", name): count for name, count in self.used.items()}
        used |= {("node", name): count for name, count in self.at_nodes.items()}
        for key, room in self._rooms.items():
            used["campaign", str(key)] = room.used
            if campaign := self._campaigns.get(key):
                caps["campaign", str(key)] = Share(campaign.channels, campaign.cps)
            elif room.used:  # paused: its calls go on and are counted
                caps["campaign", str(key)] = self._share("campaign", str(key))
        manned = {one.id for one in self._campaigns.values() if one.pacing is not Pacing.FILL}
        whole = frozenset(("campaign", str(key)) for key in manned)
        return Claims(caps, {key: self._share(*key) for key in caps}, used, whole)

    def keep_to(self, shares: Mapping[Key, Share]) -> None:
        """This dialer's shares from now on."""
        self._shares = dict(shares)
        self._apply()

    def _share(self, kind: str, name: str) -> Share:
        return self._shares.get((kind, name), Share())

    def _apply(self) -> None:
        """Every limit as it holds here: this dialer's share, and never more than the whole."""
        busy = Counter(line.order.trunk for line in self.lines.values() if line.busy)
        self._valves.limits([self._shared(one) for one in self._described], busy)
        for key, campaign in self._campaigns.items():
            share = self._share("campaign", str(key)).within(campaign.channels, campaign.cps)
            self._rooms[key] = self._rooms[key].limited(share.cps or campaign.cps, share.channels)

    def _shared(self, trunk: Trunk) -> Trunk:
        """A trunk as large as this dialer's share of it."""
        share = self._share("trunk", trunk.name).within(trunk.channels, trunk.cps)
        return trunk.model_copy(update={"channels": share.channels, "cps": share.cps or trunk.cps})

    @property
    def at_nodes(self) -> Counter[str]:
        """Node -> calls under way."""
        return Counter(line.order.node for line in self.lines.values() if line.busy)

    @property
    def unshared(self) -> bool:
        """Is there a campaign whose share nobody has worked out yet?"""
        return any(("campaign", str(key)) not in self._shares for key in self._campaigns)

    def step(self, now: float, lag_s: float, next_s: float = BEAT_S) -> None:
        """Once a beat, the next after `next_s`: trunks become faster or slower; events are `lag_s` late."""
        self._valves.step(now, lag_s, next_s)

    def _fresh(self, campaign: CampaignRow) -> Room:
        """The room of a campaign that is new here; attempts that were adopted before use it already."""
        adopted = sum(line.busy and line.order.campaign_id == campaign.id for line in self.lines.values())
        return Room(Pace(campaign.cps), 0, adopted)

    def adopt(self, order: Order, seen: Seen, now: float) -> None:
        """Take over an attempt that was left open by an earlier run."""
        longest = self._dialer.dial_timeout_s + self._dialer.max_call_s + CALL_GRACE_S
        self.lines[order.id] = Line(order, seen.merge(UNWATCHED), now + longest)
        self._room(order, +1)

    # Dialling.

    def due(self, now: float, at: datetime) -> list[Order]:
        """The orders to send at this moment; from here on they count as sent."""
        self._expire(at)
        going: list[Order] = []
        while ready := [key for key in self._waiting if self._free(*key, now)]:
            key = min(ready, key=lambda one: self._ledger.order(one[0], self._campaigns[one[0]].priority))
            going.append(self._go(key, now, at))
        return going

    def _expire(self, at: datetime) -> None:
        """Who was to be called at once is to be decided anew; and nobody waits for a trunk that is shut."""
        self._forget({key for key in self._waiting if self._valves.shut(key[1])})
        for orders in self._waiting.values():
            while orders and at > orders[0].until:
                self._returned.append(orders.popleft())
        self._forget({key for key, orders in self._waiting.items() if not orders})

    def _forget(self, keys: Iterable[tuple[UUID, str]]) -> None:
        """Give back what waits there."""
        for key in keys:
            self._returned += self._waiting.pop(key)

    def _free(self, campaign_id: UUID, trunk: str, now: float) -> bool:
        return self._rooms[campaign_id].ready(now) and self._valves.ready(trunk, now)

    def _go(self, key: tuple[UUID, str], now: float, at: datetime) -> Order:
        """The first that waits there is sent."""
        order = self._waiting[key].popleft()
        if not self._waiting[key]:
            del self._waiting[key]
        campaign = self._campaigns[order.campaign_id]
        self._valves.take(order.trunk, order.id, now)
        self._rooms[campaign.id] = self._rooms[campaign.id].take(now)
        self._ledger = self._ledger.charged(campaign.id, campaign.weight)
        self.lines[order.id] = Line(order, Seen(sent_at=at), now + self._dialer.dial_timeout_s + RING_GRACE_S)
        return order

    def _room(self, order: Order, change: int) -> None:
        """A channel more or fewer is in use."""
        self._valves.used_more(order.trunk, change)
        if room := self._rooms.get(order.campaign_id):
            self._rooms[order.campaign_id] = room.used_more(change)

    def unsend(self, attempt: UUID) -> None:
        """It turned out that nothing was sent; the lead waits again."""
        line = self.lines.get(attempt)
        if line and line.busy:
            del self.lines[attempt]
            self._room(line.order, -1)
            self._valves.unsent(line.order.trunk, attempt)
            self._returned.append(line.order)

    def give_back(self, order: Order) -> None:
        """An order that turned up in the books and was never in hand: it was not sent."""
        self._returned.append(order)

    def recall(self) -> None:
        """Nothing that waits is to be sent; give it all back."""
        self._forget(list(self._waiting))

    # What is seen of the calls.

    def witness(self, attempt: UUID, seen: Seen, now: float) -> None:
        """Something was seen of an attempt; of one that is not ours it is nothing."""
        line = self.lines.get(attempt)
        if line is None:
            return
        before = line.seen
        self._add(line, seen)
        line.until = until(line, before, now, self._dialer.max_call_s)
        self._judge(line, now)

    def _judge(self, line: Line, now: float) -> None:
        """Tell its trunk how a call went, once: as soon as the phone rings, or when it is over."""
        rings = line.seen.ringing_at is not None or line.seen.answered
        if line.judged or not (rings or line.seen.final):
            return
        line.judged = True
        outcome = None if rings else line.seen.verdict().outcome
        self._valves.judge(line.order.trunk, line.order.id, outcome, now)

    def reconnected(
        self, node: str, live: frozenset[str], started: datetime, now: float, at: datetime
    ) -> None:
        """A node's events flow again: some were missed, and what is not among its living channels is over."""
        for line in self.lines.values():
            sent = line.seen.sent_at
            if line.order.node != node or not line.busy or sent is None:
                continue
            line.seen = line.seen.merge(UNWATCHED)
            old = sent < started or sent < at - timedelta(seconds=SETTLE_S)
            if old and str(line.order.id) not in live:
                line.until = min(line.until, now + TALK_GRACE_S)

    def _add(self, line: Line, seen: Seen) -> None:
        was_busy = line.busy
        line.seen = line.seen.merge(seen)
        if was_busy and not line.busy:
            self._room(line.order, -1)

    # What the books are told.

    def errand(self, nodes: Mapping[str, int], now: float, at: datetime) -> Errand:
        """What the next beat is to do; `nodes`: where new calls may go, how many at a time."""
        for line in self.lines.values():
            if now >= line.until:
                self._add(line, Seen(closed=True))
        over = [line for line in self.lines.values() if line.seen.final]
        for line in over:
            self._judge(line, now)
            self._count(line)
        heard_of = [line for line in self.lines.values() if self._awaits_talk(line, now)]
        places = self._places(nodes)
        self._turn += 1
        home = sorted(places)[self._turn % len(places)] if places else ""
        if not nodes:
            self.recall()
        return Errand(
            closings=[Closing(line.order, line.seen, line.seen.hangup_at or at) for line in over],
            given_back=list(self._returned),
            listening=[line.order.id for line in heard_of],
            storms=self._storms(),
            wants=self._wants(home, now, at) if places else {},
            free=self._free_trunks() if places else {},
            shut=self._valves.out_of_order,
            nodes=places,
            home=home,
        )

    def _places(self, nodes: Mapping[str, int]) -> dict[str, int]:
        """Node -> calls that it may be given now, of this dialer's share of it."""
        taken = self.at_nodes
        for orders in self._waiting.values():
            taken.update(order.node for order in orders)
        most = {name: min(cap, self._share("node", name).channels) for name, cap in nodes.items()}
        return {name: left for name in nodes if (left := most[name] - taken[name]) > 0}

    def _count(self, line: Line) -> None:
        """Tell a campaign how its call ended, once. Where nobody saw the end it is not known whose fault."""
        breaker, outcome = self._breakers.get(line.order.campaign_id), line.seen.verdict().outcome
        unseen = outcome is Outcome.UNKNOWN and line.seen.hangup_at is None
        if breaker and not line.counted and not unseen:
            self._breakers[line.order.campaign_id] = breaker.heard([(line.order.id, outcome)])
        line.counted = True

    def _storms(self) -> dict[UUID, Storm]:
        """The campaigns that are to be paused."""
        return {key: storm for key, breaker in self._breakers.items() if (storm := breaker.storm)}

    def _awaits_talk(self, line: Line, now: float) -> bool:
        """Its call is over or about to be given up, and a conversation may have reported."""
        return not line.seen.final and (line.seen.hangup_at is not None or line.until - now <= TALK_GRACE_S)

    def _wants(self, node: str, now: float, at: datetime) -> dict[UUID, int]:
        """How many leads each campaign should bring, so that none of its turns is missed, and no more than
        its operators can take.
        """
        waiting: Counter[UUID] = Counter()
        for (campaign_id, _trunk), orders in self._waiting.items():
            waiting[campaign_id] += len(orders)
        room = {key: self._rooms[key].lacking(waiting[key], self._valves.ahead_s) for key in self._campaigns}
        lines = ((line.order, line.seen) for line in self.lines.values())
        return self.operators.wants(self.running, lines, waiting, room, node, now, at)

    def _free_trunks(self) -> dict[str, int]:
        """The same of each trunk; so what waits is little, has a channel, and is sent within a second."""
        waiting: Counter[str] = Counter()
        for (_campaign, trunk), orders in self._waiting.items():
            waiting[trunk] += len(orders)
        return self._valves.free(waiting)

    def saved(self, errand: Errand) -> None:
        """The beat has written this: it need not be kept any longer."""
        for closing in errand.closings:
            self.lines.pop(closing.order.id, None)
        written = {order.id for order in errand.given_back}
        self._returned = [order for order in self._returned if order.id not in written]

"""Ends every call of a dialer at an operator's word (`stop-all --hangup`): each is hung up once.

One that has no channel yet, or whose node is away, is tried again in the next beat. How each ended is told by
its events, as ever.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

from engine import telemetry
from engine.campaign.errand import Order
from engine.campaign.nodes import Nodes
from engine.errors import AsteriskDown
from engine.gateways.ami_link import NoReply

log = telemetry.logger("dialer")


class Hangups:
    """Over a dialer's nodes."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._asked: set[UUID] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def keep(self, orders: Iterable[Order]) -> None:
        """Once a beat: hang up those of the calls under way that were not yet; forget what is over."""
        under_way = {order.id: order for order in orders}
        if new := under_way.keys() - self._asked:
            log.warning("calls hung up by an operator's word", calls=len(new))
        self._asked = set(under_way)
        for attempt in new:
            task = asyncio.create_task(self._hang_up(under_way[attempt]))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _hang_up(self, order: Order) -> None:
        try:
            done = await self._nodes.get(order.node).hangup(str(order.id))
        except NoReply:
            return  # it was sent
        except AsteriskDown:
            done = False
        if not done:
            self._asked.discard(order.id)

"""Sends what falls due: one Originate each, never a second; what may have been sent counts as sent."""

import asyncio

from engine import telemetry
from engine.campaign.attempts import Seen
from engine.campaign.board import Board
from engine.campaign.errand import Order
from engine.campaign.nodes import Nodes
from engine.errors import AsteriskDown
from engine.failpoints import reached
from engine.gateways.ami import Accepted, Declined
from engine.gateways.ami_protocol import Originate
from engine.settings import Settings

CONTEXT, EXTEN = "zvonar-debtor", "start"
TURN_S = 0.01

log = telemetry.logger("dialer")


class Sender:
    """From the board to the nodes."""

    def __init__(self, settings: Settings, board: Board, nodes: Nodes) -> None:
        self._settings, self._board, self._nodes = settings, board, nodes
        self._sending: set[asyncio.Task[None]] = set()

    def reload(self, settings: Settings) -> None:
        """Go by changed settings."""
        self._settings = settings

    async def run(self) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            for order in self._board.due(loop.time(), self._settings.now()):
                reached("order-due")
                task = asyncio.create_task(self._originate(order))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            await asyncio.sleep(TURN_S)

    async def done(self) -> None:
        """Wait for the answers that are still to come."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _originate(self, order: Order) -> None:
        call = Originate(
            attempt=str(order.id),
            number=order.e164,
            endpoint=self._settings.trunk_named(order.trunk).endpoint,
            context=CONTEXT,
            exten=EXTEN,
            caller_id=order.caller_id,
            ring_s=self._settings.dialer.dial_timeout_s,
            record=order.record,
            amd=order.amd,
        )
        telemetry.originates.labels(order.trunk).inc()
        try:
            answer = await self._nodes.get(order.node).originate(call)
        except AsteriskDown:
            self._board.unsend(order.id)
            return
        reached("originate-answered")
        if isinstance(answer, Declined):
            log.warning("originate refused", call_id=str(order.id), reason=answer.reason)
            seen = Seen(refused=answer.reason or "refused")
            self._board.witness(order.id, seen, asyncio.get_running_loop().time())
        elif not isinstance(answer, Accepted):
            log.warning("originate unclear", call_id=str(order.id), reason=answer.reason)

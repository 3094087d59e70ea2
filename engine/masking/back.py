"""Call-back: he who is to talk is rung first, the other side when he has taken the call and pressed 1.

The call's row is written before the one Originate goes out, so that the walls count it and a second wish, a
double click, is refused while they are being connected. From the answer on the conversation is that of any
masked call. Who does not answer is told by Asterisk's `failed` extension (script `mask-failed`); where nobody
is left to tell, the row stops counting by itself.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.errors import AsteriskDown, NotFound, Refused
from engine.gateways.ami_once import originate
from engine.gateways.ami_protocol import Originate
from engine.masking.judge import Judge
from engine.masking.routing import Route
from engine.masking.sheet import Leg
from engine.masking.trunks import trunks
from engine.settings import Settings
from storage import audit, masking
from storage import mask_calls as store
from storage.db import new_id, reading, writing
from storage.vocab import MaskEnd, MaskRole, MaskRule, MaskWay

CONTEXT, VARIABLE = "zvonar-mask-back", "ZVONAR_MASK"
OTHER = {MaskRole.DRIVER: MaskRole.CLIENT, MaskRole.CLIENT: MaskRole.DRIVER}


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom we ring, by which endpoint, what he sees: the number that he dials for this order himself."""

    phone: str
    endpoint: str
    sees: str
    route: Route
    party: str


class CallBacks:
    """Calls that we begin. Blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def call(self, order_id: str, side: MaskRole, actor: str) -> dict[str, Any]:
        """Ring this side of the order, and tell what was begun; `accepted` False: Asterisk did not say
        whether it rings. NotFound: no such order. Refused: it is over, a wall, or a call of it is under way.
        AsteriskDown: nobody is rung.
        """
        now, call_id = self._settings.now(), new_id(self._settings.now())
        with writing(self._engine) as connection:
            masking.lock(connection, {f"calls:{order_id}"})
            plan = self._plan(connection, order_id, side, call_id, now)
            store.add(connection, _row(call_id, plan, now))
            audit.note(connection, at=now, actor=actor, deed="mask.call", subject=order_id, side=side)
        try:
            accepted = asyncio.run(originate(self._settings.asterisk, self._wanted(call_id, plan)))
        except AsteriskDown:
            with writing(self._engine) as connection:
                store.change(connection, call_id, ended_at=self._settings.now(), ended=MaskEnd.LOST)
            raise
        begun = {"call": str(call_id), "order": order_id, "rings": side}
        return begun | {"sees": plan.sees, "accepted": accepted}

    def would(self, order_id: str, side: MaskRole) -> str:
        """The number that this side would see if it were rung now; errors as `call`."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            return self._plan(connection, order_id, side, new_id(now), now).sees

    def _wanted(self, call_id: UUID, plan: Plan) -> Originate:
        return Originate(
            attempt=str(call_id),
            number=plan.phone,
            endpoint=plan.endpoint,
            context=CONTEXT,
            exten="start",
            caller_id=plan.sees,
            ring_s=self._settings.masking.ring_s,
            variable=VARIABLE,
        )

    def _plan(
        self, connection: Connection, order_id: str, side: MaskRole, call_id: UUID, now: datetime
    ) -> Plan:
        """Whom to ring, if anybody."""
        order = masking.find(connection, order_id)
        if order is None:
            raise NotFound(f"no order {order_id!r}")
        others = masking.routes_of_order(connection, order_id, OTHER[side])
        phone = others[0].peers[0] if others else ""  # the first to be rung when the other side calls
        sees = order.driver_dials if side is MaskRole.DRIVER else order.client_dials
        judge = Judge(self._settings, call_id, sees, phone)
        decision = judge.by_order(connection, order_id, side, now)
        if decision.way is not MaskWay.CONNECT or decision.route is None:
            raise Refused(f"order {order_id} is over for its {side}")
        talk_s = self._settings.masking.max_talk_s
        if store.standing(connection, order_id, "", "", (), call_id, now, talk_s)[0]:
            raise Refused(f"order {order_id}: they are being connected")
        judged = judge.judge(connection, decision, now)
        if not isinstance(judged.verdict, Leg):
            raise Refused(f"order {order_id}: {judged.rule}")
        ways = trunks(self._settings, (phone,))
        if not phone.startswith(tuple(self._settings.masking.prefixes)) or not ways:
            raise Refused(f"order {order_id}: its {side} may not be called")
        return Plan(phone, ways[0].endpoint, sees, decision.route, judged.party)


def _row(call_id: UUID, plan: Plan, now: datetime) -> dict[str, Any]:
    """The call as it is written down; whom it is for is decided once more when it is taken."""
    route = plan.route
    return {
        "id": call_id,
        "begun_at": now,
        "did": plan.sees,
        "caller": plan.phone,
        "party": plan.party,
        "role": route.role,
        "rule": MaskRule.CALL_BACK,
        "order_id": route.order,
        "version": route.version,
        "back": True,
        "peer": route.peers[0],
        "show": route.show,
    }

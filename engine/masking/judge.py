"""How a masked call goes on: by its caller's routes, or by what he keyed, unless a wall stands there.

What a call asks, and who only wants to know what would become of it. Nothing is written here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from engine.masking import events
from engine.masking.routing import Decision, Route, resolve
from engine.masking.sheet import AskCode, Centre, Crossed, Leg, MaskCall, Menu, Verdict
from engine.masking.trunks import trunks
from engine.masking.walls import Standing, Walls
from engine.settings import Settings
from engine.speech.clip import Clip
from storage import mask_calls as store
from storage import masking
from storage.vocab import MaskRole, MaskRule, MaskWay

FOLDER = "masked"  # of these calls' recordings, under that of all


@dataclass(frozen=True, slots=True)
class Judgement:
    """`route`: the order's that it is about; `choices` of a menu; `party`: whose calls are counted by it."""

    verdict: Verdict
    rule: MaskRule
    route: Route | None = None
    choices: tuple[Route, ...] = ()
    party: str = ""


class Judge:
    """Of the call `call_id` on `did` from `caller` (E.164; "" when it is not known)."""

    def __init__(self, settings: Settings, call_id: UUID, did: str, caller: str) -> None:
        self.id, self.did, self.caller = call_id, did, caller
        self._settings = settings

    def by_number(self, connection: Connection, now: datetime) -> Decision:
        """By the number dialled together with the caller's."""
        rows = masking.routes_of(connection, self.did, self.caller) if self.did and self.caller else ()
        return resolve([Route.of(row) for row in rows], now)

    def by_order(self, connection: Connection, order_id: str, role: MaskRole, now: datetime) -> Decision:
        """By the side of an order that he is."""
        rows = masking.routes_of_order(connection, order_id, role)
        routes = [Route.of(row) for row in rows if row.caller == self.caller]
        gone = Decision(MaskWay.CALL_CENTRE, MaskRule.ORDER_REASSIGNED)
        return resolve(routes, now) if routes else gone

    def by_code(self, connection: Connection, digits: str, now: datetime) -> Decision:
        """By the code of an order."""
        row = masking.by_code(connection, self.did, digits)
        rows = masking.routes_of_order(connection, row.order_id, MaskRole(row.role)) if row else []
        routes = [Route.of(one) for one in rows]
        if known := next((one for one in routes if one.open(now)), None):
            return Decision(MaskWay.CONNECT, MaskRule.CODE, known)
        if routes:
            return Decision(MaskWay.CALL_CENTRE, MaskRule.ORDER_FINISHED, last=routes[0])
        return Decision(MaskWay.CODE, MaskRule.WRONG_CODE)

    def judge(
        self, connection: Connection, decision: Decision, now: datetime, unwritten: int = 0
    ) -> Judgement:
        """How the call goes on. `unwritten`: wrong codes of this call that nobody has written down."""
        route, rule = decision.route, decision.rule
        if decision.way is MaskWay.CONNECT and route:
            return self._through(connection, route, rule, now)
        if decision.way is MaskWay.MENU:
            choices = decision.choices
            return Judgement(Menu(len(choices)), rule, choices=choices)
        if decision.way is MaskWay.CALL_CENTRE:
            return Judgement(Centre(rule), rule, decision.last)
        wrong = store.wrong_codes(connection, self.did, self.caller, now) + unwritten
        if wrong >= self._settings.masking.codes_hour:
            return Judgement(Centre(MaskRule.CODES_HOUR), MaskRule.CODES_HOUR)
        return Judgement(AskCode(rule is MaskRule.WRONG_CODE), rule)

    def _through(self, connection: Connection, route: Route, rule: MaskRule, now: datetime) -> Judgement:
        """To the other side of an order, unless a wall stands there."""
        driver = route.driver if route.role is MaskRole.DRIVER else ""
        party = driver or self.caller or f"order:{route.order}"
        about = (connection, route.order, party, self.caller, route.peers, self.id, now)
        standing = Standing(*store.standing(*about, self._settings.masking.max_talk_s))
        if standing.crossed:
            return Judgement(Crossed(), MaskRule.CROSSED, route, party=party)
        if wall := self._walls().against(route.peers, standing):
            return Judgement(Centre(wall), wall, route, party=party)
        leg = self._leg(route)
        if not leg.endpoints:
            return Judgement(Centre(MaskRule.NO_TRUNK), MaskRule.NO_TRUNK, route, party=party)
        return Judgement(leg, rule, route, party=party)

    def _leg(self, route: Route) -> Leg:
        masking_ = self._settings.masking
        name = str(self.id)
        return Leg(
            role=route.role,
            peers=route.peers,
            show=route.show,
            endpoints=tuple(dict.fromkeys(one.endpoint for one in trunks(self._settings, route.peers))),
            ring_s=masking_.ring_s,
            talk_s=masking_.max_talk_s,
            warn_s=masking_.warn_s,
            record=f"{FOLDER}/{name[:4]}/{name[:7]}/{name}.alaw" if route.record else "",
        )

    def _walls(self) -> Walls:
        of = self._settings.masking
        return Walls(tuple(of.prefixes), of.calls_at_once, of.calls_hour)


def sheet(
    settings: Settings, call_id: UUID, did: str, verdict: Verdict, phrases: Mapping[str, Clip]
) -> MaskCall:
    """What the conversation of a call has to know."""
    centre = settings.masking.call_centre or settings.company.operator
    ways = [one.endpoint for one in trunks(settings, (centre,))]
    return MaskCall(
        id=str(call_id),
        verdict=verdict,
        phrases=phrases,
        did=did,
        centre=centre,
        centre_endpoint=ways[0] if ways else "",
        told=events.wanted(settings),
    )

"""One masked call: how it goes on, as the engine decides, and what is written of it meanwhile.

Each answer is one short transaction, none of them while somebody talks. What was decided is written before
it is acted on; so the walls count a call from the moment at which it may be placed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.masking import events
from engine.masking.routing import Decision, Route, choose, resolve
from engine.masking.sheet import (
    Again,
    AskCode,
    Centre,
    Chosen,
    Coded,
    Crossed,
    Dialling,
    Leg,
    Menu,
    Parted,
    Verdict,
)
from engine.masking.trunks import trunks
from engine.masking.walls import Standing, Walls
from engine.settings import Settings
from storage import mask_calls as store
from storage import masking
from storage.db import reading, writing
from storage.vocab import MaskEnd, MaskEvent, MaskRole, MaskWay, Recording

STRANGER = "stranger"
FOLDER = "masked"  # of these calls' recordings, under that of all


class Line:
    """A call on `did` from `caller` (E.164; "" when it is not known). Blocking."""

    def __init__(self, engine: Engine, settings: Settings, call_id: UUID, did: str, caller: str) -> None:
        self.id, self.did, self.caller = call_id, did, caller
        self.verdict: Verdict = AskCode()
        self._engine, self._settings = engine, settings
        self._choices: tuple[Route, ...] = ()
        self._dialled = ("", "")  # peer and trunk, as they were written last

    def begin(self) -> None:
        """It has come in: decide how it goes on, and write it down."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            decision = resolve(self._routes(connection), now)
        row = {"id": self.id, "begun_at": now, "did": self.did, "caller": self.caller}
        row |= {"party": self.caller, "role": STRANGER, "rule": decision.rule}
        with writing(self._engine) as connection:
            found = self._decide(connection, decision, now)
            store.add(connection, row | found)

    def ordered(self, route: Route) -> None:
        """We ring the caller first, as he asked: the other side is to be reached by this route."""
        now = self._settings.now()
        row = {"id": self.id, "begun_at": now, "did": self.did, "caller": self.caller, "back": True}
        row |= {"party": self.caller, "role": route.role, "rule": "call-back"}
        with writing(self._engine) as connection:
            found = self._decide(connection, Decision(MaskWay.CONNECT, "call-back", route), now)
            store.add(connection, row | found)

    def ask(self, question: Any) -> Verdict | MaskEnd:
        """What the conversation asks; see `sheet`."""
        match question:
            case Chosen(key):
                return self._again(choose(self._choices, key, self._settings.now()))
            case Coded(digits):
                return self._coded(digits)
            case Again():
                with reading(self._engine) as connection:
                    routes = self._routes(connection)
                return self._again(resolve(routes, self._settings.now()))
            case Parted():
                return self._parted()
        raise ValueError(f"a question that nobody answers: {question!r}")

    def dialling(self, fact: Dialling) -> None:
        """Another phone, or another trunk, than was written down is about to be dialled."""
        trunk = self._trunk_at(fact.endpoint)
        if (fact.peer, trunk) != self._dialled:
            now = self._settings.now()
            with writing(self._engine) as connection:
                store.change(connection, self.id, peer=fact.peer, trunk=trunk, dialled_at=now)
            self._dialled = fact.peer, trunk

    # Decisions.

    def _again(self, decision: Decision) -> Verdict:
        """Decide anew, and write it down."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            found = self._decide(connection, decision, now)
            if found:
                store.change(connection, self.id, **found)
        return self.verdict

    def _decide(self, connection: Connection, decision: Decision, now: datetime) -> dict[str, Any]:
        """Set the verdict; what of the call's row changes by it."""
        if decision.way is MaskWay.CONNECT and decision.route:
            return self._let(connection, decision.route, decision.rule, now)
        if decision.way is MaskWay.MENU:
            self._choices = decision.choices
            self.verdict = Menu(len(decision.choices))
            return {"rule": decision.rule, "role": decision.choices[0].role}
        if decision.way is MaskWay.CALL_CENTRE:
            self.verdict = Centre(decision.rule)
            return {"rule": decision.rule}
        if self._guesses(connection, now):
            self.verdict = Centre("codes-hour")
            return {"rule": "codes-hour"}
        events.note(connection, self._settings, MaskEvent.STRANGER, call=str(self.id), did=self.did)
        self.verdict = AskCode()
        return {}

    def _let(
        self, connection: Connection, route: Route, rule: str, now: datetime, *, coded: bool = False
    ) -> dict[str, Any]:
        """To the other side of an order, unless a wall stands there."""
        masking.lock(connection, {f"calls:{route.order}"})
        driver = route.driver if route.role is MaskRole.DRIVER else ""
        party = driver or self.caller or f"order:{route.order}"
        about = {"order_id": route.order, "version": route.version, "role": route.role, "rule": rule}
        found = about | {"party": party, "coded": coded}
        talk_s = self._settings.masking.max_talk_s
        standing = Standing(
            *store.standing(connection, route.order, party, self.caller, route.peers, self.id, now, talk_s)
        )
        if standing.crossed:
            self.verdict = Crossed()
            return found | {"rule": "crossed"}
        if wall := self._walls().against(route.peers, standing):
            told = {"call": str(self.id), "rule": wall, "from": route.role}
            events.note(connection, self._settings, MaskEvent.REFUSED, route.order, **told)
            self.verdict = Centre(wall)
            return found | {"rule": wall}
        leg = self._leg(route)
        if not leg.endpoints:
            self.verdict = Centre("no-trunk")
            return found | {"rule": "no-trunk"}
        self.verdict = leg
        self._dialled = route.peers[0], self._trunk_at(leg.endpoints[0])
        peer, trunk = self._dialled
        ringing = {"call": str(self.id), "from": route.role, "rule": rule}
        events.note(connection, self._settings, MaskEvent.RINGING, route.order, **ringing)
        recording = Recording.WANTED if route.record else Recording.NONE
        dialled = {"peer": peer, "trunk": trunk, "show": route.show, "dialled_at": now}
        return found | dialled | {"recording": recording, "ended": ""}

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

    def _coded(self, digits: str) -> Verdict:
        """The order that this code means; a wrong one is counted."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            row = masking.by_code(connection, self.did, digits)
            rows = masking.routes_of_order(connection, row.order_id, MaskRole(row.role)) if row else []
            routes = [Route.of(one) for one in rows]
            known = next((one for one in routes if one.open(now)), None)
            if known:
                found = self._let(connection, known, "code", now, coded=True)
            elif routes:
                found = {"rule": "order-finished", "order_id": routes[0].order, "role": routes[0].role}
                self.verdict = Centre("order-finished")
            else:
                tries = store.wrong_code(connection, self.id)
                self.verdict = Centre("codes-hour") if self._guesses(connection, now) else AskCode(tries > 0)
                found = {}
            if found:
                store.change(connection, self.id, **found)
        return self.verdict

    def _guesses(self, connection: Connection, now: datetime) -> bool:
        """Has he, or have all who withhold their number, given too many wrong codes?"""
        wrong = store.wrong_codes(connection, self.did, self.caller, now)
        return wrong >= self._settings.masking.codes_hour

    def _parted(self) -> MaskEnd:
        """Whether they talked, by what was written when the call was taken."""
        with reading(self._engine) as connection:
            row = store.find(connection, self.id)
        taken_away = row is not None and row.answered_at is None and row.ended
        return MaskEnd(row.ended) if row is not None and taken_away else MaskEnd.TALKED

    # What it is decided on.

    def _routes(self, connection: Connection) -> list[Route]:
        rows = masking.routes_of(connection, self.did, self.caller) if self.did and self.caller else ()
        return [Route.of(row) for row in rows]

    def _walls(self) -> Walls:
        of = self._settings.masking
        return Walls(tuple(of.prefixes), of.calls_at_once, of.calls_hour)

    def _trunk_at(self, endpoint: str) -> str:
        return next((one.name for one in self._settings.trunk if one.endpoint == endpoint), endpoint)

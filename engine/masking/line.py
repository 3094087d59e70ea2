"""One masked call: how it goes on, as the engine decides, and what is written of it meanwhile.

Each answer is one short transaction, none of them while somebody talks. What was decided is written before
it is acted on; so the walls count a call from the moment at which it may be placed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.masking import events, walls
from engine.masking.judge import Judge, Judgement
from engine.masking.routing import Decision, Route, choose
from engine.masking.sheet import Again, AskCode, CallBack, Chosen, Coded, Dialling, Leg, Parted, Verdict
from engine.settings import Settings
from storage import mask_calls as store
from storage import masking
from storage.db import reading, writing
from storage.vocab import MaskEnd, MaskEvent, MaskRole, MaskRule, MaskWay, Recording

STRANGER = "stranger"
REFUSED = (*walls.RULES, MaskRule.CODES_HOUR, MaskRule.NO_TRUNK)


class Line:
    """A call on `did` from `caller` (E.164; "" when it is not known). Blocking."""

    def __init__(self, engine: Engine, settings: Settings, call_id: UUID, did: str, caller: str) -> None:
        self.id, self.did, self.caller = call_id, did, caller
        self.verdict: Verdict = AskCode()
        self._engine, self._settings = engine, settings
        self._judge = Judge(settings, call_id, did, caller)
        self._choices: tuple[Route, ...] = ()
        self._order: tuple[str, MaskRole] | None = None  # of a call that we began
        self._dialled = ("", "")  # peer and trunk, as they were written last

    def begin(self) -> None:
        """It has come in: decide how it goes on, and write it down."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            decision = self._judge.by_number(connection, now)
        row = {"id": self.id, "begun_at": now, "did": self.did, "caller": self.caller}
        row |= {"party": self.caller, "role": STRANGER, "rule": decision.rule}
        with writing(self._engine) as connection:
            store.add(connection, row | self._decide(connection, decision, now))

    def ordered(self, order_id: str, role: MaskRole) -> None:
        """We rang the caller, who is this side of the order; `back` has written it down."""
        self._order = order_id, role
        self.verdict = CallBack(role)

    def ask(self, question: Any) -> Verdict | MaskEnd:
        """What the conversation asks; see `sheet`."""
        match question:
            case Chosen(key):
                return self._again(choose(self._choices, key, self._settings.now()))
            case Coded(digits):
                return self._coded(digits)
            case Again():
                return self._again(self._anew())
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
        with writing(self._engine) as connection:
            self._change(connection, decision, self._settings.now())
        return self.verdict

    def _anew(self) -> Decision:
        """Whom he reaches by now."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            if self._order:
                return self._judge.by_order(connection, *self._order, now)
            return self._judge.by_number(connection, now)

    def _coded(self, digits: str) -> Verdict:
        """The order that this code means; a wrong one is counted."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            decision = self._judge.by_code(connection, digits, now)
            if decision.rule is MaskRule.WRONG_CODE:
                store.wrong_code(connection, self.id)
            self._change(connection, decision, now)
        return self.verdict

    def _change(self, connection: Connection, decision: Decision, now: datetime) -> None:
        if found := self._decide(connection, decision, now):
            store.change(connection, self.id, **found)

    def _decide(self, connection: Connection, decision: Decision, now: datetime) -> dict[str, Any]:
        """Set the verdict; what of the call's row changes by it."""
        if decision.way is MaskWay.CONNECT and decision.route:
            masking.lock(connection, {f"calls:{decision.route.order}"})
        judged = self._judge.judge(connection, decision, now)
        self.verdict = judged.verdict
        self._choices = judged.choices or self._choices
        if isinstance(judged.verdict, AskCode):
            if judged.rule is MaskRule.STRANGER:
                self._tell(connection, MaskEvent.STRANGER, did=self.did)
            return {}
        found = _about(judged) | {"rule": judged.rule}
        if judged.party:
            found |= {"party": judged.party, "coded": decision.rule is MaskRule.CODE}
        if judged.rule in REFUSED:
            self._tell(connection, MaskEvent.REFUSED, judged.route, rule=judged.rule, did=self.did)
        if isinstance(judged.verdict, Leg) and judged.route:
            self._tell(connection, MaskEvent.RINGING, judged.route, rule=judged.rule)
            found |= self._rings(judged.verdict, judged.route) | {"dialled_at": now}
        return found

    def _rings(self, leg: Leg, route: Route) -> dict[str, Any]:
        """What is written of a call that goes on to the other side."""
        peer, trunk = self._dialled = leg.peers[0], self._trunk_at(leg.endpoints[0])
        recording = Recording.WANTED if route.record else Recording.NONE
        return {"peer": peer, "trunk": trunk, "show": leg.show, "recording": recording, "ended": ""}

    def _tell(self, connection: Connection, kind: MaskEvent, route: Route | None = None, **body: Any) -> None:
        side = {"from": route.role} if route else {}
        order = route.order if route else ""
        events.note(connection, self._settings, kind, order, call=str(self.id), **side, **body)

    def _parted(self) -> MaskEnd:
        """Whether they talked, by what was written when the call was taken."""
        with reading(self._engine) as connection:
            row = store.find(connection, self.id)
        taken_away = row is not None and row.answered_at is None and row.ended
        return MaskEnd(row.ended) if row is not None and taken_away else MaskEnd.TALKED

    def _trunk_at(self, endpoint: str) -> str:
        return next((one.name for one in self._settings.trunk if one.endpoint == endpoint), endpoint)


def _about(judged: Judgement) -> dict[str, Any]:
    """Whose call it is, and of which order."""
    if route := judged.route:
        return {"order_id": route.order, "version": route.version, "role": route.role}
    return {"role": judged.choices[0].role} if judged.choices else {}

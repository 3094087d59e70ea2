"""Bindings: who reaches whom through our numbers, from the moment at which the dispatch says so.

Load, decide, save in one short transaction under locks on the order and on all its phones, so that two
bindings of a phone never choose the same number. Both ways of an order are made together or not at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from engine.contact.numbers import e164
from engine.errors import NoNumber, NotFound, Refused
from engine.masking import events
from engine.masking.binding import News, Usual, Wanted, compare, read
from engine.masking.codes import Codes, Side
from engine.masking.judge import Judge
from engine.masking.routing import Decision, Route, resolve
from engine.masking.sheet import AskCode, Centre, Crossed, Leg, Menu
from engine.settings import Settings
from storage import audit
from storage import masking as store
from storage.db import Record, new_id, reading, writing
from storage.vocab import MaskEvent, MaskMode, MaskRole, MaskRule, MaskWay

WAYS = {
    Leg: MaskWay.CONNECT,
    Menu: MaskWay.MENU,
    AskCode: MaskWay.CODE,
    Centre: MaskWay.CALL_CENTRE,
    Crossed: MaskWay.HANG_UP,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """An order as it is bound: what each side dials, and its code when it calls from another phone."""

    order: str
    version: int
    driver_dials: str
    client_dials: str
    extension: str
    client_extension: str
    effective_at: datetime
    closes_at: datetime


class Bindings:
    """Orders, their routes and their codes."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings, self._codes = engine, settings, Codes()
        self.lang = settings.lang  # in which reasons are told

    def ask(self, body: Mapping[str, Any], actor: str) -> dict[str, Any]:
        """Bind what a dispatch asks for, as the contract has it; UsageError names the field. See `bind`."""
        masking = self._settings.masking
        usual = Usual(
            region=self._settings.region,
            mode=MaskMode(masking.mode),
            ttl_s=masking.ttl_s,
            record=masking.record,
            prefixes=tuple(masking.prefixes),
        )
        return asdict(self.bind(read(body, usual), actor))

    def next_version(self, order_id: str) -> int:
        """The least version at which an order can be bound anew."""
        with reading(self._engine) as connection:
            row = store.find(connection, order_id)
        return row.version + 1 if row else 1

    def bind(self, wanted: Wanted, actor: str) -> Bound:
        """From its commit on, calls go as it says. Refused: the order stands at a later version, or at this
        one with another content. NoNumber: the pool is dry; the order is bound, and reached by code only.
        """
        now = self._settings.now()
        with writing(self._engine) as connection:
            phones = (*wanted.driver_phones, *wanted.client_phones)
            store.lock(connection, {f"order:{wanted.order}", *phones})
            before = store.find(connection, wanted.order)
            stands, digest = (before.version, before.digest) if before else (None, "")
            codes = store.codes_of(connection, wanted.order) if before else {}
            match compare(wanted, stands, digest):
                case News.LATE:
                    raise Refused(f"order {wanted.order} is at version {stands} already")
                case News.OTHER:
                    raise Refused(f"version {wanted.version} of order {wanted.order} said something else")
                case News.REPEATED:
                    row = dict(before._mapping) if before else {}
                case News.NEW:
                    if before and self._another_driver(connection, before.driver, wanted):
                        store.drop_codes(connection, wanted.order, MaskRole.DRIVER)
                        codes = {side: code for side, code in codes.items() if side[1] is MaskRole.CLIENT}
                    row = self._save(connection, wanted, now)
                    codes = self._coded(connection, row, codes, now)
                    told = {"deed": "mask.bind", "subject": wanted.order}
                    audit.note(connection, at=now, actor=actor, **told, version=wanted.version)
                    self._told(connection, row)
        bound = _bound(row, codes)
        if row["fallback"]:
            raise NoNumber("no number is free for these phones: they reach each other by code only", bound)
        return bound

    def _another_driver(self, connection: Connection, driver: str, wanted: Wanted) -> bool:
        """Does the order change hands? Its code is then another: the former driver knows the old one."""
        rows = store.routes_of_order(connection, wanted.order, MaskRole.DRIVER)
        return driver != wanted.driver or {row.caller for row in rows} != set(wanted.driver_phones)

    def _save(self, connection: Connection, wanted: Wanted, now: datetime) -> dict[str, Any]:
        """The order as it is stored from now on, with its routes."""
        dials = self._numbers(connection, wanted, now)
        shared = self._shared(connection) if dials is None else ""
        driver_dials, client_dials = dials or (shared, shared)
        closes_at = now + timedelta(seconds=wanted.ttl_s)
        row = {
            "id": wanted.order,
            "version": wanted.version,
            "digest": wanted.digest,
            "mode": wanted.mode,
            "driver": wanted.driver,
            "client": wanted.client,
            "record": wanted.record,
            "driver_dials": driver_dials,
            "client_dials": client_dials,
            "fallback": dials is None and wanted.mode is MaskMode.POOL,
            "effective_at": now,
            "closes_at": closes_at,
            "grace_until": closes_at + timedelta(seconds=self._settings.masking.grace_s),
            "ended": "",
        }
        store.save(connection, row, list(_routes(wanted, row)))
        return row

    def _told(self, connection: Connection, row: Mapping[str, Any]) -> None:
        """The dispatch is told by its webhook too: another system of its may have bound."""
        names = ("version", "driver_dials", "client_dials", "closes_at")
        body = {name: row[name] for name in names} | {"by_code_only": row["fallback"]}
        events.note(connection, self._settings, MaskEvent.BOUND, row["id"], **body)

    def _numbers(self, connection: Connection, wanted: Wanted, now: datetime) -> tuple[str, str] | None:
        """What the driver and the client dial, of the pool; None when it is not asked for, or is dry."""
        if wanted.mode is not MaskMode.POOL:
            return None
        driver = store.free_number(connection, wanted.driver_phones, wanted.order, now)
        client = store.free_number(connection, wanted.client_phones, wanted.order, now)
        if not driver or not client:
            return None
        store.given(connection, {driver, client}, now)
        return driver, client

    def _shared(self, connection: Connection) -> str:
        did = store.shared(connection)
        if did is None:
            raise Refused("there is no number that is everybody's: zvonar mask pool add DID --shared")
        return did

    def _coded(
        self, connection: Connection, row: Mapping[str, Any], had: dict[Side, str], now: datetime
    ) -> dict[Side, str]:
        """The codes of an order: those that it had, and new ones for what it dials from now on."""
        hold = row["grace_until"] + timedelta(seconds=self._settings.masking.code_hold_s)
        sides = {(row["driver_dials"], MaskRole.DRIVER), (row["client_dials"], MaskRole.CLIENT)}
        if had:
            store.hold_codes(connection, row["id"], hold)
        return had | self._codes.give(connection, row["id"], sides - had.keys(), hold, now)

    def close(
        self, order_id: str, actor: str, grace_s: int | None = None, *, cancelled: bool = False
    ) -> dict[str, Any]:
        """End an order now; the client still reaches his driver for `grace_s`, not if it was cancelled.
        Closed again, nothing changes. Talks under way go on. The order, as `read`; NotFound.
        """
        now, masking = self._settings.now(), self._settings.masking
        grace = 0 if cancelled else masking.grace_s if grace_s is None else grace_s
        with writing(self._engine) as connection:
            store.lock(connection, {f"order:{order_id}"})
            row = store.find(connection, order_id)
            if row is None:
                raise NotFound(f"no order {order_id!r}")
            if not row.ended and now < row.closes_at:
                until, why = now + timedelta(seconds=grace), "cancelled" if cancelled else "closed"
                store.end(connection, order_id, now, until, why)
                store.hold_codes(connection, order_id, until + timedelta(seconds=masking.code_hold_s))
                audit.note(
                    connection, at=now, actor=actor, deed="mask.close", subject=order_id, grace_s=grace
                )
                told = {"reason": why, "grace_until": until}
                events.note(connection, self._settings, MaskEvent.CLOSED, order_id, **told)
            return _standing(store.get(connection, order_id), now)

    def read(self, order_id: str) -> dict[str, Any]:
        """An order as it stands, without anybody's phone; NotFound."""
        with reading(self._engine) as connection:
            row = store.find(connection, order_id)
        if row is None:
            raise NotFound(f"no order {order_id!r}")
        return _standing(row, self._settings.now())

    def open(self, limit: int) -> list[dict[str, Any]]:
        """Orders that are not over, the newest first."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            return [_standing(row, now) for row in store.orders(connection, now, limit)]

    def explain(self, caller: str, did: str) -> dict[str, Any]:
        """What would become of a call now, as in the contract, and until when; UsageError for what is no
        number. `ours`: is what is dialled a masking number?
        """
        now, region = self._settings.now(), self._settings.region
        number, phone = e164(did, region), e164(caller, region) if caller else ""
        judge = Judge(self._settings, new_id(now), number, phone)
        with reading(self._engine) as connection:
            judged = judge.judge(connection, judge.by_number(connection, now), now)
            ours = store.is_ours(connection, number)
        leg = judged.verdict if isinstance(judged.verdict, Leg) else None
        route = judged.route or next(iter(judged.choices), None)
        until = route.closes_at if route and route.live(now) else route.grace_until if route else None
        return {
            "decision": WAYS[type(judged.verdict)],
            "peer": leg.peers[0] if leg else None,
            "show": leg.show if leg else None,
            "order": judged.route.order if judged.route else None,
            "role": route.role if route and judged.rule is not MaskRule.ORDER_FINISHED else "stranger",
            "rule": judged.rule,
            "orders": [choice.order for choice in judged.choices],
            "until": until,
            "withheld": not phone,
            "ours": ours,
        }

    def resolve(self, did: str, caller: str) -> Decision:
        """Whom a call is for, by the number dialled and the caller's ("" when he withholds it)."""
        with reading(self._engine) as connection:
            rows = store.routes_of(connection, did, caller) if caller else ()
        return resolve([Route.of(row) for row in rows], self._settings.now())


def _routes(wanted: Wanted, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Both ways: each phone of a side, on the number that this side dials."""
    sides = (
        (
            MaskRole.DRIVER,
            wanted.driver_phones,
            wanted.client_phones,
            row["driver_dials"],
            row["client_dials"],
        ),
        (
            MaskRole.CLIENT,
            wanted.client_phones,
            wanted.driver_phones,
            row["client_dials"],
            row["driver_dials"],
        ),
    )
    for role, callers, peers, dials, show in sides:
        for caller in callers:
            yield {
                "did": "" if row["fallback"] else dials,
                "caller": caller,
                "order_id": wanted.order,
                "role": role,
                "driver": wanted.driver,
                "mode": wanted.mode,
                "version": wanted.version,
                "peers": list(peers),
                "show": show,
                "record": wanted.record,
                "bound_at": row["effective_at"],
                "closes_at": row["closes_at"],
                "grace_until": row["grace_until" if role is MaskRole.CLIENT else "closes_at"],
            }


def _bound(row: Mapping[str, Any], codes: Mapping[Side, str]) -> Bound:
    return Bound(
        order=row["id"],
        version=row["version"],
        driver_dials=row["driver_dials"],
        client_dials=row["client_dials"],
        extension=codes[row["driver_dials"], MaskRole.DRIVER],
        client_extension=codes[row["client_dials"], MaskRole.CLIENT],
        effective_at=row["effective_at"],
        closes_at=row["closes_at"],
    )


def state(row: Record, now: datetime) -> str:
    """How far an order is."""
    return "live" if now < row.closes_at else "grace" if now < row.grace_until else "over"


def _standing(row: Record, now: datetime) -> dict[str, Any]:
    """An order as operators and the dispatch read it."""
    names = ("version", "driver", "mode", "driver_dials", "client_dials", "closes_at", "grace_until", "ended")
    return {"order": row.id, "state": state(row, now)} | {name: getattr(row, name) for name in names}

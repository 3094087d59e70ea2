"""Whom a call on one of our numbers is for: by the number dialled together with the caller. Pure.

A route is one way: this caller on this number reaches that peer, who sees `show`, on which he calls back.
Both ways of an order are made and ended together.

| routes of (number, caller) | decision |
|---|---|
| one that is open | connect |
| several open, of orders that are to be told apart by voice | menu, the newest order first |
| several open, of others | connect: the newest order, and one in grace only if no other is live |
| none open, but there was one within the last day | call centre: "the order is finished" |
| none | code: a stranger, or someone on another phone, is asked for the code of his order |

A route is live until `closes_at`; a client's then has its grace until `grace_until` (something forgotten in
the car), a driver's has none. Moments are compared here, at each call: nothing is swept for a route to end.

A caller who withholds his number has no routes. The number dialled alone never tells whom to call: a stranger
would reach the client.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.vocab import MaskMode, MaskRole, MaskRule, MaskWay


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a caller to the other side of an order. `peers` are E.164, called in this order; `driver` is
    the dispatch's id of the order's.
    """

    order: str
    version: int
    role: MaskRole
    driver: str
    mode: MaskMode
    peers: tuple[str, ...]
    show: str
    record: bool
    bound_at: datetime
    closes_at: datetime
    grace_until: datetime

    @classmethod
    def of(cls, row: Any) -> "Route":
        """As it is stored."""
        return cls(
            order=row.order_id,
            version=row.version,
            role=MaskRole(row.role),
            driver=row.driver,
            mode=MaskMode(row.mode),
            peers=tuple(row.peers),
            show=row.show,
            record=row.record,
            bound_at=row.bound_at,
            closes_at=row.closes_at,
            grace_until=row.grace_until,
        )

    def live(self, now: datetime) -> bool:
        """Its order is under way."""
        return now < self.closes_at

    def open(self, now: datetime) -> bool:
        """It leads to the peer: the order is under way, or the client has his grace."""
        return self.live(now) or (self.role is MaskRole.CLIENT and now < self.grace_until)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a call: it goes by `route`; `choices` of a menu, the first is key 1; `last` of those
    that are over.
    """

    way: MaskWay
    rule: MaskRule
    route: Route | None = None
    choices: tuple[Route, ...] = ()
    last: Route | None = None


MOST_CHOICES = 9


def resolve(routes: Sequence[Route], now: datetime) -> Decision:
    """The decision for a caller with these routes on the number that he dialled."""
    open_ = sorted((one for one in routes if one.open(now)), key=lambda one: one.bound_at, reverse=True)
    live = [one for one in open_ if one.live(now)]
    if not routes:
        return Decision(MaskWay.CODE, MaskRule.STRANGER)
    if not open_:
        last = max(routes, key=lambda one: (one.grace_until, one.bound_at))
        return Decision(MaskWay.CALL_CENTRE, MaskRule.ORDER_FINISHED, last=last)
    if len(open_) == 1:
        return Decision(MaskWay.CONNECT, MaskRule.LIVE if live else MaskRule.GRACE, open_[0])
    if any(one.mode is MaskMode.MENU for one in open_):
        return Decision(MaskWay.MENU, MaskRule.SEVERAL_ORDERS, choices=tuple(open_[:MOST_CHOICES]))
    newest = MaskRule.NEWEST_ORDER if live else MaskRule.NEWEST_GRACE
    return Decision(MaskWay.CONNECT, newest, (live or open_)[0])


def choose(offered: Sequence[Route], key: str, now: datetime) -> Decision:
    """What a key of the menu leads to; one that is none, or whose order was closed meanwhile: asked again."""
    if key.isdecimal() and 1 <= int(key) <= len(offered) and offered[int(key) - 1].open(now):
        return Decision(MaskWay.CONNECT, MaskRule.CHOSEN, offered[int(key) - 1])
    return Decision(MaskWay.MENU, MaskRule.NO_SUCH_CHOICE, choices=tuple(offered))


def still(routes: Sequence[Route], peer: str, now: datetime) -> bool:
    """Does one of these routes, of the caller's side of an order, lead to this phone?"""
    return any(one.open(now) and peer in one.peers for one in routes)

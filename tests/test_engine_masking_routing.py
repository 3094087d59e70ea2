"""Whom a call on a masking number is for."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import NOON, after
from hypothesis import given
from hypothesis import strategies as st

from engine.masking.routing import Decision, Route, choose, resolve
from storage.vocab import MaskMode, MaskRole, MaskWay

LIVE = Route(
    order="A-1",
    version=1,
    role=MaskRole.CLIENT,
    driver="d",
    mode=MaskMode.REPLACE,
    peers=("+79210000001",),
    show="+78120000001",
    record=False,
    bound_at=after(-60),
    closes_at=after(60),
    grace_until=after(120),
)
DRIVER = replace(LIVE, role=MaskRole.DRIVER, grace_until=after(60))
NEWER = replace(LIVE, order="A-2", bound_at=after(-30))


def told(decision: Decision) -> tuple[str, str, str]:
    return decision.way, decision.rule, decision.route.order if decision.route else ""


@pytest.mark.parametrize(
    ("routes", "at", "expected"),
    [
        ([], 0, ("code", "stranger", "")),
        ([LIVE], 0, ("connect", "live", "A-1")),
        ([LIVE], 59.999, ("connect", "live", "A-1")),
        ([LIVE], 60, ("connect", "grace", "A-1")),
        ([LIVE], 119.999, ("connect", "grace", "A-1")),
        ([LIVE], 120, ("call-centre", "order-finished", "")),
        ([DRIVER], 59.999, ("connect", "live", "A-1")),
        ([DRIVER], 60, ("call-centre", "order-finished", "")),
        ([LIVE, NEWER], 0, ("connect", "newest-order", "A-2")),
        ([NEWER, LIVE], 0, ("connect", "newest-order", "A-2")),
        ([LIVE, replace(NEWER, closes_at=NOON)], 0, ("connect", "newest-order", "A-1")),
        ([LIVE, NEWER], 60, ("connect", "newest-grace", "A-2")),
        ([LIVE, replace(NEWER, mode=MaskMode.MENU)], 0, ("menu", "several-orders", "")),
        (
            [LIVE, replace(NEWER, mode=MaskMode.MENU, grace_until=NOON, closes_at=NOON)],
            0,
            ("connect", "live", "A-1"),
        ),
    ],
)
def test_a_call_goes_where_its_open_routes_lead(
    routes: list[Route], at: float, expected: tuple[str, str, str]
) -> None:
    assert told(resolve(routes, after(at))) == expected


def test_a_menu_offers_the_newest_first_and_nine_at_the_most() -> None:
    many = [
        replace(LIVE, order=f"A-{n}", mode=MaskMode.MENU, bound_at=NOON - timedelta(seconds=n))
        for n in range(12)
    ]
    decision = resolve(many[::-1], NOON)
    assert [route.order for route in decision.choices] == [f"A-{n}" for n in range(9)]
    assert told(choose(decision.choices, "2", NOON)) == ("connect", "chosen", "A-1")
    for wrong in ("0", "", "#", "x", "²"):
        again = choose(decision.choices, wrong, NOON)
        assert (again.way, again.choices) == (MaskWay.MENU, decision.choices)
    assert choose(decision.choices, "2", after(120)).way is MaskWay.MENU  # it was closed meanwhile


moments = st.integers(-100, 100).map(after)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    closes, grace, bound = draw(moments), draw(st.integers(0, 50)), draw(moments)
    role = draw(st.sampled_from(MaskRole))
    over = closes + timedelta(seconds=grace if role is MaskRole.CLIENT else 0)
    return replace(
        LIVE,
        order=draw(st.text("ABC", min_size=1, max_size=3)),
        role=role,
        mode=draw(st.sampled_from(MaskMode)),
        bound_at=bound,
        closes_at=closes,
        grace_until=over,
    )


@given(st.lists(routes(), max_size=5), moments)
def test_nobody_is_connected_by_a_route_that_is_over(known: list[Route], now: datetime) -> None:
    decision = resolve(known, now)
    reached = [decision.route] if decision.route else list(decision.choices)
    assert all(now < route.grace_until for route in reached)
    assert bool(reached) == any(now < route.grace_until for route in known)
    if decision.way is MaskWay.CONNECT and any(now < route.closes_at for route in known):
        assert decision.route is not None
        assert now < decision.route.closes_at  # grace never hides an order that is under way

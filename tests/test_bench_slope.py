"""The slope that a soak is judged by."""

from _slope import flat, settled, slope
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

VALUES = st.lists(st.floats(-1000, 1000), min_size=2, max_size=30)


def line(growth: float, count: int = 60, every: float = 60.0) -> list[tuple[float, float]]:
    """A series that grows by so much an hour."""
    return [(n * every, 50 + growth * n * every / 3600) for n in range(count)]


@given(st.floats(-100, 100))
def test_the_slope_of_a_line(growth: float) -> None:
    assert slope(line(growth)) == approx(growth, abs=1e-6)


@given(VALUES)
def test_the_slope_of_what_never_falls_is_not_negative(values: list[float]) -> None:
    assert slope(list(enumerate(sorted(values)))) >= 0


def test_odd_values_do_not_move_it() -> None:
    series = line(2.0)
    odd = [(at, 9000.0 if place in (5, 17, 40) else value) for place, (at, value) in enumerate(series)]
    assert slope(odd) == approx(2.0, abs=0.3)


def test_nothing_has_no_slope() -> None:
    assert slope([]) == slope([(0, 5)]) == 0
    assert flat([], 0, 0)
    assert settled([]) == []


def test_the_first_quarter_is_left_out() -> None:
    series = line(0, count=9)
    assert settled(series) == series[2:]


def test_a_leak_of_an_hour_is_seen_and_one_of_a_minute_is_not_judged() -> None:
    assert flat(line(0.9), an_hour=1, in_all=2)
    assert flat(line(1.9), an_hour=1, in_all=2)
    assert not flat(line(2.2), an_hour=1, in_all=2)
    assert flat(line(20, count=5), an_hour=1, in_all=2)
    assert not flat(line(1.1, count=600), an_hour=1, in_all=2)

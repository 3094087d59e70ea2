"""Circles and polygons: a database finds what the plain formula says, also at poles and date line."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table, create_engine, select

from engine.campaign.geography import Circle, Point, Polygon, metres
from engine.errors import UsageError

POINTS = Table(
    "points", MetaData(), Column("id", Integer, primary_key=True), Column("lat", Float), Column("lon", Float)
)
# As coordinates are stored: to a centimetre.
LAT = st.one_of(
    st.floats(-90, 90).map(lambda lat: round(lat, 7)), st.sampled_from([-90.0, 90.0, 89.999, 59.93, 0.0])
)
LON = st.one_of(
    st.floats(-180, 180).map(lambda lon: round(lon, 7)),
    st.sampled_from([-180.0, 180.0, 179.999, -179.999, 30.3]),
)
RADIUS = st.floats(1, 1_000_000)


@pytest.fixture
def base(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:"))
    POINTS.create(engine)
    yield engine
    engine.dispose()


def away(centre: Point, bearing: float, distance: float) -> Point:
    """The point so many metres from another, in this direction (radians)."""
    angle, lat, lon = distance / 6_371_008.8, math.radians(centre[0]), math.radians(centre[1])
    sine = math.sin(lat) * math.cos(angle) + math.cos(lat) * math.sin(angle) * math.cos(bearing)
    there = math.asin(max(-1.0, min(1.0, sine)))
    east = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(lat), math.cos(angle) - math.sin(lat) * math.sin(there)
    )
    return round(math.degrees(there), 9), round((math.degrees(lon + east) + 540) % 360 - 180, 9)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    centre=st.tuples(LAT, LON),
    radius=RADIUS,
    ways=st.lists(st.tuples(st.floats(0, 6.3), st.floats(0, 1.5)), max_size=8),
    others=st.lists(st.tuples(LAT, LON), max_size=4),
)
def test_a_database_finds_who_is_near(
    base: Engine, centre: Point, radius: float, ways: list[Point], others: list[Point]
) -> None:
    points = [*(away(centre, bearing, share * radius) for bearing, share in ways), *others]
    points = [one for one in points if abs(metres(centre, one) - radius) > 0.05]  # rounding decides these
    with base.begin() as connection:
        connection.execute(POINTS.delete())
        rows = [{"id": n, "lat": lat, "lon": lon} for n, (lat, lon) in enumerate(points)]
        connection.execute(POINTS.insert(), [*rows, {"id": -1, "lat": None, "lon": None}])
        near = Circle(*centre, radius).sql(POINTS.c.lat, POINTS.c.lon)
        found = set(connection.scalars(select(POINTS.c.id).where(near)))
    assert found == {n for n, one in enumerate(points) if metres(centre, one) < radius}


def test_distances_are_those_of_the_map() -> None:
    spb, moscow = (59.9386, 30.3141), (55.7558, 37.6176)
    assert metres(spb, moscow) == pytest.approx(634_000, rel=0.005)
    assert metres((0, 0), (0, 180)) == pytest.approx(20_015_000, rel=0.001)
    assert metres((0.0, 179.9), (0.0, -179.9)) == pytest.approx(22_239, rel=0.001)


def test_what_is_inside_a_polygon() -> None:
    horseshoe = Polygon([(0, 0), (0, 3), (3, 3), (3, 2), (1, 2), (1, 1), (3, 1), (3, 0)])
    inside = [(0.5, 1.5), (2, 0.5), (2, 2.5), (1, 0.5)]
    outside = [(2, 1.5), (-1, 1), (4, 1), (1, -1), (1, 4), (3.5, 0.5)]
    assert [horseshoe.holds(*point) for point in inside] == [True] * 4
    assert [horseshoe.holds(*point) for point in outside] == [False] * 6


def plainly(ring: list[Point], lat: float, lon: float) -> bool:
    """The textbook's even-odd rule over all edges."""
    inside = False
    for (lat1, lon1), (lat2, lon2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (lat1 > lat) != (lat2 > lat) and lon < lon1 + (lon2 - lon1) * (lat - lat1) / (lat2 - lat1):
            inside = not inside
    return inside


CORNER = st.tuples(st.integers(-20, 20).map(float), st.integers(-20, 20).map(float))


@given(
    ring=st.lists(CORNER, min_size=3, max_size=9, unique=True),
    lat=st.integers(-42, 42).map(lambda n: n / 2 + 0.25),
    lon=st.integers(-42, 42).map(lambda n: n / 2 + 0.123),
)
def test_bands_find_what_all_edges_would(ring: list[Point], lat: float, lon: float) -> None:
    assert Polygon(ring).holds(lat, lon) == plainly(ring, lat, lon)


def test_the_box_holds_the_polygon(base: Engine) -> None:
    shape = Polygon([(0, 0), (0, 3), (3, 3)])
    points = [(0, 0), (3, 3), (3.1, 1), (1, -0.1), (1, 3.1), (-0.1, 1)]
    with base.begin() as connection:
        rows = [{"id": n, "lat": lat, "lon": lon} for n, (lat, lon) in enumerate(points)]
        connection.execute(POINTS.insert(), rows)
        box = shape.box(POINTS.c.lat, POINTS.c.lon)
        assert set(connection.scalars(select(POINTS.c.id).where(box))) == {0, 1}


@pytest.mark.parametrize(
    "ring, told",
    [
        ([(0, 0), (1, 1), (0, 0)], "three points"),
        ([(0, 0), (1, 1), (0, 181)], "beyond"),
        ([(0, 0), (91, 1), (0, 1)], "beyond"),
        ([(60, 179), (60, -179), (61, 180)], "180th meridian"),
    ],
)
def test_a_polygon_that_cannot_be(ring: list[Point], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Polygon(ring)


def test_a_centre_next_to_nothing_is_no_error(base: Engine) -> None:
    with base.begin() as connection:
        connection.execute(POINTS.insert(), [{"id": 1, "lat": 0.0, "lon": 0.0}])
        near = Circle(2.2e-311, 5e-324, 1.0).sql(POINTS.c.lat, POINTS.c.lon)
        assert list(connection.scalars(select(POINTS.c.id).where(near))) == [1]

"""Who of a million people lives within 1500 m of a station: our count beside the haversine of everybody.

They live at random over a city of 45 by 45 km. `zvonar` is an audience's count, as `audience count` does it:
a connection of its own, the box by the index, the haversine of what is left. `scan` is the haversine of
everybody, one statement on a warm connection. `polygon` is a jagged ring of 400 points of about that size,
counted in Python. Each round asks all in turn on the same data; the table shows medians.

    python bench/audience.py [--json FILE] [--people N] [--rounds N]
"""

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select, text, true

from engine.campaign.audience import Selection
from engine.campaign.geography import EARTH_M, Circle, Polygon
from engine.gateways.erp import erp
from engine.settings import Settings
from lab.postgres import Postgres
from storage.contact import person
from storage.db import new_id, open_engine, reading, writing
from storage.migrations import upgrade

STATION = (59.9165, 30.3187)
HALF_LAT, HALF_LON = 0.2, 0.4
METRES = 1500.0
BATCH = 20_000


def main() -> None:
    """Fill both databases, measure, print the table, write the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--json", type=Path, help="write the rows to this file")
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    rows: list[dict[str, Any]] = []
    with Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        for name, url in (("postgresql", postgres.database()), ("sqlite", f"sqlite:///{folder}/people.db")):
            rows += measure(name, url, given.people, given.rounds)
    print(f"{'database':12}{'ask':10}{'people':>10}{'found':>8}{'ms':>10}{'x scan':>9}")
    for row in rows:
        print(
            f"{row['database']:12}{row['ask']:10}{row['people']:>10}{row['found']:>8}"
            f"{row['ms']:>10}{row['x scan']:>9}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def measure(name: str, url: str, people: int, rounds: int) -> list[dict[str, Any]]:
    """The rows of one database."""
    engine = open_engine(url)
    upgrade(engine)
    fill(engine, people)
    asks: dict[str, Callable[[], int]] = {
        "scan": lambda: scan(engine),
        "zvonar": lambda: near(url),
        "polygon": lambda: inside(url),
    }
    taken: dict[str, list[float]] = {ask: [] for ask in asks}
    found: dict[str, int] = {}
    for _round in range(rounds):
        for ask, count in asks.items():
            begun = time.perf_counter()
            found[ask] = count()
            taken[ask].append((time.perf_counter() - begun) * 1000)
    engine.dispose()
    assert found["scan"] == found["zvonar"], found
    middle = {ask: statistics.median(times) for ask, times in taken.items()}
    return [
        {
            "database": name,
            "ask": ask,
            "people": people,
            "found": found[ask],
            "ms": round(middle[ask], 1),
            "x scan": round(middle["scan"] / middle[ask], 1),
        }
        for ask in asks
    ]


def fill(engine: Engine, people: int) -> None:
    """So many people at random places of a city."""
    chance = random.Random(1)
    at = "2026-01-21 12:00:00+00:00" if engine.dialect.name == "postgresql" else "2026-01-21 12:00:00.000000"
    statement = text(
        "INSERT INTO person (id, key, name, city, region, address, timezone, groups, created_at, lat, lon)"
        " VALUES (:id, :key, '', '', '', '', '', '[]', :at, :lat, :lon)"
    )
    for start in range(0, people, BATCH):
        rows = [
            {
                "id": new_id().hex,
                "key": f"id:{start + number}",
                "at": at,
                "lat": STATION[0] + chance.uniform(-HALF_LAT, HALF_LAT),
                "lon": STATION[1] + chance.uniform(-HALF_LON, HALF_LON),
            }
            for number in range(min(BATCH, people - start))
        ]
        with writing(engine) as connection:
            connection.execute(statement, rows)
    with reading(engine) as connection:
        connection.execute(text("ANALYZE"))


def near(url: str) -> int:
    """As `zvonar audience count` does."""
    source = erp(Settings(database_url=url), "person")
    lat, lon = source.fields["lat"].column, source.fields["lon"].column
    return Selection(source, Circle(*STATION, METRES).sql(lat, lon), None).count()


def inside(url: str) -> int:
    """The same for a polygon about as large, with edges in and out."""
    source = erp(Settings(database_url=url), "person")
    ring = []
    for corner in range(400):
        reach, turn = math.degrees(METRES / EARTH_M) * (1 + 0.2 * (corner % 2)), corner / 400 * math.tau
        ring.append((STATION[0] + reach * math.sin(turn), STATION[1] + 2 * reach * math.cos(turn)))
    polygon = Polygon(ring)
    box = polygon.box(source.fields["lat"].column, source.fields["lon"].column)
    return Selection(source, box, polygon).count()


def scan(engine: Engine) -> int:
    """The textbook's haversine over everybody."""
    up = func.sin(func.radians(person.c.lat - STATION[0]) / 2)
    across = func.sin(func.radians(person.c.lon - STATION[1]) / 2)
    part = up * up + across * across * func.cos(func.radians(person.c.lat)) * math.cos(
        math.radians(STATION[0])
    )
    far = 2 * EARTH_M * func.asin(func.sqrt(part))
    with reading(engine) as connection:
        query = select(func.count()).select_from(person).where(true(), far <= METRES)
        return int(connection.scalar(query) or 0)


if __name__ == "__main__":
    main()

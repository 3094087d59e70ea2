"""What a forecast costs: `campaign forecast` of a large campaign on PostgreSQL, beside counting its leads.

Eleven zone sets, three priorities. Fresh: nobody was called. Half-way: half of the leads have one attempt of
this week behind them and wait for the next, so that every limit is counted over half as many attempts.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _crowd import EVERYWHERE, gather, seconds, settings, vacuum
from sqlalchemy import Engine

from engine.campaign.forecasting import Ask, predict
from lab.postgres import Postgres
from storage import contact, migrations
from storage.db import new_id, open_engine, writing

SPREAD = """
UPDATE lead SET zone_id = (ARRAY[{zones}])[1 + mod(key::int, {n})], priority = mod(key::int / {n}, 3)
"""
CALLED = """
INSERT INTO attempt (person_id, id, lead_id, campaign_id, phone_id, number, kind, permit, dialer, fence, node,
  trunk, caller_id, state, outcome, prepared_at, sent_at, ended_at, refused, refund, talk, pressed, abandoned,
  control, recording, amd, heard)
SELECT person_id, ('{first}' || right(id::text, 23))::uuid, id, campaign_id, phone_id, 1, 'talk', '{{}}', 'd',
  0, 'n', 't', '', 'ended', 'no-answer', '{at}', '{at}', '{over}', '', false, '', '', false, false, '', '', ''
FROM lead WHERE mod(key::int, 2) = 0;
UPDATE lead SET attempts = 1, due_at = '{at}'::timestamptz + mod(key::int, 86400) * interval '1 s'
WHERE mod(key::int, 2) = 0;
"""


def measure(folder: Path, postgres: Postgres, size: int) -> list[dict[str, Any]]:
    """Seconds of a forecast of so many leads, fresh and half-way."""
    url = postgres.database()
    engine = open_engine(url)
    migrations.upgrade(engine)
    gather(engine, size, cps=40, channels=2000, attempts=3)
    with writing(engine) as connection:
        zones = sorted(contact.zone_ids(connection, set(EVERYWHERE)).values())
    vacuum(engine, SPREAD.format(zones=",".join(map(str, zones)), n=len(zones)))
    mine = settings(folder, url, "one")
    rows = [measured(engine, "fresh", size, lambda: predict(engine, mine, "bench", Ask()))]
    at = mine.now().replace(hour=6)
    first = f"{new_id(at)}"[:13]
    vacuum(engine, CALLED.format(first=first, at=at, over=at.replace(second=30)))
    rows.append(measured(engine, "half-way", size, lambda: predict(engine, mine, "bench", Ask())))
    engine.dispose()
    postgres.drop(url)
    return rows


def measured(engine: Engine, name: str, size: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """One row: what it takes, what a plain count takes, and what it said."""
    told = work()
    with engine.connect() as connection:
        plain = seconds(lambda: connection.exec_driver_sql("SELECT count(*) FROM lead").scalar())
    ours = seconds(work)
    row = {"what": f"forecast, {name}, {size:,} leads", "s": round(ours, 2), "count_s": round(plain, 2)}
    return row | {"ratio": round(ours / plain, 1), "calls": told["calls"], "hours": len(told["hours"])}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--leads", type=int, nargs="*", default=[10_000, 1_000_000], help="sizes of campaigns"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, Postgres() as postgres:
        for size in arguments.leads:
            rows += measure(Path(folder), postgres, size)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()

"""A crowd for benchmarks: a campaign of many leads, made inside PostgreSQL, on a working morning."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from builders import add_campaign
from sqlalchemy import Engine

from engine.sections import Contact, Dialer, Trunk
from engine.settings import Settings
from storage import contact
from storage.db import writing

ENOUGH = 200_000  # leads: more than are claimed in all runs
EVERYWHERE = (
    *("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk"),
    *("Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan"),
    "Asia/Kamchatka",
)
# Wednesday, eleven in the morning in Moscow: lawful from Kaliningrad to Kamchatka.
WORKDAY = datetime(2026, 1, 21, 8, tzinfo=UTC)

FILL = """
INSERT INTO person (id, key, name, city, region, address, timezone, groups, created_at)
SELECT {person}, 'id:' || n, 'n', '', '', '', '', '[]', now() FROM generate_series(1, {size}) n;
INSERT INTO phone (person_id, id, e164, position, kind, operator, region)
SELECT {person}, {phone}, '+79' || lpad(n::text, 9, '0'), 1, 'mobile', '', ''
FROM generate_series(1, {size}) n;
INSERT INTO lead (person_id, id, campaign_id, key, phone_id, role, variables, clips, state, why, due_at,
                  waits, zone_id, by_number, attempts, outcome, priority, control, avoids, lang)
SELECT {person}, {lead}, '{campaign}', n::text, {phone}, 'debtor', '{{"name": "n"}}', '[["a", 900]]',
       'pending', '', '{due}', '', {zone}, true, 0, '', 0, mod(n, 10) = 0, '', ''
FROM generate_series(1, {size}) n;
"""


def uuid(kind: int) -> str:
    """An id for a numbered row, in the order of the numbers."""
    return f"('0000000{kind}-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"


def settings(folder: Path, url: str, name: str) -> Settings:
    """Of one of several dialers, whose clock says that it is a working day."""
    shift = int((WORKDAY - datetime.now(UTC)).total_seconds())
    return Settings(
        data_dir=folder,
        database_url=url,
        dialer=Dialer(name=name),
        trunk=[Trunk(address="127.0.0.1:5060", cps=1000, channels=100_000)],
        contact=Contact(clock_shift_s=shift),
    )


def seconds(work: Callable[[], object]) -> float:
    """How long it takes: the median of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return sorted(found)[1]


def gather(engine: Engine, size: int, **changes: Any) -> tuple[UUID, int]:
    """A running campaign with leads in one zone, all due since yesterday: its id and their zone set.

    `changes` are of its row.
    """
    times = {"created_at": WORKDAY, "changed_at": WORKDAY}
    usual = {"cps": 1000, "channels": 100_000, "law": ["ru-230fz-talk"], "phrases": {}} | times
    row = add_campaign(engine, "bench", **usual | changes)
    with writing(engine) as connection:
        zone = contact.zone_ids(connection, {"Europe/Moscow"})["Europe/Moscow"]
        words = {"person": uuid(1), "phone": uuid(2), "lead": uuid(3), "size": size, "zone": zone}
        connection.exec_driver_sql(FILL.format(campaign=row.id, due=WORKDAY - timedelta(days=1), **words))
    vacuum(engine)
    return row.id, zone


def vacuum(engine: Engine, *statements: str) -> None:
    """Change many rows, and let the database know its tables again."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (*statements, "VACUUM ANALYZE"):
            connection.exec_driver_sql(statement)


def again(engine: Engine, size: int) -> None:
    """A small campaign is called through in a run: as if nobody had been called yet."""
    if size < ENOUGH:
        vacuum(
            engine,
            "TRUNCATE attempt",
            "UPDATE lead SET state = 'pending', attempts = 0",
            "UPDATE campaign SET state = 'running'",
        )

"""Several dialers, one PostgreSQL, random campaigns, endings and clocks: no limit and no window is broken,
and nothing lawful starves. The judge counts for himself; he knows the law's figures and none of our code.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from builders import add_campaign, add_lead
from calling import TIME, Line, clocked
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from engine.contact.rules import Answer
from engine.contact.service import Contacts
from lab.postgres import Postgres
from storage import calls, contact
from storage import campaign as store
from storage.db import Record, metadata, open_engine, reading, writing
from storage.migrations import upgrade

DIALERS = 4
ZONES = (
    *("Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka"),
    *("Asia/Vladivostok,Europe/Moscow", "Europe/Kaliningrad,Asia/Kamchatka"),
)
HOLIDAYS = {date(2026, 2, 23), date(2026, 3, 9), date(2026, 5, 1), date(2026, 5, 11)}
CONNECTED = {"answered-heard", "answered-partial", "unknown"}
DAY, WEEK, MONTH = 1, 2, 8  # ru-230fz-talk
OWN_DAY = 3


@pytest.fixture(scope="module")
def engine(postgres: Postgres) -> Iterator[Engine]:
    """A database of this story's own."""
    made = open_engine(postgres.database(), pool=2 * DIALERS)
    upgrade(made)
    yield made
    made.dispose()


def fill(engine: Engine, random: Random) -> list[UUID]:
    """Three campaigns that share a dozen people, some of whom share their numbers."""
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    campaigns = [
        add_campaign(engine, f"c{n}", law=["ru-230fz-talk"], attempts=random.randint(1, 4), cps=100.0)
        for n in range(3)
    ]
    for person in range(12):
        zones, lead = random.choice(ZONES), None
        for _ in range(random.randint(1, 4)):
            number = f"+7921000{random.choice([person, person, person // 2]):04d}"
            due = TIME.at - timedelta(minutes=random.randint(0, 60))
            lead = add_lead(engine, random.choice(campaigns), number, of=lead, zones=zones, due_at=due)
    return [campaign.id for campaign in campaigns]


def dial(engine: Engine, folder: Path, campaigns: list[UUID], seed: int, beats: int) -> None:
    """All dialers at once for some beats, the clock jumping between them, also back."""
    random = Random(seed)
    lines = [Line(engine, clocked(folder, f"d{n}"), seed + n) for n in range(DIALERS)]
    with ThreadPoolExecutor(DIALERS) as pool:
        for _ in range(beats):
            list(pool.map(lambda line: line.take(campaigns, 3), lines))
            TIME.pass_(minutes=random.choice([0, 1, 5, 30, 240, 600, -45]))
            list(pool.map(lambda line: line.close(share=0.7), lines))
    for line in lines:
        line.close()


def judge(engine: Engine) -> int:
    """Every attempt against the law, by the plainest count; how many were made."""
    with reading(engine) as connection:
        zones = contact.zone_sets(connection)
        made = list(
            connection.execute(
                select(calls.attempt, store.lead.c.zone_id, contact.phone.c.e164)
                .join(store.lead, store.lead.c.id == calls.attempt.c.lead_id)
                .join(contact.phone, contact.phone.c.id == calls.attempt.c.phone_id)
                .where(calls.attempt.c.outcome != "cancelled")
            )
        )
    by_owner: dict[object, list[Record]] = defaultdict(list)
    for one in made:
        names = zones[one.zone_id].split(",")
        for zone in map(ZoneInfo, names):
            in_window(one, zone)
        by_owner[one.person_id].append(one)
        by_owner[one.e164].append(one)
    for own in by_owner.values():
        for zone in {ZoneInfo(name) for one in own for name in zones[one.zone_id].split(",")}:
            if len({one.zone_id for one in own}) == 1:
                within_limits(own, zone)
    return len(made)


def in_window(one: Record, zone: ZoneInfo) -> None:
    local = one.prepared_at.astimezone(zone)
    off = local.weekday() >= 5 or local.date() in HOLIDAYS
    opens, closes = (time(9), time(20)) if off else (time(8), time(22))
    assert opens <= local.time() < closes, (local, zone.key)


def within_limits(own: list[Record], zone: ZoneInfo) -> None:
    """Connected calls of each day, week and month; all calls of each day."""
    days = [one.prepared_at.astimezone(zone).date() for one in own]
    reached = [day for day, one in zip(days, own, strict=True) if connected(one)]
    placed = [day for day, one in zip(days, own, strict=True) if not one.refund]
    assert max(Counter(reached).values(), default=0) <= DAY
    assert max(Counter(day.isocalendar()[:2] for day in reached).values(), default=0) <= WEEK
    assert max(Counter((day.year, day.month) for day in reached).values(), default=0) <= MONTH
    assert max(Counter(placed).values(), default=0) <= OWN_DAY


def connected(one: Record) -> bool:
    if one.outcome not in CONNECTED:
        return False
    if one.answered_at is None:
        return True
    return (one.ended_at - one.answered_at).total_seconds() >= 1


@given(st.integers(0, 2**20), st.integers(0, 24 * 100))
@hypothesis(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_limit_and_no_window_is_broken_and_nothing_lawful_starves(
    engine: Engine, tmp_path: Path, seed: int, hours: int
) -> None:
    TIME.at = datetime(2026, 1, 20, 6, tzinfo=UTC) + timedelta(hours=hours)
    campaigns = fill(engine, Random(seed))
    dial(engine, tmp_path, campaigns, seed, beats=25)
    assert judge(engine) > 0
    settle(engine, tmp_path, campaigns)
    judge(engine)


def settle(engine: Engine, folder: Path, campaigns: list[UUID]) -> None:
    """One dialer at leisure: whoever is still not called at some moment may not be called at that moment."""
    line, contacts = Line(engine, clocked(folder, "last")), Contacts(engine, clocked(folder, "asks"))
    for _ in range(20):
        TIME.pass_(hours=3)
        for _ in range(40):
            line.take(campaigns, 50)
            if not line.orders:
                break
            line.close("busy")
        else:
            pytest.fail("it never comes to rest")
        for number, name in pending(engine):
            told = contacts.explain(number, name, None, "en")
            assert told["decision"] != Answer.ALLOW, told
    with reading(engine) as connection:
        open_ = select(func.count()).where(calls.attempt.c.ended_at.is_(None))
        assert connection.scalar(open_) == 0


def pending(engine: Engine) -> list[tuple[str, str]]:
    """(number, campaign) of the leads that wait in running campaigns."""
    with reading(engine) as connection:
        query = (
            select(contact.phone.c.e164, store.campaign.c.name)
            .join(store.lead, store.lead.c.phone_id == contact.phone.c.id)
            .join(store.campaign, store.campaign.c.id == store.lead.c.campaign_id)
            .where(store.lead.c.state == "pending", store.campaign.c.state == "running")
        )
        return [(row.e164, row.name) for row in connection.execute(query)]

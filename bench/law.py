"""What lawfulness costs: decisions a second, and claims a second with every limit reserved on PostgreSQL.

Decisions: `decide` on a typical debtor and on one who may be in any of Russia's zones, beside a check written
by hand of one window and one count, which explains nothing. Claims: a beat of the books (close what was taken
before, take 50 leads, decide, write attempts), by 1 and by 4 dialers at once and for campaigns of several
sizes, beside a bare claim: lock 50 due leads, mark them, insert a row for each, ask nothing.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import time as clock
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from _crowd import EVERYWHERE, WORKDAY, again, gather, seconds, settings
from sqlalchemy import text

from engine.campaign import funnel
from engine.campaign.attempts import Seen
from engine.campaign.books import Books
from engine.campaign.errand import Closing, Errand
from engine.campaign.fleet import Fleet
from engine.contact.law import Case, Terms
from engine.contact.limits import Past, Target
from engine.contact.packs import law_of
from engine.contact.rules import Answer, decide
from engine.contact.terms import ANNOUNCED
from lab.postgres import Postgres
from storage import migrations
from storage.db import open_engine, writing
from storage.vocab import CallKind, Outcome, ZoneSource

BATCH = 50
MOST_IDLE = 5
SECONDS = 8.0
MOSCOW = ZoneInfo("Europe/Moscow")
BARE = """
WITH due AS (
  SELECT person_id, id, phone_id FROM lead WHERE campaign_id = :campaign AND priority = 0
  AND NOT control AND zone_id = :zone
  AND state = 'pending' AND due_at <= :at ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED),
marked AS (
  UPDATE lead SET state = 'in-flight' FROM due WHERE lead.person_id = due.person_id AND lead.id = due.id
  RETURNING lead.person_id, lead.id, lead.phone_id)
INSERT INTO attempt (person_id, id, lead_id, campaign_id, phone_id, number, kind, permit, dialer, fence, node,
  trunk, caller_id, state, outcome, prepared_at, ended_at, refused, refund, talk, pressed,
  abandoned, control, recording, amd, heard)
SELECT person_id, gen_random_uuid(), id, :campaign, phone_id, 1, 'talk', '{}', 'd', 0, 'n', 't', '',
  'ended', '', :at, :at, '', false, '', '', false, false, '', '', '' FROM marked
"""


# Decisions.


def decisions(folder: Path) -> list[dict[str, Any]]:
    """Decisions a second, and how many times a check by hand takes less."""
    law = law_of(settings(folder, f"sqlite:///{folder}/none.db", "one"), ["ru-230fz-talk"])
    past = tuple(
        Past(
            WORKDAY - timedelta(days=days),
            "+79",
            "",
            None,
            CallKind.TALK,
            False,
            Outcome.ANSWERED_HEARD,
            answered_s=9,
        )
        for days in (3, 9, 12)
    )
    terms = Terms(announced=ANNOUNCED)
    known = Case(Target("+79"), (MOSCOW,), ZoneSource.NUMBERING, past=past, terms=terms)
    unknown = replace(known, zones=tuple(map(ZoneInfo, EVERYWHERE)), zone_source=ZoneSource.PREFIX)
    by_hand = rate(lambda: hand_made(past))
    rows: list[dict[str, Any]] = []
    for name, case in (("one zone", known), ("eleven zones", unknown)):
        if decide(case, law, WORKDAY).answer is not Answer.ALLOW:
            raise SystemExit(f"{name}: the benchmark's own case is not allowed")
        each = rate(lambda case=case: decide(case, law, WORKDAY))  # type: ignore[misc]  # bound at once
        rows.append({"what": f"decide, {name}", "per_s": round(each), "by_hand_x": round(by_hand / each, 1)})
    return rows


def hand_made(past: tuple[Past, ...]) -> bool:
    """One window and one count, as a script would have it."""
    local = WORKDAY.astimezone(MOSCOW)
    today = sum(call.at.astimezone(MOSCOW).date() == local.date() for call in past)
    return clock(8) <= local.time() < clock(22) and today < 1


def rate(work: Callable[[], object]) -> float:
    """How often a second: the median of five."""
    found = []
    for _ in range(5):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 0.3:
            for _ in range(50):
                work()
            count += 50
        found.append(count / (time.perf_counter() - began))
    return sorted(found)[2]


# Claims.


def claims(folder: Path, postgres: Postgres, size: int) -> list[dict[str, Any]]:
    """Claims a second of a campaign of so many leads, by 1 and by 4 dialers, ours and bare."""
    url = postgres.database()
    engine = open_engine(url)
    migrations.upgrade(engine)
    campaign, zone = gather(engine, size)
    rows = [explained(engine, folder, url, size)]
    for dialers in (1, 4):
        bare = together(bare_claims, dialers, (url, str(campaign), zone))
        again(engine, size)
        ours = together(our_claims, dialers, (url, str(campaign), str(folder)))
        again(engine, size)
        row = {"what": f"claims, {size:,} leads, {dialers} dialers", "per_s": round(ours)}
        rows.append(row | {"bare_per_s": round(bare), "ratio": round(ours / bare, 2)})
        print(rows[-1], file=sys.stderr, flush=True)
    engine.dispose()
    postgres.drop(url)
    return rows


def explained(engine: Any, folder: Path, url: str, size: int) -> dict[str, Any]:
    """Seconds that `campaign explain` takes, beside counting the leads."""
    mine = settings(folder, url, "one")
    with engine.connect() as connection:
        count = seconds(lambda: connection.exec_driver_sql("SELECT count(*) FROM lead").scalar())
    ours = seconds(lambda: funnel.explain(engine, mine, "bench"))
    row = {"what": f"campaign explain, {size:,} leads", "s": round(ours, 2), "count_s": round(count, 2)}
    return row | {"ratio": round(ours / count, 1)}


def together(work: Callable[..., float], dialers: int, arguments: tuple[Any, ...]) -> float:
    """So many processes at once; what they claimed a second."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(dialers, _ready, (context.Barrier(dialers),)) as pool:
        jobs = [pool.apply_async(work, (number, *arguments)) for number in range(dialers)]
        return sum(job.get(timeout=120) for job in jobs)


def _ready(barrier: Any) -> None:
    """What a process needs to begin with the others."""
    global start
    start = barrier


start: Any = None


def our_claims(number: int, url: str, campaign: str, folder: str) -> float:
    """One dialer's beats: what it claimed a second."""
    from uuid import UUID

    engine, mine = open_engine(url), settings(Path(folder), url, f"d{number}")
    fleet = Fleet(engine, mine)
    fleet.join()
    books = Books(engine, mine, fleet)
    wants, free = {UUID(campaign): BATCH}, {"trunk": 10 * BATCH}
    closings: list[Closing] = []
    claimed = idle = 0
    start.wait()
    began = time.time()
    while time.time() < began + SECONDS:
        news = books.beat(Errand(closings=closings, wants=wants, free=free, nodes={"asterisk": 1000}))
        now = mine.now()
        busy = Seen(sent_at=now, hangup_at=now, cause=17, tech_cause=486)
        closings = [Closing(order, busy, now) for order in news.orders]
        claimed += len(news.orders)
        idle = 0 if news.orders else idle + 1  # the others may hold what is left
        if idle > MOST_IDLE:
            break
    spent = time.time() - began
    books.beat(Errand(closings=closings))
    return claimed / spent


def bare_claims(_number: int, url: str, campaign: str, zone: int) -> float:
    """The same without a single question."""
    engine, claimed, idle = open_engine(url), 0, 0
    values = {"campaign": campaign, "zone": zone, "at": WORKDAY, "most": BATCH}
    start.wait()
    began = time.time()
    while time.time() < began + SECONDS:
        with writing(engine) as connection:
            found = connection.execute(text(BARE), values).rowcount
        claimed += found
        idle = 0 if found else idle + 1
        if idle > MOST_IDLE:
            break
    return claimed / (time.time() - began)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--leads", type=int, nargs="*", default=[10_000, 1_000_000], help="sizes of campaigns"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Postgres() as postgres:
        rows = decisions(Path(folder))
        for size in arguments.leads:
            rows += claims(Path(folder), postgres, size)
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()

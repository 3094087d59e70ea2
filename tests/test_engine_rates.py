"""Hours are learned from results, once each, and asked by the dispatch."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, rows_of
from calling import TIME, Line, clocked
from sqlalchemy import Engine

from engine.campaign import rates
from engine.campaign.rates import Rates, learn
from engine.contact.packs import law_of
from storage import hours as store
from storage.campaign import CampaignRow
from storage.db import new_id, writing
from storage.vocab import Outcome

FAR = "Asia/Vladivostok"
PLACES = {"Europe/Moscow": (ZoneInfo("Europe/Moscow"),), FAR: (ZoneInfo(FAR),)}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON  # Wednesday: 15:00 in Moscow, 22:00 in Vladivostok
    yield
    TIME.at = NOON


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


class Past:
    """Results of before, numbered in their order."""

    def __init__(self, engine: Engine, campaign: CampaignRow) -> None:
        self._engine, self._campaign, self._position = engine, campaign, count(1)

    def add(self, *outcomes: Outcome, zones: str = "Europe/Moscow") -> int:
        """A call at noon of each outcome; the zone set."""
        for outcome in outcomes:
            lead = add_lead(self._engine, self._campaign, zones=zones, state="done")
            ended = {"ended_at": NOON, "outcome": outcome, "position": next(self._position)}
            add_attempt(self._engine, lead, id=new_id(NOON), **ended)
        return int(lead["zone_id"])


@pytest.fixture
def past(engine: Engine, campaign: CampaignRow) -> Past:
    return Past(engine, campaign)


def cells(engine: Engine) -> dict[tuple[int, int], tuple[float, float]]:
    return {(row.zone_id, row.hour): (row.placed, row.answered) for row in rows_of(engine, store.hour_rate)}


def test_each_result_counts_once_under_its_local_hour(engine: Engine, tmp_path: Path, past: Past) -> None:
    mine = clocked(tmp_path)
    near = past.add(Outcome.ANSWERED_HEARD, Outcome.BUSY, Outcome.NO_ANSWER)
    far = past.add(Outcome.ANSWERED_PARTIAL, Outcome.MACHINE, zones=FAR)
    assert (learn(engine, mine), learn(engine, mine)) == (5, 0)
    assert cells(engine) == {(near, 63): (3, 1), (far, 70): (2, 1)}
    past.add(Outcome.ANSWERED_OPERATOR)
    assert learn(engine, mine) == 1
    assert cells(engine) == {(near, 63): (4, 2), (far, 70): (2, 1)}


def test_what_says_nothing_of_the_hour_is_not_counted(engine: Engine, tmp_path: Path, past: Past) -> None:
    past.add(Outcome.INVALID_NUMBER, Outcome.TRUNK_FAULT, Outcome.CONGESTION, Outcome.CANCELLED)
    past.add(Outcome.UNKNOWN)
    past.add(Outcome.ANSWERED_HEARD, zones="")
    assert learn(engine, clocked(tmp_path)) == 6
    assert cells(engine) == {}


def test_long_histories_are_learned_batch_after_batch(
    engine: Engine, tmp_path: Path, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "BATCH", 3)
    near = past.add(*7 * [Outcome.BUSY])
    assert learn(engine, clocked(tmp_path)) == 7
    assert cells(engine) == {(near, 63): (7, 0)}


def test_two_dialers_that_learn_at_once_count_nothing_twice(
    engine: Engine, tmp_path: Path, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "BATCH", 2)
    near = past.add(*20 * [Outcome.ANSWERED_HEARD])
    mine = clocked(tmp_path)
    with ThreadPoolExecutor(4) as dialers:
        learned = sum(dialers.map(lambda _n: learn(engine, mine), range(4)))
    assert learned + learn(engine, mine) == 20
    assert cells(engine) == {(near, 63): (20, 20)}


def test_old_calls_count_for_less_each_day(engine: Engine, tmp_path: Path, past: Past) -> None:
    mine = clocked(tmp_path)
    near = past.add(*10 * [Outcome.ANSWERED_HEARD])
    learn(engine, mine)
    TIME.pass_(hours=23)
    learn(engine, mine)
    assert cells(engine)[near, 63] == (10, 10)
    TIME.pass_(hours=26)  # two days and an hour in all
    learn(engine, mine)
    learn(engine, mine)
    assert cells(engine)[near, 63] == pytest.approx((10 * 0.97**2, 10 * 0.97**2))


def test_the_dispatch_calls_the_zone_whose_hour_is_best(
    engine: Engine, campaign: CampaignRow, tmp_path: Path
) -> None:
    near = [add_lead(engine, campaign) for _ in range(3)]
    far = [add_lead(engine, campaign, zones=FAR) for _ in range(3)]
    with writing(engine) as connection:  # in the far zone this is the hour at which they answer
        for zone, best in ((near[0]["zone_id"], 60), (far[0]["zone_id"], 70)):
            store.count(
                connection, {(zone, hour): (1000, 800 if hour == best else 300) for hour in range(168)}
            )
    line = Line(engine, clocked(tmp_path))
    taken = [order.lead_id for order in line.take([campaign.id], 6)]
    assert taken == [row["id"] for row in (*far, *near)]


def test_scores_are_read_again_after_a_minute(engine: Engine, campaign: CampaignRow, tmp_path: Path) -> None:
    lead = add_lead(engine, campaign)
    zone, known = lead["zone_id"], Rates()
    law = law_of(clocked(tmp_path), ["ru-230fz-talk"])
    zones = {zone: PLACES["Europe/Moscow"]}

    def asked() -> int:
        with writing(engine) as connection:
            return known.scores(connection, law, zones, [zone], TIME.at)[zone]

    assert asked() == 100
    with writing(engine) as connection:
        store.count(
            connection, {(zone, hour): (9000, 6000 if hour == 63 else 3000) for hour in range(48, 72)}
        )
    assert asked() == 100
    TIME.pass_(minutes=1)
    assert asked() > 130
    TIME.at = NOON + timedelta(hours=1)
    assert asked() < 100

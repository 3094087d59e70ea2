"""Benchmarks of a crowd still know the tables: each is run on a small one."""

from argparse import Namespace
from pathlib import Path

import law
import speech
from _crowd import WORKDAY, again, gather
from forecast import measure
from sqlalchemy import func, select, text

from lab.postgres import Postgres
from storage import calls
from storage.db import open_engine, reading, writing
from storage.migrations import upgrade


def test_a_forecast_is_measured_fresh_and_half_way(tmp_path: Path, postgres: Postgres) -> None:
    fresh, half_way = measure(tmp_path, postgres, 60)
    assert fresh["calls"] > 0 and half_way["calls"] > 0


def test_a_bare_claim_takes_leads_and_then_the_crowd_is_as_before(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    upgrade(engine)
    campaign, zone = gather(engine, 60)
    values = {"campaign": campaign, "zone": zone, "at": WORKDAY, "most": law.BATCH}
    with writing(engine) as connection:
        assert connection.execute(text(law.BARE), values).rowcount == law.BATCH
    again(engine, 60)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(calls.attempt)) == 0
    engine.dispose()


def test_the_audio_of_known_people_needs_no_voice(tmp_path: Path, postgres: Postgres) -> None:
    given = Namespace(leads=40, names=3, cities=2, sample=1, workers=2)
    first, warm, naive = speech.measure(tmp_path, postgres, given)
    assert first["ready"] == warm["ready"] == 40
    assert (warm["synthesised"], naive["synthesised"]) == (0, 1)
    assert 0 < first["synthesised"] < 100, "names, cities, atoms, and the sentences between"

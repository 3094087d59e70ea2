"""`campaign results`: pages, and a stream that goes on."""

import csv
import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from builders import PHONE, add_attempt
from sqlalchemy import Engine, select, update

from cli import results as module
from cli.main import INTERRUPTED, run
from engine.campaign.results import KEYS
from storage import feed
from storage.calls import attempt
from storage.campaign import lead
from storage.db import open_engine, reading, writing


@pytest.fixture
def engine(ready: Path) -> Iterator[Engine]:
    """The command line's database."""
    found = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    yield found
    found.dispose()


def add_results(engine: Engine, count: int) -> None:
    with reading(engine) as connection:
        first = connection.execute(select(lead)).first()
    assert first is not None
    for number in range(1, count + 1):
        made = add_attempt(engine, first._asdict(), number=number, ended_at=first.due_at, outcome="busy")
        with writing(engine) as connection:
            (position,) = feed.places(connection, 1)
            connection.execute(update(attempt).where(attempt.c.id == made["id"]).values(position=position))


def test_results_are_shown_to_people_and_to_programs(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    add_results(engine, 3)
    assert run(["campaign", "results", "autumn"]) == 0
    table = capsys.readouterr().out
    assert PHONE in table and "занято" in table and "нет" in table
    assert run(["campaign", "results", "--since", "1", "--limit", "1", "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert tuple(found) == KEYS
    assert (found["position"], found["phone"], found["outcome"], found["final"]) == (2, PHONE, "busy", False)
    assert run(["campaign", "results", "draft", "--format", "csv"]) == 0
    assert capsys.readouterr().out.strip() == ",".join(KEYS)
    assert run(["campaign", "results", "nobody"]) == 3


@pytest.mark.parametrize("style", ["table", "csv"])
def test_who_follows_hears_each_result_once_as_it_comes(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    naps = iter([lambda: add_results(engine, 2), lambda: None])

    def nap(_: float) -> None:
        try:
            next(naps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    add_results(engine, 3)
    monkeypatch.setattr(module.time, "sleep", nap)
    assert run(["campaign", "results", "--follow", "--limit", "2", "--format", style]) == INTERRUPTED
    out = capsys.readouterr().out
    rows = list(csv.DictReader(StringIO(out))) if style == "csv" else list(map(json.loads, out.splitlines()))
    assert [int(row["position"]) for row in rows] == [1, 2, 3, 4, 5]
    assert tuple(rows[0]) == KEYS

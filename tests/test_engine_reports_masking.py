"""Masked calls reported: by day, role and end; how soon they were taken, why others were not."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, after
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import Engine

from engine.errors import UsageError
from engine.reports import masking as report
from storage import mask_calls as store
from storage.db import new_id, writing

CALLER, PEER = "+79210000001", "+79210000002"
DAY = timedelta(days=1)
Call = Callable[..., None]


@pytest.fixture
def call(engine: Engine) -> Call:
    """Write a call down, with its moments in seconds after it began."""

    def write(begun: datetime = NOON, **columns: Any) -> None:
        row = {"id": new_id(begun), "begun_at": begun, "did": "+78120000001", "caller": CALLER}
        row |= {"party": CALLER, "role": "driver", "rule": "live", "order_id": "A-1", "peer": PEER}
        moments = {
            name: begun + timedelta(seconds=columns.pop(name))
            for name in ("dialled_at", "answered_at", "ended_at")
            if name in columns
        }
        with writing(engine) as connection:
            store.add(connection, row | moments | columns)

    return write


@pytest.fixture
def period(call: Call) -> tuple[datetime, datetime]:
    """Three talks of yesterday; today one busy at midnight, a stranger, two refusals; one call too old."""
    yesterday = NOON - DAY
    for wait, talk in ((4, 60), (5, 120), (20, 30)):
        call(yesterday, dialled_at=1, answered_at=1 + wait, ended_at=1 + wait + talk, ended="talked")
    call(NOON.replace(hour=0), role="client", dialled_at=0, ended_at=9, ended="busy")
    call(NOON, role="stranger", rule="stranger", order_id="", peer="", ended_at=30, ended="centre")
    call(NOON, rule="calls-hour", peer="", ended_at=30, ended="centre")
    call(NOON, role="client", rule="order-finished", peer="", ended_at=30, ended="unattended")
    call(NOON - 2 * DAY, ended_at=9, ended="busy")
    return NOON - DAY, after(3600)


def test_figures_and_days(engine: Engine, period: tuple[datetime, datetime]) -> None:
    found = report.masking(engine, *period)
    days = found.pop("days")
    assert found == {
        "since": period[0],
        "until": period[1],
        "calls": 7,
        "connected": 3,
        "connected_share": 0.4286,
        "answer_median_s": 5,
        "answer_p95_s": 20,
        "talk_min": 3.5,
        "strangers": 1,
        "missed": 1,
        "refused": {"calls-hour": 1, "order-finished": 1},
    }
    yesterday, today = (f"{at:%Y-%m-%d}" for at in period)
    assert [tuple(day.values()) for day in days] == [
        (yesterday, "driver", "talked", 3, 1.0, 3.5),
        (today, "client", "busy", 1, 0.25, 0.0),
        (today, "client", "unattended", 1, 0.25, 0.0),
        (today, "driver", "centre", 1, 0.25, 0.0),
        (today, "stranger", "centre", 1, 0.25, 0.0),
    ]


@given(st.dictionaries(st.integers(0, 60), st.integers(1, 9)), st.sampled_from([0.5, 0.95]))
def test_a_share_of_the_calls_waited_no_longer(waits: dict[int, int], share: float) -> None:
    found, total = report.within(waits, share), sum(waits.values())
    if found is None:
        assert not waits
        return
    assert sum(calls for seconds, calls in waits.items() if seconds <= found) >= share * total
    assert sum(calls for seconds, calls in waits.items() if seconds < found) < share * total


def test_it_is_a_file_by_its_ending(
    engine: Engine, period: tuple[datetime, datetime], tmp_path: Path
) -> None:
    found = report.masking(engine, *period)
    for ending in report.ENDINGS:
        assert report.write(found, tmp_path / f"masking{ending}", "ru") == 5
    with (tmp_path / "masking.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert (rows[0]["кто звонит"], rows[0]["чем кончилось"], rows[0]["звонки"]) == (
        "водитель",
        "поговорили",
        "3",
    )
    book = load_workbook(tmp_path / "masking.xlsx")
    figures = dict(book.worksheets[0].iter_rows(values_only=True))
    assert figures["пропущено"] == 1
    assert figures["не соединено: заказ закончен"] == 1
    assert book.worksheets[1].max_row == 6
    page = (tmp_path / "masking.html").read_text()
    assert "ответили через, с: 95 % не дольше</td><td>20" in page
    with pytest.raises(UsageError):
        report.write(found, tmp_path / "masking.pdf", "ru")


def test_the_last_calls_are_told_with_four_digits_of_a_phone(engine: Engine, call: Call) -> None:
    call(after(-60), dialled_at=1, answered_at=5, ended_at=35, ended="talked", recording="kept")
    call(NOON, order_id="A-2", caller="")
    (under_way, talked) = report.last(engine, "", 10)
    assert (under_way["order"], under_way["end"], under_way["caller"], under_way["talk_s"]) == (
        "A-2",
        "",
        "",
        None,
    )
    assert (talked["caller"], talked["peer"], talked["answer_s"], talked["talk_s"]) == (
        "*0001",
        "*0002",
        4,
        30,
    )
    assert report.last(engine, "A-1", 10) == [talked]
    assert report.last(engine, "", 1) == [under_way]
    shown = report.shown_call(talked, "ru")
    assert (shown["role"], shown["end"], shown["rule"]) == ("водитель", "поговорили", "заказ идёт")
    assert report.shown_call(under_way, "ru")["end"] == "идёт"


def test_a_time_is_read_or_is_the_last_month() -> None:
    assert report.period("", "", NOON) == (NOON - 30 * DAY, NOON)
    since, until = report.period("2026-01-01", "2026-01-02", NOON)
    assert until - since == 2 * DAY
    with pytest.raises(UsageError):
        report.period("2026-01-03", "2026-01-02", NOON)

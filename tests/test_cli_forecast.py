"""`zvonar campaign forecast`, as an operator meets it."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from cli.forecast import _matrix, _short
from cli.main import run

FROM = ("--from", "2026-01-21T12:00")


def shown(capsys: pytest.CaptureFixture[str], *options: str, lang: str = "ru") -> str:
    """The standard output of a forecast that goes well."""
    assert run(["--lang", lang, "campaign", "forecast", "autumn", *FROM, *options]) == 0
    return capsys.readouterr().out


def test_it_tells_the_end_and_the_calls_of_each_hour(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(shown(capsys, "--answer-rate", "1", "--format", "json"))
    assert told["hours"] == [{"hour": "2026-01-21T12:00:00+00:00", "zones": "Europe/Moscow", "calls": 1}]
    assert told["leads"] == {"total": 1, "done": 0, "reached": 1, "in_vain": 0, "left": 0}
    assert told["finish"].startswith("2026-01-21T12:0")
    (row,) = csv.DictReader(StringIO(shown(capsys, "--format", "csv")))
    assert row == {"hour": "2026-01-21T12:00:00+00:00", "zones": "Europe/Moscow", "calls": "1"}


@pytest.mark.parametrize(
    "lang, words", [("ru", ("час", "окончание", "предположено")), ("en", ("hour", "finish", "assumed"))]
)
def test_the_table_is_in_the_readers_language(
    ready: Path, capsys: pytest.CaptureFixture[str], lang: str, words: tuple[str, ...]
) -> None:
    text = shown(capsys, lang=lang)
    assert all(word in text for word in words), text


def test_a_moment_that_is_none_and_a_campaign_that_is_not_are_refused(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["campaign", "forecast", "autumn", "--from", "soon"]) == 2
    assert "2026-01-31T09:00+03:00" in capsys.readouterr().err
    assert run(["campaign", "forecast", "winter"]) == 3


def test_many_zones_share_a_column_and_nothing_is_lost() -> None:
    hours = [{"hour": "h", "zones": f"zone{n}", "calls": n} for n in range(1, 12)]
    (row,), columns = _matrix(hours, "others", "total")
    assert columns == [*(f"zone{n}" for n in range(11, 3, -1)), "others", "total"]
    assert (row["others"], row["total"], row["zone11"]) == (6, 66, 11)
    assert (_short("a,b,c"), _short("a")) == ("a +2", "a")

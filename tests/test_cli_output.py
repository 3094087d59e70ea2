"""How data is printed, whatever is in it."""

import csv
import json
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pytest

from cli.output import actor, show_record, show_rows
from storage.vocab import Outcome

ROW: dict[str, Any] = {
    "name": "[bold]Пётр;\n",
    "n": 5,
    "none": None,
    "at": datetime(2026, 1, 21, 12, tzinfo=UTC),
    "id": UUID(int=1),
    "outcome": Outcome.BUSY,
    "list": [1, Outcome.BUSY],
}


def test_json_is_one_document_of_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], "json")
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": "[bold]Пётр;\n",
            "n": 5,
            "none": None,
            "at": "2026-01-21T12:00:00+00:00",
            "id": str(UUID(int=1)),
            "outcome": "busy",
            "list": [1, "busy"],
        }
    ]
    show_record({"a": {"b": (1, 2)}, "day": date(2026, 1, 25)}, "json")
    assert json.loads(capsys.readouterr().out) == {"a": {"b": [1, 2]}, "day": "2026-01-25"}
    show_rows([], "json")
    assert capsys.readouterr().out == "[]\n"


def test_csv_has_the_keys_as_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], "csv", {"name": "название"})
    header, row = csv.reader(StringIO(capsys.readouterr().out, newline=""))
    assert header == list(ROW)
    assert row[:4] == ["[bold]Пётр;\n", "5", "", "2026-01-21T12:00:00+00:00"]
    show_rows([], "csv", {"a": "x", "b": "y"})
    assert capsys.readouterr().out == "a,b\r\n"
    show_record({"a": {"b": 1, "c": {"d": 2}}, "e": 3}, "csv")
    assert capsys.readouterr().out == "a.b,a.c.d,e\r\n1,2,3\r\n"


def test_a_table_has_titles_and_shows_markup_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([ROW], "table", {"name": "название"})
    shown = capsys.readouterr().out
    assert "название" in shown
    assert "[bold]Пётр" in shown
    assert "None" not in shown
    show_record({"name": "x", "leads": {"total": 5}}, "table", {"leads.total": "всего"})
    shown = capsys.readouterr().out
    assert "всего" in shown
    assert "leads" not in shown
    show_rows([], "table", {"a": "заголовок"})
    assert "заголовок" in capsys.readouterr().out


def test_nobody_at_the_keyboard_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    assert actor() == "anna"
    monkeypatch.setattr("getpass.getuser", lambda: {}["no such user"])
    assert actor() == "unknown"

"""Refused rows: as they came, all of them or none, and no draft is left."""

import csv
from pathlib import Path

import pytest

from engine.files.rejects import Rejects
from engine.files.sheets import EXTRA, rows

ROW = {"phone": "5", "name": "Пётр; Анна"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "rejects" / "list.rejected.csv"


def test_rows_come_back_with_line_and_reason_and_can_be_read_as_a_list(target: Path) -> None:
    with Rejects(target) as rejects:
        rejects.add(2, "no such number", ROW | {EXTRA: "more"})
        assert not target.exists()
        rejects.add(7, "of another list", {"name": "Яна", "sum": "1"})
    assert (rejects.count, rejects.path) == (2, str(target))
    assert target.read_text("utf-8-sig").splitlines()[0] == "rejected_line;rejected_why;phone;name"
    assert list(rows(target)) == [
        (2, {"rejected_line": "2", "rejected_why": "no such number", **ROW, EXTRA: "more"}),
        (3, {"rejected_line": "7", "rejected_why": "of another list", "phone": "", "name": "Яна"}),
    ]
    assert [file.name for file in target.parent.iterdir()] == [target.name]


def test_a_list_has_columns_of_its_own_and_can_be_refused_again_and_again(target: Path) -> None:
    listed = {"line": "A", "reason": "court", "why": "debt"}
    with Rejects(target) as rejects:
        rejects.add(2, "no such number", listed)
    ((line, row),) = rows(target, "reason")
    with Rejects(target) as rejects:
        rejects.add(line, "still none", row)
    assert list(rows(target, "reason")) == [
        (2, {"rejected_line": "2", "rejected_why": "still none", **listed}),
    ]


def test_nothing_refused_leaves_no_file_also_none_of_an_earlier_time(target: Path) -> None:
    with Rejects(target) as rejects:
        rejects.add(2, "why", ROW)
    with Rejects(target) as rejects:
        pass
    assert rejects.path is None
    assert list(target.parent.iterdir()) == []


def test_an_import_that_breaks_leaves_the_earlier_file_as_it_was(target: Path) -> None:
    with Rejects(target) as rejects:
        rejects.add(2, "why", ROW)
    before = target.read_bytes()
    with pytest.raises(KeyboardInterrupt), Rejects(target) as rejects:
        rejects.add(3, "another", ROW)
        raise KeyboardInterrupt
    assert target.read_bytes() == before
    assert [file.name for file in target.parent.iterdir()] == [target.name]


def test_two_imports_of_one_list_at_a_time_do_not_mix(target: Path) -> None:
    with Rejects(target) as first, Rejects(target) as second:
        first.add(2, "first", ROW)
        second.add(2, "second", ROW)
        second.add(3, "second", ROW)
    with target.open(encoding="utf-8-sig") as file:
        assert {row["rejected_why"] for row in csv.DictReader(file, delimiter=";")} == {"first"}

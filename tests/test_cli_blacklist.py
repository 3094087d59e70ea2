"""`zvonar contact blacklist`: every verb, its words and its exits."""

import csv
import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import PHONE

from cli.main import run
from storage.campaign import find
from storage.db import open_engine, reading
from storage.reports import blocked_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def blacklist(ready: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, data and talk of a verb."""

    def done(*command: str) -> tuple[int, str, str]:
        code = run(["contact", "blacklist", *command])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return done


def listed(blacklist: Run, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(blacklist("list", "--format", "json", *more)[1])
    return found


def blocked() -> list[Any]:
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    with reading(engine) as connection:
        campaign = find(connection, "autumn")
        assert campaign is not None
        found = blocked_of(connection, campaign.id)
    engine.dispose()
    return [tuple(row) for row in found]


def test_an_entry_is_added_listed_and_undone(blacklist: Run) -> None:
    code, out, err = blacklist("add", "8 921 123-45-67", "--reason", "court", "--until", "2100-01-01")
    assert (code, out) == (0, "")
    assert "0 leads are taken out" in err
    assert blocked() == []
    assert "1 leads are taken out" in blacklist("add", PHONE, "--reason", "for good")[2]
    assert blocked() == [("blacklisted", 1)]
    assert "stands already" in blacklist("add", PHONE, "--reason", "again")[2]
    (entry,) = listed(blacklist)
    assert (entry["kind"], entry["value"], entry["scope"], entry["until"]) == (
        "number",
        PHONE,
        "global",
        None,
    )
    assert "removed_at" not in entry
    code, out, err = blacklist("undo", entry["id"], "--dry-run")
    assert (code, out) == (0, "")
    assert "1 entries undone, 1 leads given back" in err and "dry run" in err
    assert blocked() == [("blacklisted", 1)]
    assert blacklist("undo", entry["id"])[0] == 0
    assert (blocked(), listed(blacklist)) == ([], [])
    assert [row["removed_by"] != "" for row in listed(blacklist, "--removed")] == [True, True]


def test_an_entry_is_removed_by_what_it_names(blacklist: Run) -> None:
    blacklist("add", "+7921", "--kind", "prefix", "--campaign", "autumn", "--reason", "x")
    assert blacklist("remove", "+7921", "--kind", "prefix")[0] == 3
    how = ["remove", "+7921", "--kind", "prefix", "--campaign", "autumn"]
    assert blacklist(*how, "--dry-run")[0] == 0
    assert len(listed(blacklist)) == 1
    assert blacklist(*how)[0] == 0
    assert listed(blacklist) == []


def test_pages_of_the_list_follow_one_another(blacklist: Run) -> None:
    for n in range(5):
        blacklist("add", f"g{n}", "--kind", "group", "--reason", "x")
    blacklist("add", "id:1", "--kind", "person", "--reason", "x")
    first = listed(blacklist, "--kind", "group", "--limit", "3")
    rest = listed(blacklist, "--kind", "group", "--limit", "3", "--before", first[-1]["id"])
    assert [row["value"] for row in [*first, *rest]] == ["g4", "g3", "g2", "g1", "g0"]


def test_the_list_is_a_table_of_words_or_csv_of_the_same_keys(blacklist: Run) -> None:
    blacklist("add", "id:1", "--kind", "person", "--reason", "суд")
    table = blacklist("list")[1]
    assert all(word in table for word in ("человек", "id:1", "суд", "область"))
    (row,) = csv.DictReader(StringIO(blacklist("list", "--format", "csv")[1]))
    assert list(row) == list(listed(blacklist)[0])
    assert json.loads(row["evidence"]) == {}


def test_a_list_goes_in_and_out_and_back(blacklist: Run, ready: Path) -> None:
    (ready / "ban.csv").write_text(f"value;kind;reason\n{PHONE};;x\nstaff;group;y\n5;;z\n")
    code, out, err = blacklist("import", "ban.csv", "--format", "json")
    summary = json.loads(out)
    assert code == 0
    rejects = str(ready / "rejects" / "blacklist-ban.rejected.csv")
    assert summary == {"import": summary["import"], "rows": 3, "imported": 2, "duplicates": 0} | {
        "rejected": 1,
        "rejects_file": rejects,
    }
    assert rejects in err
    assert blocked() == [("blacklisted", 1)]
    assert "2 entries" in blacklist("export", "out.csv")[2]
    assert (ready / "out.csv").read_text(encoding="utf-8-sig").startswith("value;kind;scope;until;reason")
    assert "2 entries undone, 1 leads given back" in blacklist("undo", summary["import"])[2]
    assert json.loads(blacklist("import", "out.csv", "--format", "json")[1])["imported"] == 2


@pytest.mark.parametrize(
    "command, code, sentence",
    [
        (["add", "55555", "--reason", "x"], 2, "zvonar: no such number exists"),
        (["add", PHONE], 2, "Missing option '--reason'"),
        (["add", PHONE, "--reason", "x", "--kind", "all"], 2, "'all' is not one of"),
        (["add", PHONE, "--reason", "x", "--until", "1.1.2027"], 2, "zvonar: until: write a date"),
        (["add", "921", "--kind", "prefix", "--reason", "x"], 2, "zvonar: a prefix is +"),
        (["add", PHONE, "--reason", "x", "--campaign", "none"], 3, "zvonar: no campaign named 'none'"),
        (["remove", PHONE], 3, "zvonar: no such entry stands"),
        (["undo", "17"], 2, "'17' is not a valid UUID"),
        (["undo", "01a200da-878f-7098-8987-ae5bbe65c237"], 3, "zvonar: neither an entry nor an import"),
        (["import", "none.csv"], 2, "zvonar: none.csv: No such file"),
        (["import", "debt.toml"], 2, "there is no column named `value`"),
        (["export", "/proc/x/a.csv"], 1, "zvonar: /proc/x"),
        (["list", "--limit", "0"], 2, "0 is not in the range"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    blacklist: Run, command: list[str], code: int, sentence: str
) -> None:
    done, out, err = blacklist(*command)
    assert (done, out) == (code, "")
    assert sentence in err

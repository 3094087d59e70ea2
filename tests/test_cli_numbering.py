"""`zvonar contact numbering`: load, refresh, find, as an operator meets them."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from builders import rows_of

from cli.main import run
from engine.settings import load, share
from engine.wiring import database
from storage.numbering import number_range

SAMPLE = str(share("etc/numbering") / "sample-DEF-9xx.csv")


def shown(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """The standard output of a command that goes well."""
    assert run(["contact", "numbering", *command]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_register_is_loaded_and_a_number_found_in_it(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = json.loads(shown(capsys, "load", SAMPLE, "--format", "json"))
    assert loaded == {"register": "DEF-9xx", "ranges": 19, "phones": 1, "leads": 1}
    assert json.loads(shown(capsys, "refresh", "--format", "json")) == {"phones": 0, "leads": 0}
    assert json.loads(shown(capsys, "find", "8 911 456-78-90", "--format", "json")) == {
        "phone": "+79114567890",
        "operator": 'ООО "ПРИМЕР МОБАЙЛ"',
        "region": "Калининградская обл.",
        "zones": ["Europe/Kaliningrad"],
        "source": "numbering",
        "kind": "mobile",
    }


def test_tables_are_russian_and_csv_has_the_keys(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown(capsys, "load", SAMPLE)
    table = shown(capsys, "find", "+79142223344")
    assert "оператор" in table
    assert "Asia/Khandyga, Asia/Srednekolymsk" in table
    assert "диапазонов" in shown(capsys, "load", SAMPLE)
    assert run(["--lang", "en", "contact", "numbering", "find", "+79142223344"]) == 0
    assert "operator" in capsys.readouterr().out
    (row,) = csv.DictReader(StringIO(shown(capsys, "find", "+79114567890", "--format", "csv")))
    assert list(row) == ["phone", "operator", "region", "zones", "source", "kind"]


def test_ported_numbers_are_loaded_from_a_file_of_their_own(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ready / "ported.csv").write_text("number;operator;region\n+79114567890;Новый;\n", encoding="utf-8")
    shown(capsys, "load", SAMPLE)
    assert json.loads(shown(capsys, "load", "ported.csv", "--ported", "--format", "json"))["ranges"] == 1
    found = json.loads(shown(capsys, "find", "+79114567890", "--format", "json"))
    assert (found["operator"], found["region"]) == ("Новый", "Калининградская обл.")


def test_a_broken_register_is_refused_and_the_old_one_kept(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(capsys, "load", SAMPLE)
    (ready / "broken.csv").write_text(Path(SAMPLE).read_text(encoding="utf-8-sig").replace("62000", "62001"))
    assert run(["contact", "numbering", "load", "broken.csv"]) == 2
    said = capsys.readouterr()
    assert (said.out, "line 2: capacity '62001'" in said.err) == ("", True)
    assert len(rows_of(database(load()), number_range)) == 19


@pytest.mark.parametrize(
    "command, code, why",
    [
        (["find", "112"], 2, "no such number"),
        (["load", "none.csv"], 2, "No such file"),
        (["find"], 2, "PHONE"),
    ],
)
def test_what_makes_no_sense_is_told(
    ready: Path, capsys: pytest.CaptureFixture[str], command: list[str], code: int, why: str
) -> None:
    assert run(["contact", "numbering", *command]) == code
    assert why in capsys.readouterr().err

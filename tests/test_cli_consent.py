"""`zvonar contact consent`: every verb, its words and its exits."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from builders import PHONE

from cli.main import run

Run = Callable[..., tuple[int, str, str]]
SAID = ("--source", "contract", "--proof", "17/2026")


@pytest.fixture
def contact(ready: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, data and talk of a command about contacts."""

    def done(*command: str) -> tuple[int, str, str]:
        code = run(["contact", *command])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return done


def test_what_was_said_is_written_down_and_listed(contact: Run) -> None:
    add = ["consent", "add", PHONE, "--kind", "advertising", *SAID]
    assert contact(*add, "--until", "2100-12-31", "--at", "2026-01-01T12:00+03:00") == (
        0,
        "",
        "written down\n",
    )
    assert "already" in contact(*add, "--until", "2100-12-31")[2]
    contact("consent", "refuse", "8 921 123 45 67", "--kind", "advertising", *SAID)
    lines = json.loads(contact("consent", "list", PHONE, "--format", "json")[1])
    assert lines[0]["until"] == "2101-01-01T00:00:00+00:00"
    assert lines[0]["at"] == "2026-01-01T09:00:00+00:00"
    assert [line["given"] for line in lines] == [True, False]
    table = contact("consent", "list", PHONE)[1]
    assert all(word in table for word in ("реклама", "да", "нет", "17/2026"))
    read = list(csv.DictReader(StringIO(contact("consent", "list", PHONE, "--format", "csv")[1])))
    assert [list(row) for row in read] == [list(line) for line in lines]


def test_a_refusal_of_calls_is_on_the_blacklist(contact: Run) -> None:
    assert contact("consent", "refuse", PHONE, "--kind", "calls", *SAID)[0] == 0
    (entry,) = json.loads(contact("blacklist", "list", "--format", "json")[1])
    assert (entry["value"], entry["reason"]) == (PHONE, "opt-out")


def test_a_person_is_a_subject_too(contact: Run) -> None:
    assert contact("consent", "add", "--person", "id:42", "--kind", "debtor-agreed", *SAID)[0] == 0
    (line,) = json.loads(contact("consent", "list", "--person", "id:42", "--format", "json")[1])
    assert (line["subject"], line["kind"]) == ("id:42", "debtor-agreed")


def test_a_list_goes_in(contact: Run, ready: Path) -> None:
    (ready / "said.csv").write_text("phone;kind;given;source;proof\n+79210000001;calls;нет;letter;1\n5;;;;\n")
    code, out, err = contact("consent", "import", "said.csv", "--format", "json")
    file = str(ready / "rejects" / "consent-said.rejected.csv")
    assert json.loads(out) == {"rows": 2, "imported": 1, "duplicates": 0, "rejected": 1, "rejects_file": file}
    assert (code, file in err) == (0, True)


@pytest.mark.parametrize(
    "command, code, sentence",
    [
        (["add", "--kind", "calls", *SAID], 2, "zvonar: name either a phone or a person"),
        (["add", PHONE, "--kind", "all", *SAID], 2, "'all' is not one of"),
        (["add", PHONE, "--kind", "calls", "--source", "x"], 2, "Missing option '--proof'"),
        (["refuse", PHONE, "--kind", "calls", *SAID, "--until", "2100-01-01"], 2, "No such option"),
        (["refuse", PHONE, "--kind", "calls", *SAID, "--at", "2999-01-01"], 2, "zvonar: at: it lies"),
        (["list"], 2, "zvonar: name either a phone or a person"),
        (["import", "none.csv"], 2, "zvonar: none.csv: No such file"),
        (["import", "debt.toml"], 2, "there is no column named `kind`"),
    ],
)
def test_what_goes_wrong_is_one_sentence(contact: Run, command: list[str], code: int, sentence: str) -> None:
    done, out, err = contact("consent", *command)
    assert (done, out) == (code, "")
    assert sentence in err

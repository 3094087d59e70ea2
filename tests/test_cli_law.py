"""`zvonar contact law`: the packs, figure by figure, for people and for programs."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from cli.main import run

Show = Callable[[str], str]


@pytest.fixture
def show(home: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """The standard output of a command that goes well; no database is asked for."""

    def shown(command: str) -> str:
        assert run(command.split()) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return shown


def test_list(show: Show) -> None:
    rows = json.loads(show("contact law list --format json"))
    names = [row["name"] for row in rows]
    assert names[-1] == "own" and "ru-230fz-talk" in names
    talk = rows[names.index("ru-230fz-talk")]
    assert talk == {
        "name": "ru-230fz-talk",
        "title": "230-ФЗ: переговоры с должником, в том числе робота",
        "version": "2026-11",
        "effective": "2024-02-01",
        "expires": None,
        "country": "RU",
        "kind": "talk",
    }
    assert [row["name"] for row in csv.DictReader(StringIO(show("contact law list --format csv")))] == names
    table = show("contact law list")
    assert "заглавие" in table and "230-ФЗ" in table
    assert "230-FZ: talks" in show("--lang en contact law list")


def test_show(show: Show) -> None:
    rows = json.loads(show("contact law show ru-230fz-talk --format json"))
    figures = {row["figure"]: (row["value"], row["source"]) for row in rows}
    art7 = "230-ФЗ, ст. 7, ч. 3"
    assert figures["hours.working"] == ("08:00-22:00", f"{art7}, п. 1; ответы ФССП (r09.fssp.gov.ru)")
    assert figures["hours.holiday"][0] == "09:00-20:00"
    assert figures["limit.week"] == (
        "2 / week, person, connected, talk",
        f"{art7}, п. 3; ФССП, 04.12.2025",
    )
    assert figures["announcements"][0] == "caller, robot"
    assert figures["retention_days"][0] == 1096 and "3 года" in figures["retention_days"][1]
    assert figures["refusal"] == ("for good", "230-ФЗ, ст. 8")
    assert [row["figure"] for row in rows].count("uncertain") >= 3
    assert not {"label", "consents", "attempts", "expires"} & set(figures)
    printed = list(csv.DictReader(StringIO(show("contact law show ru-230fz-talk --format csv"))))
    assert printed == [{key: str(value) for key, value in row.items()} for row in rows]


def test_show_other_figures(show: Show) -> None:
    mass = {
        row["figure"]: row["value"] for row in json.loads(show("contact law show ru-126fz --format json"))
    }
    assert (mass["consents"], mass["label"]) == ("mass-calls | exemption", "required")
    regf = {row["figure"]: row["value"] for row in json.loads(show("contact law show us-regf --format json"))}
    assert regf["limit.7-in-7-days"] == "7 / 168h, debt, rang"
    assert regf["third_party"] == "debtor-agreed"


def test_show_for_people_in_their_language(show: Show) -> None:
    russian, english = show("contact law show us-regf"), show("--lang en contact law show us-regf")
    assert "часы, рабочие дни" in russian and "не ясно" in russian and "Номера параграфов" in russian
    assert "hours.working" in english and "uncertain" in english and "The paragraphs" in english


def test_own_limits_are_those_of_the_settings(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZVONAR_CONTACT__GAP_S", "1800")
    rows = json.loads(show("contact law show own --format json"))
    assert {"figure": "limit.gap", "value": "1 / 0.5h, person, placed", "source": "contact.gap_s"} in rows


def test_an_unknown_pack(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contact", "law", "show", "ru-231fz"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and "'ru-231fz'; there are: in-trai," in err


def test_a_pack_that_is_not_understood(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZVONAR_CONTACT__LAW_DIR", str(home / "law"))
    (home / "law").mkdir()
    (home / "law" / "mine.toml").write_text("version = 1\n")
    assert run(["contact", "law", "list"]) == 2
    assert f"{home / 'law' / 'mine.toml'}: version: " in capsys.readouterr().err

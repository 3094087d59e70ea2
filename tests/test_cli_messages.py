"""`zvonar campaign create --message` and `campaign messages`: what is written, shown, and told when wrong."""

import csv
import json
import os
from io import StringIO
from pathlib import Path

import pytest
from builders import FOR_CONTACTS, add_template

from cli.main import run
from storage.db import open_engine


@pytest.fixture
def templates(ready: Path) -> Path:
    """Templates debt, soft and friends beside what is ready."""
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    for name, source in {"debt": None, "soft": None, "friends": FOR_CONTACTS}.items():
        _ = add_template(engine, name, source) if source else add_template(engine, name)
    engine.dispose()
    return ready


CREATE = ["campaign", "create", "spring", "--trunk", "trunk"]
HALVES = ["--template", "debt=50", "--template", "soft=50"]
FRIENDS = ["--message", "role = 'contact': friends"]


def show(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(list(words)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_campaign_with_variants_and_a_message_for_some(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(capsys, *CREATE, *HALVES, *FRIENDS)
    rows = "".join(f"d{n};921123{n:04};a;1;{'contact' if n < 3 else ''}\n" for n in range(60))
    (templates / "list.csv").write_text("external_id;phone;name;sum;role\n" + rows)
    imported = json.loads(show(capsys, "campaign", "import", "spring", "list.csv", "--format", "json"))
    assert imported["imported"] == 60
    found = json.loads(show(capsys, "campaign", "messages", "spring", "--format", "json"))
    told = [(row["when"], row["share"], row["template"], row["role"]) for row in found]
    assert told == [
        ("role = 'contact'", 100, "friends", "contact"),
        *(("", 50, "debt", "debtor"), ("", 50, "soft", "debtor")),
    ]
    assert found[0]["leads"] == 3
    assert sum(row["leads"] for row in found) == 60
    assert all(row["leads"] for row in found)
    printed = show(capsys, "campaign", "messages", "spring", "--format", "csv")
    assert [row["leads"] for row in csv.DictReader(StringIO(printed))] == [str(row["leads"]) for row in found]
    explained = json.loads(show(capsys, "campaign", "explain", "spring", "--format", "json"))
    assert explained["messages"] == found


def test_people_read_it_in_their_language(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(capsys, *CREATE, *HALVES, *FRIENDS)
    for words in (["campaign", "messages", "spring"], ["campaign", "explain", "spring"]):
        russian, english = show(capsys, *words), show(capsys, "--lang", "en", *words)
        assert all(word in russian for word in ("кому", "остальным", "контактное лицо", "50%", "friends"))
        assert all(word in english for word in ("when", "everybody", "contact", "50%", "friends"))
    assert "остальным" not in show(capsys, "campaign", "explain", "autumn")  # one template: nothing to tell


def test_messages_are_changed_for_those_to_come(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(capsys, *CREATE, "--template", "debt")
    found = show(capsys, "campaign", "messages", "spring", *HALVES, *FRIENDS, "--format", "json")
    assert [row["template"] for row in json.loads(found)] == ["friends", "debt", "soft"]


@pytest.mark.parametrize(
    "words, code, told",
    [
        (["--template", "debt=50"], 2, "the shares of debt make 50 and not 100 per cent"),
        (["--template", "debt", "--template", "soft"], 2, "template debt: of several each needs its share"),
        (["--template", "debt=x,soft=50"], 2, "template debt: 'x' is no share"),
        (["--template", "none"], 3, "no template named 'none'"),
        (["--template", "debt", "--message", "friends"], 2, "write CONDITION: TEMPLATE"),
        (["--template", "debt", "--message", "role == 1: friends"], 2, "column 7"),
        (["--template", "debt", "--message", "lang = 'uz': none"], 3, "no template named 'none'"),
    ],
)
def test_wrong_messages(
    templates: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    show(capsys, *CREATE, "--template", "debt")
    for command in (["campaign", "create", "other", "--trunk", "trunk"], ["campaign", "messages", "spring"]):
        assert run([*command, *words]) == code
        assert told in capsys.readouterr().err


def test_what_is_missing(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CREATE, *FRIENDS]) == 2
    assert "--template" in capsys.readouterr().err
    assert run(["campaign", "messages", "autumn", *FRIENDS]) == 2
    assert "give --template too" in capsys.readouterr().err
    assert run(["campaign", "messages", "none"]) == 3


def test_the_report_compares_templates(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By itself in a table when there are several; for programs when they ask for it."""
    show(capsys, *CREATE, *HALVES)
    rows = "".join(f"d{n};921123{n:04};a;1\n" for n in range(40))
    (templates / "list.csv").write_text("external_id;phone;name;sum\n" + rows)
    show(capsys, "campaign", "import", "spring", "list.csv")
    words = ["report", "campaign", "spring"]
    table = show(capsys, *words)
    assert all(word in table for word in ("исход", "показатель", "обещали оплатить", "не меньше", "soft"))
    assert json.loads(show(capsys, *words, "--format", "json")) == []  # no calls yet
    found = json.loads(show(capsys, *words, "--by", "template", "--format", "json"))
    assert sum(row["count"] for row in found if row["measure"] == "leads") == 40
    printed = csv.DictReader(StringIO(show(capsys, *words, "--by", "template", "--format", "csv")))
    assert [row["measure"] for row in printed] == [row["measure"] for row in found]
    english = show(capsys, "--lang", "en", *words, "--by", "template")
    assert "opt out" in english and "outcome" not in english
    assert "показатель" not in show(capsys, "report", "campaign", "autumn")
    assert run([*words, "--by", "phase"]) == 2


def test_a_lead_is_rendered_and_the_worst_are_previewed(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(capsys, *CREATE, *HALVES, *FRIENDS)
    text = "external_id;phone;name;sum;role\nd1;9211230001;Вера;;contact\nd2;9211230002;Константин;;contact\n"
    (templates / "list.csv").write_text(text)
    show(capsys, "campaign", "import", "spring", "list.csv")
    render = ["template", "render", "friends", "--lead"]
    for who in ("d1", "89211230001"):
        assert run([*render, who, "-o", "lead.wav"]) == 0
        assert capsys.readouterr().err.startswith("lead.wav: ")
        assert (templates / "lead.wav").stat().st_size > 8000
    preview = ["template", "preview", "friends", "--campaign", "spring", "-o", "worst"]
    table = show(capsys, *preview)
    assert all(word in table for word in ("случай", "longest-ru name", "d2", "Константин", "озвучено"))
    (row,) = json.loads(show(capsys, *preview, "--format", "json"))
    assert (row["cases"], row["who"], row["synthesised"]) == (["longest-ru", "name"], "d2", [])
    assert (templates / row["file"]).is_file()
    (printed,) = csv.DictReader(StringIO(show(capsys, *preview, "--format", "csv")))
    assert printed["text"] == row["text"]


@pytest.mark.parametrize(
    "words, code, told",
    [
        ("render friends --lead none -o a.wav", 3, "no lead 'none' hears template 'friends'"),
        ("render friends --lead d1 --campaign none -o a.wav", 3, "no lead 'd1' in campaign 'none'"),
        ("render friends --lead d1 --var name=x -o a.wav", 2, "give --var, or --lead"),
        ("render friends --lead d1 --lang ru -o a.wav", 2, "give --var, or --lead"),
        ("render friends --lang uz --var name=x -o a.wav", 2, "'friends' is in ru, not in uz"),
        ("render friends --campaign autumn --var name=x -o a.wav", 2, "give --var, or --lead"),
        ("render friends --lead d1", 2, "--out"),
        ("preview friends -o worst", 2, "has no [sample]; name a campaign"),
        ("preview none -o worst", 3, "no template named 'none'"),
        ("preview friends --campaign none -o worst", 3, "no campaign named 'none'"),
        ("preview friends --campaign autumn -o worst", 3, "nobody in campaign 'autumn' hears"),
        ("preview friends", 2, "--out"),
    ],
)
def test_wrong_questions_of_templates(
    templates: Path, capsys: pytest.CaptureFixture[str], words: str, code: int, told: str
) -> None:
    assert run(["template", *words.split()]) == code
    assert told in capsys.readouterr().err

"""`zvonar trunk`: every verb, its words and its exits."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import rows_of

from cli.main import run
from storage import audit, callers
from storage.db import open_engine

Run = Callable[..., tuple[int, str, str]]
NUMBER = "+74950000001"


@pytest.fixture
def trunk(ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, data and talk of a verb; nobody is at the AMI's port."""
    monkeypatch.setenv("ZVONAR_ASTERISK__PORT", "1")
    monkeypatch.setenv("ZVONAR_TRUNK__CALLER_IDS", json.dumps([NUMBER, "74950000002"]))
    monkeypatch.setenv("ZVONAR_TRUNK__COST", "120")
    monkeypatch.setenv("ZVONAR_TRUNK__PREFIXES", '["+7"]')

    def done(*command: str, lang: str = "en") -> tuple[int, str, str]:
        code = run(["--lang", lang, "trunk", *command])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return done


def test_the_list_tells_all_of_a_trunk_and_a_line_a_number(trunk: Run) -> None:
    (one,) = json.loads(trunk("list", "--format", "json")[1])
    assert (one["trunk"], one["cost"], one["prefixes"]) == ("trunk", 120, ["+7"])
    assert one["reachable"] == {"asterisk": None}
    assert [number["caller_id"] for number in one["caller_ids"]] == [NUMBER, "74950000002"]
    assert one["caller_ids"][0]["answer_share"] is None
    head, *lines = trunk("list", "--format", "csv")[1].splitlines()
    assert head.startswith("trunk,endpoint,cps,channels,priority,cost,prefixes,reachable,caller_id,")
    assert len(lines) == 2
    shown = trunk("list", lang="ru")[1]
    assert "на связи" in shown
    assert "asterisk неизвестно" in shown


def test_a_number_rests_until_it_is_woken_and_the_audit_knows_who_did_it(trunk: Run) -> None:
    code, _, err = trunk("rest", "7 (495) 000-00-01")
    assert (code, "1 trunks" in err) == (0, True)
    (one,) = json.loads(trunk("list", "--format", "json")[1])
    rested, other = one["caller_ids"]
    assert (rested["why"], other["why"]) == ("operator", "")
    assert rested["rests_until"] > "2030"
    assert "operator" in trunk("list")[1]
    assert trunk("wake", NUMBER)[0] == 0
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    assert [(row.number, row.rests_until) for row in rows_of(engine, callers.caller_id)] == [(NUMBER, None)]
    assert {row.deed for row in rows_of(engine, audit.audit)} >= {"trunk.rest", "trunk.wake"}
    engine.dispose()


def test_a_number_of_no_trunk_is_not_found(trunk: Run) -> None:
    code, out, err = trunk("rest", "+74959999999")
    assert (code, out) == (3, "")
    assert "no trunk" in err

"""The register of consents is only ever added to; the newest line of a subject and kind holds."""

import ast
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, after, rows_of
from sqlalchemy import Engine

from storage import consent
from storage.db import reading, writing

SUBJECT = "tel:+79211234567"


def line(given: bool = True, **more: Any) -> dict[str, Any]:
    made = {"subject": SUBJECT, "kind": "calls", "given": given, "at": NOON, "until": None}
    return made | {"source": "contract", "proof": "17/2026", "actor": "me"} | more


def test_the_newest_line_holds_by_when_it_was_said(engine: Engine) -> None:
    with writing(engine) as connection:
        consent.add(connection, [line(proof="b", at=after(5)), line(kind="advertising", given=False)])
        consent.add(connection, [line(given=False, proof="a", at=after(1))])  # learnt later, said before
        consent.add(connection, [line(subject="id:7", given=False)])
        found = consent.newest(connection, [SUBJECT, "id:7", "id:8"])
        said = [(row.kind, row.proof) for row in consent.lines(connection, [SUBJECT])]
    assert {key: row.given for key, row in found.items()} == {
        (SUBJECT, "calls"): True,
        (SUBJECT, "advertising"): False,
        ("id:7", "calls"): False,
    }
    assert said == [("advertising", "17/2026"), ("calls", "a"), ("calls", "b")]
    assert [row.at for row in rows_of(engine, consent.consent)][-1] == after(5)  # ids are in order of time


@pytest.mark.parametrize("refused_first", [True, False])
def test_of_two_things_said_at_once_the_refusal_holds(engine: Engine, refused_first: bool) -> None:
    both = [line(given=False), line(given=True)]
    with writing(engine) as connection:
        for one in both if refused_first else both[::-1]:
            consent.add(connection, [one])
        assert not consent.newest(connection, [SUBJECT])[SUBJECT, "calls"].given


def test_what_was_said_is_written_down_once_for_each_proof(engine: Engine) -> None:
    with writing(engine) as connection:
        assert len(consent.add(connection, [line(), line(at=after(9)), line(proof="18")])) == 2
        assert consent.add(connection, [line(at=after(20))]) == []
        others = [line(given=False), line(kind="advertising"), line(until=after(99)), line(source="call")]
        assert len(consent.add(connection, others)) == 4
        assert consent.add(connection, []) == []
    assert len(rows_of(engine, consent.consent)) == 6


def test_many_subjects_are_asked_at_once(engine: Engine) -> None:
    with writing(engine) as connection:
        consent.add(connection, [line(subject=f"id:{n}") for n in range(1200)])
    with reading(engine) as connection:
        assert len(consent.newest(connection, [f"id:{n}" for n in range(1200)])) == 1200


def test_nothing_in_storage_changes_or_deletes_a_line() -> None:
    """Neither `consent.update()` nor `update(consent)`, and the same of delete."""
    found = []
    for path in Path(consent.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                about = called + " " + " ".join(map(ast.unparse, node.args[:1]))
                if called.split(".")[-1] in ("update", "delete") and "consent" in about:
                    found.append(f"{path.name}: {about}")
    assert found == []

"""`web`: keys of the HTTP interface."""

import json
from pathlib import Path

import pytest

from cli.main import run


def test_a_key_is_shown_once_and_is_good_until_it_is_revoked(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["web", "key", "add", "dispatch", "--scope", "bindings:write", "--signed"]) == 0
    key = capsys.readouterr().out.strip()
    assert key.startswith("zv_")
    assert len(key) > 40
    assert run(["web", "key", "add", "dispatch", "--scope", "bindings:read"]) == 4
    assert run(["web", "key", "list", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["scopes"], row["signed"]) == ("dispatch", ["bindings:write"], True)
    assert run(["web", "key", "revoke", "dispatch"]) == 0
    assert run(["web", "key", "revoke", "dispatch"]) == 3
    assert run(["web", "key", "list"]) == 0
    told = capsys.readouterr()
    assert key not in told.out + told.err
    assert "отозван" in told.out


@pytest.mark.parametrize("words", ["add x", "add a/b --scope bindings:read", "add x --scope all"])
def test_a_key_that_cannot_be_is_not_made(
    ready: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    assert run(["web", "key", *words.split()]) == 2
    assert capsys.readouterr().out == ""

"""`webhook`: what operators see and do."""

import json
from pathlib import Path

import pytest
from client_system import KEY, ClientSystem, status, verified

from cli.main import run


def test_without_webhooks_the_list_is_empty(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["webhook", "list", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["webhook", "test", "erp"]) == 2
    assert "no [[webhook]] named 'erp'; there are: none" in capsys.readouterr().err


def test_a_webhook_is_listed_tried_and_set_back(
    ready: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ClientSystem(status(200), status(401)) as erp:
        for name, value in {"URL": erp.url, "SECRETS": json.dumps([KEY]), "ALLOW_PRIVATE": "1"}.items():
            monkeypatch.setenv(f"ZVONAR_WEBHOOK__{name}", value)
        assert run(["webhook", "list"]) == 0
        table = capsys.readouterr().out
        assert "erp" in table and "не доставлено" in table
        assert run(["webhook", "test", "erp"]) == 0
        assert run(["webhook", "test", "erp"]) == 5
        assert "webhook erp: HTTP 401" in capsys.readouterr().err
        assert run(["webhook", "reset", "erp", "--to", "0"]) == 3
        assert run(["config", "show"]) == 0
        assert KEY not in capsys.readouterr().out
    assert all(verified(headers, body) for headers, body in erp.deliveries)
    assert erp.bodies[0]["test"] is True

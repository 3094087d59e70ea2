"""Masked calls over HTTP: who may begin one, and what is told of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import rows_of
from office import COMPANY, Office
from rung import asterisk, originated, running
from sqlalchemy import Engine

from engine.gateways.fake import FakeAsterisk
from storage import mask_calls as store
from storage.vocab import Scope

DRIVER, CLIENT = "+79210000001", "+79210000002"
SIDES: dict[str, Any] = {
    "driver": {"id": "d7", "phones": [DRIVER]},
    "client": {"name": "Анна", "phones": [CLIENT]},
}
BODY = {"order": "A-1", "version": 1} | SIDES
CALL = "/v1/bindings/A-1/call"


@pytest.fixture
def fake() -> FakeAsterisk:
    return asterisk()


@pytest.fixture
def office(engine: Engine, tmp_path: Path, fake: FakeAsterisk) -> Iterator[Office]:
    with running(fake) as node:
        office = Office(engine, tmp_path, asterisk=[node])
        assert office.ask("POST", "/v1/bindings", BODY).status_code == 200
        yield office


def test_one_side_is_rung_and_a_double_click_rings_nobody(office: Office, fake: FakeAsterisk) -> None:
    answer = office.ask("POST", CALL, {"from": "driver"}, Idempotency_Key="k-1")
    (row,) = rows_of(office.engine, store.mask_call)
    told = {"call": str(row.id), "order": "A-1", "rings": "driver", "sees": COMPANY, "accepted": True}
    assert (answer.status_code, answer.json()) == (200, told)
    assert DRIVER[1:] not in answer.text and CLIENT[1:] not in answer.text
    assert office.ask("POST", CALL, {"from": "driver"}, Idempotency_Key="k-1").json() == told
    again = office.ask("POST", CALL, {"from": "client"})
    assert (again.status_code, again.json()["error"]) == (409, "refused-by-policy")
    assert "being connected" in again.json()["message"]
    assert len(originated(fake)) == 1


@pytest.mark.parametrize("body", [{}, {"from": "dispatcher"}, {"side": "driver"}, {"from": "driver", "x": 1}])
def test_a_wish_that_cannot_be_read_is_told_so(office: Office, fake: FakeAsterisk, body: Any) -> None:
    assert office.ask("POST", CALL, body).status_code == 422
    assert originated(fake) == []


def test_it_takes_a_key_that_may_have_calls_made(office: Office, fake: FakeAsterisk) -> None:
    binder = office.keys.add("binder", [Scope.BINDINGS_READ, Scope.BINDINGS_WRITE], "anna")
    answer = office.ask("POST", CALL, {"from": "driver"}, Authorization=f"Bearer {binder}")
    assert (answer.status_code, answer.json()["error"]) == (403, "denied")
    assert originated(fake) == []
    caller = office.keys.add("caller", [Scope.CALLS_WRITE], "anna")
    assert office.ask("POST", CALL, {"from": "driver"}, Authorization=f"Bearer {caller}").status_code == 200


def test_without_an_asterisk_it_is_told_so(engine: Engine, tmp_path: Path) -> None:
    office = Office(engine, tmp_path, asterisk=[{"port": 1}])
    assert office.ask("POST", "/v1/bindings", BODY).status_code == 200
    answer = office.ask("POST", CALL, {"from": "driver"})
    assert (answer.status_code, answer.json()["error"]) == (503, "asterisk-unreachable")
    answer = office.ask("POST", "/v1/bindings/A-9/call", {"from": "driver"})
    assert (answer.status_code, answer.json()["error"]) == (404, "not-found")


def test_the_card_of_a_call_is_read_by_its_id(office: Office, fake: FakeAsterisk) -> None:
    call = office.ask("POST", CALL, {"from": "driver"}).json()["call"]
    answer = office.ask("GET", f"/v1/cards/{call}")
    assert answer.status_code == 200
    card = answer.json()
    assert (card["order"], card["role"], card["caller"], card["client"]) == ("A-1", "driver", "…01", "Анна")
    assert card["why"].startswith("Система звонит первой: водитель заказа A-1")
    assert DRIVER[2:] not in answer.text and CLIENT[2:] not in answer.text
    caller = office.keys.add("caller", [Scope.CALLS_WRITE], "anna")
    assert office.ask("GET", f"/v1/cards/{call}", Authorization=f"Bearer {caller}").status_code == 403
    assert office.ask("GET", "/v1/cards/0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55").status_code == 404
    assert office.ask("GET", "/v1/cards/x").status_code == 422

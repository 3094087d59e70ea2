"""Bindings over HTTP: who may, what holds at once, what is told when it cannot be."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from builders import rows_of
from office import COMPANY, Office
from sqlalchemy import Engine

from engine.access.signature import Request, sign
from storage import access
from storage import masking as store
from storage.vocab import Scope

DRIVER, CLIENT = "+79210000001", "+79210000002"
BODY: dict[str, Any] = {
    "order": "A-1",
    "version": 1,
    "driver": {"id": "d7", "phones": [DRIVER]},
    "client": {"name": "Анна", "phones": ["8 921 000-00-02"]},
}
PATH = "/v1/bindings"


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    return Office(engine, tmp_path)


def test_an_order_is_bound_read_explained_and_closed(office: Office) -> None:
    bound = office.ask("POST", PATH, BODY)
    assert (bound.status_code, bound.json()["driver_dials"]) == (200, COMPANY)
    assert bound.json().keys() >= {
        "order",
        "version",
        "client_dials",
        "extension",
        "effective_at",
        "closes_at",
    }
    assert office.ask("POST", PATH, BODY).json() == bound.json()  # the same again: the same answer
    assert office.ask("GET", f"{PATH}/A-1").json()["state"] == "live"
    why = office.ask("GET", f"{PATH}/explain?from=89210000001&to={COMPANY.replace('+', '%2B')}").json()
    assert (why["decision"], why["peer"], why["show"]) == ("connect", CLIENT, COMPANY)
    assert (why["order"], why["role"], why["rule"]) == ("A-1", "driver", "live")
    assert "водитель заказа A-1" in why["why"]
    assert office.ask("DELETE", f"{PATH}/A-1?grace_s=0").json()["ended"] == "closed"
    assert office.ask("DELETE", f"{PATH}/A-1").json()["ended"] == "closed"
    why = office.ask("GET", f"{PATH}/explain?from={CLIENT[1:]}&to={COMPANY[1:]}").json()
    assert (why["decision"], why["role"], why["rule"]) == ("call-centre", "stranger", "order-finished")


def test_a_put_names_the_order_of_its_path(office: Office) -> None:
    assert office.ask("PUT", f"{PATH}/A-1", BODY).status_code == 200
    other = office.ask("PUT", f"{PATH}/A-2", BODY)
    assert (other.status_code, other.json()["error"]) == (400, "usage")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"version": 2, "driver": {"phones": ["112"]}}, 400, "usage"),
        ({"driver": {"id": "other", "phones": [DRIVER]}}, 409, "refused-by-policy"),
        ({"version": 0}, 422, "usage"),
        ({"version": "1"}, 422, "usage"),
        ({"colour": "red"}, 422, "usage"),
        ({"mode": "auto"}, 422, "usage"),
        ({"version": 2, "mode": "pool"}, 503, "no-number"),
    ],
)
def test_what_cannot_be_is_told_by_its_code(office: Office, change: Any, status: int, error: str) -> None:
    assert office.ask("POST", PATH, BODY).status_code == 200
    answer = office.ask("POST", PATH, BODY | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "message", "details"}
    if error == "no-number":  # and yet the driver has something to dial
        assert answer.json()["details"]["driver_dials"] == COMPANY
        assert answer.json()["details"]["extension"].isdecimal()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"{}"])
def test_a_body_that_is_none_is_told_so(office: Office, body: bytes) -> None:
    answer = office.ask("POST", PATH, body)
    unreadable = 400 if body == b"\xff" else 422  # the framework's own word for what is no text at all
    assert (answer.status_code, answer.json()["error"]) == (unreadable, "usage")


def test_nobody_gets_in_without_a_key_or_beyond_its_scopes(office: Office) -> None:
    reader = office.keys.add("reader", [Scope.BINDINGS_READ], "anna")
    for header in ("", "Bearer", "Bearer x", "Basic eA==", f"bearer{office.key}", f"Bearer {office.key}x"):
        answer = office.ask("POST", PATH, BODY, Authorization=header)
        assert (answer.status_code, answer.json()["error"]) == (401, "no-key")
    answer = office.ask("POST", PATH, BODY, Authorization=f"Bearer {reader}")
    assert (answer.status_code, answer.json()["error"]) == (403, "denied")
    assert rows_of(office.engine, store.order) == []
    assert office.ask("GET", f"{PATH}/A-1", Authorization=f"Bearer {reader}").status_code == 404
    office.keys.revoke("reader", "anna")
    assert office.ask("GET", f"{PATH}/A-1", Authorization=f"Bearer {reader}").status_code == 401


def test_a_key_is_kept_as_its_hash_only(office: Office) -> None:
    (row,) = rows_of(office.engine, access.key)
    assert row.digest == hashlib.sha256(office.key.encode()).hexdigest()
    assert office.key not in str(row)


def test_a_signed_request_is_good_once_and_for_five_minutes(office: Office) -> None:
    key = office.keys.add("signer", list(Scope), "anna", signed=True)
    bearer, now = {"Authorization": f"Bearer {key}"}, int(office.now().timestamp())
    body = json.dumps(BODY).encode()

    def send(signature: str, path: str = PATH) -> tuple[int, str]:
        answer = office.ask("POST", path, body, **bearer, Zvonar_Signature=signature)
        return answer.status_code, answer.json().get("message", "")

    good = sign(key, Request("POST", PATH, body), now, "nonce-01")
    assert send("") == (403, "the signature is not of the form t=SECONDS,n=NONCE,v1=HEX")
    assert (
        send(sign(key, Request("POST", PATH, body + b" "), now, "nonce-02"))[1]
        == "the signature does not fit"
    )
    assert send(sign(key, Request("PUT", PATH, body), now, "nonce-02"))[0] == 403
    assert send(sign("zv_other", Request("POST", PATH, body), now, "nonce-02"))[0] == 403
    assert send(sign(key, Request("POST", PATH, body), now - 305, "nonce-02"))[1].startswith(
        "the signature's time"
    )
    assert send(good)[0] == 200
    assert send(good) == (403, "this signature was used before")
    assert send(good, f"{PATH}?x=1")[0] == 403


def test_an_idempotency_key_gives_the_first_answer_again(office: Office) -> None:
    first = office.ask("POST", PATH, BODY | {"version": 5}, Idempotency_Key="k-1")
    assert office.ask("POST", PATH, BODY | {"version": 6}).status_code == 200
    again = office.ask("POST", PATH, BODY | {"version": 5}, Idempotency_Key="k-1")
    assert (again.status_code, again.json()) == (200, first.json())
    other = office.ask("POST", PATH, BODY | {"version": 7}, Idempotency_Key="k-1")
    assert (other.status_code, other.json()["message"]) == (
        409,
        "this Idempotency-Key stands for another request",
    )
    assert office.ask("POST", PATH, BODY, Idempotency_Key="a b").status_code == 400
    refused = office.ask("POST", PATH, BODY | {"version": 2}, Idempotency_Key="k-2")
    assert refused.status_code == 409
    assert office.ask("POST", PATH, BODY | {"version": 2}, Idempotency_Key="k-2").json() == refused.json()


def test_of_several_each_stands_by_itself(office: Office) -> None:
    wrong = BODY | {"order": "A-2", "driver": {"phones": ["112"]}}
    answer = office.ask("POST", f"{PATH}/batch", {"bindings": [BODY, wrong, BODY | {"order": "A-3"}]})
    assert answer.status_code == 200
    assert [(one["order"], one.get("error", "")) for one in answer.json()] == [
        ("A-1", ""),
        ("A-2", "usage"),
        ("A-3", ""),
    ]
    many = {"bindings": [BODY | {"order": f"B-{n}"} for n in range(501)]}
    assert office.ask("POST", f"{PATH}/batch", many).status_code == 422


def test_a_path_that_names_no_order_is_told_so(office: Office) -> None:
    for name in ("a%00b", "a%20b", "x" * 65, "%D0%B0%F0"):
        assert office.ask("GET", f"{PATH}/{name}").status_code in (404, 422)


def test_errors_of_the_framework_have_the_same_form(office: Office) -> None:
    for method, path, status in (("GET", "/v1/nothing", 404), ("PATCH", PATH, 405)):
        answer = office.ask(method, path)
        assert (answer.status_code, set(answer.json())) == (status, {"error", "message", "details"})


def test_the_page_for_people_loads_nothing_from_elsewhere(office: Office) -> None:
    page = office.ask("GET", "/docs").text
    assert "https://" not in page
    assert "/v1/bindings/{order}" in office.ask("GET", "/openapi.json").json()["paths"]
    assert "http" not in page.split("swagger-ui-bundle.js")[0].replace("http-equiv", "")

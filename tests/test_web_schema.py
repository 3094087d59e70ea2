"""Whatever is sent by our own description of the interface is answered in its form, with no fault of ours."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from office import Office
from schemathesis.checks import content_type_conformance, not_a_server_error
from sqlalchemy import Engine

OPERATIONS = (
    ("POST", "/v1/bindings"),
    ("PUT", "/v1/bindings/{order}"),
    ("POST", "/v1/bindings/batch"),
    ("DELETE", "/v1/bindings/{order}"),
    ("GET", "/v1/bindings/{order}"),
    ("GET", "/v1/bindings/explain"),
    ("POST", "/v1/bindings/{order}/call"),
    ("GET", "/v1/cards/{call_id}"),
    ("GET", "/v1/calls"),
    ("GET", "/v1/recordings/{call}"),
)
SEVERAL = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
CHECKS = [not_a_server_error, content_type_conformance]


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    return Office(engine, tmp_path)


def described(office: Office) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", office.app)


def test_every_call_of_the_parts_is_tried(office: Office) -> None:
    paths = described(office).raw_schema["paths"]
    there = {(method.upper(), path) for path, calls in paths.items() for method in calls}
    assert {one for one in there if one[1].startswith("/v1/")} == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_with_a_key_nothing_breaks_and_without_one_nobody_gets_in(
    office: Office, method: str, path: str
) -> None:
    @SEVERAL
    @given(case=described(office)[path][method].as_strategy())
    def try_it(case: Any) -> None:
        assert case.call().status_code == 401
        answer = case.call(headers={"Authorization": f"Bearer {office.key}"})
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error", "message", "details"}

    try_it()

"""What a dispatch hears of masked calls, from `serve fastagi` by `serve web`. On a real Asterisk."""

from pathlib import Path
from typing import Any

import pytest
from client_system import KEY, ClientSystem, status, verified
from journeys.conftest import in_business
from journeys.taxi import COMPANY, until
from pydantic import SecretStr
from sqlalchemy import Engine

from engine.sections import Webhook
from lab.leaks import in_text
from storage import webhooks
from storage.db import reading

pytestmark = pytest.mark.timeout(180)


def told(system: ClientSystem) -> list[dict[str, Any]]:
    """What it took, each event once."""
    return [event for body in system.bodies[1:] for event in body["events"]]


def begun(engine: Engine) -> bool:
    """Is the webhook told what happens from now on?"""
    with reading(engine) as connection:
        return webhooks.find(connection, "app", "masking") is not None


def test_every_call_is_told_as_it_goes_on_and_nobodys_phone(tmp_path: Path, postgres_url: str) -> None:
    with ClientSystem(status(500), status(200)) as system:
        secrets = [SecretStr(KEY)]
        hook = Webhook(name="app", url=system.url, secrets=secrets, tells="masking", allow_private=True)
        with in_business(tmp_path, postgres_url, dispatch=hook) as taxi:
            taxi.shell.serve("web")
            until(lambda: begun(taxi.engine))
            driver, other, stranger = (taxi.phone() for _ in range(3))
            client, busy = taxi.phone("listens"), taxi.phone("busy")
            taxi.bind("A-1", driver, client)
            taxi.talks(taxi.calls_in(driver), client).hang_up()
            assert taxi.ended("A-1") == ["talked"]
            taxi.bind("B-1", other, busy)
            taxi.calls_in(other).to_the_end()
            assert taxi.ended("B-1") == ["busy"]
            taxi.close("B-1", grace_s=60)
            taxi.calls_in(stranger).until(lambda one: taxi.heard(one.heard(), "code")).hang_up()
            until(lambda: any(event["event"] == "stranger" for event in told(system)))
    assert system.bodies[0] == system.bodies[1], "the one that failed came again as it was"
    for headers, body in system.deliveries:
        assert verified(headers, body)
        assert in_text("a delivery", body, [driver, other, stranger, client, busy]) == []
    heard = [(event["order"], event["event"], event.get("reason")) for event in told(system)]
    a_talk = [("bound", None), ("ringing", None), ("answered", None), ("ended", "talked")]
    missed = [("bound", None), ("ringing", None), ("ended", "busy"), ("closed", "closed")]
    assert [event[1:] for event in heard if event[0] == "A-1"] == a_talk
    assert [event[1:] for event in heard if event[0] == "B-1"] == missed
    assert heard[-1] == (None, "stranger", None)
    calls = {event["event"]: event for event in told(system) if event["order"] == "B-1"}
    assert calls["bound"]["driver_dials"] == COMPANY
    events = [event for event in told(system) if event["event"] == "ended"]
    assert events[0]["talk_s"] >= 1
    assert events[1]["call_back"] == {"path": "/v1/bindings/B-1/call", "from": "client"}

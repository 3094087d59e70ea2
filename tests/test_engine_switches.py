"""Switches: what holds for all dialers at once, who switched it, and which nodes there are."""

from typing import Any

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, rows_of, settings
from sqlalchemy import Engine

from engine.campaign.switches import Switches
from engine.errors import NotFound
from storage import audit
from storage import dialer as store
from storage.db import writing


@pytest.fixture
def switches(engine: Engine, tmp_path: Any) -> Switches:
    nodes = [{"name": "east", "channels": 40}, {"name": "west"}]
    return Switches(engine, settings(tmp_path, asterisk=nodes))


def names(engine: Engine) -> set[str]:
    return {row.name for row in rows_of(engine, store.switch)}


def deeds(engine: Engine) -> list[tuple[str, str, dict[str, Any]]]:
    return [(row.deed, row.subject, row.detail) for row in rows_of(engine, audit.audit)]


def test_a_stop_and_its_release_once_each_with_who_and_why(engine: Engine, switches: Switches) -> None:
    assert switches.stopped() is None
    assert switches.stop("wrong text", "anna", hangup=False)
    assert not switches.stop("again", "boris", hangup=False)
    row = switches.stopped()
    assert row is not None
    assert (row.actor, row.reason, names(engine)) == ("anna", "wrong text", {"stop"})
    assert switches.stop("now!", "boris", hangup=True), "calls under way are more than was stopped before"
    assert names(engine) == {"stop", "hangup"}
    assert switches.release("mended", "anna")
    assert not switches.release("", "anna")
    assert switches.stopped() is None
    assert names(engine) == set()
    assert deeds(engine) == [
        ("stop-all", "all", {"reason": "wrong text", "hangup": False}),
        ("stop-all", "all", {"reason": "now!", "hangup": True}),
        ("stop-all.release", "all", {"reason": "mended"}),
    ]


def test_what_is_at_stake_is_told(engine: Engine, switches: Switches) -> None:
    campaign = add_campaign(engine)
    add_campaign(engine, "draft", state="draft")
    add_attempt(engine, add_lead(engine, campaign))
    add_attempt(engine, add_lead(engine, campaign), ended_at=NOON)
    assert switches.at_stake() == {"campaigns": 1, "calls": 1}


def test_a_node_is_drained_once_and_a_name_that_nobody_knows_is_refused(
    engine: Engine, switches: Switches
) -> None:
    assert switches.drain("west", "new disk", "anna")
    assert not switches.drain("west", "", "anna")
    assert names(engine) == {"drain:west"}
    with pytest.raises(NotFound, match="'north'"):
        switches.drain("north", "", "anna")
    assert switches.undrain("west", "anna")
    assert not switches.undrain("west", "anna")
    assert [deed[:2] for deed in deeds(engine)] == [("asterisk.drain", "west"), ("asterisk.undrain", "west")]


def test_nodes_are_those_of_living_dialers_and_of_the_settings(engine: Engine, switches: Switches) -> None:
    told = {"connected": True, "used": 3, "channels": 40}
    with writing(engine) as connection:
        for name, lease_s in (("a", 60.0), ("b", 60.0), ("dead", -5.0)):
            store.join(connection, name, "here", lease_s)
            state = {"nodes": {"east": told, "left": told | {"channels": None}}}
            store.tell(connection, name, able=True, state=state, at=NOON)
    switches.drain("east", "", "anna")
    rows = switches.nodes()
    assert [(row["node"], row["dialer"], row["drained"]) for row in rows] == [
        *[("east", "a", True), ("east", "b", True), ("left", "a", False), ("left", "b", False)],
        ("west", "", False),
    ]
    assert rows[0] == {"node": "east", "dialer": "a", **told, "drained": True}
    assert rows[-1]["connected"] is False
    assert switches.drain("left", "", "anna"), "a node that only a dialer knows can be drained too"

"""A campaign as it is at this moment: read from the database alone, and what takes long not each time."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead
from calling import TIME, clocked
from sqlalchemy import Engine

from engine.campaign.live import COUNTED, KEEP, Live
from engine.campaign.service import Campaigns
from engine.campaign.switches import Switches
from engine.errors import NotFound
from storage import dialer as store
from storage.db import new_id, writing
from storage.vocab import Outcome

VLADIVOSTOK = "Asia/Vladivostok"  # at noon UTC it is 22 o'clock there, and past the hours


class Clock:
    """Seconds, each asked for later than the one before by `step`."""

    def __init__(self, step: float) -> None:
        self.at, self.step = 0.0, step

    def __call__(self) -> float:
        self.at += self.step
        return self.at


@pytest.fixture
def scene(engine: Engine, tmp_path: Path) -> dict[str, Any]:
    TIME.at = NOON
    campaign = add_campaign(engine, law=["ru-230fz-talk"])
    told = {"cps": 2.0, "cps_limit": 5, "channels": 1, "channels_limit": 10, "breaker": "closed"}
    trunk = told | {"opens_in_s": 0, "offenders": []}
    node = {"connected": True, "used": 1, "channels": 100}
    errors = [{"at": "2026-01-21T11:59:00Z", "text": "no voice reason=x"}]
    state = {
        "nodes": {"east": node},
        "trunks": {"trunk": trunk, "foreign": trunk},
        "clock": "",
        "errors": errors,
    }
    with writing(engine) as connection:
        for name, lease_s in (("a", 60.0), ("late", -5.0), ("long-dead", -500.0)):
            store.join(connection, name, "host", lease_s)
            store.tell(connection, name, able=True, state=state, at=NOON)
    return {"settings": clocked(tmp_path), "campaign": campaign}


def test_all_that_is_watched(engine: Engine, scene: dict[str, Any]) -> None:
    campaign, settings = scene["campaign"], scene["settings"]
    for priority in (0, 0, 5):
        add_lead(engine, campaign, priority=priority)
    add_lead(engine, campaign, zones=VLADIVOSTOK, control=True)
    add_lead(engine, campaign, due_at=NOON + timedelta(hours=1))
    called = add_lead(engine, campaign, state="done")
    for seconds, outcome in ((5, Outcome.ANSWERED_HEARD), (7, Outcome.BUSY), (500, Outcome.CANCELLED)):
        at = NOON - timedelta(seconds=seconds)
        add_attempt(engine, called, id=new_id(at), prepared_at=at, ended_at=NOON, outcome=outcome)
    add_attempt(engine, called, id=new_id(NOON - timedelta(seconds=1)), prepared_at=NOON)
    Switches(engine, settings).stop("wrong text", "anna", hangup=False)
    seen = Live(engine, settings, "autumn").look()
    status = Campaigns(engine, settings).status("autumn")
    assert {key: seen[key] for key in status} == status
    assert seen["rate"] == {"cps": 0.3, "cps_limit": 5.0, "channels": 1, "channels_limit": 30}
    assert seen["answer_rate"] == 0.5
    assert (seen["stopped"]["actor"], seen["stopped"]["reason"]) == ("anna", "wrong text")
    day, night = seen["zones"]
    assert day == {
        "zones": "Europe/Moscow",
        "open": True,
        "local": ["15:00"],
        "opens_at": None,
        "due": {"5": 1, "0": 2},
    }
    assert (night["zones"], night["open"], night["local"], night["due"]) == (
        *(VLADIVOSTOK, False, ["22:00"]),
        {"0": 1},
    )
    assert NOON < night["opens_at"] < NOON + timedelta(hours=12)
    assert [(row["trunk"], row["dialer"]) for row in seen["trunks"]] == [("trunk", "a")]
    assert [(row["node"], row["dialer"], row["drained"]) for row in seen["nodes"]] == [("east", "a", False)]
    assert [(row["dialer"], row["able"], row["left_s"] > 0) for row in seen["dialers"]] == [
        ("a", True, True),
        ("late", False, False),
    ]
    assert {error["dialer"] for error in seen["errors"]} == {"a", "late"}


def test_due_leads_are_counted_to_a_limit(engine: Engine, scene: dict[str, Any], monkeypatch: Any) -> None:
    assert COUNTED >= 1000
    monkeypatch.setattr("engine.campaign.live.COUNTED", 2)
    for _ in range(5):
        add_lead(engine, scene["campaign"])
    (zone,) = Live(engine, scene["settings"], "autumn").look()["zones"]
    assert zone["due"] == {"0": 2}


def test_what_takes_long_is_not_counted_each_time(engine: Engine, scene: dict[str, Any]) -> None:
    add_lead(engine, scene["campaign"])
    watched = Live(engine, scene["settings"], "autumn", Clock(1.0))
    assert watched.look()["leads"]["total"] == 1
    add_lead(engine, scene["campaign"])
    totals = [watched.look()["leads"]["total"] for _ in range(KEEP + 2)]
    assert totals == [1] * (KEEP - 1) + [2] * 3, "counting took a second of this clock"


def test_a_campaign_that_is_not_there(engine: Engine, scene: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match="'winter'"):
        Live(engine, scene["settings"], "winter").look()

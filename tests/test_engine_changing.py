"""A campaign's figures changed while it runs."""

from pathlib import Path
from typing import Any

import pytest
from builders import add_campaign, rows_of, settings
from sqlalchemy import Engine

from engine.campaign.service import Campaigns
from engine.errors import NotFound, SettingsError, UsageError
from storage import audit
from storage import campaign as store
from storage.db import reading
from storage.vocab import Pacing


@pytest.fixture
def campaigns(engine: Engine, tmp_path: Path) -> Campaigns:
    return Campaigns(engine, settings(tmp_path, trunk=[{"name": "trunk"}, {"name": "spare"}]))


def stored(engine: Engine, name: str = "autumn") -> store.CampaignRow:
    with reading(engine) as connection:
        found = store.find(connection, name)
    assert found
    return found


EVERYTHING = {
    "cps=0.5": ("cps", 0.5),
    "channels=7": ("channels", 7),
    "priority=-3": ("priority", -3),
    "weight=4": ("weight", 4),
    "attempts=20": ("attempts", 20),
    "record=yes": ("record", True),
    " trunks = spare, trunk,spare ": ("trunks", ["spare", "trunk"]),
    "retry.busy=10m x2": ("retry", {"busy": "10m x2"}),
}


@pytest.mark.parametrize("pair, wanted", EVERYTHING.items())
def test_each_figure_is_set_once_and_noted_with_the_old_one(
    engine: Engine, campaigns: Campaigns, pair: str, wanted: tuple[str, Any]
) -> None:
    before, (key, value) = add_campaign(engine), wanted
    assert campaigns.change("autumn", [pair], "anna") == {key: (getattr(before, key), value)}
    assert getattr(stored(engine), key) == value
    assert campaigns.change("autumn", [pair], "anna") == {}, "so it is already"
    (noted,) = rows_of(engine, audit.audit)
    assert (noted.actor, noted.deed, noted.subject) == ("anna", "campaign.set", "autumn")
    assert noted.detail == {"old": {key: getattr(before, key)}, "new": {key: value}}


def test_several_at_once_and_rules_are_added_to_those_that_stand(
    engine: Engine, campaigns: Campaigns
) -> None:
    add_campaign(engine, retry={"machine": "never"}, pacing=Pacing.PREDICTIVE, queue="sales")
    campaigns.change("autumn", ["abandon=0.05", "retry.busy=15m", "retry.machine=default", "cps=9"], "anna")
    row = stored(engine)
    assert (row.abandon, row.cps, row.retry) == (0.05, 9, {"busy": "15m"})


@pytest.mark.parametrize(
    "pairs, error, words",
    [
        (["cps"], UsageError, "key=value"),
        (["cps=0"], UsageError, "cps: '0' is not a number from above 0 to 1000"),
        (["cps=1e3"], UsageError, "cps"),
        (["cps=nan"], UsageError, "cps"),
        (["channels=1.5"], UsageError, "whole number from 1"),
        (["channels=0"], UsageError, "channels"),
        (["weight=0"], UsageError, "weight"),
        (["attempts=21"], UsageError, "to 20"),
        (["record=maybe"], UsageError, "neither yes nor no"),
        (["abandon=0.1"], UsageError, "no operators"),
        (["trunks=trunk,sold"], SettingsError, "no trunk named 'sold'"),
        (["trunks="], SettingsError, "no trunk"),
        (["retry.bored=1m"], UsageError, "no outcome"),
        (["retry.unknown=1m"], UsageError, "1d or more"),
        (["name=winter"], UsageError, "'name' cannot be set"),
        (["cps=1", "cps=2"], UsageError, "twice"),
        (["channels=5", "cps=-1"], UsageError, "cps"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    engine: Engine, campaigns: Campaigns, pairs: list[str], error: type[Exception], words: str
) -> None:
    before = add_campaign(engine)
    with pytest.raises(error, match=words):
        campaigns.change("autumn", pairs, "anna")
    assert stored(engine) == before
    assert rows_of(engine, audit.audit) == []


def test_a_campaign_that_is_not_there(campaigns: Campaigns) -> None:
    with pytest.raises(NotFound, match="'winter'"):
        campaigns.change("winter", ["cps=1"], "anna")

"""Dialers together: a lease each; whoever was taken over writes nothing more."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from engine.campaign.books import Books, Closing, Errand
from engine.campaign.fleet import Fleet
from engine.campaign.shares import Claims, Share
from engine.errors import Fenced, Refused
from storage.db import writing
from storage.vocab import LeadState
from tests.builders import add_attempt, add_campaign, add_lead, attempt_now, lead_now, order_of, settings
from tests.test_engine_books import BUSY

KEY = ("trunk", "trunk")
NOON = 0.0


def fleet(engine: Engine, folder: Path, name: str) -> Fleet:
    return Fleet(engine, settings(folder / name, dialer={"name": name}))


def lapse(engine: Engine, monkeypatch: pytest.MonkeyPatch, one: Fleet) -> None:
    """Its lease has run out."""
    with monkeypatch.context() as patched, writing(engine) as connection:
        patched.setattr("engine.campaign.fleet.LEASE_S", -1)
        one.renew(connection, NOON)


def test_a_dialer_that_wakes_after_it_was_taken_over_writes_nothing(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, heir = fleet(engine, tmp_path, "frozen"), fleet(engine, tmp_path, "heir")
    assert frozen.join() and heir.join()
    books = Books(engine, settings(tmp_path, dialer={"name": "frozen"}), frozen)
    campaign = add_campaign(engine)
    lead, waits = add_lead(engine, campaign, state=LeadState.IN_FLIGHT), add_lead(engine, campaign)
    order = order_of(lead)
    add_attempt(engine, lead, id=order.id, dialer="frozen", fence=frozen.fence)
    assert heir.take_over() == [], "it lives"
    lapse(engine, monkeypatch, frozen)
    assert heir.take_over() == ["frozen"]
    assert heir.take_over() == []
    (found,) = Books(engine, settings(tmp_path, dialer={"name": "heir"}), heir).unfinished()
    assert (found[0].id, found[2]) == (order.id, False), "it may have been dialled"
    closing = Closing(order, BUSY, BUSY.hangup_at or order.until)
    wants = {campaign.id: 5}
    with pytest.raises(Fenced):
        books.beat(Errand(closings=[closing], wants=wants, free={"trunk": 9}, nodes={"asterisk": 9}))
    assert attempt_now(engine, order.id).ended_at is None
    assert lead_now(engine, waits).state == "pending"
    for fenced in (frozen.take_over, lambda: frozen.settle(Claims({KEY: Share(4, 1.0)}), True, {})):
        with pytest.raises(Fenced):
            fenced()
    assert frozen.join(), "started again it is a new one"


def test_two_divide_a_limit_and_the_one_that_leaves_gives_it_back(engine: Engine, tmp_path: Path) -> None:
    first, second = fleet(engine, tmp_path, "first"), fleet(engine, tmp_path, "second")
    assert first.join() and second.join()
    caps = {KEY: Share(4, 2.0)}
    alone = first.settle(Claims(caps), True, {})
    assert alone == {KEY: Share(4, 2.0)}
    assert second.settle(Claims(caps), True, {}) == {KEY: Share(0, 0.0)}, "all is granted to the first"
    kept = first.settle(Claims(caps, alone), True, {})
    assert kept == {KEY: Share(2, 1.0)}
    assert second.settle(Claims(caps), True, {}) == {KEY: Share(0, 0.0)}, "the first may be using it still"
    first.settle(Claims(caps, kept), True, {})
    assert second.settle(Claims(caps), True, {}) == {KEY: Share(2, 1.0)}
    first.leave()
    assert second.settle(Claims(caps, {KEY: Share(2, 1.0)}), True, {}) == {KEY: Share(4, 2.0)}


def test_on_one_machine_a_name_runs_once(engine: Engine, tmp_path: Path) -> None:
    with fleet(engine, tmp_path, "me").alone():
        with pytest.raises(Refused, match="runs already"):
            fleet(engine, tmp_path, "me").alone()
        fleet(engine, tmp_path, "other").alone().close()
    fleet(engine, tmp_path, "me").alone().close()


def test_another_machine_of_this_name_waits_for_the_lease(engine: Engine, tmp_path: Path) -> None:
    here, there = fleet(engine, tmp_path / "a", "me"), fleet(engine, tmp_path / "b", "me")
    assert here.join()
    assert not there.join()
    here.leave()
    assert there.join()
    assert there.fence > here.fence


def test_how_far_our_clock_is_from_the_databases(engine: Engine, tmp_path: Path) -> None:
    one = fleet(engine, tmp_path, "me")
    assert one.join()
    with writing(engine) as connection:
        one.renew(connection, NOON)
    assert one.skew_s < -1e9

"""Leases and shares in the database: one holder a name, fenced off when another has it."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from storage import dialer as store
from storage.db import reading, writing
from tests.builders import rows_of


def test_a_name_has_one_holder_until_its_lease_runs_out(engine: Engine) -> None:
    with writing(engine) as connection:
        assert store.join(connection, "me", "here", 60) == 1
        assert store.join(connection, "me", "there", 60) is None
        assert store.join(connection, "me", "here", 60) == 2, "the same machine's next process"
        assert store.renew(connection, "me", 1, 60) is None
        told = store.renew(connection, "me", 2, -1)
        assert told is not None and abs(told - datetime.now(UTC).timestamp()) < 5
        assert store.join(connection, "me", "there", 60) == 3


def test_who_lapsed_and_who_can_dial(engine: Engine) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for name, lease_s in (("dead", -1), ("idle", 60), ("lives", 60)):
            store.join(connection, name, name, lease_s)
            store.tell(connection, name, able=name != "idle", state={"n": 1}, at=now)
        assert store.lapsed(connection) == ["dead"]
        assert store.able(connection) == ["lives"]
    with reading(engine) as connection:
        told = {row.name: row for row in store.dialers(connection)}
    assert told["dead"].left_s < 0 < told["lives"].left_s
    assert (told["lives"].state, told["lives"].told_at) == ({"n": 1}, now)


def test_a_dead_dialers_shares_are_its_heirs_and_it_is_fenced_off(engine: Engine) -> None:
    with writing(engine) as connection:
        fence = store.join(connection, "dead", "here", -1)
        store.join(connection, "heir", "there", 60)
        store.save_shares(connection, "dead", [("trunk", "t", 3, 1.0), ("node", "n", 2, 0.0)])
        store.save_shares(connection, "heir", [("trunk", "t", 4, 2.0)])
        store.save_shares(connection, "heir", [("trunk", "t", 5, 2.0)])
        store.inherit(connection, "dead", "heir")
        assert store.lapsed(connection) == []
        assert fence is not None and store.renew(connection, "dead", fence, 60) is None
        assert not store.holds(connection, "dead", fence)
        shares = {(row.dialer, row.name): (row.channels, row.cps) for row in store.shares(connection)}
        assert shares == {("heir", "t"): (8, 2.0), ("heir", "n"): (2, 0.0)}
        store.drop_shares(connection, "heir", [("node", "n")])
        assert len(store.shares(connection)) == 1


def test_an_orderly_end_leaves_nothing_and_only_the_holder_can_have_one(engine: Engine) -> None:
    with writing(engine) as connection:
        fence = store.join(connection, "me", "here", 60)
        store.save_shares(connection, "me", [("trunk", "t", 3, 1.0)])
        assert fence == 1
        store.leave(connection, "me", fence + 1)
        assert len(store.shares(connection)) == 1
        store.leave(connection, "me", fence)
    assert rows_of(engine, store.share) == []
    (row,) = rows_of(engine, store.dialer)
    assert (row.until, row.able) == (0.0, False)


def test_a_switch_is_turned_once_each_way(engine: Engine) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        assert store.turn_on(connection, "stop", now, "me", "fire")
        assert not store.turn_on(connection, "stop", now, "you", "")
        assert store.switches(connection)["stop"].actor == "me"
        assert store.turn_off(connection, "stop")
        assert not store.turn_off(connection, "stop")

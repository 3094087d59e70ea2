"""Bindings in a database: both ways or neither, versions that only grow, numbers that nobody else has."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from builders import NOON, rows_of, settings
from masked_office import CLIENT, COMPANY, DRIVER, ORDER, OTHER, POOL, Clock
from sqlalchemy import Engine

from engine.errors import NoNumber, NotFound, Refused
from engine.masking.service import Bindings
from storage import audit
from storage import masking as store
from storage.db import writing
from storage.vocab import MaskMode, MaskRole, NumberState


@pytest.fixture
def bindings(engine: Engine, tmp_path: Path, clock: Clock) -> Bindings:
    with writing(engine) as connection:
        for did, shared in [(COMPANY, True), *((did, False) for did in POOL)]:
            row = {"did": did, "shared": shared, "state": NumberState.ON, "label": ""}
            connection.execute(store.number.insert(), [row])
    return Bindings(engine, settings(tmp_path))


def peer(bindings: Bindings, did: str, caller: str) -> str:
    """Whom a call reaches and what is shown, or what else becomes of it."""
    decision = bindings.resolve(did, caller)
    route = decision.route
    return f"{route.peers[0]} sees {route.show}" if route else f"{decision.way}: {decision.rule}"


def test_both_reach_each_other_at_once_through_the_companys_number(
    bindings: Bindings, engine: Engine
) -> None:
    bound = bindings.bind(ORDER, "dispatch")
    assert (bound.driver_dials, bound.client_dials, bound.version) == (COMPANY, COMPANY, 1)
    assert (bound.effective_at, bound.closes_at) == (NOON, NOON + timedelta(hours=1))
    assert peer(bindings, COMPANY, DRIVER) == f"{CLIENT} sees {COMPANY}"
    assert peer(bindings, COMPANY, CLIENT) == f"{DRIVER} sees {COMPANY}"
    assert peer(bindings, COMPANY, OTHER) == "code: stranger"
    assert peer(bindings, COMPANY, "") == "code: stranger"
    assert peer(bindings, POOL[0], DRIVER) == "code: stranger"  # never by the caller alone
    assert [(row.deed, row.subject, row.actor) for row in rows_of(engine, audit.audit)] == [
        ("mask.bind", "A-1", "dispatch")
    ]


def test_the_same_again_changes_nothing_and_an_older_version_is_refused(
    bindings: Bindings, clock: Clock
) -> None:
    first = bindings.bind(replace(ORDER, version=2), "dispatch")
    clock.now += timedelta(seconds=60)
    assert bindings.bind(replace(ORDER, version=2), "dispatch") == first
    with pytest.raises(Refused, match="at version 2 already"):
        bindings.bind(ORDER, "dispatch")
    with pytest.raises(Refused, match="said something else"):
        bindings.bind(replace(ORDER, version=2, driver="d8"), "dispatch")
    assert peer(bindings, COMPANY, DRIVER) == f"{CLIENT} sees {COMPANY}"


def test_an_order_handed_to_another_driver_leaves_nothing_with_the_first(bindings: Bindings) -> None:
    first = bindings.bind(ORDER, "dispatch")
    second = bindings.bind(replace(ORDER, version=2, driver="d8", driver_phones=(OTHER,)), "dispatch")
    assert peer(bindings, COMPANY, DRIVER) == "code: stranger"
    assert peer(bindings, COMPANY, OTHER) == f"{CLIENT} sees {COMPANY}"
    assert peer(bindings, COMPANY, CLIENT) == f"{OTHER} sees {COMPANY}"
    assert second.client_extension == first.client_extension
    assert second.extension != first.extension, "the first driver knows the old one"


def test_after_the_end_the_client_has_his_grace_to_the_second_and_the_driver_none(
    bindings: Bindings, clock: Clock
) -> None:
    bindings.bind(ORDER, "dispatch")
    clock.now += timedelta(seconds=600)
    ended = bindings.close("A-1", "dispatch", grace_s=100)
    assert (ended["ended"], ended["closes_at"]) == ("closed", clock.now)
    assert bindings.close("A-1", "dispatch", grace_s=900) == ended  # again: nothing changes
    assert peer(bindings, COMPANY, DRIVER) == "call-centre: order-finished"
    clock.now += timedelta(seconds=99.999)
    assert peer(bindings, COMPANY, CLIENT) == f"{DRIVER} sees {COMPANY}"
    clock.now += timedelta(seconds=0.001)
    assert peer(bindings, COMPANY, CLIENT) == "call-centre: order-finished"
    with pytest.raises(NotFound):
        bindings.close("A-9", "dispatch")


@pytest.mark.parametrize("cancelled", [True, False])
def test_nobody_closes_an_order_that_ended_by_itself_and_a_cancelled_one_has_no_grace(
    bindings: Bindings, clock: Clock, cancelled: bool
) -> None:
    bindings.bind(ORDER, "dispatch")
    if cancelled:
        assert bindings.close("A-1", "dispatch", cancelled=True)["ended"] == "cancelled"
        assert peer(bindings, COMPANY, CLIENT) == "call-centre: order-finished"
    else:
        clock.now += timedelta(seconds=3600)
        assert bindings.close("A-1", "dispatch")["ended"] == ""
        assert peer(bindings, COMPANY, CLIENT) == f"{DRIVER} sees {COMPANY}"  # the grace that it has anyway


def test_a_driver_with_two_orders_reaches_the_newer_is_asked_or_has_a_number_for_each(
    bindings: Bindings, clock: Clock
) -> None:
    for mode, expected in (("replace", f"{OTHER} sees {COMPANY}"), ("menu", "menu: several-orders")):
        for n, client in enumerate((CLIENT, OTHER)):
            clock.now += timedelta(seconds=1)
            order = replace(ORDER, order=f"{mode}-{n}", client_phones=(client,), mode=MaskMode(mode))
            bindings.bind(order, "dispatch")
        assert peer(bindings, COMPANY, DRIVER) == expected
        assert peer(bindings, COMPANY, CLIENT) == f"{DRIVER} sees {COMPANY}"
        for n in range(2):
            bindings.close(f"{mode}-{n}", "dispatch", cancelled=True)
    first = bindings.bind(replace(ORDER, order="pool-0", mode=MaskMode.POOL), "dispatch")
    second = bindings.bind(
        replace(ORDER, order="pool-1", mode=MaskMode.POOL, client_phones=(OTHER,)), "dispatch"
    )
    assert first.driver_dials != second.driver_dials
    assert peer(bindings, first.driver_dials, DRIVER) == f"{CLIENT} sees {first.client_dials}"
    assert peer(bindings, second.driver_dials, DRIVER) == f"{OTHER} sees {second.client_dials}"
    assert peer(bindings, first.client_dials, CLIENT) == f"{DRIVER} sees {first.driver_dials}"


def test_forty_at_once_for_one_driver_on_four_numbers_four_win(bindings: Bindings, engine: Engine) -> None:
    def bind(n: int) -> str:
        client = f"+7921100{n:04}"
        try:
            wanted = replace(ORDER, order=f"A-{n}", client_phones=(client,), mode=MaskMode.POOL)
            return bindings.bind(wanted, "dispatch").driver_dials
        except NoNumber as dry:
            assert dry.fallback.driver_dials == COMPANY
            assert dry.fallback.extension
            return ""

    with ThreadPoolExecutor(8) as pool:
        won = sorted(filter(None, pool.map(bind, range(40))))
    assert won == POOL
    drives = [row.did for row in rows_of(engine, store.route) if row.caller == DRIVER and row.did]
    assert sorted(drives) == POOL


def test_a_code_leads_to_one_side_of_one_order_and_is_not_given_out_again_soon(
    bindings: Bindings, engine: Engine, clock: Clock
) -> None:
    bound = bindings.bind(ORDER, "dispatch")
    with writing(engine) as connection:
        found = store.by_code(connection, COMPANY, bound.extension)
        assert found is not None
        assert (found.order_id, found.role) == ("A-1", MaskRole.DRIVER)
        taken = "A-2", {(COMPANY, bound.extension): MaskRole.DRIVER}
        held: datetime = found.hold_until
        assert not store.take_codes(connection, *taken, held + timedelta(1), held - timedelta(seconds=1))
        assert store.take_codes(connection, *taken, held + timedelta(1), held)
    assert held == NOON + timedelta(seconds=3600 + 1800 + 86_400)


def test_codes_grow_when_many_are_taken(bindings: Bindings, engine: Engine) -> None:
    held = NOON + timedelta(days=9)
    rows = [
        {"did": COMPANY, "code": f"{n:04}", "order_id": "old", "role": MaskRole.CLIENT, "hold_until": held}
        for n in range(10_000)
    ]
    first = bindings.bind(ORDER, "dispatch")
    with writing(engine) as connection:
        connection.execute(store.code.delete())
        connection.execute(store.code.insert(), rows)
    second = bindings.bind(replace(ORDER, order="A-2"), "dispatch")
    assert [len(code) for code in (first.extension, second.extension)] == [4, 5]
    assert second.extension != second.client_extension


def test_a_drained_number_is_given_to_nobody_and_keeps_whom_it_has(
    bindings: Bindings, engine: Engine
) -> None:
    bound = bindings.bind(replace(ORDER, mode=MaskMode.POOL), "dispatch")
    with writing(engine) as connection:
        connection.execute(store.number.update().values(state=NumberState.DRAIN))
    assert peer(bindings, bound.driver_dials, DRIVER) == f"{CLIENT} sees {bound.client_dials}"
    with pytest.raises(Refused, match="everybody's"):
        bindings.bind(replace(ORDER, order="A-2"), "dispatch")

"""Masked calls in a database: whom each reaches, and what is written of it and when."""

from dataclasses import replace
from pathlib import Path

import pytest
from builders import rows_of, settings
from masked_office import CLIENT, COMPANY, DRIVER, HANDED_ON, ORDER, OTHER, Clock, Office, Said
from sqlalchemy import Engine

from engine.errors import NotFound, VoiceError
from engine.masking.calls import Calls
from engine.masking.phrases import Phrases
from engine.masking.sheet import (
    Again,
    AskCode,
    Centre,
    Chosen,
    Dialling,
    Leg,
    Menu,
    Parted,
)
from storage import mask_calls as store
from storage import mask_events
from storage.vocab import MaskEnd, MaskMode, Recording


def test_a_driver_reaches_his_client_who_sees_the_company_and_it_is_written_before_he_is_dialled(
    masks: Office,
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, call = masks.call(DRIVER)
    leg = call.verdict
    assert isinstance(leg, Leg)
    assert (leg.role, leg.peers, leg.show, leg.endpoints) == ("driver", (CLIENT,), COMPANY, ("pstn", "spare"))
    assert (call.id, call.told, leg.record) == (str(line.id), True, "")
    (row,) = masks.rows
    assert (row.order_id, row.version, row.role, row.rule) == ("A-1", 1, "driver", "live")
    assert (row.caller, row.peer, row.show, row.trunk, row.party) == (DRIVER, CLIENT, COMPANY, "a", "d7")
    assert (row.dialled_at, row.answered_at, row.ended_at) == (masks.clock.now, None, None)
    assert masks.events == [("bound", ""), ("ringing", "live")]


@pytest.mark.parametrize("caller", ["+79210000001", "89210000001", "79210000001", "9210000001"])
@pytest.mark.parametrize("did", [COMPANY, "88120000001", "8120000001"])
def test_numbers_are_the_same_however_a_carrier_writes_them(masks: Office, caller: str, did: str) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    assert masks.reaches(caller, did).peers == (CLIENT,)


def test_a_talk_from_its_beginning_to_its_end(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(CLIENT)
    masks.pass_s(5)
    taken = masks.calls.taken(str(line.id))
    assert (taken.role, taken.end, taken.recorded) == ("client", MaskEnd.NONE, False)
    assert line.ask(Parted()) is MaskEnd.TALKED
    masks.pass_s(60)
    row = masks.end(line, MaskEnd.TALKED)
    assert (row.ended, (row.ended_at - row.answered_at).total_seconds()) == ("talked", 60)
    assert masks.events[1:] == [("ringing", "live"), ("answered", ""), ("ended", "talked")]


@pytest.mark.parametrize(
    "answered, end, written",
    [
        (True, MaskEnd.ABANDONED, "talked"),
        (True, None, "talked"),
        (False, MaskEnd.ABANDONED, "abandoned"),
        (False, MaskEnd.BUSY, "busy"),
        (False, None, "lost"),
    ],
)
def test_who_hangs_up_during_the_talk_has_talked(
    masks: Office, answered: bool, end: MaskEnd | None, written: str
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(DRIVER)
    if answered:
        masks.calls.taken(str(line.id))
    assert masks.end(line, end).ended == written


def test_an_end_that_comes_twice_is_written_once(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(DRIVER)
    before = masks.end(line, MaskEnd.BUSY)
    masks.pass_s(10)
    masks.calls.save(line, MaskEnd.TALKED)
    masks.calls.close()
    assert masks.row(line.id) == before
    assert [kind for kind, _ in masks.events].count("ended") == 1


def test_a_missed_call_tells_the_other_side_how_to_be_connected_after_all(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.end(masks.call(DRIVER)[0], MaskEnd.NO_ANSWER)
    last = max(rows_of(masks.engine, mask_events.mask_event), key=lambda row: row.id)
    assert last.body["call_back"] == {"path": "/v1/bindings/A-1/call", "from": "client"}


def test_an_order_handed_on_while_it_rang_is_not_connected_and_the_client_is_led_on(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(CLIENT)
    masks.bindings.bind(HANDED_ON, "dispatch")
    assert masks.calls.taken(str(line.id)).end is MaskEnd.REASSIGNED
    assert line.ask(Parted()) is MaskEnd.REASSIGNED
    verdict = line.ask(Again())
    assert isinstance(verdict, Leg) and verdict.peers == (OTHER,)
    row = masks.row(line.id)
    assert (row.peer, row.version, row.ended) == (OTHER, 2, "")
    assert masks.calls.taken(str(line.id)).end is MaskEnd.NONE
    assert line.ask(Parted()) is MaskEnd.TALKED


def test_a_driver_who_lost_the_order_while_it_rang_is_not_connected(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(DRIVER)
    masks.bindings.bind(HANDED_ON, "dispatch")
    assert masks.calls.taken(str(line.id)).end is MaskEnd.REASSIGNED
    assert line.ask(Again()) == AskCode(), "it is not his order any more"


def test_an_order_that_changed_but_for_its_people_is_connected(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(CLIENT)
    masks.bindings.bind(replace(ORDER, version=2, ttl_s=7200), "dispatch")
    assert masks.calls.taken(str(line.id)).end is MaskEnd.NONE


@pytest.mark.parametrize("caller, end", [(DRIVER, MaskEnd.CLOSED), (CLIENT, MaskEnd.NONE)])
def test_an_order_closed_while_it_rang_ends_the_drivers_call_and_not_the_clients_in_grace(
    masks: Office, caller: str, end: MaskEnd
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(caller)
    masks.bindings.close("A-1", "dispatch", grace_s=100)
    assert masks.calls.taken(str(line.id)).end is end


def test_a_call_that_nobody_knows_is_not_taken(masks: Office) -> None:
    for unknown in ("", "x", "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55"):
        with pytest.raises(NotFound):
            masks.calls.taken(unknown)


def test_a_menu_of_orders_leads_to_the_one_that_is_chosen(masks: Office) -> None:
    masks.bindings.bind(replace(ORDER, mode=MaskMode.MENU), "dispatch")
    masks.pass_s(1)
    second = replace(ORDER, order="A-2", client_phones=(OTHER,), mode=MaskMode.MENU)
    masks.bindings.bind(second, "dispatch")
    line, call = masks.call(DRIVER)
    assert call.verdict == Menu(2)
    assert line.ask(Chosen("5")) == Menu(2)
    chosen = line.ask(Chosen("2"))
    assert isinstance(chosen, Leg) and chosen.peers == (CLIENT,)
    assert (masks.row(line.id).order_id, masks.row(line.id).rule) == ("A-1", "chosen")


def test_a_trunk_that_takes_the_number_is_needed(masks: Office, engine: Engine, tmp_path: Path) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    trunk = [{"name": "abroad", "prefixes": ["+998"]}]
    given = settings(tmp_path, trunk=trunk)
    calls = Calls(engine, given, Said(engine, given))
    assert calls.open(COMPANY, DRIVER)[1].verdict == Centre("no-trunk")
    calls.close()


def test_another_phone_or_trunk_is_written_down_before_it_is_dialled(masks: Office) -> None:
    masks.bindings.bind(replace(ORDER, client_phones=(CLIENT, OTHER)), "dispatch")
    line, _ = masks.call(DRIVER)
    masks.pass_s(1)
    line.dialling(Dialling(CLIENT, "pstn"))
    assert masks.row(line.id).dialled_at < masks.clock.now, "as it was written"
    line.dialling(Dialling(OTHER, "spare"))
    row = masks.row(line.id)
    assert (row.peer, row.trunk, row.dialled_at) == (OTHER, "b", masks.clock.now)


def test_a_recorded_call_says_where_and_one_that_nobody_took_has_no_recording(masks: Office) -> None:
    masks.bindings.bind(replace(ORDER, record=True), "dispatch")
    line, call = masks.call(DRIVER)
    name = str(line.id)
    assert isinstance(call.verdict, Leg)
    assert call.verdict.record == f"masked/{name[:4]}/{name[:7]}/{name}.alaw"
    assert masks.end(line, MaskEnd.BUSY).recording == Recording.NONE
    second, _ = masks.call(DRIVER)
    assert masks.calls.taken(str(second.id)).recorded
    assert masks.end(second, MaskEnd.TALKED).recording == Recording.WANTED


def test_nothing_is_told_when_nobody_listens(masks: Office, engine: Engine, tmp_path: Path) -> None:
    quiet = Office(engine, settings(tmp_path), masks.clock)
    quiet.bindings.bind(ORDER, "dispatch")
    assert not quiet.call(DRIVER)[1].told
    assert quiet.events == []
    quiet.calls.close()


def test_without_phrases_nothing_is_begun(engine: Engine, tmp_path: Path, clock: Clock) -> None:
    given = settings(tmp_path)

    class Mute(Phrases):
        """Nothing will ever be said."""

        def start(self) -> None: ...

        def stop(self) -> None: ...

    calls = Calls(engine, given, Mute(engine, given))
    with pytest.raises(VoiceError):
        calls.open(COMPANY, DRIVER)
    assert rows_of(engine, store.mask_call) == []
    calls.close()

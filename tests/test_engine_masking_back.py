"""Call-back: who is rung, what he sees, what stands in its way, and what is written before and after."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from builders import rows_of, settings
from masked_office import CLIENT, COMPANY, DRIVER, HANDED_ON, ORDER, OTHER, POOL, TRUNKS, Office
from pydantic import SecretStr
from rung import SECRET, asterisk, originated, running
from sqlalchemy import Engine

from engine.errors import AsteriskDown, NotFound, Refused, ZvonarError
from engine.gateways.ami_protocol import Message
from engine.gateways.fake import FakeAsterisk, Session
from engine.masking.back import CallBacks
from engine.masking.sheet import Again, CallBack, Centre, Crossed, Leg
from engine.sections import Asterisk
from engine.settings import Settings
from storage import audit
from storage.db import Record
from storage.vocab import MaskEnd, MaskMode, MaskRole


@pytest.fixture
def fake() -> FakeAsterisk:
    return asterisk()


@pytest.fixture
def node(fake: FakeAsterisk) -> Iterator[Asterisk]:
    with running(fake) as found:
        yield found


def given(folder: Path, *nodes: Asterisk, **more: object) -> Settings:
    return settings(folder, asterisk=list(nodes), trunk=TRUNKS, **more)


@pytest.fixture
def backs(engine: Engine, tmp_path: Path, node: Asterisk, masks: Office) -> CallBacks:
    masks.bindings.bind(ORDER, "dispatch")
    return CallBacks(engine, given(tmp_path, node))


@pytest.mark.parametrize(
    "side, phone, peer", [(MaskRole.DRIVER, DRIVER, CLIENT), (MaskRole.CLIENT, CLIENT, DRIVER)]
)
def test_he_is_rung_from_the_number_that_he_dials_himself_and_it_is_written_before(
    backs: CallBacks, masks: Office, fake: FakeAsterisk, side: MaskRole, phone: str, peer: str
) -> None:
    written: list[list[Record]] = []

    def look(_session: Session, action: Message) -> bool:
        if action.get("Action") == "Originate":
            written.append(masks.rows)
        return False

    fake.on_action = look
    told = backs.call("A-1", side, "dispatch")
    ((row,),) = written
    assert told == {"order": "A-1", "rings": side, "call": str(row.id), "sees": COMPANY, "accepted": True}
    assert (row.caller, row.peer, row.did, row.role, row.back) == (phone, peer, COMPANY, side, True)
    assert (row.rule, row.version, row.dialled_at, row.ended_at) == ("call-back", 1, None, None)
    (sent,) = originated(fake)
    assert sent.get("Channel") == f"PJSIP/{phone}@pstn"
    assert (sent.get("CallerID"), sent.get("Timeout"), sent.get("Async")) == (COMPANY, "40000", "true")
    assert (sent.get("Context"), sent.get("Exten")) == ("zvonar-mask-back", "start")
    assert (sent.get("Variable"), sent.get("ChannelId")) == (f"ZVONAR_MASK={row.id}", str(row.id))
    deeds = [(one.deed, one.subject, one.actor) for one in rows_of(masks.engine, audit.audit)]
    assert deeds[1:] == [("mask.call", "A-1", "dispatch")]


def test_a_driver_of_the_pool_sees_the_number_of_this_order_and_the_first_of_his_phones_rings(
    backs: CallBacks, masks: Office, fake: FakeAsterisk
) -> None:
    pool = replace(ORDER, order="A-2", driver_phones=(OTHER, DRIVER), mode=MaskMode.POOL)
    dials = masks.bindings.bind(pool, "dispatch").driver_dials
    assert dials in POOL
    assert backs.call("A-2", MaskRole.DRIVER, "dispatch")["sees"] == dials
    assert originated(fake)[0].get("Channel") == f"PJSIP/{OTHER}@pstn"


def test_a_dry_run_calls_and_writes_nothing(backs: CallBacks, masks: Office, fake: FakeAsterisk) -> None:
    assert backs.would("A-1", MaskRole.DRIVER) == COMPANY
    assert (masks.rows, originated(fake)) == ([], [])


def refused(backs: CallBacks, side: MaskRole = MaskRole.DRIVER, order: str = "A-1") -> str:
    with pytest.raises(ZvonarError) as error:
        backs.call(order, side, "dispatch")
    assert isinstance(error.value, Refused | NotFound)
    return str(error.value)


def test_a_double_click_is_refused_while_they_are_being_connected(
    backs: CallBacks, masks: Office, fake: FakeAsterisk
) -> None:
    first = backs.call("A-1", MaskRole.DRIVER, "dispatch")
    assert refused(backs) == "order A-1: they are being connected"
    assert "being connected" in refused(backs, MaskRole.CLIENT)
    assert len(masks.rows) == len(originated(fake)) == 1
    masks.calls.untaken(first["call"])
    masks.calls.close()
    (row,) = masks.rows
    assert row.ended == "abandoned"
    assert backs.call("A-1", MaskRole.DRIVER, "dispatch")["call"] != first["call"]


def test_while_a_call_of_theirs_rings_or_is_talked_nobody_is_rung(backs: CallBacks, masks: Office) -> None:
    line, _ = masks.call(CLIENT)
    assert "being connected" in refused(backs)
    masks.calls.taken(str(line.id))
    assert "being connected" in refused(backs)
    masks.end(line, MaskEnd.TALKED)
    assert backs.call("A-1", MaskRole.DRIVER, "dispatch")["accepted"]


def test_what_stands_in_its_way_is_told_and_nobody_is_rung(
    backs: CallBacks, masks: Office, fake: FakeAsterisk, engine: Engine, tmp_path: Path, node: Asterisk
) -> None:
    assert refused(backs, order="A-9") == "no order 'A-9'"
    strict = CallBacks(engine, given(tmp_path, node, masking={"prefixes": ["+7812"]}))
    assert refused(strict) == "order A-1: prefix"
    one = CallBacks(engine, given(tmp_path, node, masking={"calls_hour": 1}))
    masks.end(masks.call(DRIVER)[0], MaskEnd.BUSY)
    assert refused(one) == "order A-1: calls-hour"
    abroad = settings(tmp_path, asterisk=[node], trunk=[{"name": "abroad", "prefixes": ["+998"]}])
    assert refused(CallBacks(engine, abroad)) == "order A-1: no-trunk"
    masks.bindings.close("A-1", "dispatch", grace_s=100)
    assert refused(backs) == "order A-1 is over for its driver"
    assert backs.call("A-1", MaskRole.CLIENT, "dispatch")["accepted"], "the client has his grace"
    assert len(originated(fake)) == 1


def test_without_an_asterisk_that_lets_us_in_nobody_is_rung_and_the_row_ends(
    engine: Engine, tmp_path: Path, masks: Office, fake: FakeAsterisk, node: Asterisk
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    away = Asterisk(name="away", port=1, secret=SecretStr(SECRET))
    stranger = node.model_copy(update={"name": "stranger", "secret": SecretStr("another-secret")})
    backs = CallBacks(engine, given(tmp_path, away, stranger))
    with pytest.raises(AsteriskDown, match=r"away: .*; stranger: .*Authentication failed"):
        backs.call("A-1", MaskRole.DRIVER, "dispatch")
    (row,) = masks.rows
    assert (row.ended_at is not None, row.ended) == (True, "lost")
    assert CallBacks(engine, given(tmp_path, away, stranger, node)).call("A-1", MaskRole.DRIVER, "x")[
        "accepted"
    ]
    assert len(originated(fake)) == 1


def test_one_that_asterisk_declines_ends_and_one_that_it_leaves_open_counts(
    backs: CallBacks, masks: Office, fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decline(session: Session, action: Message) -> bool:
        if action.get("Action") == "Originate":
            session.reply(action, "Error", "Extension does not exist.")
        return action.get("Action") == "Originate"

    fake.on_action = decline
    with pytest.raises(AsteriskDown, match="Extension does not exist"):
        backs.call("A-1", MaskRole.DRIVER, "dispatch")
    fake.on_action = lambda _session, action: action.get("Action") == "Originate"
    assert backs.call("A-1", MaskRole.DRIVER, "dispatch")["accepted"] is False
    assert "being connected" in refused(backs)
    assert sorted(row.ended_at is None for row in masks.rows) == [False, True]


# What becomes of it when he has taken the call.


def taken(backs: CallBacks, masks: Office, side: MaskRole = MaskRole.DRIVER) -> object:
    """What he is led to when he has pressed 1."""
    call = str(next(row.id for row in masks.rows if row.back and row.ended_at is None))
    line, sheet = masks.calls.ordered(call)
    assert (sheet.id, sheet.verdict) == (call, CallBack(side))
    return line.ask(Again())


def test_who_presses_one_is_led_to_the_other_side_who_sees_the_companys_number(
    backs: CallBacks, masks: Office
) -> None:
    call = backs.call("A-1", MaskRole.DRIVER, "dispatch")["call"]
    leg = taken(backs, masks)
    assert isinstance(leg, Leg)
    assert (leg.role, leg.peers, leg.show) == ("driver", (CLIENT,), COMPANY)
    assert masks.calls.taken(call).end is MaskEnd.NONE
    assert masks.events[1:] == [("ringing", "live"), ("answered", "")]


def test_an_order_reached_by_code_only_is_called_back_too(backs: CallBacks, masks: Office) -> None:
    numbers = [replace(ORDER, order=f"B-{n}", mode=MaskMode.POOL) for n in range(5)]
    for one in numbers[:4]:
        masks.bindings.bind(one, "dispatch")
    with pytest.raises(Refused, match="by code only"):
        masks.bindings.bind(numbers[4], "dispatch")
    told = backs.call("B-4", MaskRole.CLIENT, "dispatch")
    assert told["sees"] == COMPANY
    assert isinstance(taken(backs, masks, MaskRole.CLIENT), Leg)
    assert masks.calls.taken(told["call"]).end is MaskEnd.NONE


@pytest.mark.parametrize("late", [False, True])
def test_an_order_that_is_another_drivers_by_then_is_not_connected(
    backs: CallBacks, masks: Office, late: bool
) -> None:
    call = backs.call("A-1", MaskRole.DRIVER, "dispatch")["call"]
    if late:
        assert isinstance(taken(backs, masks), Leg)
    masks.bindings.bind(HANDED_ON, "dispatch")
    if late:
        assert masks.calls.taken(call).end is MaskEnd.REASSIGNED
    else:
        assert taken(backs, masks) == Centre("order-reassigned")


def test_an_order_that_was_closed_meanwhile_and_a_client_who_is_calling_already(
    backs: CallBacks, masks: Office
) -> None:
    backs.call("A-1", MaskRole.DRIVER, "dispatch")
    assert masks.call(CLIENT)[1].verdict == Crossed(), "the driver's phone rings for him"
    masks.bindings.close("A-1", "dispatch")
    assert taken(backs, masks) == Centre("order-finished")


def test_a_call_that_was_not_ours_to_begin_or_is_over_is_not_opened(backs: CallBacks, masks: Office) -> None:
    line, _ = masks.call(DRIVER)
    with pytest.raises(NotFound):
        masks.calls.ordered(str(line.id))
    masks.end(line, MaskEnd.BUSY)
    call = backs.call("A-1", MaskRole.DRIVER, "dispatch")["call"]
    masks.calls.untaken(call)
    masks.calls.close()
    with pytest.raises(NotFound):
        masks.calls.ordered(call)
    for unknown in ("", "x"):
        with pytest.raises(NotFound):
            masks.calls.untaken(unknown)

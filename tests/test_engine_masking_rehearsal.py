"""What would become of a masked call: told in a sentence, and played through; nothing is written of it."""

from dataclasses import replace
from typing import Any

import pytest
from builders import rows_of
from masked_office import CLIENT, COMPANY, DRIVER, ORDER, OTHER, Office

from dialplan.mask import mask, taken
from dialplan.rehearsal import Rehearsed, rehearse
from engine.masking.binding import Wanted
from engine.masking.rehearsal import Rehearsal
from engine.masking.sheet import Coded
from engine.reports.words_mask import why
from engine.sections import Trunk
from storage import mask_events, masking
from storage.vocab import MaskEnd, MaskMode, MaskRole


def play(office: Office, caller: str, *keys: str, did: str = COMPANY) -> Rehearsed[MaskEnd]:
    rehearsal = Rehearsal(office.engine, office.settings, did, caller)
    callee = lambda: taken(rehearsal.callee())  # noqa: E731  one line, used once
    return rehearse(mask(rehearsal.call()), keys, lookup=rehearsal.ask, callee=callee)


def code_of(office: Office, order: str, role: MaskRole) -> str:
    return next(
        row.code for row in rows_of(office.engine, masking.code) if (row.order_id, row.role) == (order, role)
    )


def changed(office: Office, **changes: Any) -> Office:
    """The same office with other settings."""
    return Office(office.engine, office.settings.model_copy(update=changes), office.clock)


def limited(office: Office, **limits: Any) -> Office:
    return changed(office, masking=office.settings.masking.model_copy(update=limits))


def rule(office: Office, caller: str, did: str = COMPANY) -> tuple[str, str]:
    told = office.bindings.explain(caller, did)
    assert why(told, "ru")
    return told["decision"], told["rule"]


def test_a_talk_is_played_from_both_sides_and_leaves_nothing(masks: Office) -> None:
    masks.bindings.bind(replace(ORDER, record=True), "dispatch")
    before = masks.events, rows_of(masks.engine, masking.order)
    played = play(masks, DRIVER)
    assert [(one["step"], one.get("hears", "caller")) for one in played.steps] == [
        *(("pick-up", "caller"), ("play", "caller"), ("tell", "caller"), ("reach", "caller")),
        *(("play", "callee"), ("lookup", "caller")),
    ]
    assert played.steps[4]["say"] == ["Вам звонит водитель вашего заказа.", "Разговор записывается."]
    assert played.result is MaskEnd.TALKED
    assert (masks.rows, (masks.events, rows_of(masks.engine, masking.order))) == ([], before)


@pytest.mark.parametrize(("keys", "end"), [("busy", "busy"), ("silent", "no-answer"), ("off", "off")])
def test_a_phone_that_is_not_taken_is_told_to_the_caller(masks: Office, keys: str, end: str) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    assert play(masks, CLIENT, keys).result == end


def test_a_stranger_keys_the_code_of_an_order_or_three_that_are_none(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    code = code_of(masks, "A-1", MaskRole.DRIVER)
    for caller in (OTHER, ""):
        played = play(masks, caller, *code, "#")
        assert (played.result, played.steps[-3]["to"]) == (MaskEnd.TALKED, CLIENT)
    wrong = f"{(int(code) + 1) % 10_000:04}"
    if wrong == code_of(masks, "A-1", MaskRole.CLIENT):
        wrong = f"{(int(code) + 2) % 10_000:04}"
    played = play(masks, OTHER, *f"{wrong}#" * 3)
    asked = [one["say"][0] for one in played.steps if one["step"] == "ask" and one["say"]]
    assert asked[1:] == ["Такого кода нет."] * 2
    assert played.result is MaskEnd.UNATTENDED
    assert rows_of(masks.engine, mask_events.mask_event)[-1].kind == "bound"


def test_wrong_codes_that_nobody_wrote_down_count_too(masks: Office) -> None:
    played = play(limited(masks, codes_hour=2), OTHER, *"9" * 12, *"9" * 12, *"9" * 12)
    assert sum(one["step"] == "lookup" for one in played.steps) == 2


def test_a_menu_leads_to_the_order_that_is_chosen(masks: Office) -> None:
    masks.bindings.bind(replace(ORDER, mode=MaskMode.MENU), "dispatch")
    masks.pass_s(1)
    masks.bindings.bind(newer(), "dispatch")
    assert rule(masks, DRIVER) == ("menu", "several-orders")
    played = play(masks, DRIVER, "5", "2")
    assert [one["to"] for one in played.steps if one["step"] == "reach"] == [CLIENT]
    assert "A-2, A-1" in why(masks.bindings.explain(DRIVER, COMPANY), "en")


def newer() -> Wanted:
    return replace(ORDER, order="A-2", client_phones=(OTHER,), mode=MaskMode.MENU)


def test_explain_tells_of_grace_and_of_an_order_that_is_over(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    assert rule(masks, CLIENT) == ("connect", "live")
    masks.bindings.close("A-1", "dispatch", 60)
    assert rule(masks, CLIENT) == ("connect", "grace")
    assert rule(masks, DRIVER) == ("call-centre", "order-finished")
    masks.pass_s(60)
    told = masks.bindings.explain(CLIENT, COMPANY)
    assert (told["order"], told["role"], told["peer"], told["until"]) == (
        *("A-1", "stranger", None),
        masks.clock.now,
    )
    assert "A-1" in why(told, "ru")


def test_explain_decides_at_the_walls_as_a_call_does(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, _ = masks.call(DRIVER)
    assert rule(masks, CLIENT) == ("hang-up", "crossed")
    masks.calls.taken(str(line.id))
    line, _ = masks.call(CLIENT)
    masks.calls.taken(str(line.id))
    assert rule(masks, CLIENT) == ("call-centre", "calls-at-once")
    masks.pass_s(10)
    walled = limited(masks, calls_at_once=9, calls_hour=1)
    assert rule(walled, DRIVER) == ("call-centre", "calls-hour")
    assert rule(limited(masks, prefixes=["+998"]), DRIVER) == ("call-centre", "prefix")


def test_explain_tells_of_trunks_that_do_not_take_a_number(masks: Office) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    abroad = changed(masks, trunk=[Trunk(name="a", endpoint="pstn", prefixes=["+998"])])
    assert rule(abroad, DRIVER) == ("call-centre", "no-trunk")
    assert abroad.bindings.explain(DRIVER, COMPANY)["peer"] is None


def test_explain_tells_who_guesses_codes_who_hides_and_what_is_no_number_of_ours(masks: Office) -> None:
    assert "скрыт" in why(masks.bindings.explain("", COMPANY), "ru")
    assert "no masking number" not in why(masks.bindings.explain(OTHER, COMPANY), "en")
    assert "no masking number" in why(masks.bindings.explain(OTHER, "+78129999999"), "en")
    line, _ = masks.call(OTHER)
    line.ask(Coded("999999999999"))
    assert rule(limited(masks, codes_hour=1), OTHER) == ("call-centre", "codes-hour")

"""What a dispatch hears of masking, by a real webhook: each kind with what it needs, and nobody's phone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import settings
from client_system import KEY, ClientSystem, verified
from masked_office import CLIENT, COMPANY, DRIVER, HANDED_ON, ORDER, OTHER, POOL, TRUNKS, Office, Said

from engine.delivery.courier import Courier
from engine.masking.calls import Calls
from engine.masking.feed import EventsFeed
from engine.masking.losing import Losing
from engine.masking.service import Bindings
from engine.masking.sheet import Centre, Coded
from engine.masking.spending import Spending
from lab.leaks import in_text
from storage.vocab import MaskEnd, MaskMode, MaskRule

PEOPLE = (DRIVER, CLIENT, OTHER)
CALL_BACK = "/v1/bindings/A-1/call"


class Dispatch:
    """Whom the webhook leads to."""

    def __init__(self, masks: Office, folder: Path, system: ClientSystem) -> None:
        hook = {"name": "dispatch", "url": system.url, "secrets": [KEY], "allow_private": True}
        self.settings = settings(folder, webhook=[hook | {"tells": "masking"}])
        feed = EventsFeed(masks.engine)
        self._system, self._known = system, 0
        self._courier = Courier(masks.engine, self.settings, self.settings.webhooks[0], feed)
        self._courier.step()

    def hears(self) -> list[dict[str, Any]]:
        """What it was not told before; no delivery says anybody's phone."""
        while self._courier.step():
            pass
        for headers, body in self._system.deliveries:
            assert verified(headers, body)
            assert in_text("a delivery", body, PEOPLE) == []
        events = self._system.events[self._known :]
        self._known += len(events)
        for event in events:
            assert all(event.pop(name) for name in ("id", "position", "at"))
        return events


@pytest.fixture
def dispatch(masks: Office, tmp_path: Path) -> Iterator[Dispatch]:
    with ClientSystem() as system:
        yield Dispatch(masks, tmp_path, system)


def test_an_order_is_bound_and_closed(masks: Office, dispatch: Dispatch) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.bindings.bind(ORDER, "dispatch")  # the same again changes nothing
    masks.bindings.close("A-1", "dispatch", grace_s=100)
    masks.bindings.close("A-1", "dispatch", grace_s=100)
    masks.bindings.bind(replace(ORDER, order="A-2"), "dispatch")
    masks.bindings.close("A-2", "dispatch", cancelled=True)
    bound = {"version": 1, "driver_dials": COMPANY, "client_dials": COMPANY, "by_code_only": False}
    bound |= {"event": "bound", "closes_at": "2026-01-21T13:00:00+00:00"}
    closed = {"event": "closed", "reason": "closed", "grace_until": "2026-01-21T12:01:40+00:00"}
    cancelled = {"event": "closed", "reason": "cancelled", "grace_until": "2026-01-21T12:00:00+00:00"}
    told = [("A-1", bound), ("A-1", closed), ("A-2", bound), ("A-2", cancelled)]
    assert dispatch.hears() == [{"order": order} | event for order, event in told]


def test_an_order_that_found_no_number_is_told_to_be_reached_by_code_only(
    masks: Office, dispatch: Dispatch
) -> None:
    for n in range(len(POOL)):
        masks.bindings.bind(replace(ORDER, order=f"P-{n}", mode=MaskMode.POOL), "dispatch")
    with pytest.raises(Exception, match="by code only"):
        masks.bindings.bind(replace(ORDER, mode=MaskMode.POOL), "dispatch")
    assert [event["by_code_only"] for event in dispatch.hears()] == [False] * len(POOL) + [True]


def test_a_talk_is_told_from_the_ringing_to_its_length(masks: Office, dispatch: Dispatch) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    dispatch.hears()
    line, call = masks.call(DRIVER)
    about = {"call": call.id, "from": "driver", "order": "A-1"}
    assert dispatch.hears() == [about | {"event": "ringing", "rule": "live"}]
    masks.calls.taken(call.id)
    assert dispatch.hears() == [about | {"event": "answered"}]
    masks.pass_s(61)
    masks.end(line, MaskEnd.TALKED)
    assert dispatch.hears() == [about | {"event": "ended", "reason": "talked", "talk_s": 61}]


@pytest.mark.parametrize("missed", [MaskEnd.BUSY, MaskEnd.NO_ANSWER, MaskEnd.OFF])
@pytest.mark.parametrize("caller, role, other", [(DRIVER, "driver", "client"), (CLIENT, "client", "driver")])
def test_of_a_missed_call_the_other_sides_app_hears_how_to_be_connected_after_all(
    masks: Office, dispatch: Dispatch, missed: MaskEnd, caller: str, role: str, other: str
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.end(masks.call(caller)[0], missed)
    told = dispatch.hears()[-1]
    assert (told["event"], told["reason"], told["from"], told["talk_s"]) == ("ended", missed, role, 0)
    assert told["call_back"] == {"path": CALL_BACK, "from": other}


@pytest.mark.parametrize(
    "end, reason",
    [
        (MaskEnd.ABANDONED, "abandoned"),
        (MaskEnd.REASSIGNED, "reassigned"),
        (MaskEnd.CLOSED, "closed"),
        (MaskEnd.CENTRE, "centre"),
        (None, "lost"),
    ],
)
def test_every_other_end_is_told_with_its_reason(
    masks: Office, dispatch: Dispatch, end: MaskEnd | None, reason: str
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.end(masks.call(DRIVER)[0], end)
    told = dispatch.hears()[-1]
    assert (told["event"], told["reason"], "call_back" in told) == ("ended", reason, False)


def test_a_call_whose_server_was_killed_is_told_to_be_lost_once_it_cannot_last_any_more(
    masks: Office, dispatch: Dispatch
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.call("")  # of no order
    line, call = masks.call(CLIENT)
    masks.calls.taken(call.id)
    ended, _ = masks.call(DRIVER)
    masks.end(ended, MaskEnd.BUSY)
    servers = [Losing(masks.engine, masks.settings) for _ in range(2)]
    masks.pass_s(3 * 3600)
    servers[0].step()
    dispatch.hears()
    assert masks.row(line.id).ended == ""
    masks.pass_s(1)
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(Losing.step, servers))
    about = {"event": "ended", "order": "A-1", "call": call.id, "from": "client"}
    assert dispatch.hears() == [about | {"reason": "lost", "talk_s": 0}]
    assert (masks.row(line.id).ended, masks.row(ended.id).ended) == ("lost", "busy")
    masks.end(line, MaskEnd.TALKED)  # it was only very late
    assert dispatch.hears()[0]["reason"] == "talked"


def test_a_call_of_the_former_driver_is_a_strangers(masks: Office, dispatch: Dispatch) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    masks.bindings.bind(HANDED_ON, "dispatch")
    dispatch.hears()
    for caller in (DRIVER, ""):
        _, call = masks.call(caller)
        told = {"event": "stranger", "order": None, "call": call.id, "did": COMPANY}
        assert dispatch.hears() == [told]


def calls_with(masks: Office, folder: Path, **changes: Any) -> Calls:
    """Calls by other settings than those by which the order was bound."""
    given = settings(folder, webhook=masks.settings.webhook, **{"trunk": TRUNKS} | changes)
    return Calls(masks.engine, given, Said(masks.engine, given))


@pytest.mark.parametrize(
    "rule, calls, changes",
    [
        (MaskRule.PREFIX, 1, {"masking": {"prefixes": ["+1"]}}),
        (MaskRule.CALLS_AT_ONCE, 3, {}),
        (MaskRule.CALLS_HOUR, 2, {"masking": {"calls_hour": 1, "calls_at_once": 9}}),
        (MaskRule.NO_TRUNK, 1, {"trunk": [{"name": "a", "prefixes": ["+1"]}]}),
    ],
)
def test_a_call_that_meets_a_wall_is_told_with_the_rule(
    masks: Office, dispatch: Dispatch, tmp_path: Path, rule: MaskRule, calls: int, changes: dict[str, Any]
) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    met = calls_with(masks, tmp_path, **changes)
    opened = [met.open(COMPANY, DRIVER)[1] for _ in range(calls)]
    met.close()
    assert opened[-1].verdict == Centre(rule)
    about = {"call": opened[-1].id, "from": "driver", "order": "A-1", "did": COMPANY}
    assert dispatch.hears()[-1] == about | {"event": "refused", "rule": rule}


def test_who_guesses_codes_is_refused_and_told_of(masks: Office, dispatch: Dispatch) -> None:
    limit = masks.settings.masking.codes_hour
    line, call = masks.call(OTHER)
    verdicts = [line.ask(Coded("000000")) for _ in range(limit)]
    assert verdicts[-1] == Centre(MaskRule.CODES_HOUR)
    told = {"event": "refused", "order": None, "call": call.id, "did": COMPANY, "rule": "codes-hour"}
    assert dispatch.hears()[1:] == [told]


def test_an_alarm_is_told(masks: Office, dispatch: Dispatch, tmp_path: Path) -> None:
    masks.bindings.bind(ORDER, "dispatch")
    line, call = masks.call(DRIVER)
    masks.calls.taken(call.id)
    masks.pass_s(61)
    masks.end(line, MaskEnd.TALKED)
    dispatch.hears()
    dear = [{"name": "a", "endpoint": "pstn", "cost": 150}]
    limits = {"alarm_kopecks_hour": 299}
    found = settings(tmp_path, webhook=masks.settings.webhook, trunk=dear, masking=limits)
    Spending(masks.engine, found).step()
    assert dispatch.hears() == [{"event": "alarm", "order": None, "kopecks": 300, "limit": 299}]


def test_without_a_webhook_of_masking_nothing_is_written(masks: Office, tmp_path: Path) -> None:
    erp = [{"url": "https://erp", "secrets": [KEY]}]
    for given in (settings(tmp_path), settings(tmp_path, webhook=erp)):
        Bindings(masks.engine, given).bind(replace(ORDER, order=f"B-{len(given.webhooks)}"), "dispatch")
    assert masks.events == []

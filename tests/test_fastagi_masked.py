"""A recorded masked call, move by move; and what is written when the two begin to talk."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from agi_client import ENVIRONMENT
from masked_office import DRIVER, ORDER, Office

from dialplan.steps import Conversation, HungUp, Reach, Reached
from engine.campaign.talks import Talks
from engine.speech.clip import Clip
from fastagi import session
from fastagi.protocol import Reply
from fastagi.routes import Call, Route, Scenario
from fastagi.scripts import routes
from fastagi.session import Do, Studio

ID = "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55"
FILE = f"masked/0198/0198c7a/{ID}.alaw"
REACH = Reach("+79160000000", "pstn", "+78120000001", ID, 40, 1800, 60, FILE)


def reaching(step: Reach) -> Conversation[Reached]:
    reached: Reached = yield step
    return reached


def sent(step: Reach) -> tuple[list[str], Any]:
    """The applications and variables of this step, and what it came to."""
    came: list[Any] = []
    route = Route(lambda _call: Scenario(reaching(step), finish=came.append))
    moves = session.call(Call("mask", ID, {}, {}, {}), route, Studio("/audio", 600, "/talks"))
    move, words = next(moves), []
    try:
        while True:
            words.append(move.command.decode().strip() if isinstance(move, Do) else "")
            answer = move.function(move.argument) if hasattr(move, "function") else Reply(200, 0, "ANSWER")
            move = moves.send(answer)
    except StopIteration:
        return [word for word in words if word.startswith(("EXEC", "GET"))], came[0]


def test_what_is_recorded_is_the_talk_of_two_and_nothing_after_it() -> None:
    """The next phone, or the call centre, is no part of it."""
    commands, reached = sent(REACH)
    assert commands[0] == f'EXEC "MixMonitor" "/talks/{FILE},b"'
    assert [one.split('"')[1] for one in commands] == [
        *("MixMonitor", "Dial", "StopMixMonitor", "DIALSTATUS", "HANGUPCAUSE"),
    ]
    assert reached.status == "ANSWER"
    commands, _ = sent(replace(REACH, record=""))
    assert [one.split('"')[1] for one in commands] == ["Dial", "DIALSTATUS", "HANGUPCAUSE"]


@pytest.fixture
def open_taken(masks: Office) -> Iterator[Callable[[str], Scenario]]:
    """The script of the other side's channel."""
    talks = Talks(masks.engine, masks.settings)
    script = routes(talks, masks.calls)["mask-taken"]

    def opened(call: str) -> Scenario:
        scenario = script.open(Call("mask-taken", "1.1", {}, {**ENVIRONMENT, "agi_arg_1": call}, {}))
        assert scenario is not None
        return scenario

    yield opened
    talks.close()


@pytest.mark.parametrize(
    ("record", "hangs_up", "joined"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_when_a_recorded_talk_begins_is_written(
    masks: Office,
    open_taken: Callable[[str], Scenario],
    monkeypatch: pytest.MonkeyPatch,
    record: bool,
    hangs_up: bool,
    joined: bool,
) -> None:
    said = {name: Clip("1a" * 32, 1000) for name in ("from-driver", "recorded")}
    monkeypatch.setattr(type(masks.calls._phrases), "__call__", lambda _: said)
    masks.bindings.bind(replace(ORDER, record=record), "dispatch")
    line, _ = masks.call(DRIVER)
    scenario = open_taken(str(line.id))
    next(scenario.conversation)
    masks.pass_s(3)
    with pytest.raises(StopIteration) as end:
        scenario.conversation.throw(HungUp(500)) if hangs_up else scenario.conversation.send(None)
    scenario.finish(end.value.value)
    last, _ = masks.call(DRIVER)
    masks.end(last, None)  # written by the same thread, after it
    assert masks.row(line.id).joined_at == (masks.clock.now if joined else None)
    assert masks.row(line.id).answered_at is not None

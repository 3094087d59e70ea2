"""Our server under a real Asterisk: what it says of keys, hang-ups and files is what we take it for."""

import wave
from collections.abc import Iterator
from typing import Any

import pytest
from agi_client import Log, Running
from lab_line import dial

from dialplan.steps import Ask, Conversation, Heard, HungUp, Play
from engine.speech.clip import Clip, place
from fastagi import session
from fastagi.routes import Call, Route, Scenario
from lab.kinds import number
from lab.stand import Stand

pytestmark = pytest.mark.real

SHORT, LONG, MISSING = Clip("1a" * 32, 500), Clip("2b" * 32, 6000), Clip("3c" * 32, 1000)
TO_THE_END, PRESSES, LEAVES, MISSES = "listens", "press-4", "hangs-up", "operator"


@pytest.fixture
def audio(stand: Stand) -> str:
    """The audio folder with the two clips that are there."""
    for clip in (SHORT, LONG):
        path = stand.settings.audio_dir / f"{place(clip.name)}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16 * clip.ms))
    return stand.settings.audio_dir_in_asterisk


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """What the session logs."""
    kept = Log()
    monkeypatch.setattr(session, "log", kept.logger)
    return kept


@pytest.fixture
def played(stand: Stand, audio: str, log: Log) -> Iterator[dict[str, Any]]:
    """Callee -> the result of his conversation, once all four calls are over."""
    results: dict[str, Any] = {}

    def talk(wanted: str) -> Conversation[Any]:
        try:
            if wanted == MISSES:
                yield Play((SHORT, MISSING))
            elif wanted == TO_THE_END:
                heard = yield Ask((SHORT, SHORT), "4", 300)
            else:
                heard = yield Play((SHORT, LONG), "4")
        except HungUp as hung_up:
            return hung_up
        return heard

    numbers = {number(kind, seconds=2): kind for kind in (TO_THE_END, PRESSES, LEAVES, MISSES)}

    def begin(call: Call) -> Scenario:
        kind = numbers["+" + call.variables["ZVONAR_ATTEMPT"].rpartition(".")[2]]
        return Scenario(talk(kind), finish=lambda result: results.update({kind: result}), tell=print)

    fastagi = stand.settings.fastagi
    routes = {"debtor": Route(begin, ("ZVONAR_ATTEMPT",))}
    with Running(routes, audio=audio, bind=fastagi.bind, token_key=fastagi.token_key):
        dial(stand.settings, list(numbers))
    yield results


def test_keys_hang_ups_and_files(played: dict[str, Any], log: Log) -> None:
    assert played[TO_THE_END] == Heard(None, 1000), "what was heard is what was played"
    assert played[PRESSES].key == "4" and 600 < played[PRESSES].ms < 4500
    assert isinstance(played[LEAVES], HungUp) and 600 < played[LEAVES].ms < 4500
    assert played[MISSES] is None, "a file that is not there is a fault"
    [error] = log.at("error")
    assert MISSING.name in repr(error["exc_info"]) and error["call_id"]

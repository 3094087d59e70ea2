"""What masked calls say: made in the background, once there is a number to call."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import Studio, settings
from sqlalchemy import Engine

from engine.errors import VoiceError
from engine.masking import phrases as module
from engine.masking.phrases import Phrases
from engine.masking.pool import Numbers
from engine.settings import Settings
from engine.speech.shipped import phrases as shipped


@pytest.fixture
def given(engine: Engine, tmp_path: Path) -> Settings:
    return settings(tmp_path, company={"name": "Ромашка"})


@pytest.fixture
def studio(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(engine, tmp_path, monkeypatch)


@pytest.fixture
def made(
    engine: Engine, given: Settings, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Phrases]:
    monkeypatch.setattr(module, "NONE_YET_S", 0.01)
    monkeypatch.setattr(module, "TROUBLE_S", 0.01)
    phrases = Phrases(engine, given)
    yield phrases
    phrases.stop()


def said(phrases: Phrases) -> dict[str, str]:
    """Name -> text, once they are made."""
    while True:
        try:
            return {name: clip.text for name, clip in phrases().items()}
        except VoiceError:
            time.sleep(0.01)


def test_they_are_made_when_the_first_number_is_added(
    engine: Engine, given: Settings, made: Phrases, studio: Studio
) -> None:
    made.start()
    with pytest.raises(VoiceError):
        made()
    assert not studio.spoken
    Numbers(engine, given).add("+78120000001", "anna", shared=True)
    texts = said(made)
    assert texts.keys() == shipped("ru")["mask"].keys()
    assert "Ромашка" in texts["greeting"]


def test_a_voice_that_fails_is_asked_again(
    engine: Engine, given: Settings, made: Phrases, monkeypatch: pytest.MonkeyPatch
) -> None:
    Numbers(engine, given).add("+78120000001", "anna", shared=True)
    make, failures = made.make, iter([VoiceError("no voice"), RuntimeError("broken")])

    def failing() -> None:
        for failure in failures:
            raise failure
        make()

    monkeypatch.setattr(made, "make", failing)
    made.start()
    assert "greeting" in said(made)

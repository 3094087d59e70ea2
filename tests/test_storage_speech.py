"""Templates in versions, and the list of audio that was made or failed."""

from builders import NOON, after
from sqlalchemy import Engine

from storage import speech
from storage.db import reading, writing
from storage.vocab import AudioState


def test_a_template_gets_a_version_for_each_change_and_none_for_the_same(engine: Engine) -> None:
    with writing(engine) as connection:
        first = speech.add_template(connection, "a", "one", {}, NOON)
        same = speech.add_template(connection, "a", "one", {}, after(1))
        other_wav = speech.add_template(connection, "a", "one", {"end": ["ab", 5]}, after(2))
        back = speech.add_template(connection, "a", "one", {}, after(3))
        speech.add_template(connection, "b", "one", {}, after(4))
        assert [row.version for row in (first, same, other_wav, back)] == [1, 1, 2, 3]
        assert same == first
        assert speech.latest(connection, "a") == back
        assert speech.latest(connection, "c") is None
        assert speech.template_of(connection, other_wav.id) == other_wav
        assert [(row.name, row.version) for row in speech.templates(connection)] == [("a", 3), ("b", 1)]


def test_a_failed_fragment_gives_way_and_a_finished_one_stands(engine: Engine) -> None:
    def save(key: str, state: AudioState, ms: int, error: str = "") -> None:
        row = {"key": key, "file": "", "state": state, "ms": ms, "voice": "v", "text": "t", "error": error}
        with writing(engine) as connection:
            speech.save_audio(connection, [row | {"created_at": NOON, "used_at": NOON}])

    save("a", AudioState.FAILED, 0, "no voice")
    with reading(engine) as connection:
        assert speech.audio_known(connection, ["a", "b"]) == {"a": (AudioState.FAILED, 0, "no voice")}
    save("a", AudioState.READY, 500)
    save("a", AudioState.FAILED, 0, "later")
    with reading(engine) as connection:
        assert speech.audio_known(connection, ["a"]) == {"a": (AudioState.READY, 500, "")}

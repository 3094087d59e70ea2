"""Templates in versions, and the list of audio that was made or failed."""

from datetime import datetime

from builders import NOON, after, rows_of
from sqlalchemy import Engine

from storage import audio, speech
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
    row = {
        "key": "a",
        "file": "",
        "ms": 0,
        "bytes": 0,
        "voice": "v",
        "text": "t",
        "error": "",
        "used_at": NOON,
    }

    def now() -> tuple[str, str, datetime]:
        with reading(engine) as connection:
            (found,) = audio.known(connection, ["a", "b"]).values()
            return found.state, found.error, found.created_at

    def fail(state: AudioState, error: str, at: datetime) -> None:
        with writing(engine) as connection:
            audio.fail(connection, [row | {"state": state, "error": error, "created_at": at}])

    fail(AudioState.WANTED, "busy", after(1))
    fail(AudioState.FAILED, "no voice", after(2))
    assert now() == ("failed", "no voice", after(1)), "since when it fails stays"
    with writing(engine) as connection:
        audio.save(connection, [row | {"state": AudioState.READY, "ms": 500, "created_at": after(3)}])
    fail(AudioState.FAILED, "later", after(4))
    assert now() == ("ready", "", after(3))


def test_costs_of_a_day_add_up(engine: Engine) -> None:
    day = NOON.date()
    with writing(engine) as connection:
        audio.add_cost(connection, day, "v", 1, 10, 100)
        audio.add_cost(connection, day, "v", 2, 20, 50)
        audio.add_cost(connection, day, "w", 1, 1, 0)
    assert [tuple(row) for row in rows_of(engine, speech.cost)] == [
        (day, "v", 3, 30, 150),
        (day, "w", 1, 1, 0),
    ]

"""Speech: each distinct text is spoken once and kept; what cannot be spoken is told, and tried again."""

from pathlib import Path
from typing import Any

import pytest
from builders import NOON, SOURCE, Studio, rows_of, settings, tone
from sqlalchemy import Engine

from engine.errors import NotFound, TemplateError, VoiceError
from engine.speech import sound
from engine.speech.prompts import length_ms
from engine.speech.service import Speech
from engine.speech.shipped import phrases, static_sounds
from engine.speech.templates import Templates
from storage import audit
from storage import speech as store


@pytest.fixture
def studio(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(engine, tmp_path, monkeypatch)


def test_each_distinct_text_is_spoken_once_in_whatever_run(studio: Studio) -> None:
    heard: list[None] = []
    made, failed = studio.speech.make(["a", "b", "a"], "ru", lambda: heard.append(None))
    again, _ = studio.speech.make(["b", "c"], "ru", lambda: heard.append(None))
    assert studio.spoken == {"a": 1, "b": 1, "c": 1}
    assert (failed, len(heard)) == ({}, 3)
    assert made["b"] == again["b"]
    for text, clip in {**made, **again}.items():
        assert clip.text == text
        assert length_ms(studio.speech.cache.path(clip.name).read_bytes()) == clip.ms > 0


def test_another_voice_is_another_file(studio: Studio, engine: Engine, tmp_path: Path) -> None:
    faster = Speech(engine, settings(tmp_path, speech={"speed": 200}))
    clips = [speech.make(["a"], lang)[0]["a"] for speech in (studio.speech, faster) for lang in ("ru", "en")]
    assert len({clip.name for clip in clips}) == 4
    assert studio.spoken == {"a": 4}


def test_a_lost_file_is_made_again(studio: Studio) -> None:
    clip = studio.speech.make(["a"], "ru")[0]["a"]
    studio.speech.cache.path(clip.name).unlink()
    assert studio.speech.make(["a"], "ru") == ({"a": clip}, {})
    assert studio.speech.cache.has(clip.name)


def test_what_cannot_be_spoken_is_told_kept_and_tried_again(studio: Studio, engine: Engine) -> None:
    made, failed = studio.speech.make(["a", "немо"], "ru")
    assert made.keys() == {"a"}
    assert failed == {"немо": "espeak-ng failed: 1"}
    assert {row.text: (row.state, row.error) for row in rows_of(engine, store.audio)} == {
        "a": ("ready", ""),
        "немо": ("failed", "espeak-ng failed: 1"),
    }
    studio.log.with_name("espeak-ng").write_text('#!/bin/sh\nexec cat "$(dirname $0)/tone.wav"\n')
    made, failed = studio.speech.make(["немо"], "ru")
    assert (made.keys(), failed) == ({"немо"}, {})
    assert {row.state for row in rows_of(engine, store.audio)} == {"ready"}


def test_phrases_are_spoken_with_the_companys_name(engine: Engine, tmp_path: Path, studio: Studio) -> None:
    speech = Speech(engine, settings(tmp_path, company={"name": "Ромашка"}))
    clips = speech.phrases("debtor", "ru")
    assert clips.keys() == phrases("ru")["debtor"].keys()
    assert "Ромашка" in clips["robot"].text
    assert not any("{" in clip.text for clip in clips.values())


def test_a_phrase_that_cannot_be_spoken_stops_everything(
    engine: Engine, tmp_path: Path, studio: Studio
) -> None:
    with pytest.raises(VoiceError, match=r"phrase .*Мы немо.*: espeak-ng failed"):
        Speech(engine, settings(tmp_path, company={"name": "Мы немо"})).phrases("debtor", "ru")


def test_both_languages_have_the_same_phrases_and_each_says_something() -> None:
    assert {table: set(texts) for table, texts in phrases("ru").items()} == {
        table: set(texts) for table, texts in phrases("en").items()
    }
    assert all(
        text.strip() for lang in ("ru", "en") for texts in phrases(lang).values() for text in texts.values()
    )


def test_the_dialplans_own_prompts_are_written_in_both_languages(studio: Studio, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    written = static_sounds(studio.settings, out)
    assert written.keys() == {"ru/fallback.alaw", "en/fallback.alaw"}
    assert all(sound.length_ms(file.read_bytes(), "alaw") > 0 for file in written.values())
    assert set(studio.spoken) == {phrases(lang)["common"]["fallback"] for lang in ("ru", "en")}


# Templates.


def test_a_template_is_kept_in_versions_and_each_change_is_in_the_audit(
    studio: Studio, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "debt.toml"
    for source in (SOURCE, SOURCE, "\ufeff" + SOURCE, SOURCE + "\n"):
        file.write_text(source)
        studio.templates.set("debt", file, "anna")
    assert studio.templates.newest("debt").version == 2
    assert [row.version for row in studio.templates.list()] == [2]
    deeds = [(row.actor, row.deed, row.subject, row.detail) for row in rows_of(engine, audit.audit)]
    assert deeds == [("anna", "template.set", "debt", {"version": n}) for n in (1, 2)]
    with pytest.raises(NotFound, match="no template named 'none'"):
        studio.templates.newest("none")


def test_a_recording_is_converted_and_kept_with_the_template(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "end.wav").write_bytes(tone(44100, 2))
    file = tmp_path / "debt.toml"
    file.write_text('[[fragment]]\ntext = "{name}"\n[[fragment]]\nname = "end"\nwav = "end.wav"')
    row = studio.templates.set("debt", file, "anna")
    name, ms = row.wavs["end"]
    assert length_ms(studio.speech.cache.path(name).read_bytes()) == ms
    out = tmp_path / "out.wav"
    spoken = studio.speech.make(["Пётр"], "ru")[0]["Пётр"]
    assert studio.templates.render("debt", {"name": "Пётр"}, out) - spoken.ms - ms in (0, 1)
    assert studio.spoken == {"Пётр": 1}
    (tmp_path / "end.wav").write_bytes(tone(44100, 2, seconds=0.7))  # another recording: another version
    assert studio.templates.set("debt", file, "anna").version == 2


@pytest.mark.parametrize(
    "content, error",
    [
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[[fragment]]\ntext = '{Name}'", "line 1, column 1"),
        (b"[[fragment]]\nwav = 'none.wav'", r"none\.wav: No such file"),
        (b"[[fragment]]\nwav = 'debt.toml'", "not a WAV"),
    ],
)
def test_a_template_that_cannot_be_spoken_is_not_kept(
    studio: Studio, tmp_path: Path, content: bytes | None, error: str
) -> None:
    file = tmp_path / "debt.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((TemplateError, VoiceError), match=error) as told:
        studio.templates.set("debt", file, "anna")
    assert str(tmp_path) in str(told.value)
    assert studio.templates.list() == []


@pytest.mark.parametrize(
    "values, error",
    [({"name": "a"}, "needs a value for: sum"), ({"name": "немо", "sum": "1"}, "espeak-ng failed")],
)
def test_a_message_that_cannot_be_rendered_writes_no_file(
    studio: Studio, tmp_path: Path, values: dict[str, Any], error: str
) -> None:
    file, out = tmp_path / "debt.toml", tmp_path / "out.wav"
    file.write_text(SOURCE)
    studio.templates.set("debt", file, "anna")
    with pytest.raises((TemplateError, VoiceError), match=error):
        studio.templates.render("debt", values, out)
    assert not out.exists()


def test_the_real_voice_speaks_a_whole_message(engine: Engine, tmp_path: Path) -> None:
    file, out = tmp_path / "debt.toml", tmp_path / "out.wav"
    file.write_text(SOURCE)
    templates = Templates(engine, Speech(engine, settings(tmp_path)))
    templates.set("debt", file, "anna")
    ms = templates.render("debt", {"name": "Пётр", "sum": "100"}, out)
    assert 1000 < ms == length_ms(out.read_bytes()) < 10_000
    assert templates.newest("debt").created_at > NOON

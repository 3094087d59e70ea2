"""Speech: each distinct text is spoken once and kept; what cannot be spoken is told, and tried again."""

import errno
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from builders import NOON, SOURCE, Studio, rows_of, settings, tone
from sqlalchemy import Engine

from engine.errors import NotFound, TemplateError, VoiceError
from engine.speech import sound, wav
from engine.speech.clip import Said
from engine.speech.service import Speech
from engine.speech.shipped import LANGUAGES, phrases, static_sounds
from engine.speech.templates import Templates
from storage import audit
from storage import speech as store


@pytest.fixture
def studio(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    return Studio(engine, tmp_path, monkeypatch)


def said(*texts: str) -> list[Said]:
    """Texts that a voice reads whole."""
    return [Said(text) for text in texts]


def test_each_distinct_text_is_spoken_once_in_whatever_run(studio: Studio) -> None:
    heard: list[None] = []
    first = studio.speech.make(said("a", "b", "a"), "ru", lambda: heard.append(None)).whole()
    again = studio.speech.make(said("b", "c"), "ru", lambda: heard.append(None)).whole()
    assert studio.spoken == {"a": 1, "b": 1, "c": 1}
    assert len(heard) == 3
    assert first[Said("b")] == again[Said("b")]
    for piece, clip in {**first, **again}.items():
        assert clip.text == piece.text
        content = studio.speech.cache.read(clip.name)
        assert sound.length_ms(content, "alaw") == clip.ms > 0


def test_another_voice_or_format_is_asked_again(studio: Studio, engine: Engine, tmp_path: Path) -> None:
    others = [Speech(engine, settings(tmp_path, speech=one)) for one in ({"speed": 200}, {"format": "ulaw"})]
    clips = [
        speech.make(said("a"), lang).whole() for speech in (studio.speech, *others) for lang in ("ru", "en")
    ]
    assert studio.spoken == {"a": 6}
    endings = {others[1].cache.path(clip[Said("a")].name).suffix for clip in clips}
    assert endings == {".alaw", ".ulaw"}


def test_a_sum_is_joined_from_atoms_and_a_new_one_needs_no_voice(studio: Studio) -> None:
    piece, other = (Said(text, joined=True) for text in ("двести сорок рублей", "сорок рублей двести,"))
    clip = studio.speech.make([piece], "ru").whole()[piece]
    assert studio.spoken == {"двести": 1, "сорок": 1, "рублей": 1}
    second = studio.speech.make([other], "ru").whole()[other]
    assert studio.spoken.total() == 3
    atom = sound.finish(tone(), "alaw", atom=True)
    assert studio.speech.cache.read(clip.name) == 3 * atom
    assert studio.speech.cache.read(second.name) == 3 * atom + sound.silence("alaw", 200), "a comma is a rest"
    assert clip.ms == sound.length_ms(3 * atom, "alaw")
    assert studio.speech.make([piece], "ru").whole() == {piece: clip}


def test_a_group_without_one_of_its_atoms_fails_as_the_atom_did(studio: Studio) -> None:
    good, bad = Said("сорок рублей", joined=True), Said("сорок немо", joined=True)
    batch = studio.speech.make([bad, good], "ru")
    assert batch.clips.keys() == {good}
    assert {piece: (one.why, one.passing) for piece, one in batch.failed.items()} == {
        bad: ("espeak-ng failed: 1", False)
    }
    assert studio.speech.missing([good, bad, Said("сорок")], "ru") == [
        Said("немо", joined=True),
        Said("сорок"),
    ]


def test_what_is_not_begun_in_time_is_neither_made_nor_failed(studio: Studio) -> None:
    batch = studio.speech.make([Said("a"), Said("b c", joined=True)], "ru", deadline=time.monotonic())
    assert (batch.clips, batch.failed, studio.spoken) == ({}, {}, {})


def test_a_lost_or_cut_file_is_made_again(studio: Studio) -> None:
    clip = studio.speech.make(said("a"), "ru").whole()[Said("a")]
    path = studio.speech.cache.path(clip.name)
    path.unlink()
    assert studio.speech.make(said("a"), "ru").whole() == {Said("a"): clip}
    path.write_bytes(path.read_bytes()[:160])
    assert studio.speech.make(said("a"), "ru").whole() == {Said("a"): clip}
    assert studio.speech.cache.whole(clip.name)


def test_a_full_disk_is_told_and_passes(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        failed = studio.speech.make(said("a"), "ru").failed[Said("a")]
    assert (failed.why, failed.passing) == ("audio cache: No space left on device", True)
    again = studio.speech.make(said("a", "b"), "ru")
    assert again.clips.keys() == set(said("a", "b"))


def test_that_it_was_asked_for_is_written_once_a_day(
    studio: Studio, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.speech.make(said("a"), "ru")
    (made,) = rows_of(engine, store.audio)
    for hours, moved in ((23, False), (25, True)):
        later = made.used_at + timedelta(hours=hours)
        with time_machine.travel(later, tick=False):
            studio.speech.make(said("a"), "ru")
        (row,) = rows_of(engine, store.audio)
        assert (row.used_at == later, row.created_at) == (moved, made.created_at)


def test_what_cannot_be_spoken_is_told_kept_and_tried_again(studio: Studio, engine: Engine) -> None:
    batch = studio.speech.make(said("a", "немо"), "ru")
    assert batch.clips.keys() == {Said("a")}
    assert batch.failed[Said("немо")].why == "espeak-ng failed: 1"
    assert {row.text: (row.state, row.error) for row in rows_of(engine, store.audio)} == {
        "a": ("ready", ""),
        "немо": ("failed", "espeak-ng failed: 1"),
    }
    since = batch.failed[Said("немо")].since
    assert studio.speech.make(said("немо"), "ru").failed[Said("немо")].since == since
    studio.log.with_name("espeak-ng").write_text('#!/bin/sh\nexec cat "$(dirname $0)/tone.wav"\n')
    assert studio.speech.make(said("немо"), "ru").whole().keys() == {Said("немо")}
    assert {row.state for row in rows_of(engine, store.audio)} == {"ready"}


def test_what_a_voice_was_asked_for_is_counted_by_the_day(studio: Studio, engine: Engine) -> None:
    studio.speech.make(said("раз", "немо"), "ru")
    studio.speech.make([*said("раз", "два"), Said("три", joined=True)], "ru")
    (row,) = rows_of(engine, store.cost)
    assert (row.voice, row.requests, row.characters, row.kopecks) == ("espeak/ru/150/1", 3, 0, 0)


def test_phrases_are_spoken_with_the_companys_name(engine: Engine, tmp_path: Path, studio: Studio) -> None:
    speech = Speech(engine, settings(tmp_path, company={"name": "Ромашка"}))
    clips = speech.phrases("debtor", "ru")
    assert clips.keys() == phrases("ru")["debtor"].keys()
    assert "Ромашка" in clips["robot"].text
    assert not any("{" in clip.text for clip in clips.values())


def test_a_phrase_that_cannot_be_spoken_stops_everything(
    engine: Engine, tmp_path: Path, studio: Studio
) -> None:
    with pytest.raises(VoiceError, match=r"Мы немо.*: espeak-ng failed"):
        Speech(engine, settings(tmp_path, company={"name": "Мы немо"})).phrases("debtor", "ru")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_languages_have_the_same_phrases_and_each_says_something(lang: str) -> None:
    assert {table: set(texts) for table, texts in phrases("ru").items()} == {
        table: set(texts) for table, texts in phrases(lang).items()
    }
    assert all(text.strip() for texts in phrases(lang).values() for text in texts.values())


def test_the_dialplans_own_prompts_are_written_in_all_languages(studio: Studio, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    written = static_sounds(studio.settings, out)
    names = ("fallback", "notice", "centre", "soon-over")
    assert written.keys() == {f"{lang}/{name}.alaw" for lang in ("ru", "en", "uz") for name in names}
    assert all(sound.length_ms(file.read_bytes(), "alaw") > 0 for file in written.values())
    texts = {phrases(lang)["common"][name] for lang in LANGUAGES for name in names}
    assert set(studio.spoken) == {text.replace("{company}", "Звонарь") for text in texts}


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
    assert sound.length_ms(studio.speech.cache.read(name), "alaw") == ms
    out = tmp_path / "out.wav"
    spoken = studio.speech.make(said("Пётр"), "ru").whole()[Said("Пётр")]
    assert studio.templates.render("debt", {"name": "Пётр"}, out) - spoken.ms - ms in (0, 1)
    assert studio.spoken == {"Пётр": 1}
    (tmp_path / "end.wav").write_bytes(tone(44100, 2, seconds=0.7))  # another recording: another version
    assert studio.templates.set("debt", file, "anna").version == 2


@pytest.mark.parametrize(
    "content, error",
    [
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[[fragment]]\ntext = '{Name}'", "line 2, column 9"),
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


def test_a_message_is_rendered_in_any_language_that_it_has(studio: Studio, tmp_path: Path) -> None:
    file, out = tmp_path / "debt.toml", tmp_path / "out.wav"
    file.write_text('[[fragment]]\ntext = {ru = "Здравствуйте!", en = "Good day!"}')
    studio.templates.set("debt", file, "anna")
    for lang, text in (("", "Здравствуйте!"), ("ru", "Здравствуйте!"), ("en", "Good day!")):
        ms = studio.templates.render("debt", {}, out, lang)
        assert ms == studio.speech.make([Said(text)], lang or "ru").whole()[Said(text)].ms
    with pytest.raises(TemplateError, match="is in ru, en, not in uz"):
        studio.templates.render("debt", {}, out, "uz")


def test_the_real_voice_speaks_a_whole_message(engine: Engine, tmp_path: Path) -> None:
    file, out = tmp_path / "debt.toml", tmp_path / "out.wav"
    file.write_text(SOURCE)
    templates = Templates(engine, Speech(engine, settings(tmp_path)))
    templates.set("debt", file, "anna")
    ms = templates.render("debt", {"name": "Пётр", "sum": "100"}, out)
    assert 1000 < ms == len(wav.read(out.read_bytes())[0]) / 8 < 10_000
    assert templates.newest("debt").created_at > NOON

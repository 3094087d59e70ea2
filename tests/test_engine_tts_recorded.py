"""A voice of recordings: what people have said is found by its text, and nothing else is said."""

from pathlib import Path

import pytest
from builders import tone

from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.tts import Voice, voice_for
from engine.sections_speech import Speech
from engine.speech import sound

INDEX = "text;file\nдвести;200.wav\nЗдравствуйте!;sub/hello.wav\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ru" / "sub").mkdir(parents=True)
    (tmp_path / "ru" / "index.csv").write_text(INDEX)
    (tmp_path / "ru" / "200.wav").write_bytes(tone(44100, 2, quiet=0.3))
    (tmp_path / "ru" / "sub" / "hello.wav").write_bytes(tone(16000, seconds=0.3))
    return tmp_path


def voice(folder: Path, **given: str) -> Voice:
    return voice_for(Speech.model_validate({"provider": "wav", "recordings": str(folder), **given}), "ru")


@pytest.mark.parametrize("text", ["двести", "Двести", " двести, ", "ДВЕСТИ."])
def test_a_recording_is_found_by_its_words(folder: Path, text: str) -> None:
    assert voice(folder).speak(text) == tone(44100, 2, quiet=0.3)
    assert sound.length_ms(sound.finish(voice(folder).speak(text), "alaw"), "alaw") == 540


def test_what_nobody_has_recorded_is_not_said(folder: Path) -> None:
    with pytest.raises(VoiceError, match="there is no recording of it") as told:
        voice(folder).speak("Пётр")
    assert not isinstance(told.value, VoiceDown)


def test_a_recording_that_is_no_sound_is_named(folder: Path) -> None:
    (folder / "ru" / "200.wav").write_bytes(tone()[:1000])
    with pytest.raises(VoiceError, match=r"200\.wav: the WAV is cut"):
        voice(folder).speak("двести")


def test_a_changed_recording_is_another_voice(folder: Path) -> None:
    ids = [voice(folder).id, voice(folder, version="2").id]
    (folder / "ru" / "200.wav").write_bytes(tone(seconds=0.6))
    ids.append(voice(folder).id)
    (folder / "ru" / "index.csv").write_text(INDEX + "сто;200.wav\n")
    ids.append(voice(folder).id)
    assert len(set(ids)) == 4
    assert all(one.startswith("wav/") and len(one) <= 64 for one in ids)
    assert voice(folder).id == ids[-1]


def test_a_language_without_recordings_is_espeaks(folder: Path) -> None:
    speech = Speech(provider="wav", recordings=str(folder))
    assert voice_for(speech, "en").id.startswith("espeak/en/")


def test_a_trial_says_them_all(folder: Path) -> None:
    assert voice(folder).samples == ("двести", "здравствуйте")
    assert voice(folder).billed("двести") == 0


@pytest.mark.parametrize(
    "index, error",
    [
        ("", "line 1: the columns are text;file"),
        ("text,file\n", "line 1: the columns are text;file"),
        ("text;file\n", "it has no recordings"),
        ("text;file\na;200.wav;x\n", "line 2: 3 columns, not 2"),
        ("text;file\n.;200.wav\n", "line 2: no text"),
        ("text;file\na;200.wav\n\nA!;200.wav\n", "line 4: 'A!' is there already"),
        ("text;file\na;\n", "line 2: file is a name within the folder"),
        ("text;file\na;../ru/200.wav\n", "line 2: file is a name within the folder"),
        ("text;file\na;/etc/passwd\n", "line 2: file is a name within the folder"),
        ("text;file\na;none.wav\n", r"line 2: there is no file none\.wav"),
        ('text;file\n"a;200.wav\n', "line 2"),
    ],
)
def test_an_index_that_is_wrong_is_told_by_its_line(folder: Path, index: str, error: str) -> None:
    (folder / "ru" / "index.csv").write_text(index)
    with pytest.raises(SettingsError, match=rf"index\.csv.*{error}"):
        voice(folder).speak("a")


def test_an_index_in_another_encoding_is_told(folder: Path) -> None:
    (folder / "ru" / "index.csv").write_bytes(INDEX.encode("cp1251"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        voice(folder).speak("a")


def test_a_folder_must_be_named() -> None:
    with pytest.raises(SettingsError, match=r"speech\.recordings"):
        voice_for(Speech(provider="wav"), "ru")

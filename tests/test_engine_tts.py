"""Voices: any WAV becomes ours, whatever goes wrong is told, no text is among the arguments."""

import wave
from array import array
from io import BytesIO
from pathlib import Path

import pytest
from builders import add_program, tone

from engine.errors import SettingsError, VoiceError
from engine.gateways import tts
from engine.gateways.tts import run, shape, shape_file, voice_for
from engine.sections import Speech


def opened(wav: bytes) -> tuple[tuple[int, int, int], list[int]]:
    with wave.open(BytesIO(wav)) as sound:
        samples = array("h", sound.readframes(sound.getnframes())).tolist()
        return (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()), samples


@pytest.mark.parametrize("rate, channels", [(8000, 1), (22050, 1), (44100, 2), (48000, 1), (11025, 2)])
def test_any_wav_becomes_8_khz_mono_of_one_level_with_its_silence_cut_off(rate: int, channels: int) -> None:
    kind, samples = opened(shape(tone(rate, channels, quiet=0.4)))
    assert kind == (8000, 1, 2)
    assert 0.5 <= len(samples) / 8000 <= 0.62  # the beep and a breath
    assert 0.66 < max(samples) / 32768 < 0.75  # -3 dB
    assert max(map(abs, samples[-400:])) < 50


def test_it_begins_and_ends_without_a_click() -> None:
    _, samples = opened(shape(tone()))
    beep_end = len(samples) - int(0.06 * 8000)
    assert max(map(abs, samples[:4])) < 3000
    assert max(map(abs, samples[beep_end - 4 : beep_end])) < 3000


@pytest.mark.parametrize("silence", [tone(seconds=0, quiet=0.5), tone(seconds=0.005)])
def test_a_voice_that_says_nothing_is_an_error(silence: bytes) -> None:
    with pytest.raises(VoiceError, match="said nothing"):
        shape(silence)


@pytest.mark.parametrize("junk", [b"", b"no wav", tone()[:20], b"RIFF\0\0\0\0WAVEjunk"])
def test_what_is_no_wav_is_an_error(junk: bytes, tmp_path: Path) -> None:
    with pytest.raises(VoiceError):
        shape(junk)
    file = tmp_path / "a.wav"
    file.write_bytes(junk)
    with pytest.raises(VoiceError):
        shape_file(file)


def test_a_recording_is_converted_and_a_missing_one_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(44100, 2))
    assert opened(shape_file(tmp_path / "a.wav"))[0] == (8000, 1, 2)
    with pytest.raises(VoiceError, match=r"none\.wav: No such file"):
        shape_file(tmp_path / "none.wav")
    (tmp_path / "b.wav").write_bytes(b"ID3 this is an MP3")
    with pytest.raises(VoiceError, match="not a WAV"):
        shape_file(tmp_path / "b.wav")


def test_espeak_speaks_both_languages_and_they_sound_different() -> None:
    spoken = {lang: voice_for(Speech(), lang).speak("Privet 123") for lang in ("ru", "en")}
    assert opened(spoken["ru"])[0] == (8000, 1, 2)
    assert spoken["ru"] != spoken["en"]


def test_the_id_tells_all_that_decides_the_sound() -> None:
    kinds = [Speech(), Speech(voice="ru+f3"), Speech(speed=170)]
    ids = {voice_for(kind, lang).id for kind in kinds for lang in ("ru", "en")}
    assert len(ids) == 5  # English has one voice, at two speeds


def test_an_unknown_adapter_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"speech\.provider: .*'robot'; there is: espeak"):
        voice_for(Speech(provider="robot"), "ru")


def test_the_text_goes_in_by_standard_input_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands among the arguments everybody on the machine can read."""
    log = add_program(monkeypatch, tmp_path, "espeak-ng", 'echo "$@" >> "$LOG"; cat >> "$LOG"; exit 1')
    with pytest.raises(VoiceError):
        voice_for(Speech(), "ru").speak("Долг Петра 100 рублей")
    arguments, text = log.read_text().splitlines()
    assert arguments == "--stdin --stdout -v ru -s 150"
    assert text == "Долг Петра 100 рублей"


def test_a_program_that_fails_is_told_by_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_program(monkeypatch, tmp_path, "espeak-ng", "echo first >&2; echo no such voice >&2; exit 1")
    with pytest.raises(VoiceError, match="espeak-ng failed: no such voice"):
        voice_for(Speech(), "ru").speak("a")


def test_a_program_that_is_missing_or_slow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VoiceError, match="no-such-program is not installed"):
        run(["no-such-program"], "")
    monkeypatch.setattr(tts, "TIMEOUT_S", 0.1)
    with pytest.raises(VoiceError, match=r"sleep took longer than 0\.1 s"):
        run(["sleep", "5"], "")

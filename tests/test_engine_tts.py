"""Voices: whatever goes wrong is told, no text is among the arguments."""

from pathlib import Path

import pytest
from builders import add_program

from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.tts import voice_for
from engine.gateways.tts_programs import run
from engine.sections import Speech
from engine.speech import wav


def test_espeak_speaks_both_languages_and_they_sound_different() -> None:
    spoken = {lang: voice_for(Speech(), lang).speak("Privet 123") for lang in ("ru", "en")}
    assert all(len(samples) > rate // 2 for samples, rate in map(wav.read, spoken.values()))
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


def test_a_program_that_is_missing_or_slow_is_told() -> None:
    with pytest.raises(VoiceDown, match="no-such-program is not installed"):
        run(["no-such-program"], "", 5)
    with pytest.raises(VoiceDown, match=r"sleep took longer than 0\.1 s"):
        run(["sleep", "50"], "", 0.1)

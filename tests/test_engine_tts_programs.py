"""Voices that are programs: real ones speak, and whatever goes wrong is told without a word of the text."""

import os
import time
from pathlib import Path

import pytest
from builders import add_program, tone

from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.tts import Voice, voice_for
from engine.gateways.tts_programs import run
from engine.sections_speech import Command, Speech
from engine.speech import sound, wav

TEXT = "Здравствуйте, Пётр Ильич! Ваш долг двести рублей."


def command(*program: str, **given: object) -> Voice:
    settings = {"provider": "command", "command": Command(program=list(program)), **given}
    return voice_for(Speech.model_validate(settings), "ru")


def length_s(spoken: bytes) -> float:
    samples, rate = wav.read(spoken)
    return len(samples) / rate


@pytest.mark.parametrize(
    "lang, text", [("ru", TEXT), ("en", "Your debt is two hundred roubles."), ("uz", "ikki yuz so'm")]
)
def test_espeak_speaks_its_languages(lang: str, text: str) -> None:
    spoken = voice_for(Speech(), lang).speak(text)
    assert 0.5 < length_s(spoken) < 10
    sound.finish(spoken, "alaw")


def test_espeak_speaks_faster_and_with_another_voice() -> None:
    usual, fast, woman = (
        voice_for(speech, "ru").speak(TEXT) for speech in (Speech(), Speech(speed=220), Speech(voice="ru+f3"))
    )
    assert length_s(fast) < 0.8 * length_s(usual)
    assert woman != usual


def test_festival_speaks_russian_written_in_utf_8() -> None:
    voice = voice_for(Speech(provider="festival"), "ru")
    short, long = voice.speak("Пётр"), voice.speak(TEXT)
    assert 0.2 < length_s(short) < 2 < length_s(long) < 10
    assert wav.read(long)[1] == 16000
    sound.finish(long, "alaw")
    assert voice.id == "festival/msu_ru_nsh_clunits/1"


def test_festival_speaks_no_other_language_and_espeak_does_so_for_it() -> None:
    assert voice_for(Speech(provider="festival"), "en").id.startswith("espeak/en/")


@pytest.mark.parametrize("text", ["", "!!!", "é", "日本"])
def test_what_festival_cannot_say_is_told(text: str) -> None:
    with pytest.raises(VoiceError):
        sound.check(voice_for(Speech(provider="festival"), "ru").speak(text))


def test_a_voice_that_festival_does_not_have_is_told() -> None:
    with pytest.raises(VoiceError):
        sound.check(voice_for(Speech(provider="festival", voice="nobody"), "ru").speak(TEXT))


def test_any_program_is_a_voice() -> None:
    voice = command("espeak-ng", "--stdin", "--stdout", "-s", "150", "-v", "{voice}", voice="ru+f2")
    assert voice.speak(TEXT) == voice_for(Speech(voice="ru+f2"), "ru").speak(TEXT)
    assert command("espeak-ng", "--stdin", "--stdout", "-v", "{lang}").speak(TEXT)


def test_no_shell_reads_the_command_or_the_text(tmp_path: Path) -> None:
    voice = command(
        "sh", "-c", 'cat > "$0"; echo "$1" >> "$0"', str(tmp_path / "log"), "$(id); {voice}", voice="a"
    )
    voice.speak("$(touch /tmp/x) `id`")
    assert (tmp_path / "log").read_text() == "$(touch /tmp/x) `id`$(id); a\n"


def test_a_language_that_the_program_does_not_speak_is_espeaks() -> None:
    speech = Speech(provider="command", command=Command(program=["piper"], languages=["uz"]))
    assert voice_for(speech, "uz").id == "command/piper/1"
    assert voice_for(speech, "ru").id.startswith("espeak/ru/")


def test_without_a_program_it_is_no_voice() -> None:
    with pytest.raises(SettingsError, match=r"speech\.command\.program"):
        command()


def test_the_id_is_that_of_the_whole_command() -> None:
    ids = {
        command("piper", "--model", "a").id,
        command("piper", "--model", "b").id,
        command("piper", "--model", "/" + "long/" * 20).id,
        command("piper", "--model", "/" + "long/" * 20 + "b").id,
        command("piper", "--model", "a", version="2").id,
    }
    assert len(ids) == 5
    assert max(map(len, ids)) <= 64


def test_characters_of_a_program_count_since_it_may_ask_a_service() -> None:
    assert command("piper").billed("привет") == 6
    assert voice_for(Speech(), "ru").billed("привет") == 0
    assert voice_for(Speech(provider="festival"), "ru").billed("привет") == 0


@pytest.mark.parametrize("provider, program", [("espeak", "espeak-ng"), ("festival", "text2wave")])
def test_the_text_goes_in_by_standard_input_only(
    provider: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands among the arguments everybody on the machine can read."""
    log = add_program(monkeypatch, tmp_path, program, 'echo "$@" >> "$LOG"; cat >> "$LOG"; exit 1')
    with pytest.raises(VoiceError):
        voice_for(Speech(provider=provider), "ru").speak("Долг Петра 100 рублей")
    arguments, text = log.read_text().splitlines()
    assert arguments in ("--stdin --stdout -v ru -s 150", "-eval (voice_msu_ru_nsh_clunits)")
    assert text == "Долг Петра 100 рублей"


def test_what_a_program_writes_on_its_way_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = add_program(monkeypatch, tmp_path, "espeak-ng", 'cat > "$LOG"')
    voice_for(Speech(), "ru").speak(TEXT)
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "complaint, told",
    [
        ("echo first >&2; echo no such voice >&2", "espeak-ng failed: no such voice"),
        ("echo cannot say ильич >&2", "espeak-ng failed: 3"),
        ("true", "espeak-ng failed: 3"),
    ],
)
def test_a_program_that_fails_is_told_by_its_last_words_but_for_those_of_the_text(
    complaint: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_program(monkeypatch, tmp_path, "espeak-ng", f"{complaint}; exit 3")
    with pytest.raises(VoiceError) as error:
        voice_for(Speech(), "ru").speak(TEXT)
    assert str(error.value) == told
    assert not isinstance(error.value, VoiceDown)


def test_a_program_that_cannot_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(VoiceDown, match="no-such-program is not installed"):
        run(["no-such-program"], "", 5)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(VoiceDown, match="text: Permission denied"):
        run([str(tmp_path / "text")], "", 5)


def test_a_slow_program_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    file = tmp_path / "child"
    with pytest.raises(VoiceDown, match=r"sh took longer than 0\.5 s"):
        run(["sh", "-c", f"sleep 600 & echo $! > {file}; wait"], "", 0.5)
    assert ended(int(file.read_text()))


def ended(pid: int) -> bool:
    """Is this process gone, or a corpse that only its parent may bury?"""
    while True:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)


def test_a_program_that_takes_no_text_may_still_speak(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone())
    assert run(["cat", str(tmp_path / "a.wav")], TEXT * 10_000, 5) == tone()

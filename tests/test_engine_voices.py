"""Each provider from its settings to what is heard: a message is rendered, the trunk's format, the cost."""

from pathlib import Path
from typing import Any

import pytest
from builders import settings, tone
from speechkit import KEY, SpeechKit, lpcm, refused
from sqlalchemy import Engine

from engine.errors import VoiceError
from engine.gateways.tts import voice_for
from engine.speech import sound, wav
from engine.speech.service import Speech
from engine.speech.templates import Templates

SOURCE = '[[fragment]]\ntext = "Здравствуйте, {name}!"'
HELLO = "Здравствуйте, Анна!"


def rendered(engine: Engine, folder: Path, **speech: Any) -> bytes:
    """The message as `template render` writes it."""
    made = Speech(engine, settings(folder, speech=speech))
    templates = Templates(engine, made)
    (folder / "hello.toml").write_text(SOURCE)
    templates.set("hello", folder / "hello.toml", "anna")
    templates.render("hello", {"name": "Анна"}, folder / "out.wav")
    return (folder / "out.wav").read_bytes()


@pytest.mark.parametrize("provider", ["espeak", "festival", "command", "wav", "yandex"])
@pytest.mark.parametrize("form", ["alaw", "ulaw", "slin"])
def test_every_provider_renders_a_message_in_every_format(
    provider: str, form: str, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "index.csv").write_text(f"text;file\n{HELLO};a.wav\n")
    (tmp_path / "ru" / "a.wav").write_bytes(tone(44100, 2))
    with SpeechKit() as kit:
        given: dict[str, Any] = {
            "provider": provider,
            "format": form,
            "recordings": str(tmp_path),
            "command": {"program": ["espeak-ng", "--stdin", "--stdout", "-v", "{lang}"]},
            "yandex": {"url": kit.url, "api_key": KEY},
        }
        heard = rendered(engine, tmp_path, **given)
        its_own = voice_for(settings(tmp_path, speech=given).speech, "ru").speak(HELLO)
    assert heard == sound.wav_of(sound.finish(its_own, form), form)
    (file,) = (tmp_path / "audio").glob(f"*/*{sound.ending(form)}")
    assert len(file.read_bytes()) % 160 == 0
    assert wav.read(heard)[1] == 8000


def test_a_message_is_rendered_by_the_second_voice_when_the_first_refuses(
    engine: Engine, tmp_path: Path
) -> None:
    with SpeechKit(refused(401)) as kit:
        yandex = {"provider": "yandex", "yandex": {"url": kit.url, "api_key": KEY}}
        with pytest.raises(VoiceError, match="HTTP 401"):
            rendered(engine, tmp_path, **yandex)
        heard = rendered(engine, tmp_path, **yandex, fallback="espeak")
    assert wav.read(heard)[0].size > 4000
    assert heard != sound.wav_of(sound.finish(wav.write(lpcm(HELLO)), "alaw"), "alaw")

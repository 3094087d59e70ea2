"""The phrases that come with Zvonar, of each language and conversation (`sounds/LANG/phrases.toml`)."""

import tomllib
from functools import cache
from pathlib import Path

from engine.gateways.tts import voice_for
from engine.settings import Settings, share
from engine.speech import sound

LANGUAGES = ("ru", "en")


@cache
def phrases(lang: str) -> dict[str, dict[str, str]]:
    """The shipped phrases of a language: table -> name -> text."""
    return tomllib.loads((share("sounds") / lang / "phrases.toml").read_text(encoding="utf-8"))


def static_sounds(settings: Settings, out: Path) -> dict[str, Path]:
    """The phrases that the dialplan plays by itself, `LANG/NAME.ENDING` -> file under `out`; VoiceError."""
    form = settings.speech.format
    written: dict[str, Path] = {}
    for lang in LANGUAGES:
        for name, text in phrases(lang)["common"].items():
            spoken = voice_for(settings.speech, lang).speak(text.replace("{company}", settings.company.name))
            file = out / f"{lang}-{name}{sound.ending(form)}"
            file.write_bytes(sound.finish(spoken, form))
            written[f"{lang}/{name}{sound.ending(form)}"] = file
    return written

"""The phrases that come with Zvonar, of each language and conversation (`sounds/LANG/phrases.toml`)."""

import tomllib
from functools import cache
from pathlib import Path

from engine.gateways.tts import voice_for
from engine.settings import Settings, share
from engine.speech import sound
from engine.speech.keys import Key
from engine.speech.menus import menus

LANGUAGES = ("ru", "en", "uz")


@cache
def phrases(lang: str) -> dict[str, dict[str, str]]:
    """The shipped phrases of a language: table -> name -> text."""
    return tomllib.loads((share("sounds") / lang / "phrases.toml").read_text(encoding="utf-8"))


def spoken(table: str, lang: str, company: str, keys: tuple[Key, ...] = ()) -> dict[str, str]:
    """What a conversation says in a company's name, name -> text, with the menus of these keys and what their
    actions say (the tables of the same names).
    """
    all_ = phrases(lang)
    texts = {name: text.replace("{company}", company) for name, text in all_[table].items()}
    for key in keys:
        texts |= all_.get(key.action, {})
    return texts | (menus(keys, all_) if keys else {})


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

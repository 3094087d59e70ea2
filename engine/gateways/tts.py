"""Voices: a text in, a WAV out, as the voice makes it; `engine.speech.sound` finishes it.

| provider | speaks | where |
|---|---|---|
| `espeak` | ru, en, uz; robotic, free, 30 ms a sentence | `tts_programs` |
| `festival` | ru (Debian's festvox-ru); more human, 0.6 s a sentence | `tts_programs` |
| `command` | what a program of yours does (RHVoice, piper) | `tts_programs` |
| `wav` | what people have recorded, and no other text | `tts_recorded` |
| `yandex` | ru, en, uz by Yandex SpeechKit, for money | `tts_yandex` |

A language that the provider does not speak is spoken by espeak. `tts_speaker` adds what the voices share:
pace, a second voice, what was spent. A Voice is made from settings alone, costs nothing to make, and need not
be sent anywhere: whoever works in another process makes his own.
"""

from typing import Protocol

from engine.errors import SettingsError
from engine.gateways.tts_programs import Command, Espeak, Festival
from engine.gateways.tts_recorded import Recorded, recorded_languages
from engine.sections_speech import Speech


class Voice(Protocol):
    """What the cache needs of a voice."""

    @property
    def id(self) -> str:
        """All that decides how a text sounds, in 64 letters at most; part of the cache's key."""

    @property
    def samples(self) -> tuple[str, ...]:
        """Texts that it can say, for a trial; of recordings, all."""

    def speak(self, text: str) -> bytes:
        """The spoken text as a WAV of any kind that `engine.speech.wav` reads.

        VoiceError for a text that it cannot say, VoiceDown when it can say none at present. Neither holds
        anything of the text.
        """

    def billed(self, text: str) -> int:
        """Characters that the provider counts for this text; 0 where it counts none."""


def voice_for(speech: Speech, lang: str) -> Voice:
    """The voice of the settings' provider in this language; SettingsError for one that cannot be made."""
    return _made(speech.provider, "provider", speech, lang)


def fallback_for(speech: Speech, lang: str) -> Voice:
    """The voice that speaks when the first cannot, where `speech.fallback` names one."""
    # The names of voices are those of the provider's.
    own = speech.model_copy(update={"voice": "", "voices": {}})
    return _made(speech.fallback, "fallback", own, lang)


def _made(provider: str, setting: str, speech: Speech, lang: str) -> Voice:
    match provider:
        case "festival" if lang == "ru":
            return Festival(speech)
        case "command" if lang in speech.command.languages:
            return Command(speech, lang)
        case "wav" if lang in recorded_languages(speech):
            return Recorded(speech, lang)
        case "yandex":
            from engine.gateways.tts_yandex import Yandex  # with requests, which is slow to load

            return Yandex(speech, lang)
        case "espeak" | "festival" | "command" | "wav":
            return Espeak(speech, lang)
    known = "espeak, festival, command, wav, yandex"
    raise SettingsError(f"speech.{setting}: no voice adapter named {provider!r}; there is: {known}")

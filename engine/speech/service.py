"""Speech: texts become clips, each distinct one once, before anybody is dialled.

load (what is known) -> decide (what is missing) -> speak in parallel -> save. No database connection is
held while a voice works.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from engine import telemetry
from engine.errors import VoiceError
from engine.gateways.tts import Voice, voice_for
from engine.settings import Settings
from engine.speech import shipped, sound
from engine.speech.clip import Clip
from engine.speech.prompts import AudioCache, name_of
from storage import speech as store
from storage.db import reading, writing
from storage.vocab import AudioState

log = telemetry.logger("speech")


class Speech:
    """Makes clips."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.cache = AudioCache(settings.audio_dir)

    def voice(self, lang: str) -> Voice:
        """The voice that speaks this language."""
        return voice_for(self._settings.speech, lang)

    def make(
        self, texts: Iterable[str], lang: str, progress: Callable[[], None] = lambda: None
    ) -> tuple[dict[str, Clip], dict[str, str]]:
        """Clips of these texts, spoken where they are new; (text -> clip, text -> why it failed)."""
        voice = self.voice(lang)
        names = {text: name_of(voice.id, text) for text in dict.fromkeys(texts)}
        with reading(self._engine) as connection:
            known = store.audio_known(connection, set(names.values()))
        done: dict[str, Clip] = {}
        for text, name in names.items():
            state, ms, _error = known.get(name, (AudioState.WANTED, 0, ""))
            if state is AudioState.READY and self.cache.has(name):
                done[text] = Clip(name, ms, text)
        new = [text for text in names if text not in done]
        with ThreadPoolExecutor(self._settings.speech.workers, "voice") as pool:
            made = pool.map(lambda text: self._speak(voice, text, names[text], progress), new)
            spoken = dict(zip(new, made, strict=True))
        self._save(voice, names, spoken)
        failed = {text: why for text, why in spoken.items() if isinstance(why, str)}
        done |= {text: clip for text, clip in spoken.items() if isinstance(clip, Clip)}
        return done, failed

    def _speak(self, voice: Voice, text: str, name: str, progress: Callable[[], None]) -> Clip | str:
        """One fragment, spoken and stored: its clip, or why there is none."""
        try:
            clip = Clip(name, self.cache.put(name, _finished(voice.speak(text))), text)
        except (VoiceError, OSError) as error:
            telemetry.fragments.labels("failed").inc()
            log.warning("fragment-failed", name=name, error=str(error))
            return str(error)
        telemetry.fragments.labels("made").inc()
        progress()
        return clip

    def _save(self, voice: Voice, names: dict[str, str], spoken: dict[str, Clip | str]) -> None:
        now = datetime.now(UTC)
        rows: list[dict[str, Any]] = []
        for text, made in spoken.items():
            ok = isinstance(made, Clip)
            rows.append(
                {
                    "key": names[text],
                    "file": names[text],
                    "state": AudioState.READY if ok else AudioState.FAILED,
                    "ms": made.ms if isinstance(made, Clip) else 0,
                    "voice": voice.id,
                    "text": text,
                    "error": "" if isinstance(made, Clip) else made,
                    "created_at": now,
                    "used_at": now,
                }
            )
        if rows:
            with writing(self._engine) as connection:
                store.save_audio(connection, rows)

    def phrases(self, table: str, lang: str) -> dict[str, Clip]:
        """The shipped phrases of one conversation as clips; VoiceError when one cannot be made."""
        texts = {
            name: text.replace("{company}", self._settings.company.name)
            for name, text in shipped.phrases(lang)[table].items()
        }
        made, failed = self.make(texts.values(), lang)
        if failed:
            raise VoiceError(f"phrase {next(iter(failed))!r}: {next(iter(failed.values()))}")
        return {name: made[text] for name, text in texts.items()}


def _finished(spoken: bytes) -> bytes:
    """A voice's WAV as the cache keeps it."""
    return sound.wav_of(sound.finish(spoken, "slin"), "slin")

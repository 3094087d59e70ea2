"""Speech: texts become clips, each distinct one once, before anybody is dialled.

load (what is known) -> decide (what is missing) -> speak in parallel -> save. No database connection is
held while a voice works.
"""

import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine import telemetry
from engine.errors import NotFound, TemplateError, VoiceError
from engine.gateways.tts import Voice, voice_for
from engine.settings import Settings, safe_name, share
from engine.speech import sound, template, wav
from engine.speech.clip import Clip, Said
from engine.speech.prompts import AudioCache, name_of, name_of_recording
from storage import audit
from storage import speech as store
from storage.db import reading, writing
from storage.vocab import AudioState

log = telemetry.logger("speech")

LANGUAGES = ("ru", "en")


@dataclass(frozen=True, slots=True)
class Message:
    """A stored template, ready to be filled in."""

    template: template.Template
    wavs: dict[str, Clip]

    def pieces(self, values: dict[str, str]) -> list[Said]:
        """What these values need spoken, in order; recordings need nothing."""
        return [piece for _name, pieces in self._spoken(values) for piece in pieces]

    def clips(self, values: dict[str, str], made: dict[str, Clip]) -> list[Clip]:
        """The whole message from finished clips (text -> clip)."""
        found: list[Clip] = []
        for name, pieces in self._spoken(values):
            own = [made[piece.text] for piece in pieces] if name not in self.wavs else [self.wavs[name]]
            found += [replace(clip, part=name) for clip in own]
        return found

    def _spoken(self, values: dict[str, str]) -> Iterator[tuple[str, tuple[Said, ...]]]:
        """The names of the fragments, with the pieces of each."""
        for part in self.template.fragments:
            yield part.name, part.speak(values, self.template.lang)


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


class Speech:
    """Makes clips and keeps templates."""

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
            for name, text in phrases(lang)[table].items()
        }
        made, failed = self.make(texts.values(), lang)
        if failed:
            raise VoiceError(f"phrase {next(iter(failed))!r}: {next(iter(failed.values()))}")
        return {name: made[text] for name, text in texts.items()}

    def set_template(self, name: str, file: Path, actor: str) -> store.TemplateRow:
        """Check a template file and keep it as a new version; the same file again changes nothing."""
        safe_name(name)
        try:
            source = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise TemplateError(f"{file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TemplateError(f"{file}: not UTF-8 text") from None
        try:
            checked = template.parse(source)
        except TemplateError as error:
            raise TemplateError(f"{file}: {error}") from None
        wavs: dict[str, list[Any]] = {}
        for part in checked.fragments:
            if part.wav:
                recording = _finished(wav.load(file.parent / part.wav))
                made = name_of_recording(recording)
                wavs[part.name] = [made, self.cache.put(made, recording)]
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            row = store.add_template(connection, name, source, wavs, now)
            if row.created_at == now:
                audit.note(
                    connection, at=now, actor=actor, deed="template.set", subject=name, version=row.version
                )
        return row

    def template(self, name: str) -> store.TemplateRow:
        """The newest version of a template; NotFound when there is none."""
        with reading(self._engine) as connection:
            row = store.latest(connection, name)
        if row is None:
            raise NotFound(f"no template named {name!r}")
        return row

    def templates(self) -> list[store.TemplateRow]:
        """The newest version of every template."""
        with reading(self._engine) as connection:
            return store.templates(connection)

    def render(self, name: str, values: dict[str, str], out: Path) -> int:
        """The message of a template with these values as one WAV; its length in ms."""
        message = message_of(self.template(name))
        missing = message.template.missing(values)
        if missing:
            raise TemplateError(f"template {name!r} needs a value for: {', '.join(missing)}")
        made, failed = self.make([piece.text for piece in message.pieces(values)], message.template.lang)
        if failed:
            raise VoiceError(next(iter(failed.values())))
        return self.cache.join([clip.name for clip in message.clips(values, made)], out)


def _finished(spoken: bytes) -> bytes:
    """A voice's WAV as the cache keeps it."""
    return sound.wav_of(sound.finish(spoken, "slin"), "slin")


def message_of(row: store.TemplateRow) -> Message:
    """A stored template, parsed again (it was checked when it was set)."""
    return Message(
        template.parse(row.source), {part: Clip(name, ms) for part, (name, ms) in row.wavs.items()}
    )


def names(clips: Collection[Clip]) -> list[list[Any]]:
    """Clips as they are stored with a lead: [[name, ms, fragment], …]."""
    return [[clip.name, clip.ms, clip.part] for clip in clips]

"""Templates: checked, kept in versions, rendered to listen to."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.errors import NotFound, TemplateError
from engine.settings import safe_name
from engine.speech import sound, wav
from engine.speech.message import message_of, recording, said
from engine.speech.proof import proofread
from engine.speech.service import Speech
from storage import audit
from storage import speech as store
from storage.db import reading, writing


class Templates:
    """Load, decide, save."""

    def __init__(self, engine: Engine, speech: Speech) -> None:
        self._engine, self._speech = engine, speech

    def set(self, name: str, file: Path, actor: str) -> store.TemplateRow:
        """Check a template file and keep it as a new version; the same file again changes nothing."""
        safe_name(name)
        try:
            source = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise TemplateError(f"{file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TemplateError(f"{file}: not UTF-8 text") from None
        try:
            checked = proofread(source, self._speech.longest_s)
        except TemplateError as error:
            raise TemplateError(f"{file}: {error}") from None
        wavs: dict[str, list[Any]] = {}
        for part in checked.fragments:
            for lang, beside in part.wavs.items():
                content = sound.finish(wav.load(file.parent / beside), self._speech.cache.form)
                ms = sound.length_ms(content, self._speech.cache.form)
                wavs[recording(part, lang, checked)] = [self._speech.cache.put(content), ms]
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            row = store.add_template(connection, name, source, wavs, now)
            if row.created_at == now:
                audit.note(
                    connection, at=now, actor=actor, deed="template.set", subject=name, version=row.version
                )
        return row

    def newest(self, name: str) -> store.TemplateRow:
        """The newest version of a template; NotFound when there is none."""
        with reading(self._engine) as connection:
            row = store.latest(connection, name)
        if row is None:
            raise NotFound(f"no template named {name!r}")
        return row

    def list(self) -> list[store.TemplateRow]:
        """The newest version of every template."""
        with reading(self._engine) as connection:
            return store.templates(connection)

    def render(self, name: str, values: dict[str, str], out: Path, lang: str = "") -> int:
        """The message of a template with these values, in its own or another of its languages, as one WAV;
        its length in ms.
        """
        message = message_of(self.newest(name))
        if lang and lang not in message.template.langs:
            raise TemplateError(f"template {name!r} is in {', '.join(message.template.langs)}, not in {lang}")
        missing = message.template.missing(values)
        if missing:
            raise TemplateError(f"template {name!r} needs a value for: {', '.join(missing)}")
        spoken = message.spoken(values, lang)
        made = self._speech.make(said(spoken), lang or message.template.lang).whole()
        return self._speech.cache.join([clip.name for clip in message.played(spoken, made)], out)

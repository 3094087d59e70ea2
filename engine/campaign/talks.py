"""What a conversation needs of the engine: the call's sheet at its start, its facts, its result at the end.

Each is one short transaction; none is held while audio plays. Blocking: to be called in a thread.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine.campaign.attempts import Talk
from engine.errors import NotFound
from engine.settings import Settings
from engine.speech.clip import Clip
from engine.speech.service import message_of, phrases
from storage import audit, calls, contact
from storage import campaign as store
from storage import speech as speech_store
from storage.db import reading, writing
from storage.vocab import Outcome


@dataclass(frozen=True, slots=True)
class Sheet:
    """One attempt as its conversation needs it; `endpoint` is the trunk's, for a call to an operator."""

    attempt_id: UUID
    person_id: UUID
    e164: str
    message: tuple[Clip, ...]
    phrases: dict[str, Clip]
    operator: str
    endpoint: str


class Talks:
    """Serves the debtor's conversation."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        # A campaign's phrases are made once, before its first call, and never change.
        self._phrases: dict[UUID, dict[str, Clip]] = {}

    def open(self, attempt: str) -> Sheet:
        """The sheet of a call under way; NotFound for an id that names none."""
        try:
            attempt_id = UUID(attempt)
        except ValueError:
            raise NotFound("no attempt has such an id") from None
        with reading(self._engine) as connection:
            row = calls.for_talk(connection, attempt_id)
            if row is None or not row.clips:
                raise NotFound("no attempt with audio has this id")
            if row.campaign_id not in self._phrases:
                self._phrases[row.campaign_id] = _clips(store.get(connection, row.campaign_id).phrases or {})
        return Sheet(
            attempt_id=attempt_id,
            person_id=row.person_id,
            e164=row.e164,
            message=tuple(Clip(name, ms) for name, ms in row.clips),
            phrases=self._phrases[row.campaign_id],
            operator=self._settings.company.operator,
            endpoint=self._settings.trunk_named(row.trunk).endpoint,
        )

    def rehearsal(self, e164: str) -> Sheet:
        """A sheet for the newest lead of a number, made of texts only: nothing is spoken or changed."""
        with reading(self._engine) as connection:
            row = store.newest_lead(connection, e164)
            if row is None:
                raise NotFound("no campaign has a lead with this number")
            message = message_of(speech_store.template_of(connection, row.template_id))
        texts = phrases(message.template.lang)["debtor"]
        made = {text: _unspoken(text) for text in message.texts(row.variables)}
        return Sheet(
            attempt_id=row.id,
            person_id=row.person_id,
            e164=e164,
            message=tuple(message.clips(row.variables, made)),
            phrases={
                name: _unspoken(text.replace("{company}", self._settings.company.name))
                for name, text in texts.items()
            },
            operator=self._settings.company.operator,
            endpoint=self._settings.trunk_named(row.trunk).endpoint,
        )

    def opt_out(self, sheet: Sheet) -> None:
        """Never call this number again: blacklisted and taken out of every campaign, at once."""
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            contact.ban(connection, sheet.e164, reason="opt-out", at=now, attempt_id=sheet.attempt_id)
            blocked = store.block_phone(connection, sheet.e164)
            audit.note(
                connection,
                at=now,
                actor=f"call:{sheet.attempt_id}",
                deed="blacklist.add",
                subject=str(sheet.person_id),
                reason="opt-out",
                leads_blocked=blocked,
            )

    def joined(self, attempt: str) -> None:
        """An operator took the call; true also if the debtor is the first to hang up."""
        sheet = self.open(attempt)
        with writing(self._engine) as connection:
            calls.save_joined(connection, sheet.attempt_id, sheet.person_id)

    def save(self, sheet: Sheet, talk: Talk | None) -> None:
        """The conversation's result; None (it broke) is kept as partly heard."""
        said = talk or Talk(Outcome.ANSWERED_PARTIAL, 0, sum(clip.ms for clip in sheet.message))
        with writing(self._engine) as connection:
            calls.save_talk(
                connection,
                sheet.attempt_id,
                sheet.person_id,
                outcome=said.outcome,
                heard_ms=said.heard_ms,
                message_ms=said.message_ms,
                pressed=said.keys,
            )


def _unspoken(text: str) -> Clip:
    """A clip that has no file, about as long as the text takes to say."""
    return Clip("", 60 * len(text), text)


def _clips(stored: dict[str, list[Any]]) -> dict[str, Clip]:
    return {name: Clip(*values) for name, values in stored.items()}

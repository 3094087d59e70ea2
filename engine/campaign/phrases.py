"""The phrases of a campaign: what all its calls say, made once, in each language that its templates speak.

    {language: {name: [file, ms, text]}, "machine": {place: [file, ms, text]}}

`machine` is what answering machines hear. A campaign that was begun when there was one language keeps them
without it, {name: [file, ms, text]}; what it lacks is added before its next call.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.campaign.machines import template_id
from engine.settings import Settings
from engine.speech import shipped
from engine.speech.clip import Clip
from engine.speech.keys import Key
from engine.speech.message import message_of
from engine.speech.service import Speech
from storage import campaign as store
from storage import speech as speech_store
from storage.db import reading, writing

MACHINE = "machine"
Stored = dict[str, dict[str, list[Any]]]


class Phrases:
    """Makes them; blocking."""

    def __init__(self, engine: Engine, speech: Speech, settings: Settings) -> None:
        self._engine, self._speech, self._settings = engine, speech, settings

    def make(
        self, campaign: store.CampaignRow, lang: str, needed: Iterable[tuple[str, tuple[Key, ...]]]
    ) -> None:
        """What is missing for calls in these languages with these keys; `lang` is that of the campaign's own
        template. VoiceError.
        """
        stored = by_language(campaign.phrases, lang)
        new: dict[str, dict[str, Clip]] = {}
        for spoken, keys in needed:
            wanted = shipped.spoken("debtor", spoken, self._settings.company.name, keys)
            if not wanted.keys() <= stored.get(spoken, {}).keys():
                new[spoken] = new.get(spoken, {}) | self._speech.phrases("debtor", spoken, keys)
        own = template_id(campaign.machine)
        if own and MACHINE not in stored:
            new[MACHINE] = self._for_machines(own)
        if new:
            self._add(campaign.id, lang, new)

    def _for_machines(self, template_id_: UUID) -> dict[str, Clip]:
        """The clips of the message for answering machines, by their place in it."""
        with reading(self._engine) as connection:
            message = message_of(speech_store.template_of(connection, template_id_))
        made = self._speech.make(message.pieces({}), message.template.lang).whole()
        return {str(place): clip for place, clip in enumerate(message.clips({}, made))}

    def _add(self, campaign_id: UUID, lang: str, new: Mapping[str, Mapping[str, Clip]]) -> None:
        """To what is stored, whoever else adds at the same time."""
        with writing(self._engine) as connection:
            store.lock(connection, campaign_id)
            stored = by_language(store.get(connection, campaign_id).phrases, lang)
            for part, clips in new.items():
                stored[part] = stored.get(part, {}) | {name: _row(clip) for name, clip in clips.items()}
            store.change(connection, campaign_id, self._settings.now(), phrases=stored)


def by_language(stored: Mapping[str, Any] | None, lang: str) -> Stored:
    """As it is kept today; `lang` is that of a campaign that was begun with one."""
    if stored and any(isinstance(value, list) for value in stored.values()):
        return {lang: dict(stored)}
    return dict(stored or {})


def read(connection: Connection, campaign_id: UUID, lang: str) -> dict[str, dict[str, Clip]]:
    """A campaign's phrases as clips."""
    stored = by_language(store.get(connection, campaign_id).phrases, lang)
    return {part: {name: Clip(*row) for name, row in rows.items()} for part, rows in stored.items()}


def in_order(clips: Mapping[str, Clip]) -> Iterable[Clip]:
    """Those of a message by their place."""
    return (clips[place] for place in sorted(clips, key=int))


def _row(clip: Clip) -> list[Any]:
    return [clip.name, clip.ms, clip.text]

"""Before anybody is dialled: every lead's message as finished audio.

A lead goes from new to pending once all its fragments are on disk, or to blocked with the reason. The phrases
that all leads of a campaign share come first.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from engine.errors import TemplateError
from engine.settings import Settings
from engine.speech.message import Message, message_of, names
from engine.speech.service import Speech
from storage import campaign as store
from storage import speech as speech_store
from storage import turns
from storage.db import reading, writing
from storage.vocab import LeadState

BATCH = 200


class Preparer:
    """Makes the audio of campaigns, a batch of leads at a time; blocking."""

    def __init__(self, engine: Engine, speech: Speech, settings: Settings) -> None:
        self._engine, self._speech, self._settings = engine, speech, settings

    def step(self, campaign: store.CampaignRow, progress: Callable[[], None] = lambda: None) -> int:
        """Prepare the next batch of a campaign's leads; how many were looked at (0: all is ready)."""
        with reading(self._engine) as connection:
            leads = store.without_audio(connection, campaign.id, BATCH)
            message = message_of(speech_store.template_of(connection, campaign.template_id))
        if not leads:
            return 0
        if campaign.phrases is None:
            self._phrases(campaign, message.template.lang)
        texts: dict[str, None] = {}
        spoken: list[tuple[Any, list[str]] | tuple[Any, TemplateError]] = []
        for lead in leads:
            try:
                own = [piece.text for piece in message.pieces(lead.variables)]
            except TemplateError as error:
                spoken.append((lead, error))
                continue
            spoken.append((lead, own))
            texts |= dict.fromkeys(own)
        made, failed = self._speech.make(texts, message.template.lang, progress)
        updates = [_update(lead, own, message, made, failed) for lead, own in spoken]
        with writing(self._engine) as connection:
            turns.set_audio(connection, updates)
        return len(leads)

    def _phrases(self, campaign: store.CampaignRow, lang: str) -> None:
        clips = self._speech.phrases("debtor", lang)
        stored = {name: [clip.name, clip.ms, clip.text] for name, clip in clips.items()}
        with writing(self._engine) as connection:
            store.change(connection, campaign.id, self._settings.now(), phrases=stored)


def _update(
    lead: Any, own: list[str] | TemplateError, message: Message, made: dict[str, Any], failed: dict[str, str]
) -> dict[str, Any]:
    """What becomes of one lead: pending with its clips, or blocked with the reason."""
    why = str(own) if isinstance(own, TemplateError) else next((failed[t] for t in own if t in failed), "")
    clips = None if why else names(message.clips(lead.variables, made))
    return {
        "person_id_": lead.person_id,
        "id_": lead.id,
        "clips_": clips,
        "state_": LeadState.BLOCKED if why else LeadState.PENDING,
        "why_": f"no audio: {why}" if why else "",
    }

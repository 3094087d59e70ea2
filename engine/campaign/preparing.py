"""Before anybody is dialled: every lead's message as finished audio.

A lead goes from new to pending once all its fragments are on disk, or to blocked with the reason: also when
its template is for others than him. The phrases that all leads of a campaign share come first.
"""

from collections import defaultdict
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
            hears = {lead.id: lead.template_id or campaign.template_id for lead in leads}
            found = speech_store.versions(connection, {*hears.values(), campaign.template_id})
        if not leads:
            return 0
        messages = {key: message_of(row) for key, row in found.items()}
        if campaign.phrases is None:
            self._phrases(campaign, messages[campaign.template_id].template.lang)
        texts: dict[str, dict[str, None]] = defaultdict(dict)
        spoken: list[tuple[Any, Message, list[str]] | tuple[Any, Message, TemplateError]] = []
        for lead in leads:
            message = messages[hears[lead.id]]
            try:
                own = _texts(lead, message)
            except TemplateError as error:
                spoken.append((lead, message, error))
                continue
            spoken.append((lead, message, own))
            texts[message.template.lang] |= dict.fromkeys(own)
        made = {lang: self._speech.make(own, lang, progress) for lang, own in texts.items()}
        updates = [
            _update(lead, own, message, *made.get(message.template.lang, ({}, {})))
            for lead, message, own in spoken
        ]
        with writing(self._engine) as connection:
            turns.set_audio(connection, updates)
        return len(leads)

    def _phrases(self, campaign: store.CampaignRow, lang: str) -> None:
        clips = self._speech.phrases("debtor", lang)
        stored = {name: [clip.name, clip.ms, clip.text] for name, clip in clips.items()}
        with writing(self._engine) as connection:
            store.change(connection, campaign.id, self._settings.now(), phrases=stored)


def _texts(lead: Any, message: Message) -> list[str]:
    """What he hears; TemplateError when it cannot be said, or is not for him."""
    if lead.role != message.template.role:
        raise TemplateError(f"the template is for a {message.template.role}, and he is a {lead.role}")
    return [piece.text for piece in message.pieces(lead.variables)]


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

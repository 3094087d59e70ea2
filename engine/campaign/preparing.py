"""Before anybody is dialled: every lead's message as finished audio.

| what is wrong with a lead's audio | what becomes of the lead |
|---|---|
| nothing | pending: it may be dialled |
| a text that cannot be said, a template for others | blocked, with the reason; `again` tries it once more |
| what may pass: the voice is busy, the disk is full | new: tried again, later and later |
| not begun in this step | new: the next step goes on |

A step takes some seconds, so that dialling starts while the rest is being made, and a dialer that is stopped
need not wait. Leads that are looked at are claimed: of several dialers each prepares others. The phrases that
all leads of a campaign share come first.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine.campaign.phrases import Phrases
from engine.errors import TemplateError, VoiceError
from engine.settings import Settings
from engine.speech.clip import Said
from engine.speech.message import Message, Spoken, message_of, names, said
from engine.speech.service import Batch, Failure, Speech
from storage import campaign as store
from storage import speech as speech_store
from storage import turns
from storage.db import Record, reading, writing
from storage.turns import MUTE
from storage.vocab import LeadState

STEP_S = 5.0
CLAIM = timedelta(minutes=5)  # longer than any step
LEAST, MOST = 100, 4000  # leads in a step
SOONEST, LATEST = timedelta(seconds=15), timedelta(hours=1)  # when what may pass is tried again


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did: leads it looked at, those it got through (ready or blocked), and why others wait."""

    claimed: int = 0
    leads: int = 0
    waiting: str = ""


class Preparer:
    """Makes the audio of campaigns, a batch of leads at a time; blocking."""

    def __init__(self, engine: Engine, speech: Speech, settings: Settings) -> None:
        self._engine, self._speech, self._settings = engine, speech, settings
        self._phrases = Phrases(engine, speech, settings)
        self._batch = LEAST
        self._messages: dict[UUID, Message] = {}
        self._rest: dict[UUID, tuple[float, float]] = {}  # campaign -> when it may go on, after which pause

    def step(self, campaign: store.CampaignRow) -> int:
        """Prepare the next leads of a campaign; how many are done (0: all are, or they have to wait).

        VoiceError: nothing can be made at present; for a while, longer each time, this is not tried again.
        """
        until, pause = self._rest.get(campaign.id, (0.0, SOONEST.total_seconds() / 2))
        if time.monotonic() < until:
            return 0
        try:
            done = self.work(campaign, lambda: None, time.monotonic() + STEP_S)
            if done.waiting and not done.leads:
                raise VoiceError(done.waiting)
        except VoiceError:
            pause = min(2 * pause, LATEST.total_seconds())
            self._rest[campaign.id] = time.monotonic() + pause, pause
            raise
        self._rest.pop(campaign.id, None)
        return done.leads

    def work(
        self, campaign: store.CampaignRow, progress: Callable[[], None], deadline: float = math.inf
    ) -> Step:
        """A step until the deadline (`time.monotonic`); `progress` is called with each fragment made."""
        began, now = time.monotonic(), self._settings.now()
        with writing(self._engine) as connection:
            leads = turns.claim(connection, campaign.id, now, now + CLAIM, self._batch)
        updates = [_later(lead, lead.due_at) for lead in leads]  # as if nothing had been
        try:
            if leads or campaign.phrases:
                self._ready(campaign, leads)
            updates, step = self._prepared(campaign, leads, progress, deadline)
        finally:
            with writing(self._engine) as connection:
                turns.set_audio(connection, updates)
        self._adapt(len(leads), step.leads, time.monotonic() - began)
        return step

    def _adapt(self, claimed: int, done: int, spent: float) -> None:
        """So many leads next time as fill a step."""
        if done < claimed:
            self._batch = max(LEAST, self._batch // 2)
        elif claimed == self._batch and spent < STEP_S / 2:
            self._batch = min(MOST, self._batch * 2)

    def _prepared(
        self,
        campaign: store.CampaignRow,
        leads: list[Record],
        progress: Callable[[], None],
        deadline: float,
    ) -> tuple[list[dict[str, Any]], Step]:
        """What becomes of these leads."""
        wanted = [asked(lead, self._message(lead.template_id or campaign.template_id)) for lead in leads]
        batches = {
            lang: self._speech.make(
                (piece for one in wanted if one.lang == lang for piece in one.pieces),
                lang,
                progress,
                deadline,
            )
            for lang in dict.fromkeys(one.lang for one in wanted)
        }
        now, longest = self._settings.now(), self._settings.speech.max_message_s
        fates = [_fate(one, batches[one.lang], now, longest) for one in wanted]
        updates = [update for update, _waiting in fates]
        done = sum(update["state_"] is not LeadState.NEW for update in updates)
        return updates, Step(len(leads), done, next((waiting for _update, waiting in fates if waiting), ""))

    def _message(self, template_id: UUID) -> Message:
        """A template's version never changes: it is read once."""
        if template_id not in self._messages:
            with reading(self._engine) as connection:
                self._messages[template_id] = message_of(speech_store.template_of(connection, template_id))
        return self._messages[template_id]

    def _ready(self, campaign: store.CampaignRow, leads: list[Record]) -> None:
        """Make what all calls say in the languages of these leads' messages, where it is missing."""
        own = self._message(campaign.template_id).template
        needed = {(own.lang, own.keys)}
        for lead in leads:
            template = self._message(lead.template_id or campaign.template_id).template
            needed.add((lead.lang or template.lang, template.keys))
        self._phrases.make(campaign, own.lang, needed)


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead with its message; `why` it cannot be said."""

    lead: Record
    message: Message
    spoken: Spoken = ()
    why: str = ""

    @property
    def lang(self) -> str:
        """The language that it is said in."""
        return self.lead.lang or self.message.template.lang

    @property
    def pieces(self) -> list[Said]:
        """What has to be made for it."""
        return said(self.spoken)


def asked(lead: Record, message: Message) -> Asked:
    """What a lead (role, variables, lang) hears."""
    meant = message.template.role
    if lead.role != meant:
        return Asked(lead, message, why=f"the template is for a {meant}, and he is a {lead.role}")
    try:
        return Asked(lead, message, message.spoken(lead.variables, lead.lang))
    except TemplateError as error:
        return Asked(lead, message, why=str(error))


def _fate(one: Asked, batch: Batch, now: datetime, longest_s: int) -> tuple[dict[str, Any], str]:
    """What becomes of a lead, and why it has to wait, if it has."""
    failures = [batch.failed[piece] for piece in one.pieces if piece in batch.failed]
    why = one.why or next((failure.why for failure in failures if not failure.passing), "")
    if why:
        return _over(one.lead, why), ""
    if failures:
        return _later(one.lead, now + max(_pause(one, now) for one in failures)), failures[0].why
    if any(piece not in batch.clips for piece in one.pieces):
        return _later(one.lead, one.lead.due_at), ""
    clips = one.message.played(one.spoken, batch.clips)
    lasts = sum(clip.ms for clip in clips) / 1000
    if lasts > longest_s:
        return _over(one.lead, f"it lasts {lasts:.0f} s, more than {longest_s} (speech.max_message_s)"), ""
    return _changed(one.lead, LeadState.PENDING, one.lead.due_at, clips_=names(clips)), ""


def _pause(failure: Failure, now: datetime) -> timedelta:
    """As long again as it has failed already."""
    return min(max(now - failure.since, SOONEST), LATEST)


def _later(lead: Record, at: datetime) -> dict[str, Any]:
    return _changed(lead, LeadState.NEW, at)


def _over(lead: Record, why: str) -> dict[str, Any]:
    return _changed(lead, LeadState.BLOCKED, lead.due_at, why_=f"{MUTE}{why}")


def _changed(lead: Record, state: LeadState, due: datetime, **more: Any) -> dict[str, Any]:
    given = {"person_id_": lead.person_id, "id_": lead.id, "clips_": None, "why_": ""}
    return given | {"state_": state, "due_at_": due} | more

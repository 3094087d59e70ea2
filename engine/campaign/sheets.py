"""Sheets of calls from stored rows: whose message, in whose words, what can be offered and promised."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from engine.campaign.machines import HANGUP, template_id
from engine.campaign.phrases import MACHINE, in_order, read
from engine.campaign.retry import CALL_BACKS
from engine.campaign.sheet import CalledBack, DebtorCall, Sheet, Words
from engine.contact.cases import ZoneSets
from engine.errors import NotFound
from engine.settings import Settings
from engine.speech.clip import MS_A_CHARACTER, Clip
from engine.speech.menus import menu_name
from engine.speech.message import message_of
from engine.speech.shipped import spoken
from engine.speech.template import Template
from storage import campaign as store
from storage import speech as speech_store
from storage.db import Record, reading
from storage.vocab import Pacing, Recording


class Sheets:
    """Makes them; what calls share (zones, phrases, templates) is kept. One thread at a time."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings, self._zones = engine, settings, ZoneSets()
        self._templates: dict[UUID, Template] = {}
        # Of a campaign; made before its first call, and added to when a new language or other keys come.
        self._phrases: dict[UUID, dict[str, dict[str, Clip]]] = {}

    def of(
        self, connection: Connection, rows: Iterable[Record], back: CalledBack | None = None
    ) -> list[Sheet]:
        """The sheets of these rows (`storage.talks`); `back`: of a call to us about it."""
        zones, now = self._zones.read(connection), self._settings.now()
        return [self._sheet(connection, row, zones.get(row.zone_id, ()), now, back) for row in rows]

    def _sheet(
        self,
        connection: Connection,
        row: Record,
        zones: tuple[ZoneInfo, ...],
        now: datetime,
        back: CalledBack | None,
    ) -> Sheet:
        local = [now.astimezone(zone) for zone in zones] or [now]
        one_clock = bool(zones) and len({time.utcoffset() for time in local}) == 1
        words = self._words(connection, row)  # those of a campaign begun before may have none for it
        later = one_clock and row.promised < CALL_BACKS and "which-hour" in words.phrases
        call = DebtorCall(
            words=words,
            operator=self._operator(row),
            endpoint=self._settings.trunk_named(row.trunk).endpoint,
            recorded=row.recording != Recording.NONE and not back,
            manned=_manned(row) and not back,
            later=later and not back,
            inbound=back is not None,
            today=min(time.date() for time in local),
            promise_days=self._settings.talk.promise_days,
        )
        return Sheet(row.id, row.person_id, row.e164, call, zones, back)

    def _words(self, connection: Connection, row: Record) -> Words:
        template = self._template(connection, row.template_id)
        lang = row.lang or template.lang
        parts = self._phrases.get(row.campaign_id, {})
        if menu_name(template.keys) not in parts.get(lang, {}):
            parts = self._phrases[row.campaign_id] = read(connection, row.campaign_id, template.lang)
        machine = tuple(in_order(parts.get(MACHINE, {})))
        return Words(
            message=tuple(_stored(*clip) for clip in row.clips or ()),
            phrases=parts.get(lang, {}),
            keys=template.keys,
            machine=machine if row.machine == HANGUP or template_id(row.machine) else None,
        )

    def _template(self, connection: Connection, template_id_: UUID) -> Template:
        """A version of a template never changes."""
        if template_id_ not in self._templates:
            row = speech_store.template_of(connection, template_id_)
            self._templates[template_id_] = message_of(row).template
        return self._templates[template_id_]

    def _operator(self, row: Record) -> str:
        """Where an operator is: in the campaign's own queue, or where the settings say."""
        return f"queue:{row.queue}" if _manned(row) else self._settings.company.operator

    def rehearsal(self, e164: str) -> Sheet:
        """A sheet for the newest lead of a number, made of texts only: nothing is spoken or changed."""
        with reading(self._engine) as connection:
            row = store.newest_lead(connection, e164)
            if row is None:
                raise NotFound("no campaign has a lead with this number")
            message = message_of(speech_store.template_of(connection, row.template_id))
        keys, lang = message.template.keys, row.lang or message.template.lang
        texts = spoken("debtor", lang, self._settings.company.name, keys)
        made = {piece: _unspoken(piece.text) for piece in message.pieces(row.variables, row.lang)}
        words = Words(
            message=tuple(message.clips(row.variables, made, row.lang)),
            phrases={name: _unspoken(text) for name, text in texts.items()},
            keys=keys,
        )
        call = DebtorCall(
            words=words,
            operator=self._operator(row),
            endpoint=self._settings.trunk_named(row.trunks[0]).endpoint,
            recorded=row.record,
            manned=_manned(row),
            later=True,
            today=self._settings.now().date(),
            promise_days=self._settings.talk.promise_days,
        )
        return Sheet(row.id, row.person_id, e164, call)


def _manned(row: Record) -> bool:
    """Does its campaign call for the operators of its queue?"""
    return bool(row.pacing != Pacing.FILL)


def _unspoken(text: str) -> Clip:
    """A clip that has no file, about as long as the text takes to say."""
    return Clip("", MS_A_CHARACTER * len(text), text)


def _stored(name: str, ms: int, part: str = "") -> Clip:
    """A clip of a lead; those that were prepared before fragments were noted name none."""
    return Clip(name, ms, part=part)

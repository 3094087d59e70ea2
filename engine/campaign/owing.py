"""Does he still owe? Asked of the campaign's source shortly before leads are due, many at a time.

A lead's debt is the source's row of its external_id (or of its person_id, where the source has no other);
when `sum` is mapped, it must be more than 0. Who has paid is blocked. A source that is down changes nothing:
the dispatch waits for an answer that is fresh (engine.contact.rules).
"""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from engine.campaign.query import compiled
from engine.conditions.filters import And, Condition, Node, Op
from engine.contact.cases import ZoneSets
from engine.contact.packs import law_of
from engine.errors import SettingsError
from engine.gateways.erp import Erp, erp, told
from engine.settings import Settings
from storage import owing as store
from storage.campaign import CampaignRow
from storage.db import reading, writing
from storage.vocab import FieldKind

BATCH = 500
AHEAD = timedelta(minutes=5)
DIGITS = 15  # of a number that every database holds
PAID, NO_ID = "paid", "the source cannot be asked: the lead has no external_id"


class Owing:
    """Asks the sources of campaigns; blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings, self._zones = engine, settings, ZoneSets()

    def step(self, campaign: CampaignRow) -> int:
        """Ask about the next leads of a campaign; how many (0: none needs it now).

        SourceDown when the source does not answer; SettingsError when it cannot be asked so.
        """
        if not campaign.owes:
            return 0
        source, now = erp(self._settings, campaign.owes), self._settings.now()
        stale = now - timedelta(seconds=source.fresh_s)
        with reading(self._engine) as connection:
            zones = self._awake(connection, campaign, now)
            leads = store.unchecked(connection, campaign.id, now + AHEAD, stale, zones, BATCH)
        if not leads:
            return 0
        asked = {lead.key: _id(source, lead.key) for lead in leads}
        owing = _owing(source, {value for value in asked.values() if value is not None}, now.date())
        still, over = [], []
        for lead in leads:
            who: dict[str, Any] = {"person_id_": lead.person_id, "id_": lead.id}
            if asked[lead.key] in owing:
                still.append(who)
            else:
                over.append(who | {"why_": PAID if asked[lead.key] is not None else NO_ID})
        with writing(self._engine) as connection:
            store.still_owe(connection, still, now)
            store.owe_no_more(connection, over)
        return len(leads)

    def _awake(self, connection: Connection, campaign: CampaignRow, now: datetime) -> list[int]:
        """The zone sets of people who may be called now or soon: nobody is asked about by night."""
        law = law_of(self._settings, campaign.law)
        return [
            key
            for key, zones in self._zones.read(connection).items()
            if law.open(zones, now) or law.open(zones, now + AHEAD)
        ]


def _field(source: Erp) -> str:
    """What a debt is known by in this source."""
    for name in ("external_id", "person_id"):
        if name in source.fields:
            return name
    raise SettingsError(f"source {source.name} has neither external_id nor person_id to ask by")


def _id(source: Erp, key: str) -> int | str | None:
    """A lead's key (see engine.campaign.leads) as the source knows it; None when it cannot."""
    name = _field(source)
    if name == "external_id" and key.startswith(("id:", "tel:")):
        return None
    if name == "person_id" and not key.startswith("id:"):
        return None
    own = key.removeprefix("id:") if name == "person_id" else key
    if source.fields[name].kind is not FieldKind.NUMBER:
        return own
    return int(own) if own.isdecimal() and len(own) <= DIGITS else None


def _owing(source: Erp, ids: set[int | str], today: date) -> set[int | str]:
    """Which of these still owe."""
    if not ids:
        return set()
    name = _field(source)
    asked: Node = Condition(name, Op.IN, tuple(ids))
    if "sum" in source.fields:
        asked = And((asked, Condition("sum", Op.MORE, (0,))))
    found = source.rows(compiled(asked, source, today), [name])
    if source.fields[name].kind is FieldKind.NUMBER:
        return {int(value) for (value,) in found}
    return {told(value) for (value,) in found}

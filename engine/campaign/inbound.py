"""Calls to us: who calls back the number that called him hears why, and need not be called any more.

He is known as well as on our own call: by the number. So his message is told to a number that we called from
the one that he dials, within `talk.inbound_days`, and to nobody else; nothing is told of a lead that is
blocked (he paid, he is on the blacklist) nor of a campaign that was stopped. His call takes nothing from his
limits: they are of our calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine

from engine.campaign.attempts import NO_DAY, Talk
from engine.campaign.sheet import CalledBack, Sheet
from engine.campaign.sheets import Sheets
from engine.contact.numbers import e164
from engine.errors import UsageError
from engine.settings import Settings
from storage import inbound as store
from storage.db import Record, new_id, reading
from storage.vocab import LeadState, Outcome


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of his call; `due`: when he may be called again by his own word."""

    sheet: Sheet
    talk: Talk
    due: datetime | None


class CallsBack:
    """One transaction at the start of a call to us, a part of one after its end."""

    def __init__(self, engine: Engine, settings: Settings, sheets: Sheets) -> None:
        self._engine, self._settings, self._sheets = engine, settings, sheets

    def sheet(self, number: str, dialled: str) -> Sheet | None:
        """What this number is told on the number that it dialled; None: nothing."""
        now = self._settings.now()
        own, since = self._read(number), now - timedelta(days=self._settings.talk.inbound_days)
        if not own:
            return None
        with reading(self._engine) as connection:
            calls = store.calls_to(connection, own, since)
            row = next(
                (row for row in calls if row.caller_id in ("", dialled) or self._same(row, dialled)), None
            )
            if row is None or row.lead_state == LeadState.BLOCKED or not row.clips:
                return None
            back = CalledBack(row.lead_id, row.campaign_id, row.key, dialled[:20], now)
            return self._sheets.of(connection, [row], back)[0]

    def _same(self, row: Record, dialled: str) -> bool:
        """Is the number that we called from the one that he dialled, however each is written?"""
        return self._read(row.caller_id) == self._read(dialled) != ""

    def _read(self, number: str) -> str:
        """A number as a carrier writes it, in E.164; "" for what is none."""
        try:
            return e164(number, self._settings.region)
        except UsageError:
            return ""

    def save(self, connection: Connection, reported: Sequence[Reported]) -> None:
        """His calls, and what becomes of the leads of the same debt that nobody is calling now: done once he
        heard the message or pressed a key, due after his promise while they have calls left.
        """
        for one in reported:
            back = one.sheet.back
            if back is None:
                raise ValueError("not a call to us")
            store.add(connection, _row(one.sheet, back, one.talk))
            if one.talk.outcome is not Outcome.ANSWERED_PARTIAL or one.talk.keys:
                store.settle(connection, one.sheet.person_id, back.debt, one.talk.outcome, one.due)


def _row(sheet: Sheet, back: CalledBack, talk: Talk) -> dict[str, object]:
    promised: date | None = None if talk.day == NO_DAY else talk.day
    return {
        "person_id": sheet.person_id,
        "id": new_id(back.at),
        "lead_id": back.lead_id,
        "campaign_id": back.campaign_id,
        "dialled": back.dialled,
        "at": back.at,
        "outcome": talk.outcome.value,
        "heard_ms": talk.heard_ms,
        "message_ms": talk.message_ms,
        "heard": talk.heard,
        "pressed": talk.keys,
        "promised_on": promised,
    }

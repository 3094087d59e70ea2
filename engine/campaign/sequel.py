"""What becomes of leads whose call is over: load what came before, ask `retry.plan`, save.

In the transaction that writes the outcome. Leads that are done whatever was before (somebody answered) cost
no question.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from engine.campaign.retry import Made, Next, Policy, plan
from engine.campaign.retry_rules import rules_of
from engine.contact.cases import ZoneSets
from storage import contact, turns
from storage import retry as storage
from storage.db import Record
from storage.vocab import LeadState, Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over, as its lead sees it. `made` of the budget were used before it; `hour`: at which he
    asked to be called back; `day`: by which he promised to pay.
    """

    id: UUID
    person_id: UUID
    lead_id: UUID
    campaign_id: UUID
    trunk: str
    made: int
    at: datetime
    outcome: Outcome
    refund: bool
    hour: int | None = None
    day: date | None = None

    @property
    def gave_his_word(self) -> bool:
        """He said himself when he may be called again."""
        return self.hour is not None or self.day is not None


class Sequel:
    """Decides for one dialer. `scale` multiplies delays."""

    def __init__(self, scale: float) -> None:
        self._scale, self._zones = scale, ZoneSets()

    def write(self, connection: Connection, ended: Sequence[Ended]) -> None:
        """Leads done, due again, or turned to another phone; they are in flight until here."""
        terms = storage.terms(connection, {one.campaign_id for one in ended})
        policies = {key: Policy(row.attempts, rules_of(row.retry), self._scale) for key, row in terms.items()}
        open_ = [one for one in ended if _open(one, policies[one.campaign_id])]
        found = _Found(connection, open_, policies, self._zones)
        moved, rows = [], []
        for one in ended:
            policy = policies[one.campaign_id]
            next_ = found.next(one, policy) if one in open_ else Next(one.made + 1)
            rows.append(_row(one, next_, policy))
            if next_.phone is not None and (move := found.move(one, next_.phone)):
                moved.append(move)
        turns.turn_to(connection, moved)
        turns.release(connection, rows)


def _open(one: Ended, policy: Policy) -> bool:
    """May there be another call?"""
    rule = policy.rules[one.outcome]
    return rule.delay_s is not None or rule.next_phone or one.gave_his_word or one.refund


def _row(one: Ended, next_: Next, policy: Policy) -> dict[str, Any]:
    return {
        "person_id_": one.person_id,
        "id_": one.lead_id,
        "state_": LeadState.PENDING if next_.due else LeadState.DONE,
        "due_at_": next_.due or one.at,
        "waits_": next_.waits,
        "attempts_": next_.spent,
        "outcome_": one.outcome,
        "avoids_": one.trunk if policy.rules[one.outcome].other_trunk else "",
    }


class _Found:
    """What is stored of leads that may be called again, read at once."""

    def __init__(
        self,
        connection: Connection,
        ended: Sequence[Ended],
        policies: Mapping[UUID, Policy],
        zones: ZoneSets,
    ) -> None:
        keys = {(one.person_id, one.lead_id) for one in ended}
        self._calls: dict[UUID, list[Record]] = defaultdict(list)
        for row in storage.calls_of(connection, keys):
            self._calls[row.lead_id].append(row)
        turning = [one for one in ended if policies[one.campaign_id].rules[one.outcome].next_phone]
        asked = [one for one in ended if one.gave_his_word]
        self._places = storage.places(connection, {(one.person_id, one.lead_id) for one in turning + asked})
        self._phones: dict[UUID, dict[UUID, int]] = defaultdict(dict)
        phones = storage.phones_of(connection, {one.person_id for one in turning})
        untold = any(row.zone_id is None for row in phones)
        unknown = contact.zone_ids(connection, {""})[""] if untold else 0
        for row in phones:
            self._phones[row.person_id][row.id] = unknown if row.zone_id is None else row.zone_id
        self._zones = zones.read(connection) if asked else {}

    def next(self, one: Ended, policy: Policy) -> Next:
        """What follows this call."""
        place = self._places.get(one.lead_id)
        zones = self._zones.get(place.zone_id, ()) if place else ()
        calls = [call for row in self._calls[one.lead_id] if (call := _made(row, one))]
        return plan(calls, list(self._phones[one.person_id]), policy, zones)

    def move(self, one: Ended, phone: UUID) -> dict[str, Any] | None:
        """What is to be written of a lead that turns to this phone; None: it has it. Its zones are the new
        phone's where the old one's number told them.
        """
        place = self._places.get(one.lead_id)
        if place is None or place.phone_id == phone:
            return None
        zone_id = self._phones[one.person_id][phone] if place.by_number else place.zone_id
        return {"person_id_": one.person_id, "id_": one.lead_id, "phone_id_": phone, "zone_id_": zone_id}


def _made(row: Record, now: Ended) -> Made | None:
    """A stored call; None for one that never went out, or is under way."""
    if row.id == now.id:
        return Made(row.phone_id, now.outcome, now.at, now.refund, now.hour, now.day)
    if row.ended_at is None or (row.refund and row.outcome == Outcome.CANCELLED):
        return None
    return Made(row.phone_id, Outcome(row.outcome), row.ended_at, row.refund, row.call_back, row.promised_on)

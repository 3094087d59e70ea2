"""Who is called next: leads that are due, in zones where it is day, whom every rule allows.

Taken in the beat's transaction: what is decided here and the attempt that reserves it are written together,
and whoever is being decided about is held against other dialers. A lead that may not be called now is put off
to the moment when it may; one that may never be called is blocked, with the reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine import telemetry
from engine.campaign.rates import Rates
from engine.campaign.timing import CONTROL
from engine.contact.cases import Addressees, ZoneSets, load
from engine.contact.law import Case, Law
from engine.contact.limits import Past
from engine.contact.packs import law_of
from engine.contact.rules import Answer, Decision, Verdict, campaign_rules, decide
from engine.contact.terms import scope_of, terms_of
from engine.errors import SettingsError, UsageError
from engine.settings import Settings
from storage import campaign as store
from storage import due, turns
from storage.db import Record
from storage.vocab import CallKind, Waits

GOLDEN = 0.6180339887  # steps of it are spread evenly over a circle
LOOKED_AT = 500  # leads a beat and campaign: enough to get past those who may not be called
PERMIT = timedelta(seconds=1)  # what has not gone out by then is decided anew: an opt-out holds at once

log = telemetry.logger("dispatch")


@dataclass(frozen=True, slots=True)
class Permit:
    """A lead that may be called now. `why` is the decision, for the record."""

    lead: Record
    e164: str
    kind: CallKind
    until: datetime
    why: dict[str, Any]


class Dispatch:
    """Decides for one dialer."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._zones, self._rates = settings, ZoneSets(), Rates()
        self._addressees = Addressees()
        self._turn = 0.0
        self._barred: dict[str, str] = {}

    def take(
        self, connection: Connection, campaign: store.CampaignRow, wanted: int, now: datetime
    ) -> list[Permit]:
        """Up to `wanted` leads, in flight from here on."""
        law = self._law(campaign, now)
        if law is None:
            return []
        sets = self._zones.read(connection)
        open_ = [key for key, zones in sets.items() if law.open(zones, now)]
        scores = self._rates.scores(connection, law, sets, open_, now)
        scope = scope_of(self._settings, campaign, law)
        permits: list[Permit] = []
        levels = due.levels(connection, campaign.id, now, open_)
        looked = 0
        while levels and len(permits) < wanted and looked < LOOKED_AT:
            self._turn = (self._turn + GOLDEN) % 1
            lacking = wanted - len(permits)
            ranking = due.Ranking(scores, CONTROL, self._turn)
            rows = due.take(connection, campaign.id, now, lacking, levels[0], ranking)
            looked += len(rows)
            cases = load(connection, rows, sets, self._addressees, scope, now, lock=True)
            fresh = list(_decided(rows, cases, law, permits, now))
            _write(connection, fresh, now)
            permits += [_permit(row, cases[row.id], law, one, now) for row, one in fresh if _allows(one)]
            if len(cases) < len(rows):  # the rest is in another dialer's hands
                break
            if len(rows) < lacking:
                levels.pop(0)
        return permits

    def _law(self, campaign: store.CampaignRow, now: datetime) -> Law | None:
        """The campaign's law; None when nobody of it may be called, which is said once."""
        law, why = None, ""
        try:
            law = law_of(self._settings, campaign.law)
            terms = terms_of(self._settings, campaign)
            why = ", ".join(
                finding.rule
                for finding in campaign_rules(law, terms, now)
                if finding.verdict is Verdict.NEVER
            )
        except (UsageError, SettingsError) as error:
            why = str(error)
        if why != self._barred.get(campaign.name, ""):
            self._barred[campaign.name] = why
            if why:
                log.error("campaign is not called", campaign=campaign.name, reason=why)
        return None if why else law


def _allows(decision: Decision) -> bool:
    return decision.answer is Answer.ALLOW


def _decided(
    rows: Sequence[Record], cases: dict[Any, Case], law: Law, before: list[Permit], now: datetime
) -> Iterator[tuple[Record, Decision]]:
    """A decision for each lead; one who has just been permitted counts as being on the line."""
    taken = {permit.lead.person_id for permit in before}
    numbers = {permit.e164 for permit in before}
    for row in rows:
        case = cases.get(row.id)
        if case is None:
            continue
        target = case.target
        if row.person_id in taken or target.e164 in numbers:
            call = Past(now, target.e164, target.debt, target.campaign_id, law.kind, open=True)
            case = replace(case, past=(*case.past, call))
        decision = decide(case, law, now)
        if _allows(decision):
            taken.add(row.person_id)
            numbers.add(target.e164)
        yield row, decision


def _write(connection: Connection, decided: list[tuple[Record, Decision]], now: datetime) -> None:
    """Leads in flight, put off, and blocked."""
    later, never, going = [], [], []
    for row, decision in decided:
        who = {"person_id_": row.person_id, "id_": row.id}
        if decision.answer is Answer.ALLOW:
            going.append(row)
        elif decision.answer is Answer.WAIT:
            reason = decision.reason
            waits = reason.waits if reason else Waits.TURN
            later.append({**who, "due_at_": decision.next_at or now + timedelta(days=1), "waits_": waits})
        else:
            never.append({**who, "why_": _why(decision)})
    turns.set_in_flight(connection, going)
    turns.defer(connection, later)
    turns.block(connection, never)


def _why(decision: Decision) -> str:
    """Why a lead is blocked, in one word; a blacklist's entry is named, so that it can be undone."""
    reason = decision.reason
    if reason is None:
        return ""
    return f"blacklisted:{reason.values['id']}" if reason.rule == "blacklist" else reason.code


def _permit(row: Record, case: Case, law: Law, decision: Decision, now: datetime) -> Permit:
    hours, limits = [], {}
    for finding in decision.findings:
        values = finding.values
        if finding.code == "hours-open":
            hours.append([values["zone"], f"{values['local']:%Y-%m-%d %H:%M}", values["window"]])
        if finding.code == "limit-free":
            limits[finding.rule.removeprefix("limit:")] = [values["used"], values["most"]]
    why = {"law": [f"{pack.name} {pack.version}" for pack in law.packs], "hours": hours, "used": limits}
    return Permit(row, case.target.e164, law.kind, now + PERMIT, why)

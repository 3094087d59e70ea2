"""Why is this number called, or not? The dialer's own rules, asked aloud."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.contact.cases import Addressees, Evidence, Scope, ZoneSets, load
from engine.contact.law import Case, Law, Terms
from engine.contact.numbering import about
from engine.contact.numbers import e164, kind
from engine.contact.packs import law_of
from engine.contact.queue import hears, queue_rules
from engine.contact.rules import Answer, Decision, Finding, Verdict, decide
from engine.contact.terms import ANNOUNCED, scope_of
from engine.contact.words import sentence
from engine.contact.zones import Located, Locator, Place, zone
from engine.errors import NotFound
from engine.settings import Settings
from engine.speech.message import message_of
from storage import campaign as store
from storage import contact, speech
from storage.db import Record, reading

ORDER = [Answer.ALLOW, Answer.WAIT, Answer.NEVER]
NOBODY = UUID(int=0)


class Stranger(NamedTuple):
    """A number that no list has named, in the place of a line of ours."""

    e164: str
    kind: str
    person_id: UUID = NOBODY
    phone_id: UUID = NOBODY
    key: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explained:
    """A case with its decision, and where its zones are from."""

    case: Case
    located: Located
    decision: Decision


class Contacts:
    """Load, decide, tell."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def explain(self, phone: str, campaign: str | None, at: datetime | None, lang: str) -> dict[str, Any]:
        """The contract's answer. `at`: as if it were then, with what is known now.

        Without a campaign: under the law of the settings, whatever lists the number is in. UsageError: no
        such number; NotFound: no such campaign.
        """
        number, moment = e164(phone, self._settings.region), at or self._settings.now()
        with reading(self._engine) as connection:
            found = self._explained(connection, number, campaign, moment)
        one = min(
            found, key=lambda each: (ORDER.index(each.decision.answer), each.decision.next_at or moment)
        )
        return {
            "phone": number,
            "decision": one.decision.answer,
            "next_allowed_at": one.decision.next_at,
            "zones": [place.key for place in one.case.zones],
            "zone_source": one.located.source,
            "rules": [_told(finding, lang) for finding in one.decision.findings],
        }

    def _explained(
        self, connection: Connection, number: str, name: str | None, at: datetime
    ) -> list[Explained]:
        """Everybody whom this number may reach, and each lead of his that the campaign has."""
        if name is None:
            law = law_of(self._settings, self._settings.contact.law)
            labelled = any(trunk.label for trunk in self._settings.trunk)
            terms = Terms(labelled=labelled, announced=ANNOUNCED)
            scope = Scope(None, "", terms, law.memory, NOBODY)
            return self._people(connection, number, law, scope, at)
        row = store.find(connection, name)
        if row is None:
            raise NotFound(f"no campaign named {name!r}")
        law = law_of(self._settings, row.law)
        scope = scope_of(self._settings, row, law)
        leads = store.leads_of(connection, row.id, number)
        if leads:
            return self._leads(connection, number, row, leads, law, scope, at)
        strangers = self._people(connection, number, law, scope, at)
        queue = tuple(queue_rules(name, row.state, None, at))
        return [
            Explained(one.case, one.located, _queued(queue, one.case, law, one.decision, at))
            for one in strangers
        ]

    def _leads(
        self,
        connection: Connection,
        number: str,
        campaign: store.CampaignRow,
        leads: Sequence[Record],
        law: Law,
        scope: Scope,
        at: datetime,
    ) -> list[Explained]:
        own = {lead.id: lead.template_id or campaign.template_id for lead in leads}
        templates = speech.versions(connection, set(own.values()))
        cases = load(connection, leads, ZoneSets().read(connection), Addressees(), scope, at)
        explained = []
        for lead in leads:
            queue = tuple(queue_rules(campaign.name, campaign.state, lead, at))
            if template := templates.get(own[lead.id]):
                queue += (_hears(campaign, template, lead.lang),)
            located = self._located(connection, lead.person_id, number)
            case = replace(cases[lead.id], zone_source=located.source)
            decision = _queued(queue, case, law, decide(case, law, at), at)
            explained.append(Explained(case, located, decision))
        return explained

    def _people(
        self, connection: Connection, number: str, law: Law, scope: Scope, at: datetime
    ) -> list[Explained]:
        """Without a lead: what is known of the number and of those who have it."""
        lines: list[Any] = contact.owners(connection, number) or [Stranger(number, kind(number))]
        people = {line.person_id for line in lines}
        evidence = Evidence(connection, lines, people, scope, at)
        explained = []
        for line in lines:
            located = self._located(connection, line.person_id, number)
            known = evidence.case_of(line, tuple(map(zone, located.zones)))
            case = replace(known, zone_source=located.source)
            explained.append(Explained(case, located, decide(case, law, at)))
        return explained

    def _located(self, connection: Connection, person_id: UUID, number: str) -> Located:
        """Where he is, as an import would work it out now."""
        locator = Locator(about(connection, number))
        found = contact.place_of(connection, person_id)
        place = Place(**found._asdict()) if found else Place()
        return locator.locate(place, number)


def _queued(queue: tuple[Finding, ...], case: Case, law: Law, decision: Decision, at: datetime) -> Decision:
    """The rules' decision, seen through the state of the campaign and of the lead."""
    findings = (*queue, *decision.findings)
    verdicts = {finding.verdict for finding in queue}
    if Verdict.NEVER in verdicts:
        return Decision(Answer.NEVER, None, findings)
    if Verdict.WAIT not in verdicts:
        return replace(decision, findings=findings)
    moments = [finding.until for finding in queue if finding.verdict is Verdict.WAIT]
    if decision.answer is Answer.NEVER:
        return Decision(Answer.NEVER, None, findings)
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):  # nobody knows when a paused campaign goes on
        return Decision(Answer.WAIT, None, findings)
    later = decide(case, law, max(known))
    return Decision(Answer.WAIT, later.next_at, findings)


def _hears(campaign: store.CampaignRow, template: speech.TemplateRow, lang: str) -> Finding:
    spoken = lang or message_of(template).template.lang
    return hears(campaign.messages, str(template.id), template.name, template.version, spoken)


def _told(finding: Finding, lang: str) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "verdict": finding.verdict,
        "detail": sentence(finding, lang),
        "source": finding.source,
    }

"""Campaigns as operators handle them: create, fill, start, pause, look.

    draft -> running <-> paused -> stopped -> running …      running -> done when no lead is left

A verb that would change nothing is done already and says so; one that makes no sense in the campaign's state
is Refused. Every change is in the audit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.campaign import changing, funnel, storms
from engine.campaign.hearing import Hearing, for_machines, kept, pinned
from engine.campaign.importing import import_rows, wanted_of
from engine.campaign.leads import complete
from engine.campaign.messages import told
from engine.campaign.retry_rules import parse
from engine.contact.lists import Summary
from engine.contact.packs import law_of
from engine.contact.rules import Verdict, campaign_rules
from engine.contact.terms import terms_of
from engine.contact.words import sentence
from engine.errors import NotFound, Refused, UsageError
from engine.files.sheets import rows
from engine.settings import Settings, safe_name
from engine.speech.message import message_of
from storage import audit, calls
from storage import campaign as store
from storage.blacklist import GLOBAL
from storage.db import new_id, reading, writing
from storage.vocab import CampaignState, LeadState, Outcome, Pacing

# verb -> (states it works from, state it leads to)
VERBS: dict[str, tuple[frozenset[CampaignState], CampaignState]] = {
    "start": (
        frozenset({CampaignState.DRAFT, CampaignState.STOPPED, CampaignState.DONE}),
        CampaignState.RUNNING,
    ),
    "resume": (frozenset({CampaignState.PAUSED}), CampaignState.RUNNING),
    "pause": (frozenset({CampaignState.RUNNING}), CampaignState.PAUSED),
    "stop": (frozenset({CampaignState.RUNNING, CampaignState.PAUSED}), CampaignState.STOPPED),
}
RATE_WINDOW_S = 10
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """A new campaign's figures; None takes what its trunks have.

    `queue`: of the operators whom it calls for, unless its pacing is to fill its channels; `abandon`: the
    share of answered calls that may find none of them.
    """

    cps: float | None = None
    channels: int | None = None
    attempts: int = 1
    priority: int = 0
    pacing: Pacing = Pacing.FILL
    queue: str = ""
    abandon: float = 0.03


@dataclass(frozen=True, slots=True)
class Rules:
    """Which law a new campaign is under, no law named takes the settings' own; is it recorded, and when
    are its leads called again (see engine.campaign.retry_rules)? `amd`: by which preset machines are told,
    and `machine` what they get (engine.campaign.machines).
    """

    law: tuple[str, ...] = ()
    exemption: str = ""
    owes: str = ""
    record: bool = False
    retry: tuple[str, ...] = ()
    amd: str = ""
    machine: str = ""


NO_RULES = Rules()


class Campaigns:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def create(
        self,
        name: str,
        template: str,
        trunks: Sequence[str],
        limits: Limits,
        actor: str,
        rules: Rules = NO_RULES,
        messages: Sequence[str] = (),
    ) -> store.CampaignRow:
        """A new campaign in draft, bound to its templates' newest versions; Refused when the name is taken.

        `template` is what everybody hears (`debt`, or `debt=50,soft=50`), `messages` what some hear instead
        (`engine.campaign.messages`).
        """
        if safe_name(name) == GLOBAL:
            raise UsageError(f"{GLOBAL!r} is what the blacklist calls all campaigns; choose another name")
        law_of(self._settings, rules.law or self._settings.contact.law)  # UsageError: no such pack
        if rules.owes:
            self._settings.source_named(rules.owes)
        _for_operators(limits)
        hears = told(template, messages)
        lines = [self._settings.trunk_named(trunk) for trunk in trunks]
        now = self._settings.now()
        with writing(self._engine) as connection:
            if store.find(connection, name):
                raise Refused(f"there is a campaign named {name!r} already")
            found = pinned(connection, hears)
            written = found[hears[-1].shares[0][0]]
            row = store.CampaignRow(
                id=new_id(),
                name=name,
                state=CampaignState.DRAFT,
                template_id=written.id,
                trunks=list(trunks),
                cps=limits.cps or sum(line.cps for line in lines),
                channels=limits.channels or sum(line.channels for line in lines),
                attempts=limits.attempts,
                priority=limits.priority,
                pacing=limits.pacing,
                queue=limits.queue,
                abandon=limits.abandon,
                role=message_of(written).template.role,
                messages=kept(hears, found) if len(found) > 1 else [],
                law=list(rules.law or self._settings.contact.law),
                exemption=rules.exemption,
                owes=rules.owes,
                record=rules.record,
                amd=rules.amd,
                machine=for_machines(connection, rules.amd, rules.machine),
                retry=parse(rules.retry, {}),
                phrases=None,
                created_at=now,
                changed_at=now,
            )
            store.add(connection, row)
            audit.note(
                connection, at=now, actor=actor, deed="campaign.create", subject=name, template=template
            )
        return row

    def set_retry(self, name: str, given: Sequence[str], actor: str) -> dict[str, str]:
        """Change rules of retrying (`busy=10m x2`, `busy=default`); all that it has of its own. They
        hold from the next call that ends. UsageError: one is wrong, and nothing changed.
        """
        now = self._settings.now()
        with writing(self._engine) as connection:
            row = self._find(connection, name, lock=True)
            retry = parse(given, row.retry)
            if retry != row.retry:
                store.change(connection, row.id, now, retry=retry)
                audit.note(connection, at=now, actor=actor, deed="campaign.retry", subject=name, retry=retry)
        return retry

    def fill(
        self, name: str, file: Path, actor: str, progress: Callable[[int], None] = lambda done: None
    ) -> Summary:
        """Import a list; the same list again changes nothing."""
        with reading(self._engine) as connection:
            row = self._find(connection, name)
            _choice, wanted = wanted_of(connection, row, self._settings)
        summary = import_rows(
            self._engine,
            row,
            complete(wanted.values(), rows(file)),
            self._settings,
            rejects=self._settings.data_dir / "rejects" / f"{name}-{file.stem}.rejected.csv",
            progress=progress,
        )
        with writing(self._engine) as connection:
            audit.note(
                connection,
                at=self._settings.now(),
                actor=actor,
                deed="campaign.import",
                subject=name,
                file=file.name,
                **{key: value for key, value in summary.as_json().items() if key != "rejects_file"},
            )
        return summary

    def turn(self, name: str, verb: str, actor: str) -> bool:
        """Start, pause, resume or stop; False when the campaign was in that state already."""
        sources, target = VERBS[verb]
        now = self._settings.now()
        with writing(self._engine) as connection:
            row = self._find(connection, name, lock=True)
            if row.state is target:
                return False
            if row.state not in sources:
                raise Refused(f"campaign {name!r} is {row.state}; it cannot {verb}")
            if target is CampaignState.RUNNING:
                self._lawful(row, now)
            if target is CampaignState.RUNNING and not store.unfinished(connection, row.id):
                raise NotFound(f"campaign {name!r} has no lead left to call; import a list first")
            store.change(connection, row.id, now, state=target, why="")
            audit.note(connection, at=now, actor=actor, deed=f"campaign.{verb}", subject=name)
        return True

    def change(self, name: str, pairs: Sequence[str], actor: str) -> dict[str, tuple[Any, Any]]:
        """Change figures of a campaign, running or not (`changing`): what differs, as (old, new)."""
        return changing.change(self._engine, self._settings, name, pairs, actor)

    def _lawful(self, row: store.CampaignRow, now: datetime) -> None:
        """Refused, with the law's own words, when nobody of this campaign may be called."""
        law, terms = law_of(self._settings, row.law), terms_of(self._settings, row)
        barred = [one for one in campaign_rules(law, terms, now) if one.verdict is Verdict.NEVER]
        if barred:
            told = "; ".join(f"{one.rule}: {sentence(one, self._settings.lang)}" for one in barred)
            raise Refused(f"campaign {row.name!r} may not call: {told}")

    def explain(self, name: str) -> dict[str, Any]:
        """From all its leads to those that can be called now (`funnel`), and who hears what (`hearing`)."""
        found = funnel.explain(self._engine, self._settings, name)
        return found | {"messages": Hearing(self._engine, self._settings).list(name)}

    def list(self) -> list[store.CampaignRow]:
        """Every campaign."""
        with reading(self._engine) as connection:
            return store.campaigns(connection)

    def status(self, name: str) -> dict[str, Any]:
        """The contract's status of a campaign, as it is now."""
        now = self._settings.now()
        with reading(self._engine) as connection:
            row = self._find(connection, name)
            leads = store.lead_counts(connection, row.id)
            outcomes = calls.outcome_counts(connection, row.id)
            recent = calls.prepared_since(connection, row.id, now, RATE_WINDOW_S)
            answers = calls.answer_counts(connection, row.id, now - DAY)
            offenders = storms.offenders(connection, row)
        waiting, blocked = leads.get(LeadState.NEW, 0), leads.get(LeadState.BLOCKED, 0)
        total = sum(leads.values())
        return {
            "name": name,
            "state": row.state,
            "leads": {
                "total": total,
                "pending": waiting + leads.get(LeadState.PENDING, 0),
                "in_flight": leads.get(LeadState.IN_FLIGHT, 0),
                "done": leads.get(LeadState.DONE, 0),
                "blocked": blocked,
            },
            "attempts": {
                "total": sum(outcomes.values()),
                **{outcome.value: outcomes.get(outcome, 0) for outcome in Outcome},
            },
            "rate": {
                "cps": round(recent / RATE_WINDOW_S, 1),
                "cps_limit": row.cps,
                "channels": outcomes.get("", 0),
                "channels_limit": row.channels,
            },
            "operators": _for_whom(row, *answers),
            "audio": {"needed": total - blocked, "ready": total - blocked - waiting},
            "why": row.why,
            "offenders": offenders,
        }

    @staticmethod
    def _find(connection: Any, name: str, *, lock: bool = False) -> store.CampaignRow:
        row = store.find(connection, name, lock=lock)
        if row is None:
            raise NotFound(f"no campaign named {name!r}")
        return row


def _for_whom(row: store.CampaignRow, answered: int, abandoned: int) -> dict[str, Any]:
    """For which operators it calls, and how many of the answered calls of a day found none of them."""
    share = round(abandoned / answered, 4) if answered else 0.0
    told = {"pacing": row.pacing, "queue": row.queue, "answered": answered, "abandoned": abandoned}
    return told | {"abandoned_share": share, "abandoned_limit": row.abandon}


def _for_operators(limits: Limits) -> None:
    """UsageError when the pacing and the operators do not go together."""
    if limits.queue:
        safe_name(limits.queue)
    if (limits.pacing is Pacing.FILL) == bool(limits.queue):
        raise UsageError("pacing for operators and the queue that they are in go together: --operators QUEUE")
    if not 0 < limits.abandon <= 1:
        raise UsageError("the share of abandoned calls is above 0 and at most 1")

"""What is told of a lead before any rule is asked: its campaign, its own state, what it hears. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from engine.contact.rules import Finding, Verdict
from storage.vocab import CampaignState, LeadState, Waits

# What a campaign's or a lead's state means for a call.
CAMPAIGN = {
    CampaignState.RUNNING: Verdict.PASS,
    CampaignState.STOPPED: Verdict.NEVER,
    CampaignState.DONE: Verdict.NEVER,
}
LEAD = {LeadState.PENDING: Verdict.PASS, LeadState.DONE: Verdict.NEVER, LeadState.BLOCKED: Verdict.NEVER}


# Put off by his own word.
PUT_OFF = {Waits.CALL_BACK: "lead-call-back", Waits.PROMISE: "lead-promise"}


class Lead(Protocol):
    """As much of a stored lead as is asked here."""

    @property
    def state(self) -> str:
        """A LeadState."""

    @property
    def why(self) -> str:
        """Why it is blocked, if it is."""

    @property
    def outcome(self) -> str:
        """Of its last attempt, if it had one."""

    @property
    def waits(self) -> str:
        """What it waits for, a Waits."""

    @property
    def due_at(self) -> datetime:
        """Not before this moment."""


def queue_rules(campaign: str, state: CampaignState, lead: Lead | None, at: datetime) -> Iterator[Finding]:
    """Findings in the terms of the rules; those that are not `pass` come before them."""
    verdict = CAMPAIGN.get(state, Verdict.WAIT)
    yield Finding("campaign", verdict, f"campaign-{state}", {"campaign": campaign})
    if lead is None:
        yield Finding("lead", Verdict.NEVER, "no-lead", {"campaign": campaign})
        return
    values: dict[str, Any] = {"why": lead.why.partition(":")[0], "outcome": lead.outcome, "due": lead.due_at}
    verdict = LEAD.get(LeadState(lead.state), Verdict.WAIT)
    later = verdict is Verdict.PASS and lead.due_at > at
    if later:
        code = PUT_OFF.get(Waits(lead.waits), "lead-later")
        yield Finding("lead", Verdict.WAIT, code, values, until=lead.due_at)
    else:
        yield Finding("lead", verdict, f"lead-{lead.state}", values)


def hears(kept: Sequence[Mapping[str, Any]], key: str, template: str, version: int, lang: str) -> Finding:
    """Which template he hears, and by which of his campaign's rules. `key`: its id; `kept`: the rules as they
    are stored (engine.campaign.messages); a lead may have been given it by rules that hold no longer.
    """
    named = [rule["if"] or "everybody" for rule in kept if key in dict(rule["templates"])]
    when = named or ["earlier" if kept else "everybody"]
    values = {"template": template, "version": version, "lang": lang, "when": when}
    return Finding("message", Verdict.PASS, "hears", values)

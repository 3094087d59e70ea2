"""A campaign that its breaker stops: paused in the beat's transaction, with the calls that did it.

Why it was paused stands with the campaign, in words; the calls stand in the audit. A resume or a start by an
operator clears the words.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from engine import telemetry
from engine.campaign.breaker import KEPT, Storm
from storage import audit
from storage import campaign as store
from storage.vocab import CampaignState

ACTOR, DEED = "breaker", "campaign.pause"

log = telemetry.logger("storms")


def pause(connection: Connection, storms: Mapping[UUID, Storm], lang: str, now: datetime) -> None:
    """Pause those of these campaigns that still run; in one order, so that two dialers wait in no ring."""
    for campaign_id, storm in sorted(storms.items()):
        store.lock(connection, campaign_id)
        row = store.get(connection, campaign_id)
        if row.state is not CampaignState.RUNNING:
            continue
        why, calls = storm.words(lang), [str(attempt) for attempt in storm.attempts]
        store.change(connection, campaign_id, now, state=CampaignState.PAUSED, why=why)
        detail = {"why": why, "outcome": storm.outcome, "calls": calls}
        audit.note(connection, at=now, actor=ACTOR, deed=DEED, subject=row.name, **detail)
        telemetry.campaign_storms.labels(storm.outcome).inc()
        log.error("campaign is paused", campaign=row.name, reason=why, calls=calls[-KEPT:])


def offenders(connection: Connection, row: store.CampaignRow) -> list[str]:
    """The last of the calls for which a campaign stands paused."""
    if not row.why:
        return []
    note = audit.newest(connection, actor=ACTOR, deed=DEED, subject=row.name)
    return list(note.detail["calls"][-KEPT:]) if note else []

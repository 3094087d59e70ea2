"""Results in the order of the feed, for those who follow them."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, select

from storage.calls import attempt
from storage.campaign import campaign, lead
from storage.contact import person, phone
from storage.db import Record
from storage.speech import template
from storage.vocab import LeadState


def results(
    connection: Connection, after: int, limit: int, names: Sequence[str] = (), upto: int | None = None
) -> list[Record]:
    """The first `limit` results behind a position, of these campaigns (none named: of all), up to another.

    Each: position, attempt, campaign (its name), external_id (the lead's key), person (its key), phone,
    number, outcome, refund, final, prepared_at, sent_at, ringing_at, answered_at, ended_at, heard_ms,
    message_ms, pressed, call_back, promised_on, trunk, caller_id, template (its name), template_version.
    `final`: as it stands now, nobody will be called of this lead again.
    """
    over = lead.c.state.in_((LeadState.DONE, LeadState.BLOCKED))
    query = (
        select(
            *(attempt.c.position, attempt.c.id.label("attempt"), campaign.c.name.label("campaign")),
            *(lead.c.key.label("external_id"), person.c.key.label("person"), phone.c.e164.label("phone")),
            *(attempt.c.number, attempt.c.outcome, attempt.c.refund),
            and_(over, attempt.c.number >= lead.c.attempts).label("final"),
            *(attempt.c.prepared_at, attempt.c.sent_at, attempt.c.ringing_at, attempt.c.answered_at),
            *(attempt.c.ended_at, attempt.c.heard_ms, attempt.c.message_ms, attempt.c.pressed),
            *(attempt.c.call_back, attempt.c.promised_on, attempt.c.trunk, attempt.c.caller_id),
            *(template.c.name.label("template"), template.c.version.label("template_version")),
        )
        .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(person, person.c.id == attempt.c.person_id)
        .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
        .outerjoin(template, template.c.id == func.coalesce(lead.c.template_id, campaign.c.template_id))
        .where(attempt.c.position > after)
        .order_by(attempt.c.position)
        .limit(limit)
    )
    if names:
        query = query.where(campaign.c.name.in_(names))
    if upto is not None:
        query = query.where(attempt.c.position <= upto)
    return list(connection.execute(query))

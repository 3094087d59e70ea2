"""Leads by what they hear: read-only, page by page."""

from collections.abc import Collection, Iterator
from uuid import UUID

from sqlalchemy import Connection, func, select, tuple_

from storage.campaign import campaign, lead
from storage.contact import phone
from storage.db import Record
from storage.speech import TemplateRow, template

PAGE = 2000
HEARS = func.coalesce(lead.c.template_id, campaign.c.template_id)


def counts(connection: Connection, campaign_id: UUID) -> dict[UUID | None, int]:
    """How many leads hear each template; None: the campaign's own."""
    query = select(lead.c.template_id, func.count()).where(lead.c.campaign_id == campaign_id)
    return dict(connection.execute(query.group_by(lead.c.template_id)).all())


def named(connection: Connection, name: str, key: str, e164: str, within: str) -> list[Record]:
    """Leads with this key or this first number ("": none) that hear a version of a template, of one campaign
    or ("") of all: key, variables, lang, clips, template_id (of what it hears), campaign (its name).
    """
    found: list[Record] = []
    # The one index by keys begins with the campaign.
    campaigns = select(campaign.c.id).where(campaign.c.name == within) if within else select(campaign.c.id)
    by_key = lead.c.campaign_id.in_(connection.scalars(campaigns).all()), lead.c.key == key
    by_phone = (phone.c.e164 == e164,)
    for where in (by_key, by_phone) if e164 else (by_key,):
        query = (
            select(lead.c.id, lead.c.key, lead.c.variables, lead.c.lang, lead.c.clips)
            .add_columns(HEARS.label("template_id"), campaign.c.name.label("campaign"))
            .join(campaign, campaign.c.id == lead.c.campaign_id)
            .join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
            .join(template, template.c.id == HEARS)
            .where(template.c.name == name, *where)
        )
        found += connection.execute(query.where(campaign.c.name == within) if within else query)
    return list({row.id: row for row in found}.values())


def versions(connection: Connection, campaign_id: UUID, name: str) -> dict[UUID, TemplateRow]:
    """id -> those versions of a template that leads of a campaign hear."""
    heard = (
        select(HEARS.label("id"))
        .join(campaign, campaign.c.id == lead.c.campaign_id)
        .where(lead.c.campaign_id == campaign_id)
        .distinct()
        .subquery()
    )
    query = select(template).join(heard, heard.c.id == template.c.id).where(template.c.name == name)
    return {row.id: TemplateRow(*row) for row in connection.execute(query)}


def leads(connection: Connection, campaign_id: UUID, templates: Collection[UUID]) -> Iterator[Record]:
    """A campaign's leads that hear one of these: key, variables, lang, template_id (their own, or None)."""
    query = (
        select(lead.c.person_id, lead.c.id, lead.c.key, lead.c.variables, lead.c.lang, lead.c.template_id)
        .join(campaign, campaign.c.id == lead.c.campaign_id)
        .where(lead.c.campaign_id == campaign_id, HEARS.in_(templates))
        .order_by(lead.c.person_id, lead.c.id)
        .limit(PAGE)
    )
    page = connection.execute(query).all()
    while page:
        yield from page
        after = tuple_(lead.c.person_id, lead.c.id) > tuple_(page[-1].person_id, page[-1].id)
        page = connection.execute(query.where(after)).all()

"""What holds for a campaign as a whole, as the rules ask it."""

from datetime import timedelta

from engine.contact.cases import Scope
from engine.contact.law import Law, Terms
from engine.settings import Settings
from storage.campaign import CampaignRow

# What every conversation says before its message (phrase `robot`) and offers after it (phrase `menu`).
ANNOUNCED = frozenset({"caller", "robot", "opt-out"})


def terms_of(settings: Settings, campaign: CampaignRow) -> Terms:
    """The terms; SettingsError when all trunks, or the source, of the campaign are in no settings."""
    trunks = [trunk for trunk in settings.trunk if trunk.name in campaign.trunks]
    return Terms(
        role=campaign.role,
        exemption=campaign.exemption,
        labelled=all(trunk.label for trunk in trunks or map(settings.trunk_named, campaign.trunks)),
        announced=ANNOUNCED,
        owes=campaign.owes,
        owes_ttl=timedelta(seconds=settings.source_named(campaign.owes).fresh_s if campaign.owes else 0),
    )


def scope_of(settings: Settings, campaign: CampaignRow, law: Law) -> Scope:
    """In whose name the rules are asked."""
    terms = terms_of(settings, campaign)
    return Scope(campaign.id, campaign.name, terms, law.memory, campaign.template_id)

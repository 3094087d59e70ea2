"""From all leads of a campaign to those that can be called now, and why not the rest.

The rules are the dispatch's; here they are counted by the database over a million leads, where the dispatch
asks them of one. Three things are seen only when a lead is taken: a number that two people share, an entry
of the blacklist that ends some day, and that an answered line fell within a second.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from engine.contact.cases import ZoneSets
from engine.contact.law import EVERYWHERE, Law
from engine.contact.limits import ANSWERED, DELIVERED, TALKED, Counts, Limit, starts
from engine.contact.packs import law_of
from engine.contact.rules import Verdict, campaign_rules
from engine.contact.terms import terms_of
from engine.errors import NotFound
from engine.settings import Settings
from storage import campaign as store
from storage import funnel
from storage.db import Record, reading
from storage.vocab import ConsentKind, LeadState, Role, Waits

OUTCOMES = {
    Counts.PLACED: None,
    Counts.RANG: None,  # nearly all that are not refunded; the dispatch is exact
    Counts.CONNECTED: tuple(sorted(ANSWERED)),
    Counts.DELIVERED: tuple(sorted(DELIVERED)),
    Counts.TALKED: tuple(sorted(TALKED)),
}
Zones = Mapping[int, tuple[ZoneInfo, ...]]


def explain(engine: Engine, settings: Settings, name: str) -> dict[str, Any]:
    """`leads`, `dialable_now`, `reasons` (reason, leads, opens_at) and `zones` (closed ones, with the moment
    at which they open). NotFound: no such campaign.
    """
    at = settings.now()
    with reading(engine) as connection:
        campaign = store.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        law = law_of(settings, campaign.law)
        terms = terms_of(settings, campaign)
        zones = ZoneSets().read(connection)
        states = funnel.by_state(connection, campaign.id)
        count = _Count(law, zones, at)
        count.states(states)
        for row in funnel.blocked(connection, campaign.id):
            count.add(row.why.partition(":")[0], row.leads)
        for row in funnel.pending(connection, campaign.id, at):
            count.pending(row)
        kept = funnel.ready(connection, _ask(campaign, law, zones, count.open, terms.owes_ttl, at))
        for reason, leads in kept.items():
            if reason != "ready":
                count.add(reason, leads)
    barred = [one for one in campaign_rules(law, terms, at) if one.verdict is Verdict.NEVER]
    dialable = kept.get("ready", 0)
    if barred:
        count.add(barred[0].code, dialable)
        dialable = 0
    return {
        "name": name,
        "state": campaign.state,
        "at": at,
        "leads": sum(states.values()),
        "dialable_now": dialable,
        "reasons": count.reasons(),
        "zones": count.zones(),
    }


class _Count:
    """Leads by what keeps them, as they are told one group after another."""

    def __init__(self, law: Law, zones: Zones, at: datetime) -> None:
        self._law, self._zones, self._at = law, zones, at
        self._leads: Counter[str] = Counter()
        self._opens: dict[str, datetime] = {}
        self._closed: dict[int, tuple[int, datetime | None]] = {}
        self.open: set[int] = set()

    def add(self, reason: str, leads: int, opens: datetime | None = None) -> None:
        """So many leads are kept by this, until then at the soonest."""
        if leads:
            self._leads[reason] += leads
        if opens and leads:
            self._opens[reason] = min(opens, self._opens.get(reason, opens))

    def states(self, states: Mapping[str, int]) -> None:
        """What is not pending is told by its state."""
        for state in (LeadState.NEW, LeadState.IN_FLIGHT, LeadState.DONE):
            self.add(state, states.get(state, 0))

    def pending(self, row: Record) -> None:
        """One group of pending leads; those that are due by day are left to be looked at closer."""
        zones = self._zones.get(row.zone_id, ())
        if not row.due:
            self.add("retry" if row.waits == Waits.TURN else row.waits, row.leads, row.first)
        elif self._law.open(zones, self._at):
            self.open.add(row.zone_id)
        elif not zones:
            self.add("zone-unknown", row.leads)
        else:
            opens = self._law.opens(zones, self._at)
            self.add("hours", row.leads, opens)
            before = self._closed.get(row.zone_id, (0, opens))[0]
            self._closed[row.zone_id] = (before + row.leads, opens)

    def reasons(self) -> list[dict[str, Any]]:
        """The largest first."""
        return [
            {"reason": reason, "leads": leads, "opens_at": self._opens.get(reason)}
            for reason, leads in self._leads.most_common()
        ]

    def zones(self) -> list[dict[str, Any]]:
        """Zones where it is not the hour, the first to open first."""
        rows = [
            {"zones": ",".join(zone.key for zone in self._zones[key]), "leads": leads, "opens_at": opens}
            for key, (leads, opens) in self._closed.items()
        ]
        return sorted(rows, key=lambda row: (row["opens_at"] is None, row["opens_at"], row["zones"]))


def _ask(
    campaign: store.CampaignRow, law: Law, zones: Zones, open_: set[int], ttl: timedelta, at: datetime
) -> funnel.Ready:
    """The question about those who are due by day."""
    places = {key: zones.get(key, ()) for key in open_}
    caps = [cap(limit, places, at) for pack in law.packs for limit in pack.limits]
    since = at - ttl if campaign.owes else None
    return funnel.Ready(campaign.id, at, open_, caps, needed(campaign, law), since)


def needed(campaign: store.CampaignRow, law: Law) -> dict[ConsentKind, frozenset[Role]]:
    """The consents without which leads of these roles are not called; of the roles that it may have."""
    found: dict[ConsentKind, frozenset[Role]] = {}
    others = {Role.CONTACT} if campaign.messages or campaign.role is Role.CONTACT else set()
    for pack in law.packs:
        ours = pack.consents if not (pack.exemptible and campaign.exemption) else ()
        for kinds, roles in ((ours, frozenset(Role)), (pack.third_party or (), frozenset(others))):
            found |= {kind: found.get(kind, frozenset()) | roles for kind in kinds if roles}
    return found


def cap(limit: Limit, zones: Zones, at: datetime) -> funnel.Cap:
    """A limit as SQL counts it."""
    since = {key: min(starts(limit, places or EVERYWHERE, at)) for key, places in zones.items()}
    kind = limit.kind.value if limit.kind else None
    return funnel.Cap(limit.most, since, OUTCOMES[limit.counts], kind, limit.scope, not limit.period)

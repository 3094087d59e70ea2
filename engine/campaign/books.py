"""The dialer's books: everything it writes and reads, in one short transaction a beat.

A beat saves what ended, gives back what was not sent, reads which campaigns run, and takes the next leads,
writing their attempts. So an attempt is on disk before it is dialled, and a database that is away stops
dialling by itself: without a beat there is nothing to dial.
"""

import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.campaign import storms
from engine.campaign.attempts import NO_DAY, NO_HOUR, Seen, Talk
from engine.campaign.dispatch import Dispatch, Permit
from engine.campaign.errand import STOP, Closing, Errand, News, Order
from engine.campaign.fair import Claim, Ledger, serve
from engine.campaign.fleet import Fleet
from engine.campaign.nodes import Places
from engine.campaign.predictive import WINDOW_S
from engine.campaign.sequel import Ended, Sequel
from engine.campaign.trunks import Routed, Trunks
from engine.contact.learning import Ending, Learner
from engine.contact.outcomes import Verdict
from engine.failpoints import reached
from engine.settings import Settings
from storage import calls, feed, turns
from storage import campaign as store
from storage import dialer as dialers
from storage.db import Record, new_id, reading, writing
from storage.vocab import AttemptState, CampaignState, Outcome, Pacing, Recording

CANCELLED = Verdict(Outcome.CANCELLED, refund=True)


class Books:
    """Blocking; one dialer's thread uses it at a time."""

    def __init__(self, engine: Engine, settings: Settings, fleet: Fleet) -> None:
        self._engine, self._settings, self._fleet = engine, settings, fleet
        self._dispatch, self._learner, self._trunks = Dispatch(settings), Learner(), Trunks(settings)
        self._sequel, self._ledger = Sequel(settings.dialer.retry_scale), Ledger()
        self._begun: set[UUID] = set()

    def beat(self, errand: Errand) -> News:
        """Do an errand in one transaction; nothing of it is done when this raises. Fenced: not ours to do."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            self._fleet.renew(connection, time.time())
            switches = frozenset(dialers.switches(connection))
            talks = {key: _talk(row) for key, row in calls.talks(connection, errand.listening).items()}
            storms.pause(connection, errand.storms, self._settings.lang, now)
            campaigns = store.campaigns(connection, [CampaignState.RUNNING])
            self._trunks.refresh(connection, now)
            errand = replace(errand, shut=errand.shut | self._trunks.mute)
            orders, ledger = self._serve(connection, [] if STOP in switches else campaigns, errand, now)
            reached("attempts-written")
            abandoned, begun = self._for_operators(connection, campaigns, errand, now)
            # Last: from the numbering of results to the commit all others who store results wait.
            closed = self._finish(connection, errand, now)
            reached("results-written")
        self._ledger = ledger
        self._begun |= begun.keys()
        return News(campaigns, talks, orders, closed, abandoned, begun, switches)

    def _for_operators(
        self, connection: Connection, campaigns: list[store.CampaignRow], errand: Errand, now: datetime
    ) -> tuple[set[UUID], dict[UUID, tuple[int, int]]]:
        """What the pacing for operators needs of the books; nothing is asked when no campaign is for them."""
        manned = [campaign.id for campaign in campaigns if campaign.pacing is not Pacing.FILL]
        if not manned:
            return set(), {}
        for key in manned:  # nobody asks for leads while no operator is free
            if errand.home and not errand.wants.get(key) and not store.unfinished(connection, key):
                store.change(connection, key, now, state=CampaignState.DONE)
        since = now - timedelta(seconds=WINDOW_S)
        begun = {key: calls.answer_counts(connection, key, since) for key in manned if key not in self._begun}
        return calls.abandoned(connection, self._settings.dialer.name), begun

    def reload(self, settings: Settings) -> None:
        """Go by changed settings from the next beat on."""
        self._settings, self._dispatch, self._trunks = settings, Dispatch(settings), Trunks(settings)

    def unfinished(self) -> list[tuple[Order, Seen, bool]]:
        """Open attempts of this dialer with what was written of them, and whether only this run could have
        dialled them.
        """
        with reading(self._engine) as connection:
            rows = calls.open_attempts(connection, self._settings.dialer.name)
            return [(*_restored(row), row.fence == self._fleet.fence) for row in rows]

    def _serve(
        self, connection: Connection, campaigns: list[store.CampaignRow], errand: Errand, now: datetime
    ) -> tuple[list[Order], Ledger]:
        """Everybody's next leads by his fair part of the free turns; and what each has had since."""
        rows = {row.id: row for row in campaigns}
        wants = {key: wanted for key in rows if (wanted := errand.wants.get(key, 0)) > 0}
        claims = [
            Claim(key, rows[key].priority, rows[key].weight, wanted, rows[key].trunks)
            for key, wanted in wants.items()
        ]
        orders: list[Order] = []
        free = Counter({trunk: turns for trunk, turns in errand.free.items() if trunk not in errand.shut})
        places = Places(errand.nodes, errand.unreached, errand.home)

        def take(campaign: UUID, most: int) -> Counter[str]:
            wanted = min(most, places.left)
            taken = self._take(connection, rows[campaign], wanted, errand.shut, free, places, now)
            orders.extend(taken)
            return Counter(order.trunk for order in taken)

        ledger = serve(self._ledger, free, claims, take)
        return orders, ledger

    def _take(
        self,
        connection: Connection,
        campaign: store.CampaignRow,
        wanted: int,
        shut: frozenset[str],
        free: Counter[str],
        places: Places,
        now: datetime,
    ) -> list[Order]:
        """Write attempts for the next leads, on trunks that are `free`; a campaign that has no lead left is
        done.
        """
        if wanted <= 0:
            return []
        ways = self._trunks.ways(campaign.trunks, free, shut)
        permits = self._dispatch.take(connection, campaign, wanted, now)
        reached("leads-taken")
        if not permits and not store.unfinished(connection, campaign.id):
            store.change(connection, campaign.id, now, state=CampaignState.DONE)
        routed = self._trunks.route(ways, permits)
        going: list[tuple[Permit, Order]] = []
        held: list[Routed] = []
        for one in routed:
            if one.trunk and (node := places.take(one.trunk, manned=campaign.pacing is not Pacing.FILL)):
                going.append((one.permit, self._order(one, campaign, node, now)))
            else:
                held.append(one)
        calls.prepare(connection, [self._row(order, permit, now) for permit, order in going])
        turns.hold(connection, [_held(one, now) for one in held])
        return [order for _permit, order in going]

    @staticmethod
    def _order(one: Routed, campaign: store.CampaignRow, node: str, now: datetime) -> Order:
        return Order(
            id=new_id(now),
            person_id=one.permit.lead.person_id,
            lead_id=one.permit.lead.id,
            campaign_id=campaign.id,
            e164=one.permit.e164,
            trunk=one.trunk,
            node=node,
            caller_id=one.caller_id,
            made=one.permit.lead.attempts,
            until=one.permit.until,
            record=campaign.record,
            amd=campaign.amd,
        )

    def _row(self, order: Order, permit: Permit, now: datetime) -> dict[str, Any]:
        return {
            "person_id": order.person_id,
            "id": order.id,
            "lead_id": order.lead_id,
            "campaign_id": order.campaign_id,
            "phone_id": permit.lead.phone_id,
            "number": order.made + 1,
            "dialer": self._settings.dialer.name,
            "fence": self._fleet.fence,
            "node": order.node,
            "trunk": order.trunk,
            "caller_id": order.caller_id,
            "kind": permit.kind,
            "permit": permit.why,
            "control": permit.lead.control,
            "state": AttemptState.PREPARED,
            "prepared_at": now,
            "recording": Recording.WANTED if order.record else Recording.NONE,
        }

    def _finish(self, connection: Connection, errand: Errand, now: datetime) -> dict[UUID, Outcome]:
        """Write outcomes and what becomes of the leads; the outcomes.

        An attempt that is over already was written by a beat whose answer got lost; its lead may be on its
        next attempt and is left alone. A talk that was reported since the last beat still counts.
        """
        over = [closing.order.id for closing in errand.closings]
        standing = calls.standing(connection, [*over, *(order.id for order in errand.given_back)])
        done: list[tuple[Closing, Verdict]] = []
        for closing in errand.closings:
            if row := standing.get(closing.order.id):
                seen = closing.seen.merge(Seen(talk=_talk(row) if row.talk else None))
                verdict = seen.verdict()
                done.append((replace(closing, seen=seen), verdict))
        endings, ended = [_ending(*pair) for pair in done], [_over(*pair) for pair in done]
        unsent: list[dict[str, Any]] = []
        for order in errand.given_back:
            if order.id in standing:  # never sent: its lead waits again as if nothing had been
                done.append((Closing(order, Seen(closed=True), now), CANCELLED))
                unsent.append({"person_id_": order.person_id, "id_": order.lead_id, "due_at_": now})
        self._sequel.write(connection, ended)
        turns.give_back(connection, unsent)
        turns.wake(connection, {closing.order.e164 for closing, _verdict in done}, now)
        self._learner.learn(connection, endings, now)
        # What was never sent is no result.
        places = chain(feed.places(connection, len(endings)), repeat(None))
        rows = [_closed(*pair, place) for pair, place in zip(done, places, strict=False)]
        calls.close(connection, rows)
        return {closing.order.id: verdict.outcome for closing, verdict in done}


def _talk(row: Record) -> Talk:
    hour = NO_HOUR if row.call_back is None else row.call_back
    heard, message = row.heard_ms or 0, row.message_ms or 0
    return Talk(Outcome(row.talk), heard, message, row.pressed, hour, row.promised_on or NO_DAY)


def _restored(row: Record) -> tuple[Order, Seen]:
    order = Order(
        id=row.id,
        person_id=row.person_id,
        lead_id=row.lead_id,
        campaign_id=row.campaign_id,
        e164=row.e164,
        trunk=row.trunk,
        node=row.node,
        caller_id=row.caller_id,
        made=row.made,
        until=row.prepared_at,
    )
    # Perhaps it was sent, perhaps not: it counts as sent from the moment that it was written.
    return order, Seen(sent_at=row.prepared_at, talk=_talk(row) if row.talk else None)


def _ending(closing: Closing, verdict: Verdict) -> Ending:
    order = closing.order
    answered = closing.seen.answered
    return Ending(order.e164, order.id, order.trunk, closing.at, verdict.evidence, answered)


def _closed(closing: Closing, verdict: Verdict, position: int | None) -> dict[str, Any]:
    seen = closing.seen
    unknown = verdict.outcome is Outcome.UNKNOWN
    return {
        "person_id_": closing.order.person_id,
        "id_": closing.order.id,
        "state_": AttemptState.UNKNOWN if unknown else AttemptState.ENDED,
        "outcome_": verdict.outcome,
        "sent_at_": seen.sent_at,
        "ringing_at_": seen.ringing_at,
        "answered_at_": seen.answered_at,
        "ended_at_": closing.at,
        "refused_": seen.refused or "",
        "cause_": seen.cause,
        "tech_cause_": seen.tech_cause,
        "refund_": verdict.refund,
        "position_": position,
    }


def _held(one: Routed, now: datetime) -> dict[str, Any]:
    """A lead that may be called and for which no trunk has room."""
    lead = one.permit.lead
    return {"person_id_": lead.person_id, "id_": lead.id, "due_at_": now + one.wait}


def _over(closing: Closing, verdict: Verdict) -> Ended:
    order, talk = closing.order, closing.seen.talk
    return Ended(
        id=order.id,
        person_id=order.person_id,
        lead_id=order.lead_id,
        campaign_id=order.campaign_id,
        trunk=order.trunk,
        made=order.made,
        at=closing.at,
        outcome=verdict.outcome,
        refund=verdict.refund,
        hour=talk.hour if talk and talk.hour != NO_HOUR else None,
        day=talk.day if talk and talk.day != NO_DAY else None,
    )

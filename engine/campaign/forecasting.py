"""`campaign forecast`: what is stored of a campaign -> groups and a plan -> `forecast` -> an answer.

What becomes of calls is taken from the campaign's own, or from all calls, or else assumed; the answer says
which. Who is asked whether he still owes is taken to owe, and audio to be ready in time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from engine.campaign.forecast import Forecast, forecast
from engine.campaign.funnel import cap, needed
from engine.campaign.plan import Fate, Group, Plan, Retry, Used, limits_of
from engine.campaign.rates import weeks
from engine.campaign.retry_rules import rules_of
from engine.campaign.timing import Week, hour_of, lawful, score
from engine.contact.cases import ZoneSets
from engine.contact.law import EVERYWHERE, Law
from engine.contact.limits import PICKED_UP, Limit, starts
from engine.contact.packs import law_of
from engine.contact.terms import terms_of
from engine.errors import NotFound
from engine.settings import Settings
from storage import campaign as store
from storage import forecast as counts
from storage import funnel, hours
from storage.db import Record, reading
from storage.vocab import LeadState, Outcome

ENOUGH = 100  # calls, to go by them
UNTOLD = (Outcome.CANCELLED,)  # never went out
BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
Zones = Mapping[int, tuple[ZoneInfo, ...]]

ASSUMED = (
    Fate(Outcome.ANSWERED_HEARD, 0.40, 15, 30, reached=True),
    Fate(Outcome.NO_ANSWER, 0.34, 35),
    Fate(Outcome.BUSY, 0.08, 5),
    Fate(Outcome.UNREACHABLE, 0.12, 8),
    Fate(Outcome.REJECTED, 0.04, 8),
    Fate(Outcome.INVALID_NUMBER, 0.02, 3),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to take instead of what is stored. `ring_s`, `talk_s`: of each call, of each answered one."""

    cps: float | None = None
    channels: int | None = None
    answer_rate: float | None = None
    ring_s: float | None = None
    talk_s: float | None = None
    start: datetime | None = None
    days: int = 31


def predict(engine: Engine, settings: Settings, name: str, ask: Ask) -> dict[str, Any]:
    """What will come of a campaign, if it is called from `start` on. NotFound: no such campaign.

    `finish` (None: not within `days`), `calls`, `connected_minutes`, `leads` (total, done, reached, in_vain,
    left), `left` (reason, leads), `hours` (hour, zones, calls), `outcomes`, `assumptions`.
    """
    now = settings.now()
    with reading(engine) as connection:
        campaign = store.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        law, zones = law_of(settings, campaign.law), ZoneSets().read(connection)
        source, told = _fates(connection, campaign)
        plan = _plan(settings, campaign, law, zones, ask, now)
        plan = replace(plan, fates=_adjusted(told, ask), score=_scores(connection, law, zones, plan.start))
        states = funnel.by_state(connection, campaign.id)
        blocked = Counter[str]()
        for row in funnel.blocked(connection, campaign.id):
            blocked[row.why.partition(":")[0]] += row.leads
        groups, without = _groups(connection, campaign, law, zones, now)
    found = forecast(groups, plan)
    found.left.update(blocked + Counter({"no-consent": without}))
    return {
        "name": name,
        "state": campaign.state,
        "from": plan.start,
        "finish": found.finish,
        "calls": found.calls,
        "connected_minutes": round(found.connected_s / 60),
        "leads": _leads(states, found),
        "left": [{"reason": reason, "leads": n} for reason, n in found.left.most_common() if n],
        "hours": _hours(found, zones),
        "outcomes": {
            outcome.value: found.outcomes[outcome] for outcome in Outcome if found.outcomes[outcome]
        },
        "assumptions": {"source": source} | _assumptions(plan),
    }


def _leads(states: Mapping[str, int], found: Forecast) -> dict[str, int]:
    return {
        "total": sum(states.values()),
        "done": states.get(LeadState.DONE, 0),
        "reached": found.reached,
        "in_vain": found.in_vain,
        "left": found.left.total(),
    }


def _hours(found: Forecast, zones: Zones) -> list[dict[str, Any]]:
    names = {key: ",".join(zone.key for zone in places) for key, places in zones.items()}
    rows = ((hour, names.get(key, ""), calls) for (key, hour), calls in found.hours.items() if calls)
    return [{"hour": hour, "zones": name, "calls": calls} for hour, name, calls in sorted(rows)]


def _assumptions(plan: Plan) -> dict[str, Any]:
    talking = [fate for fate in plan.fates if fate.talk_s]
    talks = sum(fate.share for fate in talking)
    answered = sum(fate.share for fate in plan.fates if fate.outcome in PICKED_UP)
    return {
        "cps": plan.cps,
        "channels": plan.channels,
        "calls_per_s": round(plan.rate, 2),
        "answer_rate": round(answered, 3),
        "ring_s": round(sum(fate.share * fate.ring_s for fate in plan.fates), 1),
        "talk_s": round(sum(fate.share * fate.talk_s for fate in talking) / talks, 1) if talks else 0.0,
        "attempts": plan.attempts,
        "days": plan.days,
    }


# The plan.


def _plan(
    settings: Settings, campaign: store.CampaignRow, law: Law, zones: Zones, ask: Ask, now: datetime
) -> Plan:
    lines = [settings.trunk_named(trunk) for trunk in campaign.trunks]
    return Plan(
        law=law,
        terms=terms_of(settings, campaign),
        zones=zones,
        cps=ask.cps or min(campaign.cps, sum(line.cps for line in lines)),
        channels=ask.channels or min(campaign.channels, sum(line.channels for line in lines)),
        attempts=campaign.attempts,
        fates=(),
        retry=_retry(campaign, settings.dialer.retry_scale),
        start=ask.start or now,
        days=ask.days,
    )


def _retry(campaign: store.CampaignRow, scale: float) -> Retry:
    """The campaign's rules, as if a lead had one phone and the same came of all its calls."""
    rules = rules_of(campaign.retry)

    def retry(outcome: Outcome, made: int) -> timedelta | None:
        rule = rules[outcome]
        over = rule.delay_s is None or 0 < rule.times <= made
        return None if over else rule.rest(made) * scale

    return retry


def _scores(
    connection: Connection, law: Law, zones: Zones, start: datetime
) -> Callable[[int, datetime], int]:
    """How good each hour is, as far as it is learned."""
    known: dict[int, tuple[Week, ZoneInfo, frozenset[int]]] = {
        key: (week, zones[key][0], lawful(law, zones[key], start))
        for key, week in weeks(hours.rates(connection)).items()
        if zones.get(key)
    }
    found: dict[tuple[int, int], int] = {}

    def ask(key: int, at: datetime) -> int:
        if key not in known:
            return 100
        week, zone, usual = known[key]
        hour = hour_of(at, zone)
        if (key, hour) not in found:
            found[key, hour] = score(week, hour, usual)
        return found[key, hour]

    return ask


# What becomes of calls.


def _fates(connection: Connection, campaign: store.CampaignRow) -> tuple[str, Sequence[Fate]]:
    """Where it is from (campaign, all calls, assumed), and what it is."""
    for source, whose in (("campaign", campaign.id), ("all calls", None)):
        rows = [row for row in counts.fates(connection, whose) if row.outcome not in UNTOLD]
        total = sum(row.calls for row in rows)
        if total >= ENOUGH:
            return source, [_fate(row, total) for row in rows]
    return "assumed", ASSUMED


def _fate(row: Record, total: int) -> Fate:
    outcome = Outcome(row.outcome)
    talk_s = max(float(row.talk_s or 0), 0.0)
    return Fate(
        outcome, row.calls / total, max(float(row.ring_s or 0), 0.0), talk_s, reached=outcome in PICKED_UP
    )


def _adjusted(fates: Iterable[Fate], ask: Ask) -> list[Fate]:
    """As it is asked: another answer rate scales the fates on both sides of it."""
    found = list(fates)
    if ask.answer_rate is not None:
        shares = {True: ask.answer_rate, False: 1 - ask.answer_rate}
        found = [
            replace(fate, share=fate.share / sum(each.share for each in side) * share)
            for reached, share in shares.items()
            for side in [_side(found, reached) or _side(ASSUMED, reached)]
            for fate in side
        ]
    if ask.ring_s is not None:
        found = [replace(fate, ring_s=ask.ring_s) for fate in found]
    if ask.talk_s is not None:
        found = [replace(fate, talk_s=ask.talk_s) if fate.talk_s else fate for fate in found]
    return found


def _side(fates: Iterable[Fate], reached: bool) -> list[Fate]:
    return [fate for fate in fates if fate.reached is reached]


# Groups.


def _groups(
    connection: Connection, campaign: store.CampaignRow, law: Law, zones: Zones, now: datetime
) -> tuple[list[Group], int]:
    """Leads that are not over, and how many of them have not agreed."""
    limits = limits_of(law)
    caps = [cap(limit, zones, now) for limit in limits]
    rows = counts.leads(connection, campaign.id, now, caps, needed(campaign, law))
    return (
        [_group(row, limits, zones, now) for row in rows if row.agreed],
        sum(row.leads for row in rows if not row.agreed),
    )


def _group(row: Record, limits: Sequence[Limit], zones: Zones, now: datetime) -> Group:
    due = BEGAN + timedelta(seconds=row.due * counts.BUCKET_S)
    places = zones.get(row.zone_id) or EVERYWHERE
    values = row._asdict()
    used: Used = tuple(
        _used(limit, values.get(f"used{n}") or 0, values.get(f"last{n}"), places, now)
        for n, limit in enumerate(limits)
    )
    return Group(row.zone_id, row.priority, row.attempts, due, row.leads, used)


def _used(
    limit: Limit, calls: int, last: int | None, places: Sequence[ZoneInfo], now: datetime
) -> tuple[datetime, ...]:
    """When those calls were, as far as it matters: of a stretch, all as late as the newest may have been."""
    if limit.period:
        return min(calls, limit.most) * (max(starts(limit, places, now)),)
    newest = BEGAN + timedelta(seconds=((last or 0) + 1) * counts.HOUR_S)
    return min(calls, limit.most) * (min(newest, now),)

"""May this person be called now, and if not, when? One pure function over everything that is known of him.

    packs (what the law says) + case (what is known of one person, number and lead) + moment -> decision

Every rule gives a finding: `pass`, `wait` (with the moment when it changes) or `never`. A call is allowed
when all pass. The dialer and `zvonar contact explain` both ask `decide`; nothing else decides.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from engine.contact.law import EVERYWHERE, Case, Law, Pack, Terms
from engine.contact.limits import counted, full_until, used
from storage.vocab import ConsentKind, NumberKind, Role, Waits

OURS = "zvonar"  # the source of rules that are our own and not a law's
SOON = timedelta(minutes=1)


class Verdict(StrEnum):
    """What one rule says."""

    PASS = "pass"  # noqa: S105  (no password: the contract's word)
    WAIT = "wait"
    NEVER = "never"


class Answer(StrEnum):
    """What all rules say together."""

    ALLOW = "allow"
    WAIT = "wait"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says. `code` and `values` make its sentence (engine.contact.words)."""

    rule: str
    verdict: Verdict
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
    source: str = OURS
    until: datetime | None = None
    waits: Waits = Waits.TURN


@dataclass(frozen=True, slots=True)
class Decision:
    """`next_at`: the first moment when the answer is yes, if nothing else happens; None: never, or (with
    `wait`) none is in sight, because the hours of his zones do not meet.
    """

    answer: Answer
    next_at: datetime | None
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> Finding | None:
        """The finding that decides: the first `never`, else the `wait` that lasts longest."""
        never = [finding for finding in self.findings if finding.verdict is Verdict.NEVER]
        waits = [finding for finding in self.findings if finding.verdict is Verdict.WAIT]
        longest = max(
            waits, key=lambda finding: finding.until or datetime.max.replace(tzinfo=UTC), default=None
        )
        return never[0] if never else longest


def decide(case: Case, law: Law, at: datetime) -> Decision:
    """Ask every rule; where some say `wait`, look for the moment when none does.

    What waits for something else than hours waits for it once: so the search ends.
    """
    now = (*passing(case, at), *lasting(case, law, at))
    answer, moment, later = _answer(now), at, now
    while _answer(later) is Answer.WAIT:
        soonest = law.opens(case.zones, max(finding.until or moment for finding in later))
        if soonest is None:
            return Decision(answer, None, now)
        moment, later = soonest, tuple(lasting(case, law, soonest))
    if answer is Answer.WAIT and _answer(later) is Answer.NEVER:  # what he agreed to ends before that
        return Decision(Answer.NEVER, None, (*now, *_nevers(later)))
    return Decision(answer, moment if answer is not Answer.NEVER else None, now)


def _answer(findings: Iterable[Finding]) -> Answer:
    verdicts = {finding.verdict for finding in findings}
    if Verdict.NEVER in verdicts:
        return Answer.NEVER
    return Answer.WAIT if Verdict.WAIT in verdicts else Answer.ALLOW


def _nevers(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (finding for finding in findings if finding.verdict is Verdict.NEVER)


def passing(case: Case, at: datetime) -> Iterator[Finding]:
    """Rules about the present only, which say nothing of a later moment: a call under way, a stale check."""
    busy = any(call.open for call in case.past)
    verdict, until = (Verdict.WAIT, at + SOON) if busy else (Verdict.PASS, None)
    yield Finding(
        "line", verdict, "on-the-line" if busy else "not-on-the-line", until=until, waits=Waits.LINE
    )
    if case.terms.owes:
        fresh = case.checked_at is not None and at - case.checked_at <= case.terms.owes_ttl
        verdict, until = (Verdict.PASS, None) if fresh else (Verdict.WAIT, at + SOON)
        values = {"at": case.checked_at, "from": case.terms.owes}
        code = "still-owes" if fresh else "not-asked-whether-he-owes"
        yield Finding("owes", verdict, code, values, until=until, waits=Waits.OWES)


def lasting(case: Case, law: Law, at: datetime) -> Iterator[Finding]:
    """Rules that can be asked of any moment."""
    yield from campaign_rules(law, case.terms, at)
    yield _number(case)
    yield from _bans(case, at)
    yield _refusal(case, law)
    yield _role(case)
    yield _zone(case, law)
    for pack in law.packs:
        yield from _consents(case, pack, at)
        yield from _hours(case, law, pack, at)
        yield from _limits(case, pack, at)


def campaign_rules(law: Law, terms: Terms, at: datetime) -> Iterator[Finding]:
    """Rules about a campaign as a whole: where one says `never`, nobody of it is called."""
    for pack in law.packs:
        day = at.date()
        in_force = pack.effective <= day and (pack.expires is None or day <= pack.expires)
        values = {"pack": pack.name, "version": pack.version, "from": pack.effective, "until": pack.expires}
        code = "in-force" if in_force else "not-in-force"
        yield _rule(f"law:{pack.name}", in_force, code, values, pack.source("effective"))
        if pack.label:
            code = "labelled" if terms.labelled else "no-label"
            yield _rule(f"label:{pack.name}", terms.labelled, code, {}, pack.source("label"))
        missing = sorted(set(pack.announcements) - terms.announced)
        if pack.announcements:
            code, values = ("not-announced" if missing else "announced"), {"what": missing}
            yield _rule(f"announce:{pack.name}", not missing, code, values, pack.source("announcements"))


def _rule(rule: str, good: bool, code: str, values: Mapping[str, Any], source: str) -> Finding:
    return Finding(rule, Verdict.PASS if good else Verdict.NEVER, code, values, source)


def _number(case: Case) -> Finding:
    """Premium numbers cost who calls them."""
    premium = case.number_kind is NumberKind.PREMIUM
    values = {"kind": case.number_kind or NumberKind.OTHER}
    return _rule("number", not premium, "premium" if premium else "number-kind", values, OURS)


def _bans(case: Case, at: datetime) -> Iterator[Finding]:
    standing = [ban for ban in case.bans if ban.until is None or ban.until > at]
    if not standing:
        yield Finding("blacklist", Verdict.PASS, "not-blacklisted")
    for ban in standing:
        verdict = Verdict.NEVER if ban.until is None else Verdict.WAIT
        values = {"kind": ban.key.partition(":")[0], "scope": ban.scope, "reason": ban.reason, "id": ban.id}
        yield Finding("blacklist", verdict, "blacklisted", values, OURS, ban.until, Waits.BLACKLIST)


def _refusal(case: Case, law: Law) -> Finding:
    """That he refused calls holds under every law, and has no end."""
    said = case.consents.get(ConsentKind.CALLS)
    refused = said is not None and not said.given
    values = {"from": said.source if said and refused else ""}
    source = next((pack.sources["refusal"] for pack in law.packs if "refusal" in pack.sources), OURS)
    return _rule("refusal", not refused, "refused" if refused else "not-refused", values, source)


def _role(case: Case) -> Finding:
    """A message for debtors is not for those who stand near them, and the other way round."""
    fits = case.role is case.message
    values = {"role": case.role, "template": case.message or "unknown"}
    return _rule("role", fits, "role-fits" if fits else "role-differs", values, OURS)


def _zone(case: Case, law: Law) -> Finding:
    """Without a zone nobody knows his hours."""
    known = bool(case.zones) or not law.schedules
    values = {"zones": [zone.key for zone in case.zones], "zone_source": case.zone_source}
    return _rule("zone", known, "zone-known" if known else "zone-unknown", values, OURS)


def _consents(case: Case, pack: Pack, at: datetime) -> Iterator[Finding]:
    """What must have been agreed to: by him, or for a contact person as the pack says."""
    if case.role is Role.CONTACT and pack.third_party is not None:
        yield from _agreed(case, pack, pack.third_party, "third_party", at)
    if pack.consents and pack.exemptible and case.terms.exemption:
        values = {"why": case.terms.exemption}
        yield _rule(f"consent:{pack.name}", True, "exempt", values, pack.source("consents"))
    else:
        yield from _agreed(case, pack, pack.consents, "consents", at)


def _agreed(
    case: Case, pack: Pack, needed: Iterable[ConsentKind], figure: str, at: datetime
) -> Iterator[Finding]:
    for kind in needed:
        said = case.consents.get(kind)
        given = said is not None and said.given and (said.until is None or said.until > at)
        values = {"kind": kind, "from": said.source if said else ""}
        code = "consent-given" if given else "no-consent"
        yield _rule(f"consent:{pack.name}:{kind}", given, code, values, pack.source(figure))


def _hours(case: Case, law: Law, pack: Pack, at: datetime) -> Iterator[Finding]:
    schedule = law.schedules.get(pack.name)
    if schedule is None:
        return
    for zone in case.zones:
        local = at.astimezone(zone)
        until = schedule.closed_until(zone, at, law.margin)
        values = {
            "zone": zone.key,
            "local": local,
            "window": str(schedule.window(local.date()) or "-"),
            "opens": until.astimezone(zone) if until else None,
        }
        verdict, code = (Verdict.WAIT, "hours-closed") if until else (Verdict.PASS, "hours-open")
        yield Finding(f"hours:{pack.name}", verdict, code, values, pack.source("hours"), until)


def _limits(case: Case, pack: Pack, at: datetime) -> Iterator[Finding]:
    zones = case.zones or EVERYWHERE
    for limit in pack.limits:
        times = counted(limit, case.target, case.past)
        until = full_until(limit, times, zones, at)
        values = {
            "used": used(limit, times, zones, at),
            "most": limit.most,
            "limit": limit.name,
            "counts": limit.counts,
            "scope": limit.scope,
            "frees": until.astimezone(case.zones[0]) if until and case.zones else until,
        }
        verdict, code = (Verdict.WAIT, "limit-reached") if until else (Verdict.PASS, "limit-free")
        rule = f"limit:{pack.name}:{limit.name}"
        yield Finding(rule, verdict, code, values, limit.source or pack.name, until, Waits.LIMIT)
    if pack.max_attempts is not None:
        left = case.attempts < pack.max_attempts
        values = {"made": case.attempts, "most": pack.max_attempts}
        code = "attempts-left" if left else "attempts-over"
        yield _rule(f"attempts:{pack.name}", left, code, values, pack.source("attempts"))

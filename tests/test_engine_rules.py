"""engine.contact.rules: the decision over random cases, and each rule by itself."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.hours import Calendar, DayKind, Window
from engine.contact.law import Ban, Case, Consent, Law, Pack, Terms
from engine.contact.limits import Counts, Limit, Past, Period, Scope, Target
from engine.contact.rules import SOON, Answer, Decision, Finding, Verdict, decide, lasting, passing
from storage.vocab import CallKind, ConsentKind, NumberKind, Outcome, Role, Waits, ZoneSource

NOON = datetime(2026, 1, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PHONE, OTHER = "+79211234567", "+79211234568"
ONE, TWO = UUID(int=1), UUID(int=2)
MOSCOW, KAMCHATKA = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Kamchatka")
KALININGRAD, NEW_YORK = ZoneInfo("Europe/Kaliningrad"), ZoneInfo("America/New_York")
HOURS = {
    DayKind.WORKING: Window(time(8), time(22)),
    DayKind.WEEKEND: Window(time(9), time(20)),
    DayKind.HOLIDAY: Window(time(9), time(20)),
}
TITLE = {"ru": "закон", "en": "law"}
BARE = Pack("bare", "1", TITLE, date(2020, 1, 1))
CALENDARS = {"RU": Calendar({date(2026, 1, day): DayKind.HOLIDAY for day in range(1, 10)})}
CALLS, ADVERTISING = ConsentKind.CALLS, ConsentKind.ADVERTISING
CASE = Case(Target(PHONE, "A", ONE), (MOSCOW,), ZoneSource.TIMEZONE)


def law(*packs: Pack) -> Law:
    return Law(packs, CALENDARS, timedelta(minutes=1))


def past(at: datetime = NOON - HOUR, **changes: Any) -> Past:
    words: dict[str, Any] = {"e164": PHONE, "debt": "A", "campaign_id": ONE, "kind": CallKind.TALK}
    return Past(at, **words | {"outcome": Outcome.ANSWERED_HEARD} | changes)


def limit(most: int, period: Period | None = Period.DAY, **changes: Any) -> Limit:
    words = {"name": "some", "most": most, "scope": Scope.PERSON, "counts": Counts.PLACED, "period": period}
    return Limit(**words | changes)


# --- over random cases

MOMENTS = st.datetimes(datetime(2025, 12, 20), datetime(2026, 4, 10), timezones=st.just(UTC))
PAST = st.builds(
    past,
    MOMENTS,
    e164=st.sampled_from([PHONE, OTHER]),
    debt=st.sampled_from("AB"),
    campaign_id=st.sampled_from([ONE, TWO]),
    kind=st.sampled_from(CallKind),
    open=st.sampled_from([False, False, False, True]),
    outcome=st.sampled_from(Outcome),
    rang=st.booleans(),
)
BANS = st.builds(
    Ban,
    st.sampled_from(["number:" + PHONE, "person:1", "prefix:+7921"]),
    st.just("global"),
    st.just("asked"),
    st.sampled_from([None]) | MOMENTS,
    st.just("7"),
)
CONSENTS = st.dictionaries(
    st.sampled_from(ConsentKind),
    st.builds(Consent, st.sampled_from([True, True, True, False]), st.none() | MOMENTS, st.just("form 5")),
)
LIMITS = st.builds(
    limit,
    st.integers(1, 3),
    st.sampled_from(Period),
    scope=st.sampled_from(Scope),
    counts=st.sampled_from(Counts),
    kind=st.none() | st.sampled_from(CallKind),
) | st.builds(
    limit,
    st.integers(1, 3),
    st.none(),
    rolling=st.sampled_from([HOUR, DAY, 7 * DAY]),
    scope=st.sampled_from(Scope),
)
PACKS = st.builds(
    Pack,
    name=st.sampled_from(["a", "b", "c"]),
    version=st.just("1"),
    title=st.just(TITLE),
    effective=st.just(date(2020, 1, 1)) | st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    expires=st.none() | st.dates(date(2026, 2, 1), date(2026, 8, 1)),
    country=st.sampled_from(["RU", ""]),
    hours=st.sampled_from([HOURS, None]),
    limits=st.lists(LIMITS, max_size=3).map(tuple),
    consents=st.lists(st.sampled_from(ConsentKind), max_size=1).map(tuple),
    exemptible=st.booleans(),
    third_party=st.none() | st.just((ConsentKind.DEBTOR_AGREED,)),
    label=st.booleans(),
    announcements=st.sampled_from([(), ("caller", "robot")]),
    max_attempts=st.none() | st.integers(1, 5),
)
LAWS = st.lists(PACKS, max_size=3, unique_by=lambda one: one.name).map(lambda packs: law(*packs))
TERMS = st.builds(
    Terms,
    role=st.sampled_from([Role.DEBTOR, Role.DEBTOR, Role.CONTACT]),
    exemption=st.sampled_from(["", "state body"]),
    labelled=st.sampled_from([True, True, False]),
    announced=st.sampled_from([frozenset({"caller", "robot"}), frozenset()]),
    owes=st.sampled_from(["", "", "erp"]),
)
CASES = st.builds(
    Case,
    target=st.just(CASE.target),
    zones=st.lists(st.sampled_from([MOSCOW, KAMCHATKA, KALININGRAD, NEW_YORK]), max_size=3, unique=True).map(
        tuple
    ),
    zone_source=st.sampled_from(ZoneSource),
    number_kind=st.none() | st.sampled_from(NumberKind),
    role=st.sampled_from([Role.DEBTOR, Role.DEBTOR, Role.CONTACT]),
    message=st.sampled_from([Role.DEBTOR, Role.DEBTOR, Role.CONTACT, None]),
    bans=st.lists(BANS, max_size=2).map(tuple),
    consents=CONSENTS,
    past=st.lists(PAST, max_size=6).map(tuple),
    attempts=st.integers(0, 5),
    checked_at=st.none() | MOMENTS,
    terms=TERMS,
)
STRICT = [Answer.ALLOW, Answer.WAIT, Answer.NEVER]


def verdicts(findings: Iterable[Finding]) -> set[Verdict]:
    return {finding.verdict for finding in findings}


@given(CASES, LAWS, MOMENTS)
def test_the_answer_is_what_all_rules_say_and_the_moment_is_the_first(
    case: Case, law: Law, at: datetime
) -> None:
    decision = decide(case, law, at)
    now = verdicts(decision.findings)
    expected = Answer.NEVER if Verdict.NEVER in now else Answer.WAIT if Verdict.WAIT in now else Answer.ALLOW
    assert decision.answer is expected
    if decision.answer is Answer.ALLOW:
        assert decision.next_at == at and decision.reason is None
        return
    assert decision.reason in decision.findings
    assert (decision.reason.verdict is Verdict.NEVER) == (decision.answer is Answer.NEVER)
    moment = decision.next_at
    if decision.answer is Answer.NEVER or moment is None:
        assert moment is None
        return
    assert moment > at
    assert verdicts(lasting(case, law, moment)) == {Verdict.PASS}
    if verdicts(passing(case, at)) == {Verdict.PASS}:
        for part in range(60):
            before = verdicts(lasting(case, law, at + (moment - at) * part / 60))
            assert before & {Verdict.WAIT, Verdict.NEVER}


@given(CASES, LAWS, MOMENTS, PACKS, PAST, BANS)
def test_more_law_more_calls_more_bans_never_allow_more(
    case: Case, law_: Law, at: datetime, pack: Pack, call: Past, ban: Ban
) -> None:
    before = decide(case, law_, at)
    for other, packs in (
        (replace(case, past=(*case.past, call)), law_.packs),
        (replace(case, bans=(*case.bans, ban)), law_.packs),
        (case, (*law_.packs, replace(pack, name="more"))),
    ):
        after = decide(other, law(*packs), at)
        assert STRICT.index(after.answer) >= STRICT.index(before.answer)
        if before.next_at and after.next_at:
            assert after.next_at >= before.next_at


@given(CASES, LAWS, MOMENTS)
def test_packs_together_allow_what_each_allows(case: Case, law_: Law, at: datetime) -> None:
    alone = [decide(case, law(pack), at).answer for pack in law_.packs] or [decide(case, law(), at).answer]
    together = decide(case, law_, at).answer
    assert (together is Answer.ALLOW) == all(answer is Answer.ALLOW for answer in alone)


# --- rule by rule


def ask(case: Case, packs: Pack | Law = BARE, at: datetime = NOON) -> Decision:
    return decide(case, packs if isinstance(packs, Law) else law(packs), at)


def found(decision: Decision, rule: str) -> Finding:
    [one] = [finding for finding in decision.findings if finding.rule == rule]
    return one


def test_nothing_against_it() -> None:
    decision = ask(CASE)
    assert decision.answer is Answer.ALLOW and decision.next_at == NOON
    assert [finding.rule for finding in decision.findings] == [
        "line",
        "law:bare",
        "number",
        "blacklist",
        "refusal",
        "role",
        "zone",
    ]
    assert all(finding.until is None for finding in decision.findings)
    assert found(decision, "line").code == "not-on-the-line"
    assert found(decision, "number").source == "zvonar"


def test_the_hours_of_every_zone() -> None:
    pack = replace(BARE, hours=HOURS, country="RU", sources={"hours": "art 7"})
    decision = ask(replace(CASE, zones=(MOSCOW, KAMCHATKA)), pack)
    moscow, kamchatka = (one for one in decision.findings if one.rule == "hours:bare")
    assert (moscow.verdict, moscow.code, moscow.source) == (Verdict.PASS, "hours-open", "art 7")
    assert moscow.values == {
        "zone": "Europe/Moscow",
        "local": NOON.astimezone(MOSCOW),
        "window": "08:00-22:00",
        "opens": None,
    }
    assert (kamchatka.verdict, kamchatka.code) == (Verdict.WAIT, "hours-closed")
    assert kamchatka.until == kamchatka.values["opens"] == datetime(2026, 1, 21, 20, tzinfo=UTC)
    assert kamchatka.values["opens"].tzinfo is KAMCHATKA
    assert decision.next_at == datetime(2026, 1, 22, 5, tzinfo=UTC)  # when both are open
    assert decision.reason is kamchatka and kamchatka.waits is Waits.TURN


def test_a_day_without_hours_shows_no_window() -> None:
    pack = replace(BARE, hours={DayKind.WEEKEND: HOURS[DayKind.WEEKEND]}, country="RU")
    assert found(ask(CASE, pack), "hours:bare").values["window"] == "-"


def test_no_call_in_the_last_minute() -> None:
    pack = replace(BARE, hours=HOURS, country="RU")
    last = datetime(2026, 1, 21, 18, 59, tzinfo=UTC)
    assert ask(CASE, pack, last - timedelta(microseconds=1)).answer is Answer.ALLOW
    assert ask(CASE, pack, last).next_at == datetime(2026, 1, 22, 5, tzinfo=UTC)


def test_zones_that_never_meet_wait_for_nothing_in_sight() -> None:
    pack = replace(BARE, hours=dict.fromkeys(DayKind, Window(time(9), time(12))))
    decision = ask(replace(CASE, zones=(MOSCOW, NEW_YORK)), pack)
    assert (decision.answer, decision.next_at) == (Answer.WAIT, None)
    assert decision.reason and decision.reason.code == "hours-closed"


def test_an_unknown_zone_has_no_hours_but_limits() -> None:
    lost = replace(CASE, zones=(), zone_source=ZoneSource.UNKNOWN)
    decision = ask(lost, replace(BARE, hours=HOURS, country="RU"))
    assert decision.answer is Answer.NEVER
    assert decision.reason and decision.reason.code == "zone-unknown"
    capped = ask(replace(lost, past=(past(),)), replace(BARE, limits=(limit(1),)))
    assert found(capped, "zone").code == "zone-known"
    frees = found(capped, "limit:bare:some").until
    assert frees and NOON + 22 * HOUR <= frees <= NOON + 23 * HOUR  # a day later, nearly, somewhere
    assert found(capped, "limit:bare:some").values["frees"] == frees == capped.next_at


@pytest.mark.parametrize(
    "effective, expires, code",
    [
        (date(2026, 1, 21), None, "in-force"),
        (date(2026, 1, 21), date(2026, 1, 21), "in-force"),
        (date(2026, 1, 22), None, "not-in-force"),
        (date(2020, 1, 1), date(2026, 1, 20), "not-in-force"),
    ],
)
def test_a_law_holds_within_its_dates(effective: date, expires: date | None, code: str) -> None:
    pack = replace(BARE, effective=effective, expires=expires, sources={"effective": "gazette"})
    rule = found(ask(CASE, pack), "law:bare")
    assert (rule.code, rule.source) == (code, "gazette")
    assert rule.verdict is (Verdict.PASS if code == "in-force" else Verdict.NEVER)
    assert rule.values == {"pack": "bare", "version": "1", "from": effective, "until": expires}


def test_the_label_and_the_announcements() -> None:
    pack = replace(BARE, label=True, announcements=("caller", "robot", "opt-out"))
    sources = {"label": "art 45", "announcements": "art 7"}
    told = replace(CASE, terms=Terms(labelled=True, announced=frozenset({"caller", "robot", "opt-out"})))
    half = replace(CASE, terms=Terms(announced=frozenset({"robot"})))
    good, bad = ask(told, replace(pack, sources=sources)), ask(half, replace(pack, sources=sources))
    assert good.answer is Answer.ALLOW and bad.answer is Answer.NEVER
    for rule, code, source in (
        ("label:bare", "labelled", "art 45"),
        ("announce:bare", "announced", "art 7"),
    ):
        assert (found(good, rule).code, found(good, rule).source) == (code, source)
    assert found(bad, "label:bare").code == "no-label"
    missing = found(bad, "announce:bare")
    assert (missing.code, missing.values) == ("not-announced", {"what": ["caller", "opt-out"]})


@pytest.mark.parametrize("kind", [None, *NumberKind])
def test_premium_numbers_are_not_called(kind: NumberKind | None) -> None:
    rule = found(ask(replace(CASE, number_kind=kind)), "number")
    assert (rule.verdict is Verdict.NEVER) == (rule.code == "premium") == (kind is NumberKind.PREMIUM)
    assert rule.values == {"kind": kind or NumberKind.OTHER}


def test_bans() -> None:
    past_, future = NOON, NOON + 3 * DAY
    over = Ban("number:+79211234567", "global", "asked", past_, "1")
    soft, hard = replace(over, until=future, id="2"), replace(over, until=None, id="3")
    assert found(ask(replace(CASE, bans=(over,))), "blacklist").code == "not-blacklisted"
    waiting = ask(replace(CASE, bans=(over, soft)))
    rule = found(waiting, "blacklist")
    assert (rule.code, rule.verdict, rule.until) == ("blacklisted", Verdict.WAIT, future)
    assert rule.waits is Waits.BLACKLIST and waiting.next_at == future
    assert rule.values == {"kind": "number", "scope": "global", "reason": "asked", "id": "2"}
    never = ask(replace(CASE, bans=(soft, hard)))
    assert never.answer is Answer.NEVER and never.reason and never.reason.values["id"] == "3"


def test_who_refused_calls_is_not_called_under_any_law() -> None:
    refused = {CALLS: Consent(False, NOON - DAY, "letter")}
    decision = ask(replace(CASE, consents=refused), law())
    rule = found(decision, "refusal")
    assert (decision.answer, rule.code, rule.source) == (Answer.NEVER, "refused", "zvonar")
    assert rule.values == {"from": "letter"}
    sourced = law(BARE, replace(BARE, name="b", sources={"refusal": "art 8"}))
    assert found(ask(replace(CASE, consents=refused), sourced), "refusal").source == "art 8"
    assert found(ask(replace(CASE, consents={CALLS: Consent(True)})), "refusal").values == {"from": ""}


def test_a_message_is_for_one_role_only() -> None:
    other = ask(replace(CASE, role=Role.CONTACT))
    assert other.answer is Answer.NEVER
    assert found(other, "role").values == {"role": Role.CONTACT, "template": Role.DEBTOR}
    both = replace(CASE, role=Role.CONTACT, message=Role.CONTACT)
    assert found(ask(both), "role").code == "role-fits"
    theirs = replace(CASE, message=Role.CONTACT, terms=Terms(role=Role.DEBTOR))  # his template decides
    assert found(ask(theirs), "role").code == "role-differs"
    for role in Role:
        nobody_knows = found(ask(replace(CASE, role=role, message=None)), "role")
        assert (nobody_knows.code, nobody_knows.values["template"]) == ("role-differs", "unknown")


@pytest.mark.parametrize(
    "said, code",
    [
        ({}, "no-consent"),
        ({CALLS: Consent(True)}, "no-consent"),
        ({ADVERTISING: Consent(False)}, "no-consent"),
        ({ADVERTISING: Consent(True, NOON)}, "no-consent"),
        ({ADVERTISING: Consent(True, NOON + DAY, "form 5")}, "consent-given"),
        ({ADVERTISING: Consent(True, None, "form 5")}, "consent-given"),
    ],
)
def test_consent(said: dict[ConsentKind, Consent], code: str) -> None:
    pack = replace(BARE, consents=(ADVERTISING,), sources={"consents": "art 18"})
    rule = found(ask(replace(CASE, consents=said), pack), "consent:bare:advertising")
    assert (rule.code, rule.source) == (code, "art 18")
    assert rule.verdict is (Verdict.PASS if code == "consent-given" else Verdict.NEVER)
    if code == "consent-given":
        assert rule.values == {"kind": ADVERTISING, "from": "form 5"}


def test_an_exemption_stands_for_a_consent_where_the_law_has_any() -> None:
    pack = replace(BARE, consents=(ConsentKind.MASS_CALLS,), exemptible=True, sources={"consents": "126"})
    exempt = replace(CASE, terms=Terms(exemption="state body"))
    rule = found(ask(exempt, pack), "consent:bare")
    assert (rule.code, rule.values, rule.source) == ("exempt", {"why": "state body"}, "126")
    assert ask(exempt, replace(pack, exemptible=False)).answer is Answer.NEVER
    assert ask(CASE, pack).answer is Answer.NEVER
    assert "consent:bare" not in [one.rule for one in ask(exempt, replace(pack, consents=())).findings]


def test_a_contact_person_needs_what_the_law_says_of_him() -> None:
    agreed = {ConsentKind.DEBTOR_AGREED: Consent(True)}
    contact = replace(CASE, role=Role.CONTACT, message=Role.CONTACT)
    pack = replace(BARE, third_party=(ConsentKind.DEBTOR_AGREED,), sources={"third_party": "art 4"})
    assert ask(CASE, pack).answer is Answer.ALLOW
    refused = ask(contact, pack)
    assert refused.answer is Answer.NEVER
    assert found(refused, "consent:bare:debtor-agreed").source == "art 4"
    assert ask(replace(contact, consents=agreed), pack).answer is Answer.ALLOW
    assert ask(contact).answer is Answer.ALLOW


def test_a_consent_that_ends_before_the_hours_begin_means_never() -> None:
    night = datetime(2026, 1, 21, 21, tzinfo=UTC)
    pack = replace(BARE, hours=HOURS, country="RU", consents=(ADVERTISING,))
    ending = replace(CASE, consents={ADVERTISING: Consent(True, night + HOUR)})
    decision = ask(ending, pack, night)
    assert (decision.answer, decision.next_at) == (Answer.NEVER, None)
    assert decision.reason and decision.reason.code == "no-consent"
    assert found(decision, "hours:bare").verdict is Verdict.WAIT


def test_limits() -> None:
    pack = replace(BARE, limits=(limit(2, source="art 7"), limit(9, Period.WEEK, name="week")))
    calls = (past(NOON - 2 * HOUR), past())
    decision = ask(replace(CASE, past=calls), pack)
    rule = found(decision, "limit:bare:some")
    midnight = datetime(2026, 1, 21, 21, tzinfo=UTC)
    assert (rule.code, rule.verdict, rule.until) == ("limit-reached", Verdict.WAIT, midnight)
    assert (rule.source, rule.waits, decision.next_at) == ("art 7", Waits.LIMIT, midnight)
    assert rule.values["frees"].tzinfo is MOSCOW
    assert rule.values == {
        "used": 2,
        "most": 2,
        "limit": "some",
        "counts": Counts.PLACED,
        "scope": Scope.PERSON,
        "frees": midnight,
    }
    free = found(decision, "limit:bare:week")
    assert (free.code, free.verdict, free.source, free.values["used"]) == (
        "limit-free",
        Verdict.PASS,
        "bare",
        2,
    )
    assert free.values["frees"] is None


def test_limits_and_hours_leapfrog() -> None:
    """The gap ends at night, the hours open on the day when the week is full."""
    limits = (limit(1, None, name="gap", rolling=10 * HOUR), limit(2, Period.WEEK, name="week"))
    pack = replace(BARE, hours=HOURS, country="RU", limits=limits)
    calls = (past(NOON - DAY), past(NOON))
    monday = datetime(2026, 1, 26, 5, tzinfo=UTC)
    assert ask(replace(CASE, past=calls), pack).next_at == monday


def test_attempts() -> None:
    pack = replace(BARE, max_attempts=3, sources={"attempts": "ours"})
    left, over = ask(replace(CASE, attempts=2), pack), ask(replace(CASE, attempts=3), pack)
    assert (left.answer, over.answer) == (Answer.ALLOW, Answer.NEVER)
    assert found(left, "attempts:bare").code == "attempts-left"
    rule = found(over, "attempts:bare")
    assert (rule.code, rule.source, rule.values) == ("attempts-over", "ours", {"made": 3, "most": 3})


def test_one_call_at_a_time() -> None:
    decision = ask(replace(CASE, past=(past(open=True),)))
    rule = found(decision, "line")
    assert (rule.code, rule.verdict, rule.waits) == ("on-the-line", Verdict.WAIT, Waits.LINE)
    assert rule.until == decision.next_at == NOON + SOON


@pytest.mark.parametrize(
    "checked_at, answer",
    [
        (None, Answer.WAIT),
        (NOON - HOUR, Answer.ALLOW),
        (NOON - HOUR - timedelta(seconds=1), Answer.WAIT),
        (NOON, Answer.ALLOW),
    ],
)
def test_he_still_owes(checked_at: datetime | None, answer: Answer) -> None:
    decision = ask(replace(CASE, terms=Terms(owes="erp"), checked_at=checked_at))
    rule = found(decision, "owes")
    assert decision.answer is answer
    assert rule.values == {"at": checked_at, "from": "erp"}
    if answer is Answer.WAIT:
        assert (rule.code, rule.waits, rule.until) == ("not-asked-whether-he-owes", Waits.OWES, NOON + SOON)
    else:
        assert (rule.code, rule.verdict, rule.until) == ("still-owes", Verdict.PASS, None)


def test_the_reason_is_the_wait_that_lasts_longest() -> None:
    short, long, endless = (
        Finding("a", Verdict.WAIT, "a", until=NOON),
        Finding("b", Verdict.WAIT, "b", until=NOON + DAY),
        Finding("c", Verdict.WAIT, "c"),
    )
    assert Decision(Answer.WAIT, None, (short, long)).reason is long
    assert Decision(Answer.WAIT, None, (long, endless, short)).reason is endless

"""When evidence is enough: against a reference that counts the plain way."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from builders import NOON, after
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.evidence import Hit, Sentence, Share, at_fault, day, judge
from engine.contact.outcomes import Evidence
from storage.db import new_id

P, S = Evidence.PERMANENT, Evidence.SOFT
HOUR, DAY = 3600, 86400


def hit(seconds: float, evidence: Evidence = P, trunk: str = "a") -> Hit:
    return Hit(new_id(), trunk, after(seconds), evidence)


def test_a_day_is_moscows() -> None:
    assert day(datetime(2026, 1, 21, 20, 59, 59, tzinfo=UTC)).day == 21
    assert day(datetime(2026, 1, 21, 21, 0, tzinfo=UTC)).day == 22


@pytest.mark.parametrize(
    "hits, banned",
    [
        ([], False),
        ([hit(0)], False),
        ([hit(0), hit(60), hit(120)], False),  # one day, one trunk
        ([hit(0), hit(DAY)], True),
        ([hit(0), hit(60, trunk="b")], True),
        ([hit(0), hit(DAY, S)], False),
        ([hit(-400 * DAY), hit(0)], True),  # an invalid number does not get valid by waiting
    ],
)
def test_a_number_that_does_not_exist_needs_two_days_or_two_trunks(hits: list[Hit], banned: bool) -> None:
    found = judge(hits, after(DAY))
    assert found == (Sentence("invalid-number", None, tuple(hits)) if banned else None)


@pytest.mark.parametrize(
    "days, banned",
    [
        ([0, 1, 2, 3, 4, 4], True),
        ([0, 1, 2, 3, 4], False),  # five hits
        ([0, 1, 2, 3, 3, 3, 3], False),  # four days
        ([0, 1, 2, 3, 4, 5, 6], True),
        ([-40, 0, 1, 2, 3, 4], False),  # one is too old
    ],
)
def test_a_number_that_is_off_needs_six_hits_on_five_days(days: list[int], banned: bool) -> None:
    hits = [hit(day * DAY + n, S) for n, day in enumerate(days)]
    at = after(6 * DAY + HOUR)
    found = judge(hits[::-1], at)
    assert found == (Sentence("unreachable", at + timedelta(days=30), tuple(hits)) if banned else None)


def test_soft_evidence_counts_for_just_under_thirty_days() -> None:
    hits = [hit(n * DAY, S) for n in range(6)]
    assert judge(hits, after(30 * DAY - 1)) is not None
    assert judge(hits, after(30 * DAY)) is None


def test_both_kinds_together_end_in_the_harder() -> None:
    hits = [hit(n * DAY, S) for n in range(6)] + [hit(0), hit(DAY)]
    found = judge(hits, after(6 * DAY))
    assert found is not None and found.until is None and len(found.hits) == 2


hits_ = st.builds(
    hit,
    st.integers(-40 * DAY, 0),
    st.sampled_from([P, S]),
    st.sampled_from(["a", "b"]),
)


def plain_judge(hits: list[Hit], at: datetime) -> str | None:
    """As the rule is written: look at every pair, then at every window's days."""

    def on(one: Hit) -> object:
        return (one.at + timedelta(hours=3)).date()

    for one, other in combinations([one for one in hits if one.evidence is P], 2):
        if on(one) != on(other) or one.trunk != other.trunk:
            return "invalid-number"
    soft = [one for one in hits if one.evidence is S and (at - one.at) < timedelta(days=30)]
    days = {on(one) for one in soft}
    return "unreachable" if len(soft) >= 6 and len(days) >= 5 else None


@given(st.lists(hits_, max_size=14))
def test_any_hits_are_judged_as_the_rule_is_written(hits: list[Hit]) -> None:
    found = judge(hits, NOON)
    assert (found.reason if found else None) == plain_judge(hits, NOON)
    assert found is None or set(found.hits) <= set(hits)


@given(
    st.lists(hits_, max_size=14, unique_by=lambda one: one.at).flatmap(
        lambda hits: st.tuples(st.just(hits), st.permutations(hits))
    )
)
def test_the_order_of_hits_says_nothing(both: tuple[list[Hit], list[Hit]]) -> None:
    hits, shuffled = both
    assert judge(hits, NOON) == judge(shuffled, NOON)


@given(st.lists(hits_, max_size=10), hits_.filter(lambda one: one.evidence is P))
def test_more_permanent_evidence_never_frees_anybody(hits: list[Hit], one: Hit) -> None:
    assert judge(hits, NOON) is None or judge([*hits, one], NOON) is not None


@pytest.mark.parametrize(
    "last, week, fault",
    [
        (Share(19, 19), Share(), False),  # nothing can be said yet
        (Share(20, 4), Share(), False),  # 20 %
        (Share(20, 5), Share(), True),
        (Share(200, 41), Share(10_000, 5_000), True),  # more than 20 %, whatever the week was
        (Share(200, 13), Share(1_000, 20), True),  # 6.5 % after 2 %
        (Share(200, 12), Share(1_000, 20), False),  # 6 % is three times, not more
        (Share(200, 13), Share(499, 10), False),  # too little is known of the week
        (Share(200, 13), Share(500, 10), True),
        (Share(200, 4), Share(100_000, 1), False),  # four may be chance
        (Share(200, 5), Share(100_000, 0), True),
        (Share(), Share(1_000, 0), False),
    ],
)
def test_a_trunk_is_at_fault_when_its_share_jumps(last: Share, week: Share, fault: bool) -> None:
    assert at_fault(last, week) is fault


def test_a_share_of_nothing_is_nothing() -> None:
    assert (Share().of_all, Share(4, 1).of_all) == (0.0, 0.25)

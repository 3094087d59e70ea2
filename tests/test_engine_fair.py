"""Turns are divided by priority and weight; none is lost while somebody could use it."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.fair import Claim, Ledger, divide, serve
from storage.db import new_id

A, B, C = (new_id() for _ in range(3))


def claim(campaign: UUID, wants: int = 99, weight: int = 1, priority: int = 0, trunks: str = "t") -> Claim:
    return Claim(campaign, priority, weight, wants, trunks.split())


def long_run(claims: list[Claim], beats: int, free: int = 1) -> Counter[UUID]:
    """What each had after so many beats, one ledger kept throughout."""
    ledger, had = Ledger(), Counter[UUID]()
    for _ in range(beats):
        ledger = ledger.present({one.campaign: one.priority for one in claims})
        given = divide(ledger, {"t": free}, claims)
        for one in claims:
            ledger = ledger.charged(one.campaign, one.weight, given.get(one.campaign, 0))
        had.update(given)
    return had


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(1, 7))
def test_equals_have_calls_by_their_weight_over_time(weights: list[int], free: int) -> None:
    claims = [claim(new_id(), weight=weight) for weight in weights]
    had = long_run(claims, 200, free)
    assert had.total() == 200 * free
    for one in claims:  # nobody is more than a round of turns ahead or behind
        due = had.total() * one.weight / sum(weights)
        assert abs(had[one.campaign] - due) <= len(weights) + 1


@pytest.mark.parametrize("beats", [1, 2, 10])
def test_the_older_of_two_equals_does_not_take_every_turn(beats: int) -> None:
    had = long_run([claim(A), claim(B)], 2 * beats)
    assert had == {A: beats, B: beats}


@given(
    st.lists(
        st.builds(
            claim,
            st.uuids(version=4),
            wants=st.integers(0, 30),
            weight=st.integers(1, 10),
            priority=st.integers(0, 3),
            trunks=st.sampled_from(["t", "u", "t u", "u t", "none"]),
        ),
        max_size=6,
        unique_by=lambda one: one.campaign,
    ),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_nothing_is_given_twice_and_nothing_is_kept_back(claims: list[Claim], t: int, u: int) -> None:
    given_ = divide(Ledger(), {"t": t, "u": u}, claims)
    assert all(0 < given_[one.campaign] <= one.wants for one in claims if one.campaign in given_)
    for trunks, free in ((["t"], t), (["u"], u), (["t", "u"], t + u)):
        only = [one for one in claims if set(one.trunks) <= set(trunks)]
        assert sum(given_.get(one.campaign, 0) for one in only) <= free
    assert sum(given_.values()) <= t + u
    alone = {name: {name: free} for name, free in (("t", t), ("u", u))}
    for one in claims:
        hungry = given_.get(one.campaign, 0) < one.wants
        if hungry and len(one.trunks) == 1 and one.trunks[0] in alone:
            rivals = sum(given_.get(other.campaign, 0) for other in claims if one.trunks[0] in other.trunks)
            assert rivals >= alone[one.trunks[0]][one.trunks[0]]


def test_the_urgent_take_all_that_they_want_and_the_others_the_rest() -> None:
    claims = [claim(A), claim(B, 3, priority=5), claim(C, 4, priority=5)]
    assert divide(Ledger({B: 1e9}), {"t": 10}, claims) == {C: 4, B: 3, A: 3}
    assert list(divide(Ledger(), {"t": 10}, claims))[-1] == A


def test_what_one_cannot_use_the_others_get() -> None:
    assert divide(Ledger(), {"t": 10}, [claim(A, 2), claim(B)]) == {A: 2, B: 8}


def test_who_may_use_two_trunks_does_not_wait_for_the_full_one() -> None:
    claims = [claim(A, trunks="t u"), claim(B, trunks="t")]
    assert divide(Ledger(), {"t": 4, "u": 4}, claims) == {A: 6, B: 2}


def test_who_was_away_has_saved_nothing_up() -> None:
    ledger = Ledger({A: 50.0, B: 0.0})
    assert ledger.present({A: 0, B: 0}, without_leads={B}).had == {A: 0.0, B: 0.0}
    assert ledger.present({A: 0}).present({A: 0, B: 0}).had == {A: 0.0, B: 0.0}
    assert ledger.present({A: 0, B: 0}).had == {A: 50.0, B: 0.0}


def test_who_lacks_leads_again_and_again_gains_nothing_by_it() -> None:
    ledger = Ledger({A: 0.0, B: 0.5})
    assert ledger.present({A: 0, B: 0}, without_leads={B}).had == {A: 0.0, B: 0.5}


def test_a_part_that_was_not_had_is_remembered() -> None:
    ledger = Ledger().present({A: 0, B: 0}).charged(A, 1, 3)
    assert divide(ledger, {"t": 3}, [claim(A), claim(B)]) == {B: 3}


def serving(
    ledger: Ledger, free: dict[str, int], claims: list[Claim], leads: dict[UUID, int]
) -> tuple[Ledger, Counter[UUID]]:
    """One beat with so many leads at hand: the ledger after it, and what each had."""
    had: Counter[UUID] = Counter()
    left = Counter(free)
    trunks = {one.campaign: one.trunks for one in claims}

    def take(campaign: UUID, most: int) -> Counter[str]:
        turns = [trunk for trunk in trunks[campaign] for _ in range(left[trunk])]
        assert 0 < most <= len(turns)
        count = min(most, leads[campaign] - had[campaign])
        had[campaign] += count
        return Counter(turns[:count])

    ledger = serve(ledger, left, claims, take)
    assert all(turns >= 0 for turns in left.values())
    return ledger, had


def test_what_one_has_no_leads_for_is_divided_again() -> None:
    claims = [claim(A), claim(B), claim(C)]
    ledger, had = serving(Ledger(), {"t": 12}, claims, {A: 1, B: 99, C: 5})
    assert had == {A: 1, B: 6, C: 5}
    assert ledger.had[A] == 0.0  # brought level with the one that had least


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.integers(0, 2)), min_size=1, max_size=5),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_no_turn_is_left_while_a_lead_could_use_it(
    campaigns: list[tuple[int, int, int]], t: int, u: int
) -> None:
    trunks = ("t", "u", "t u")
    claims = [claim(new_id(), 9, weight, 0, trunks[which]) for _leads, weight, which in campaigns]
    leads = {one.campaign: row[0] for one, row in zip(claims, campaigns, strict=True)}
    _ledger, had = serving(Ledger(), {"t": t, "u": u}, claims, leads)
    for trunk, free in (("t", t), ("u", u)):
        only = [one.campaign for one in claims if list(one.trunks) == [trunk]]
        waiting = sum(leads[one] - had[one] for one in only)
        users = sum(had[one.campaign] for one in claims if trunk in one.trunks)
        assert waiting == 0 or users >= free


def test_over_many_beats_parts_are_kept_though_leads_come_and_go() -> None:
    claims, ledger, had = [claim(A, weight=2), claim(B)], Ledger(), Counter[UUID]()
    for beat in range(300):
        leads = {A: 9, B: 0 if beat < 100 else 9}
        ledger, now = serving(ledger, {"t": 1}, claims, leads)
        had.update(now)
    assert had == {A: 100 + 133, B: 67} or had == {A: 100 + 134, B: 66}


def test_who_found_his_trunk_full_keeps_his_right_to_the_next_turns() -> None:
    claims, left = [claim(A, 3, trunks="t u"), claim(B, trunks="t")], Counter({"t": 2, "u": 2})
    taken = {A: iter([Counter({"t": 2, "u": 1})]), B: iter([])}
    ledger = serve(Ledger(), left, claims, lambda campaign, _most: next(taken[campaign]))
    assert ledger.had == {A: 3.0, B: 0.0}

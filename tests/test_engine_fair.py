"""Turns are divided by priority and weight; none is lost while somebody could use it."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.fair import Claim, Ledger, divide
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

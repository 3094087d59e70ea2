"""The life of an attempt: any order, any repetition, only forward, always exactly one outcome."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.attempts import Seen, Talk
from storage.vocab import AttemptState, Outcome

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORDER = list(AttemptState)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


moments = st.integers(0, 600).map(after)
talks = st.builds(
    Talk, st.sampled_from([o for o in Outcome if o.startswith("answered")]), st.integers(0, 9000)
)
# One witness tells one thing; an attempt is a handful of them.
witnesses = st.one_of(
    st.builds(Seen, sent_at=moments),
    st.builds(Seen, ringing_at=moments),
    st.builds(Seen, answered_at=moments),
    st.builds(Seen, failed_at=moments, timed_out=st.sampled_from([None, True])),
    st.builds(Seen, hangup_at=moments, cause=st.integers(0, 127), tech_cause=st.integers(400, 699)),
    st.builds(Seen, talk=talks),
    st.builds(Seen, refused=st.just("no such extension")),
    st.just(Seen(closed=True)),
)


def summed(seen: list[Seen]) -> Seen:
    total = Seen()
    for one in seen:
        total = total.merge(one)
    return total


@given(st.lists(witnesses, max_size=6), st.randoms(use_true_random=False))
def test_order_and_repetition_of_witnesses_do_not_matter(seen, random):
    shuffled = seen + random.choices(seen, k=3) if seen else []
    random.shuffle(shuffled)
    assert summed(shuffled) == summed(seen)


@given(st.lists(witnesses, max_size=6))
def test_a_state_only_goes_forward_until_the_end(seen):
    total, rank = Seen(), 0
    for one in seen:
        if total.final:  # stored and closed; only a talk is still taken after this
            break
        total = total.merge(one)
        now = ORDER.index(total.state())
        assert now >= rank
        rank = now


@given(st.lists(witnesses, max_size=6))
def test_once_final_there_is_one_outcome(seen):
    total = summed([*seen, Seen(closed=True)])
    assert isinstance(total.verdict().outcome, Outcome)
    assert total.state() in (AttemptState.ENDED, AttemptState.UNKNOWN)


SENT = Seen(sent_at=NOON)
RANG = Seen(ringing_at=after(2))
UP = Seen(answered_at=after(5))
HEARD = Seen(talk=Talk(Outcome.ANSWERED_HEARD, 4000, 4000))


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ([SENT, RANG, UP, HEARD, Seen(hangup_at=after(9), cause=16)], Outcome.ANSWERED_HEARD),
        ([SENT, RANG, UP, Seen(closed=True)], Outcome.ANSWERED_PARTIAL),
        ([SENT, Seen(hangup_at=after(1), cause=17, tech_cause=486)], Outcome.BUSY),
        ([SENT, RANG, Seen(hangup_at=after(40), cause=19, tech_cause=480)], Outcome.NO_ANSWER),
        ([SENT, Seen(failed_at=after(1)), Seen(closed=True)], Outcome.TRUNK_FAULT),
        ([Seen(refused="Extension does not exist.")], Outcome.TRUNK_FAULT),
        ([SENT, Seen(closed=True)], Outcome.UNKNOWN),
        ([Seen(closed=True)], Outcome.UNKNOWN),
    ],
)
def test_outcomes_of_known_stories_in_every_order(seen, outcome):
    for order in permutations(seen):
        total = summed(list(order))
        assert total.final
        assert total.verdict().outcome is outcome


def test_an_answered_call_waits_for_its_talk():
    ended = summed([SENT, UP, Seen(hangup_at=after(9), cause=16)])
    assert not ended.final
    assert ended.state() is AttemptState.ANSWERED
    assert ended.merge(HEARD).final

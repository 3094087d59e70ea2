"""How operators write rules of retrying: what they mean, what is wrong with them, what is kept."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.retry_rules import DEFAULTS, LONGEST_S, Rule, parse, rule_of, rules_of
from engine.errors import UsageError
from storage.vocab import Outcome


def test_every_outcome_says_when_to_try_again() -> None:
    assert set(DEFAULTS) == set(Outcome)
    never = {outcome for outcome, rule in DEFAULTS.items() if rule.delay_s is None}
    answered = {outcome for outcome in Outcome if outcome.startswith("answered-")}
    assert never == answered - {Outcome.ANSWERED_PROMISE} | {Outcome.INVALID_NUMBER}


@pytest.mark.parametrize(
    ("outcome", "least_s", "most_s"),
    [
        (Outcome.BUSY, 600, 1800),
        (Outcome.NO_ANSWER, 3600, 4 * 3600),
        (Outcome.UNREACHABLE, 3600, 24 * 3600),
        (Outcome.REJECTED, 86400, 86400),
        (Outcome.UNKNOWN, 86400, 86400),
    ],
)
def test_a_retry_waits_as_long_as_the_trade_says(outcome: Outcome, least_s: int, most_s: int) -> None:
    delay = DEFAULTS[outcome].delay_s
    assert delay is not None
    assert least_s <= delay <= most_s


@pytest.mark.parametrize(
    "text, rule",
    [
        ("10m x2 max 1h", Rule(600, 2.0, 3600)),
        ("2h x1.5 max 8h times 3 next-phone", Rule(7200, 1.5, 8 * 3600, 3, next_phone=True)),
        ("next-phone", None),
        ("1m other-trunk", Rule(60, other_trunk=True)),
        ("1m  times 2 x3   max 2m", Rule(60, 3.0, 120, 2)),
        ("never", Rule(None)),
        ("never next-phone", Rule(None, next_phone=True)),
        ("1d2h3m4s", Rule(93784)),
        ("0s", Rule(0)),
        ("30d", Rule(LONGEST_S)),
    ],
)
def test_a_rule_is_read(text: str, rule: Rule | None) -> None:
    if rule is None:
        with pytest.raises(UsageError):
            rule_of(text)
    else:
        assert rule_of(text) == rule


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "a rule begins with a delay"),
        ("ten", "'ten' is no delay"),
        ("10", "'10' is no delay"),
        ("10m 5m", "'5m' is none of"),
        ("5m10h", "'5m10h' is no delay"),
        ("31d", "'31d' is longer than 30d"),
        ("-5m", "'-5m' is no delay"),
        ("10m x0.5", "growth: 0.5 is not between 1 and 10"),
        ("10m x11", "growth: 11 is not between 1 and 10"),
        ("10m x", "growth: '' is not a number"),
        ("10m xnan", "growth: 'nan' is not a number"),
        ("10m max", "'' is no delay"),
        ("10m max 5m", "max is less than the delay"),
        ("10m times 0", "times: 0 is not between 1 and 100"),
        ("10m times 1.5", "times: '1.5' is not a number"),
        ("10m times", "times: '' is not a number"),
        ("10m x2 x3", "'x3' comes twice"),
        ("10m next-phone next-phone", "'next-phone' comes twice"),
        ("never x2", "after never only next-phone"),
        ("never times 3", "after never only next-phone"),
        ("10m next_phone", "'next_phone' is none of"),
        ("١٠m", "'١٠m' is no delay"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse([f"busy={text}"], {})
    assert str(error.value).startswith(f"retry 'busy={text}': {told}")


@pytest.mark.parametrize(
    "text, told",
    [
        ("bussy=10m", "'bussy' is no outcome; outcomes are answered-heard,"),
        ("10m", "'10m' is no outcome"),
        ("answered-opt-out=1d", "who has opted out is not called again"),
        ("answered-opt-out=default", "who has opted out is not called again"),
        ("unknown=23h", "perhaps he was called; the delay is 1d or more"),
    ],
)
def test_what_may_have_no_rule_has_none(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"^retry '{text}': {told}"):
        parse([text], {})


def test_only_what_differs_is_kept_and_it_reads_as_it_was_written() -> None:
    kept = parse(["busy=10m x2 max 1h", " no-answer = 2h next-phone", "rejected=never"], {})
    assert kept == {"busy": "10m x2 max 1h", "rejected": "never"}
    assert parse(["busy=default", "unknown=never"], kept) == {"rejected": "never", "unknown": "never"}
    assert parse(["busy=60m", "busy=3600s"], {}) == {"busy": "1h"}
    assert rules_of(kept)[Outcome.BUSY] == Rule(600, 2.0, 3600)
    assert rules_of(kept)[Outcome.NO_ANSWER] == DEFAULTS[Outcome.NO_ANSWER]


@given(
    st.none() | st.integers(0, LONGEST_S),
    st.integers(1000, 10000).map(lambda growth: growth / 1000),
    st.integers(0, LONGEST_S),
    st.integers(0, 100),
    st.booleans(),
    st.booleans(),
)
def test_what_is_written_is_what_was_meant(
    delay_s: int | None, growth: float, longest_s: int, times: int, next_phone: bool, other_trunk: bool
) -> None:
    if delay_s is None:
        rule = Rule(None, next_phone=next_phone, other_trunk=other_trunk)
    else:
        rule = Rule(delay_s, growth, max(delay_s, longest_s), times, next_phone, other_trunk)
    assert rule_of(str(rule)) == rule


@given(st.text(max_size=30))
def test_any_text_is_a_rule_or_an_error(text: str) -> None:
    with suppress(UsageError):
        parse([f"busy={text}"], {})

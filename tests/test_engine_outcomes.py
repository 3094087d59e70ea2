"""engine.contact.outcomes: every row of the table of causes, and the rules that read more than the cause."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.outcomes import CAUSES, NOT_PLACED, TIMERS_B_S, Evidence, Verdict, classify
from storage.vocab import Outcome

# One line a row of the trade's table: causes, SIP code seen with them, outcome, refund, evidence.
ROWS = """
0                       -    unknown         no      none
1                       404  invalid-number  no      permanent
1                       485  invalid-number  no      permanent
1                       604  invalid-number  no      permanent
2                       -    trunk-fault     refund  none
3                       -    trunk-fault     refund  none
3                       420  trunk-fault     refund  none
3                       404  invalid-number  no      soft
4                       500  invalid-number  no      soft
5                       -    trunk-fault     refund  none
6,7,8,9                 -    trunk-fault     refund  none
14                      404  trunk-fault     refund  none
16                      -    cancelled       no      none
17                      486  busy            no      none
17                      600  busy            no      none
18                      408  unreachable     no      soft
19                      480  unreachable     no      soft
19                      483  unreachable     no      soft
20                      480  unreachable     no      soft
21                      403  rejected        no      none
21                      603  rejected        no      none
21                      401  trunk-fault     refund  none
21                      407  trunk-fault     refund  none
22                      410  invalid-number  no      permanent
23                      302  unreachable     no      none
24                      403  rejected        no      none
25                      503  congestion      refund  none
26                      -    no-answer       no      none
27                      502  unreachable     no      soft
28                      484  invalid-number  no      permanent
29                      501  trunk-fault     refund  none
30                      -    unknown         no      none
31                      480  unreachable     no      none
34                      503  congestion      refund  none
38                      500  congestion      refund  none
41,42,43,44,46,47,49    409  congestion      refund  none
50,52,53,57             403  trunk-fault     refund  none
54,55                   403  unreachable     no      soft
58,63,65,66,69,70,79    488  trunk-fault     refund  none
81,82,83,84,85,86       -    trunk-fault     refund  none
87                      403  unreachable     no      none
88                      488  unreachable     no      soft
95,96,97,98,99,100,101  -    trunk-fault     refund  none
103,111                 -    trunk-fault     refund  none
102                     504  congestion      refund  none
127                     487  cancelled       no      none
127                     607  rejected        no      none
127                     608  rejected        no      none
127                     400  unknown         no      none
127                     402  unknown         no      none
127                     405  unknown         no      none
127                     482  unknown         no      none
127                     505  unknown         no      none
"""


def rows() -> list[Any]:
    found = []
    for line in ROWS.strip().splitlines():
        causes, sip, outcome, refund, evidence = line.split()
        verdict = Verdict(Outcome(outcome), refund == "refund", Evidence(evidence))
        for cause in causes.split(","):
            tech = None if sip == "-" else int(sip)
            found.append(pytest.param(int(cause), tech, verdict, id=f"{cause}-{sip}"))
    return found


@pytest.mark.parametrize(("cause", "tech", "verdict"), rows())
def test_a_row_of_the_table(cause: int, tech: int | None, verdict: Verdict) -> None:
    assert classify(cause, tech) == verdict


def test_the_rows_name_every_cause_that_the_code_knows() -> None:
    named = {int(cause) for line in ROWS.split("\n") for cause in re.findall(r"\d+", line.split(" ")[0])}
    assert named == set(CAUSES)


NO_ANSWER = Verdict(Outcome.NO_ANSWER)
TRUNK_FAULT = Verdict(Outcome.TRUNK_FAULT, refund=True)
SAW: list[tuple[str, int, int | None, dict[str, Any], Verdict]] = [
    (
        "our dial timeout while it rang",
        19,
        480,
        {"rang": True, "timed_out": True, "elapsed_s": 40},
        NO_ANSWER,
    ),
    ("carrier's 480 while it rang", 19, 480, {"rang": True, "elapsed_s": 30}, NO_ANSWER),
    ("carrier's 408 while it rang", 18, 408, {"rang": True, "elapsed_s": 32}, NO_ANSWER),
    (
        "early media until our timeout",
        19,
        480,
        {"progress": True, "timed_out": True, "elapsed_s": 40},
        NO_ANSWER,
    ),
    (
        "an announcement in early media, then 480",
        19,
        480,
        {"progress": True, "elapsed_s": 12},
        Verdict(Outcome.UNREACHABLE, evidence=Evidence.SOFT),
    ),
    (
        "100 Trying, then nothing until our timeout",
        19,
        480,
        {"timed_out": True, "elapsed_s": 40},
        Verdict(Outcome.UNREACHABLE),
    ),
    ("no SIP reply, our timeout before timer B", 19, 480, {"timed_out": True, "elapsed_s": 5}, TRUNK_FAULT),
    ("no SIP reply, timer B as rendered", 18, 408, {"elapsed_s": 8.01}, TRUNK_FAULT),
    ("no SIP reply, timer B handled late", 18, 408, {"elapsed_s": 9.9}, TRUNK_FAULT),
    ("no SIP reply, SIP's default timer B", 18, 408, {"elapsed_s": 32.02}, TRUNK_FAULT),
    (
        "carrier's 408 after a time of its own",
        18,
        408,
        {"elapsed_s": 20},
        Verdict(Outcome.UNREACHABLE, evidence=Evidence.SOFT),
    ),
    (
        "carrier's 480 that comes when timer B would",
        19,
        480,
        {"elapsed_s": 8.01},
        Verdict(Outcome.UNREACHABLE, evidence=Evidence.SOFT),
    ),
    (
        "early media until a short time-out of ours",
        19,
        480,
        {"progress": True, "timed_out": True, "elapsed_s": 5},
        NO_ANSWER,
    ),
    ("no cause while it rang", 31, 480, {"rang": True}, NO_ANSWER),
    ("congestion after it rang is not given back", 34, 503, {"rang": True}, Verdict(Outcome.CONGESTION)),
]


@pytest.mark.parametrize(
    ("cause", "tech", "seen", "verdict"), [pytest.param(*case[1:], id=case[0]) for case in SAW]
)
def test_what_was_seen_before_decides(
    cause: int, tech: int | None, seen: dict[str, Any], verdict: Verdict
) -> None:
    assert classify(cause, tech, **seen) == verdict


@pytest.mark.parametrize("cause", [1, 4, 18, 20, 22, 27, 28, 54, 88])
def test_without_the_carriers_code_nothing_is_evidence(cause: int) -> None:
    """Asterisk before 22.7 tells no SIP code: the outcome stands, the blacklist learns nothing."""
    assert classify(cause, None).evidence is Evidence.NONE


flags = {name: st.booleans() for name in ("rang", "progress", "answered", "timed_out")}
seen = st.fixed_dictionaries({**flags, "elapsed_s": st.floats(0, 700)})


@given(st.integers() | st.none(), st.integers() | st.none(), seen)
def test_any_ending_has_a_verdict_that_makes_sense(
    cause: int | None, tech: int | None, seen: dict[str, Any]
) -> None:
    verdict = classify(cause, tech, **seen)
    if verdict.refund:
        assert verdict.outcome in (Outcome.TRUNK_FAULT, Outcome.CONGESTION)
        assert not seen["rang"]
    if verdict.evidence is not Evidence.NONE:
        assert tech is not None
        assert verdict.outcome in (Outcome.INVALID_NUMBER, Outcome.UNREACHABLE)
    assert seen["answered"] == (verdict.outcome is Outcome.ANSWERED_PARTIAL)


@given(st.integers().filter(lambda cause: cause not in CAUSES), st.integers() | st.none(), seen)
def test_a_cause_that_no_table_knows_is_unknown(cause: int, tech: int | None, seen: dict[str, Any]) -> None:
    assert classify(cause, tech, **{**seen, "answered": False}) == Verdict(Outcome.UNKNOWN)


def test_an_answered_call_is_for_the_conversation_to_name() -> None:
    for cause in CAUSES:
        assert classify(cause, 503, answered=True) == Verdict(Outcome.ANSWERED_PARTIAL)


def test_a_call_that_never_left_is_given_back() -> None:
    assert NOT_PLACED == TRUNK_FAULT


def test_silence_is_looked_for_at_sixty_four_times_t1() -> None:
    assert TIMERS_B_S == (64 * 0.125, 64 * 0.5)

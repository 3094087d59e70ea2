"""What came of ringing somebody, told from what Dial says of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.masking.reached import end_of
from storage.vocab import MaskEnd


@pytest.mark.parametrize(
    "status, cause, after_s, end",
    [
        ("ANSWER", 16, 100, MaskEnd.TALKED),
        ("BUSY", 17, 2, MaskEnd.BUSY),
        ("BUSY", 0, 2, MaskEnd.NO_ANSWER),
        ("NOANSWER", 0, 40.2, MaskEnd.NO_ANSWER),
        ("NOANSWER", 19, 2, MaskEnd.OFF),
        ("CANCEL", 0, 2, MaskEnd.ABANDONED),
        ("CHANUNAVAIL", 1, 1, MaskEnd.OFF),
        ("CHANUNAVAIL", 18, 2, MaskEnd.OFF),
        ("CHANUNAVAIL", 18, 8.01, MaskEnd.NONE),
        ("CHANUNAVAIL", 18, 32.2, MaskEnd.NONE),
        ("CHANUNAVAIL", 18, 12, MaskEnd.OFF),
        ("CHANUNAVAIL", 21, 1, MaskEnd.NO_ANSWER),
        ("CHANUNAVAIL", 22, 1, MaskEnd.OFF),
        ("CHANUNAVAIL", 28, 1, MaskEnd.OFF),
        ("CHANUNAVAIL", 38, 1, MaskEnd.NONE),
        ("CHANUNAVAIL", 58, 1, MaskEnd.NONE),
        ("CONGESTION", 34, 1, MaskEnd.NONE),
        ("", 0, 0, MaskEnd.NONE),
    ],
)
def test_each_status(status: str, cause: int, after_s: float, end: MaskEnd) -> None:
    assert end_of(status, cause, after_s, 40) is end


@given(
    st.sampled_from(["BUSY", "NOANSWER", "CONGESTION", "CHANUNAVAIL", "INVALIDARGS", ""]),
    st.integers(0, 200),
    st.floats(0, 100),
)
def test_nobody_has_talked_whom_asterisk_does_not_call_answered(
    status: str, cause: int, after_s: float
) -> None:
    assert end_of(status, cause, after_s, 40) is not MaskEnd.TALKED

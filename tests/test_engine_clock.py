"""The wall clock is believed while it goes with the monotonic one and with the database's."""

import pytest

from engine.campaign.clock import HOLD_S, SKEW_S, STEP_S, Clock


def looked(*looks: tuple[float, float, float]) -> Clock:
    """A clock after looks of (wall, monotonic, skew)."""
    clock = Clock()
    for look in looks:
        clock = clock.look(*look)
    return clock


def test_a_clock_that_goes_steadily_is_believed() -> None:
    assert not looked((1000, 0, 0), (1001, 1, 1), (1003, 2.5, -1)).doubted(2.5)


@pytest.mark.parametrize("jump", [STEP_S + 0.1, -STEP_S - 0.1, 3600, -3600])
def test_after_a_jump_it_is_doubted_for_a_while(jump: float) -> None:
    clock = looked((1000, 0, 0), (1001 + jump, 1, 0))
    assert "jumped" in clock.why
    assert clock.doubted(1 + HOLD_S - 0.1)
    assert not clock.doubted(1 + HOLD_S)
    later = clock.look(1001 + jump + HOLD_S + 1, 2 + HOLD_S, 0)
    assert later.why == ""


def test_a_small_step_is_none() -> None:
    assert not looked((1000, 0, 0), (1001 + STEP_S, 1, 0)).doubted(1)


def test_beside_the_database_it_is_doubted_as_long_as_that_lasts() -> None:
    clock = looked((1000, 0, SKEW_S + 0.1))
    assert "beside" in clock.why
    assert clock.doubted(0.5)
    clock = clock.look(1000.8, 0.8, -SKEW_S - 0.1)
    assert clock.doubted(1.5)
    clock = clock.look(1002, 2, SKEW_S)
    assert (clock.doubted(2), clock.why) == (False, "")

"""What is promised when dialers die, on PostgreSQL: judged by the carrier's own log (tests/chaos)."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from chaos.campaign import at_every_point, at_random, heirs, to_the_end
from chaos.judge import Life
from chaos.rig import Rig, told

SEED = int(os.environ.get("CHAOS_SEED", "0")) or int(time.time())
TAKEN_OVER_S = 12.0


@pytest.fixture
def rig(tmp_path: Path, postgres_url: str) -> Iterator[Callable[..., Rig]]:
    """Makes a rig."""
    with ExitStack() as opened:
        yield lambda **how: opened.enter_context(Rig(tmp_path, postgres_url, **how))


@pytest.mark.timeout(300)
def test_a_dialer_killed_at_every_named_point_doubles_no_call_and_loses_none(rig: Any) -> None:
    campaign = rig(people=100)
    missed = at_every_point(campaign, (1, 3)) + heirs(campaign)
    found = to_the_end(campaign, 20)
    sys.stdout.write(told(found))
    assert (missed, found.broken) == ([], [])
    assert found.figures["calls"] > 50


@pytest.mark.timeout(480)
def test_three_dialers_killed_at_200_random_moments(rig: Any) -> None:
    campaign = rig(dialers=3, people=700)
    at_random(campaign, 200, SEED)
    found = to_the_end(campaign, 10, calls=300)
    sys.stdout.write(f"seed {SEED}: {told(found)}")
    assert found.broken == [], f"again: CHAOS_SEED={SEED}"
    assert found.figures["kills"] == 200
    assert found.figures["calls"] > 200


@pytest.mark.timeout(200)
def test_three_dialers_together_keep_every_limit_and_use_it(rig: Any) -> None:
    limits = {"nodes": {"east": 4, "west": 6}, "campaigns": {"autumn": 3, "winter": 30}}
    campaign = rig(dialers=3, people=600, trunks={"first": (40.0, 9)}, **limits)
    for one in campaign.all:
        campaign.start(one)
    time.sleep(15)
    found = to_the_end(campaign, 5)
    sys.stdout.write(told(found))
    assert found.broken == []
    assert found.figures["most at once, autumn"] == "3 of 3"
    assert found.figures["most at once, first"] == "9 of 9"


@pytest.mark.timeout(200)
def test_a_dialer_that_freezes_is_taken_over_and_ends_when_it_wakes(rig: Any) -> None:
    campaign = rig(people=300)
    first, second = campaign.all
    for one in campaign.all:
        campaign.start(one)
    time.sleep(12)
    assert campaign.open_attempts(first.name) > 0
    campaign.nursery.signal(first.pid, signal.SIGSTOP)
    froze = time.monotonic()
    in_flight = campaign.open_attempts(first.name)
    campaign.lives.append(Life(first.name, first.born, time.time(), in_flight))
    assert campaign.until(lambda: campaign.open_attempts(first.name) == 0, 30)
    took_s = time.monotonic() - froze
    time.sleep(max(0.0, 15 - took_s))
    campaign.nursery.signal(first.pid, signal.SIGCONT)
    assert campaign.died(first, 20) == 4, first.log.read_text()[-1000:]
    found = to_the_end(campaign, 5)
    sys.stdout.write(f"taken over after {took_s:.1f} s: {told(found)}")
    assert found.broken == []
    assert took_s < TAKEN_OVER_S + 1
    assert second.name in {life.dialer for life in campaign.lives}

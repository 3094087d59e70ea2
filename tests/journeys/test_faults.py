"""What is promised when something dies in the middle of a campaign. On a real Asterisk."""

import os
import signal
import time
from collections import Counter

import pytest
from journeys.conftest import QUICK, campaign, outcomes, people

from lab.ear import load, match
from lab.shell import Shell

LIKE = 0.9


def called(shell: Shell) -> Counter[str]:
    """How often each number was dialled, as the carrier saw it."""
    return Counter(call.number for call in shell.stand.carrier.sent)


def over(now: dict) -> bool:
    return now["leads"]["pending"] == now["leads"]["in_flight"] == 0


def test_fastagi_killed_in_mid_message_the_callee_hears_the_fallback(opened, fallback):
    shell = opened()
    shell.serve("dialer")
    fastagi = shell.serve("fastagi")
    rows = people([("listens", 0)] * 3)
    campaign(shell, rows)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) == 3)
    time.sleep(2.5)  # in the middle of the greeting
    killed = time.time()
    fastagi.kill()
    shell.until("c", over)
    sent = {call.number: call.at for call in shell.stand.carrier.sent}
    for row in rows:
        found = match(shell.stand.ear.heard(row["phone"]), load(fallback))
        assert found.correlation >= LIKE
        # What is heard begins no later than the INVITE plus its answer, so this is an upper bound.
        assert sent[row["phone"]] + found.offset_s - killed < 2.5
    assert set(outcomes(shell).values()) == {"answered-partial"}


def test_fastagi_frozen_holds_nobody_for_longer_than_a_call_may_last(opened):
    shell = opened(dialer=QUICK | {"max_call_s": 30})
    shell.serve("dialer")
    fastagi = shell.serve("fastagi")
    rows = people([("listens", 0)] * 2)
    campaign(shell, rows)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) == 2)
    time.sleep(2.5)  # in the middle of the greeting
    frozen = time.time()
    os.kill(fastagi.pid, signal.SIGSTOP)
    try:
        shell.until("c", over, 70)
    finally:
        fastagi.kill()
    # TIMEOUT(absolute) hangs up; the conversation did not report within its 5 s.
    assert time.time() - frozen < 45
    assert "0 active channels" in shell.stand.node.console("core show channels")
    assert set(outcomes(shell).values()) == {"answered-partial"}
    assert called(shell) == Counter(row["phone"] for row in rows)


def test_no_fastagi_at_all_the_callee_hears_the_fallback(opened, fallback):
    shell = opened()
    shell.serve("dialer")
    rows = people([("listens", 0)])
    campaign(shell, rows)
    shell.until("c", over)
    found = match(shell.stand.ear.heard(rows[0]["phone"]), load(fallback))
    assert found.correlation >= LIKE
    assert found.offset_s < 2.5
    assert outcomes(shell) == {"listens-0": "answered-partial"}


@pytest.mark.timeout(200)
def test_asterisk_killed_and_started_again_dialling_goes_on_and_nobody_is_called_twice(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("hangs-up", 3), ("busy", 0), ("listens", 0)] * 10)
    campaign(shell, rows, cps=3, channels=12)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) >= 8)
    shell.stand.node.kill()
    before = set(called(shell))
    time.sleep(3)
    shell.stand.node.start()
    status = shell.until("c", lambda now: now["state"] == "done", 120)
    assert set(called(shell)) > before, "dialling went on"
    assert max(called(shell).values()) == 1
    assert set(called(shell)) == {row["phone"] for row in rows}
    assert status["leads"]["done"] == len(rows)
    assert status["attempts"][""] == 0 if "" in status["attempts"] else True
    assert len(outcomes(shell)) == len(rows)
    assert "" not in outcomes(shell).values()


def test_dialer_killed_and_started_again_nobody_is_called_twice(opened):
    shell = opened()
    shell.serve("fastagi")
    dialer = shell.serve("dialer")
    rows = people([("hangs-up", 3)] * 12)
    campaign(shell, rows, cps=4)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) >= 4)
    dialer.kill()
    shell.serve("dialer")
    status = shell.until("c", lambda now: now["state"] == "done", 90)
    assert max(called(shell).values()) == 1
    seen = outcomes(shell)
    assert len(seen) == len(rows) == status["leads"]["done"]
    # Those that were with the dead dialer are known by their conversation, or counted as called.
    assert set(seen.values()) <= {"answered-partial", "unknown"}
    assert list(seen.values()).count("unknown") <= 4


def test_pause_stops_new_calls_within_a_second_and_resume_goes_on(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("busy", 0)] * 40)
    campaign(shell, rows, cps=6)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) >= 5)
    shell.zvonar("campaign", "pause", "c")
    paused = time.time()
    time.sleep(3)
    late = [call for call in shell.stand.carrier.sent if call.at > paused + 1]
    assert late == []
    held = len(shell.stand.carrier.sent)
    assert held < len(rows)
    assert shell.status("c")["leads"]["pending"] == len(rows) - held
    shell.zvonar("campaign", "resume", "c")
    shell.until("c", lambda now: now["state"] == "done")
    assert called(shell) == Counter(row["phone"] for row in rows)


def test_calls_go_out_smoothly_and_within_the_channels(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("busy", 0)] * 30)
    campaign(shell, rows, cps=5)
    shell.until("c", lambda now: now["state"] == "done")
    times = sorted(call.at for call in shell.stand.carrier.sent)
    for first, eighth in zip(times, times[7:], strict=False):
        assert eighth - first > 0.9, "seven intervals of 0.2 s and the slack of 0.1 s"

    talkers = people([("hangs-up", 2)] * 6, first=100)
    campaign(shell, talkers, "narrow", cps=50, channels=2)
    shell.until("narrow", lambda now: now["state"] == "done")
    starts = sorted(call.at for call in shell.stand.carrier.sent if call.number.startswith("+790012"))
    assert len(starts) == 6
    for first, third in zip(starts, starts[2:], strict=False):
        assert third - first > 1.9, "the third waits until one of two has ended"


def test_sigterm_drains_calls_under_way_are_heard_to_the_end(opened):
    shell = opened()
    daemon = shell.serve("all")
    rows = people([("press-3", 4)] * 2 + [("busy", 0)] * 60)
    campaign(shell, rows, cps=4)
    shell.until("c", lambda now: len(shell.stand.carrier.sent) >= 4)
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.popen.wait(60) == 0
    status = shell.status("c")
    assert status["leads"]["in_flight"] == 0
    assert status["leads"]["pending"] > 0
    assert status["attempts"]["answered-paid-claim"] == 2
    assert called(shell).most_common(1)[0][1] == 1

"""The red button on a real Asterisk: calls under way are hung up, nobody is dialled until it is released."""

import time

from journeys.conftest import campaign, outcomes, people


def test_everything_is_stopped_hung_up_and_goes_on_when_released(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("listens", 0)] * 12)
    campaign(shell, rows, cps=4, channels=4)
    shell.until("c", lambda now: now["rate"]["channels"] == 4)
    time.sleep(3)  # in the middle of the greeting
    stopped = time.monotonic()
    shell.zvonar("stop-all", "--hangup", "--reason", "wrong text", "--yes")
    shell.until("c", lambda now: now["rate"]["channels"] == 0, 10)
    assert time.monotonic() - stopped < 10, "the message would have gone on for longer"
    sent = len(shell.stand.carrier.sent)
    assert sent < len(rows)
    time.sleep(2)
    assert len(shell.stand.carrier.sent) == sent, "nobody is dialled"
    (node,) = shell.json("asterisk", "status")
    assert (node["connected"], node["used"], node["drained"]) == (True, 0, False)
    picture = shell.json("campaign", "watch", "c", "--once")
    assert (picture["state"], picture["stopped"]["reason"]) == ("running", "wrong text")
    assert [row["dialer"] for row in picture["trunks"]] == [row["dialer"] for row in picture["dialers"]]
    shell.zvonar("stop-all", "--release", "--yes")
    shell.until("c", lambda now: len(shell.stand.carrier.sent) > sent, 20)
    assert set(outcomes(shell).values()) >= {"answered-partial"}

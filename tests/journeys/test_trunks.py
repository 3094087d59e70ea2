"""Two carriers, one of which dies: the other takes over, nobody is called twice. On a real Asterisk."""

from collections import Counter

import pytest
from journeys.conftest import QUICK, listed, people

from dialplan.contexts import Node
from engine.sections import Trunk
from lab.shell import Shell

FIRST = Trunk(name="first", endpoint="first", cps=20, channels=50, priority=9, caller_ids=["74950000001"])
SPARE = Trunk(
    name="spare",
    endpoint="spare",
    cps=20,
    channels=50,
    caller_ids=["74950000002", "74950000003", "74950000004"],
)


def start(shell: Shell, name: str, rows: list[dict[str, str]]) -> None:
    """A campaign by both trunks, running."""
    trunks = ("--trunk", "first", "--trunk", "spare")
    limits = ("--cps", "5", "--channels", "50", "--attempts", "3", "--law", "none")
    shell.zvonar("campaign", "create", name, "--template", "debt", *trunks, *limits)
    shell.zvonar("campaign", "import", name, listed(rows, shell.folder / f"{name}.csv"))
    shell.zvonar("campaign", "start", name)


@pytest.mark.timeout(240)
def test_a_carrier_dies_and_the_other_takes_over_from_the_number_that_each_person_knows(opened):
    shell = opened(
        trunk=FIRST,
        spare=SPARE,
        hear=False,
        node=Node(qualify_s=1),
        dialer=QUICK | {"retry_scale": 0},
    )
    first, spare = shell.stand.carrier, shell.stand.spare
    shell.serve("all")
    rows = people([("hangs-up", 1)] * 24)
    start(shell, "c", rows)
    shell.until("c", lambda now: len(first.sent) >= 6)
    first.stop()
    shell.until("c", lambda now: now["state"] == "done", 120)
    calls = Counter(call.number for call in (*first.sent, *spare.sent))
    assert calls == Counter(row["phone"] for row in rows), "everybody once, by one or the other"
    assert len(spare.sent) >= 1
    assert {call.caller for call in first.sent} == {"74950000001"}
    before = {call.number: call.caller for call in spare.sent}
    assert set(before.values()) <= set(SPARE.caller_ids)

    start(shell, "again", rows)
    shell.until("again", lambda now: now["state"] == "done", 120)
    after = {call.number: call.caller for call in spare.sent[len(before) :]}
    assert set(after) == set(calls), "nothing was sent to the dead one"
    assert {number: after[number] for number in before} == before
    assert len(set(after.values())) > 1, "people are spread over the numbers"
    (one, _other) = shell.json("trunk", "list")
    assert (one["trunk"], one["reachable"]) == ("first", {"lab": False})

"""Two Asterisk nodes and two dialers share a campaign; then one of each dies. All of it real."""

from collections import Counter

import pytest
from journeys.conftest import campaign, people
from sqlalchemy import Row, select

from engine.sections import Trunk
from lab.shell import Shell
from storage.calls import attempt
from storage.campaign import campaign as campaigns
from storage.db import open_engine, reading

NODES = {"north", "south"}
DIALERS = {"first", "second"}
TRUNK = Trunk(name="lab", endpoint="lab", cps=75, channels=60)
SHORT = {"name": "first", "dial_timeout_s": 10, "max_call_s": 30}


def attempts(shell: Shell, name: str) -> list[Row]:
    """The campaign's attempts as they are written down now."""
    engine = open_engine(shell.database_url)
    own = attempt.c.campaign_id == campaigns.c.id
    query = select(attempt).join(campaigns, own).where(campaigns.c.name == name)
    try:
        with reading(engine) as connection:
            return list(connection.execute(query))
    finally:
        engine.dispose()


def dialled(shell: Shell, rows: list[dict[str, str]]) -> Counter[str]:
    """How often the carrier was asked for each of these people."""
    numbers = {row["phone"] for row in rows}
    return Counter(call.number for call in shell.stand.carrier.sent if call.number in numbers)


def at_node(shell: Shell, name: str) -> int:
    """How many calls came to the carrier from this node, as their audio tells."""
    own = shell.stand.nodes[name].node
    return sum(own.rtp_first <= call.rtp[1] <= own.rtp_last for call in shell.stand.carrier.sent)


@pytest.mark.timeout(240)
def test_two_nodes_and_two_dialers_call_everybody_once_also_when_one_of_each_dies(opened, postgres_url):
    shell = opened(postgres_url, names=("north", "south"), hear=False, trunk=TRUNK, dialer=SHORT)
    shell.serve("fastagi")
    first = shell.serve("dialer")
    with Shell(shell.stand, postgres_url, ZVONAR_DIALER__NAME="second") as beside:
        beside.serve("dialer")

        # All are well.
        rows = people([("hangs-up", 1)] * 30)
        campaign(shell, rows, "calm", cps=8)
        shell.until("calm", lambda now: now["state"] == "done")
        assert dialled(shell, rows) == Counter(row["phone"] for row in rows)
        calm = attempts(shell, "calm")
        assert {one.node for one in calm} == NODES
        assert {one.dialer for one in calm} == DIALERS
        assert {one.outcome for one in calm} <= {"answered-partial", "cancelled"}
        assert all(at_node(shell, name) for name in NODES)

        # South dies while phones ring, and then the first dialer. What both had in hand nobody can tell of:
        # it is given up when no call could last longer, 55 s after it was taken over.
        rows = people([("busy", 3)] * 20 + [("hangs-up", 3)] * 30, first=100)
        campaign(shell, rows, "storm", cps=6)
        shell.until("storm", lambda _: len(dialled(shell, rows)) >= 12)
        shell.stand.nodes["south"].kill()
        north = at_node(shell, "north")
        shell.until("storm", lambda _: at_node(shell, "north") >= north + 4)
        shell.until("storm", lambda _: len(in_hand(shell, "first")) >= 3)
        south = at_node(shell, "south")
        first.kill()
        left = in_hand(shell, "first")
        alive = len(dialled(shell, rows))
        assert left and alive < len(rows), "in mid-campaign"
        shell.until("storm", lambda now: now["state"] == "done", 120)

    seen, storm = dialled(shell, rows), attempts(shell, "storm")
    assert set(seen.values()) == {1}, "nobody twice"
    assert len(seen) > alive, "dialling went on"
    assert at_node(shell, "south") == south
    assert [one for one in storm if one.ended_at is None] == []
    sent = [one for one in storm if one.outcome != "cancelled"]
    assert len({one.lead_id for one in sent}) == len(sent) == len(rows), "one call each"
    unknown = {one.id: one.node for one in sent if one.outcome == "unknown"}
    # What the dead may have been about to dial counts as called: so few are not called at all.
    assert all(node == "south" or one in left for one, node in unknown.items())
    assert len(rows) - len(seen) <= len(unknown)
    assert {one.dialer for one in storm if one.id in left} == {"second"}, "taken over"
    assert "calls of dead dialers taken over" in shell.logs()


def in_hand(shell: Shell, dialer: str) -> set:
    """The attempts of this dialer's that have no end yet."""
    found = attempts(shell, "storm")
    return {one.id for one in found if one.dialer == dialer and one.ended_at is None}

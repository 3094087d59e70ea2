"""Who is free for whose calls: no more calls under way than operators, whatever is told in whatever order."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, campaign_row

from engine.campaign.attempts import Seen, Talk
from engine.campaign.errand import Order
from engine.campaign.operators import FRESH_S, Operators
from engine.gateways.ami_members import Duty, Member
from storage.campaign import CampaignRow
from storage.db import new_id
from storage.vocab import Outcome, Pacing


def campaign(pacing: Pacing = Pacing.PROGRESSIVE, queue: str = "sales", **more: Any) -> CampaignRow:
    return campaign_row(pacing=pacing, queue=queue, **{"name": "c", "trunks": ["t"], "law": []} | more)


class Floor:
    """Operators, campaigns and their calls, at a time of the test's own."""

    def __init__(self, *campaigns: CampaignRow) -> None:
        self.operators, self.campaigns = Operators(), campaigns
        self.lines: dict[UUID, tuple[Order, Seen]] = {}
        self.now = 100.0

    @property
    def at(self) -> Any:
        return NOON + timedelta(seconds=self.now)

    def hear(self, name: str, duty: Duty, queue: str = "sales", node: str = "a", wrapup_s: int = 0) -> None:
        self.operators.heard(node, Member(queue, name, duty, wrapup_s), self.now)

    def call(self, row: CampaignRow, node: str = "a") -> UUID:
        ids = {"id": new_id(), "person_id": new_id(), "lead_id": new_id(), "campaign_id": row.id}
        more: dict[str, Any] = {"e164": "+7", "trunk": "t", "node": node, "caller_id": "", "made": 0}
        order = Order(**ids, **more, until=self.at)
        self.lines[order.id] = order, Seen(sent_at=self.at)
        return order.id

    def see(self, attempt: UUID, **seen: Any) -> None:
        order, before = self.lines[attempt]
        self.lines[attempt] = order, before.merge(Seen(**seen))

    def wants(self, node: str = "a", room: int = 20, **waiting: int) -> list[int]:
        queued = {row.id: waiting.get(row.name, 0) for row in self.campaigns}
        rooms = {row.id: room for row in self.campaigns}
        found = self.operators.wants(
            self.campaigns, self.lines.values(), queued, rooms, node, self.now, self.at
        )
        return [found[row.id] for row in self.campaigns]


def test_a_campaign_that_is_for_no_operators_takes_all_that_there_is_room_for() -> None:
    assert Floor(campaign(Pacing.FILL, "")).wants(room=17) == [17]


def test_nobody_is_called_before_an_operator_is_known_and_after_his_node_is_lost() -> None:
    floor = Floor(campaign())
    assert floor.wants() == [0]
    floor.hear("anna", Duty.FREE)
    assert floor.wants() == [1]
    assert floor.wants("b") == [0], "he is not at that node"
    floor.operators.lost("b")
    assert floor.wants() == [1]
    floor.operators.lost("a")
    assert floor.wants() == [0]


def test_each_call_is_for_an_operator_from_its_order_to_its_end() -> None:
    row = campaign()
    floor = Floor(row)
    for name in ("anna", "boris", "vera"):
        floor.hear(name, Duty.FREE)
    assert floor.wants() == [3]
    assert floor.wants(c=2) == [1], "two are about to be sent"
    attempt = floor.call(row)
    assert floor.wants() == [2]
    floor.see(attempt, answered_at=floor.at)
    assert floor.wants() == [2], "answered, and waits for one of them"
    floor.hear("anna", Duty.BUSY)
    assert floor.wants() == [2], "and there he is: not counted twice"
    floor.now += FRESH_S + 1
    assert floor.wants() == [2]
    floor.see(attempt, hangup_at=floor.at)
    floor.hear("anna", Duty.FREE)
    assert floor.wants() == [3]


def test_a_call_without_an_answer_sets_its_operator_free() -> None:
    row = campaign()
    floor = Floor(row)
    floor.hear("anna", Duty.FREE)
    attempt = floor.call(row)
    assert floor.wants() == [0]
    floor.see(attempt, hangup_at=floor.at, cause=17)
    assert floor.wants() == [1]


@pytest.mark.parametrize("duty", [Duty.BUSY, Duty.AWAY])
def test_who_is_busy_or_away_is_called_for_no_more(duty: Duty) -> None:
    floor = Floor(campaign())
    floor.hear("anna", Duty.FREE)
    floor.hear("anna", duty)
    assert floor.wants() == [0]
    floor.hear("anna", Duty.FREE)
    assert floor.wants() == [1]


def test_an_operator_rests_after_a_call_and_not_after_a_pause() -> None:
    floor = Floor(campaign())
    floor.hear("anna", Duty.BUSY, wrapup_s=10)
    floor.hear("anna", Duty.FREE, wrapup_s=10)
    assert floor.wants() == [0]
    floor.now += 10
    assert floor.wants() == [1]
    floor.hear("anna", Duty.AWAY, wrapup_s=10)
    floor.hear("anna", Duty.FREE, wrapup_s=10)
    assert floor.wants() == [1]


def test_campaigns_of_one_queue_share_its_operators_and_others_do_not() -> None:
    first, second, other = campaign(), campaign(), campaign(queue="support")
    floor = Floor(first, second, other)
    for name in ("anna", "boris"):
        floor.hear(name, Duty.FREE)
    floor.hear("vera", Duty.FREE, queue="support")
    assert floor.wants() == [2, 0, 1]
    floor.call(second)
    assert floor.wants() == [1, 0, 1]
    floor.call(second, node="b")
    assert floor.wants() == [1, 0, 1], "one at another node is for its operators"


def test_what_came_of_the_calls_leads_the_pacing() -> None:
    row = campaign(Pacing.PREDICTIVE)
    floor = Floor(row)
    floor.operators.begin(row.id, 1000, 0)
    for n in range(6):
        floor.hear(f"{n}", Duty.FREE)
    for n in range(200):  # hardly anybody answers
        attempt = floor.call(row)
        floor.now += 0.2
        floor.see(attempt, hangup_at=floor.at, cause=17)
        floor.wants()
        floor.now += 0.2
        if n % 20 == 0:
            floor.lines.clear()
    floor.now += 30
    floor.lines.clear()
    floor.wants()
    (ahead,) = floor.wants()
    assert ahead > 6
    lost = [floor.call(row) for _ in range(40)]
    for attempt in lost:
        floor.see(attempt, answered_at=floor.at)
    floor.wants()
    for _ in range(2):  # told in each beat until they are over, and counted once
        floor.operators.abandoned(lost)
    for attempt in lost:
        floor.see(attempt, hangup_at=floor.at, talk=Talk(Outcome.ANSWERED_PARTIAL))
    assert floor.wants() == [6], "40 of 1040 are more than 3 %: progressive"
    assert round(floor.operators._states[row.id][0].abandoned) == 40


def test_a_campaign_that_lost_too_many_before_a_restart_begins_progressive() -> None:
    row = campaign(Pacing.PREDICTIVE)
    floor = Floor(row)
    floor.operators.begin(row.id, 100, 4)
    for n in range(3):
        floor.hear(f"{n}", Duty.FREE)
        floor.hear(f"busy-{n}", Duty.BUSY)
    assert floor.wants() == [3]

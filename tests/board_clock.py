"""A board under a clock of our own, with a campaign and all limits to itself."""

from collections.abc import Mapping
from typing import Any

from builders import PHONE, after, campaign_row

from engine.campaign.attempts import Seen
from engine.campaign.board import Board
from engine.campaign.errand import Errand, News, Order
from engine.sections import Dialer, Trunk
from storage.campaign import CampaignRow
from storage.db import new_id

NODE = "asterisk"
NODES = {NODE: 1000}
PERMIT_S = 3
DIALER = Dialer(dial_timeout_s=30, max_call_s=100)


def campaign(**changes: Any) -> CampaignRow:
    return campaign_row(**{"cps": 100.0} | changes)


def orders(of: CampaignRow, count: int, until: float = 10**6) -> list[Order]:
    """Orders that may be sent for so many seconds after noon."""
    return [
        Order(new_id(), new_id(), new_id(), of.id, PHONE, of.trunks[0], NODE, "", 0, after(until))
        for _ in range(count)
    ]


class Clock:
    """Seconds since noon, for both clocks of the board; and one campaign's day on it."""

    def __init__(self, row: CampaignRow | None = None, **trunk: Any) -> None:
        self.board = Board(DIALER, [Trunk(**{"cps": 100, "channels": 100} | trunk)])
        self.row = row or campaign()
        self.now = 0.0

    def refresh(self, news: News) -> None:
        """A beat's news; this dialer has all of every limit."""
        self.board.refresh(news)
        keep_all(self.board)

    def waits(self, count: int, until: float = 10**6) -> list[Order]:
        made = orders(self.row, count, until)
        self.refresh(News([self.row], {}, made))
        return made

    def send(self, now: float | None = None) -> list[Order]:
        self.now = self.now if now is None else now
        return self.board.due(self.now, after(self.now))

    def call(self) -> Order:
        """One attempt, sent now."""
        self.waits(1)
        (order,) = self.send()
        return order

    def see(self, order: Order, now: float, **seen: Any) -> None:
        self.board.witness(order.id, Seen(**seen), now)

    def errand(self, now: float, nodes: Mapping[str, int] = NODES) -> Errand:
        return self.board.errand(nodes, now, after(now))


def keep_all(board: Board) -> None:
    """As when there is no other dialer."""
    board.keep_to(board.claims(NODES).caps)

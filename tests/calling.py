"""Dialling without a dialer: the books alone, on a clock of the test's own."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from builders import NOON, books_of
from sqlalchemy import Engine

from engine.campaign.attempts import Seen, Talk
from engine.campaign.errand import Closing, Errand, Order
from engine.settings import Settings
from storage.vocab import Outcome


class Clocked(Settings):
    """Settings whose present moment is what the test says."""

    def now(self) -> datetime:
        return TIME.at


@dataclass
class Time:
    """The moment it is."""

    at: datetime = NOON

    def pass_(self, **length: float) -> datetime:
        self.at += timedelta(**length)
        return self.at


TIME = Time()


def clocked(folder: Path, name: str = "me", **changes: Any) -> Clocked:
    """Settings of one of several dialers."""
    url = f"sqlite:///{folder / 'zvonar.db'}"
    values: dict[str, Any] = {"data_dir": folder, "database_url": url, "dialer": {"name": name}}
    return Clocked(**values | changes)


def heard(at: datetime) -> Seen:
    """He answered and heard it all."""
    answered = at + timedelta(seconds=4)
    talk = Talk(Outcome.ANSWERED_HEARD, 9000, 9000)
    return Seen(sent_at=at, answered_at=answered, hangup_at=at + timedelta(seconds=14), cause=16, talk=talk)


def ended(at: datetime, cause: int, sip: int, *, rang: bool = False) -> Seen:
    """Nobody answered."""
    ringing = at + timedelta(seconds=1) if rang else None
    over = at + timedelta(seconds=5)
    return Seen(sent_at=at, ringing_at=ringing, hangup_at=over, cause=cause, tech_cause=sip)


ENDINGS = {
    "heard": heard,
    "busy": lambda at: ended(at, 17, 486),
    "no-answer": lambda at: ended(at, 19, 480, rang=True),
    "congestion": lambda at: ended(at, 34, 503),
    "unknown": lambda at: Seen(sent_at=at, closed=True),
    "off-at-once": lambda at: Seen(
        sent_at=at,
        answered_at=at + timedelta(seconds=4),
        hangup_at=at + timedelta(seconds=4, milliseconds=300),
        cause=16,
        talk=Talk(Outcome.ANSWERED_PARTIAL, 100, 9000),
    ),
}


class Line:
    """One dialer: takes orders, keeps them for a while, closes them."""

    def __init__(self, engine: Engine, settings: Settings, seed: int = 0) -> None:
        self.books, self.settings = books_of(engine, settings), settings
        self.orders: list[Order] = []
        self._random = Random(seed)

    def take(self, campaigns: Iterable[UUID], wanted: int = 5) -> list[Order]:
        """A beat that only takes."""
        free = {trunk.name: 1000 for trunk in self.settings.trunk}
        wants = dict.fromkeys(campaigns, wanted)
        news = self.books.beat(Errand(wants=wants, free=free, nodes={"asterisk": 1000}))
        self.orders += news.orders
        return news.orders

    def close(self, ending: str = "", share: float = 1.0) -> None:
        """A beat that closes some of what is open, each in this way or by chance."""
        chosen = [order for order in self.orders if self._random.random() < share]
        closings = []
        for order in chosen:
            seen = ENDINGS[ending or self._random.choice(sorted(ENDINGS))](self.settings.now())
            closings.append(Closing(order, seen, seen.hangup_at or self.settings.now()))
        self.books.beat(Errand(closings=closings))
        self.orders = [order for order in self.orders if order not in chosen]

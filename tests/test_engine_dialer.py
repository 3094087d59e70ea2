"""The dialer's loops on the shipped fake Asterisk: one Originate a lead, whatever is lost on the way."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from scene import Scene
from sqlalchemy.exc import OperationalError

from engine.campaign.books import Books
from engine.campaign.errand import Errand, News
from engine.errors import Refused
from storage import calls
from storage import campaign as campaigns
from storage.vocab import CampaignState, LeadState, Outcome
from tests.builders import rows_of


def test_every_lead_is_dialled_once_and_has_its_outcome(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path)
        async with scene.running():
            await scene.until(lambda: scene.state() is CampaignState.DONE)
        assert scene.dialled == Counter(scene.numbers)
        attempts = rows_of(scene.engine, calls.attempt)
        # No server of ours is there, so whoever answered heard the fallback.
        assert Counter(row.outcome for row in attempts) == {
            Outcome.BUSY: 2,
            Outcome.INVALID_NUMBER: 2,
            Outcome.REJECTED: 1,
            Outcome.ANSWERED_PARTIAL: 7,
        }
        assert {row.state for row in rows_of(scene.engine, campaigns.lead)} == {LeadState.DONE}
        assert [row.state for row in attempts] == ["ended"] * 12

    asyncio.run(story())


class LosesAnswers(Books):
    """Books whose every fourth beat is written, and its answer lost on the way back.

    Not every third: an order is lost, given back and taken again in three beats, and would be lost for ever.
    """

    beats = 0

    def beat(self, errand: Errand) -> News:
        news = super().beat(errand)
        self.beats += 1
        if self.beats % 4 == 0:
            raise OperationalError("COMMIT", {}, ConnectionResetError())
        return news


def test_a_beat_whose_answer_is_lost_doubles_no_call_and_loses_no_lead(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.campaign.dialer.DOWN_S", 0.1)

    async def story() -> None:
        scene = Scene(tmp_path, cps=20.0)
        scene.books = LosesAnswers(scene.engine, scene.settings, scene.fleet)
        async with scene.running():
            await scene.until(lambda: scene.state() is CampaignState.DONE)
        assert scene.dialled == Counter(scene.numbers)
        given_back = [row for row in rows_of(scene.engine, calls.attempt) if row.outcome == "cancelled"]
        assert given_back, "some orders never reached the dialer"
        assert {row.state for row in rows_of(scene.engine, campaigns.lead)} == {LeadState.DONE}

    asyncio.run(story())


class Away(Books):
    """Books without a database."""

    def beat(self, errand: Errand) -> News:
        raise OperationalError("BEGIN", {}, ConnectionRefusedError())


def test_without_a_database_nothing_is_dialled_and_it_says_so(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path)
        scene.books, there = Away(scene.engine, scene.settings, scene.fleet), scene.books
        await scene.fake.start()
        dialer = scene.dialer()
        task = asyncio.create_task(dialer.run())
        await scene.until(lambda: dialer.database_down)
        assert not dialer.connected
        assert scene.dialled == Counter()
        dialer._books = there  # the database is back
        await scene.until(lambda: scene.state() is CampaignState.DONE)
        assert scene.dialled == Counter(scene.numbers)
        dialer.stop()
        await asyncio.wait_for(task, 20)
        await scene.fake.stop()

    asyncio.run(story())


class Slow(Books):
    """Books that bring no lead; from the first beat that asks for some, beats last so many seconds."""

    def __init__(self, scene: Scene, *lasts_s: float) -> None:
        super().__init__(scene.engine, scene.settings, scene.fleet)
        self._lasts_s = lasts_s
        self.asked: list[int] = []
        self.begun: list[float] = []

    def beat(self, errand: Errand) -> News:
        wanted = sum(errand.wants.values())
        if wanted or self.asked:
            self.asked.append(wanted)
            self.begun.append(time.monotonic())
        news = super().beat(replace(errand, wants={}))
        if 0 < len(self.asked) <= len(self._lasts_s):
            time.sleep(self._lasts_s[len(self.asked) - 1])
        return news


def test_after_a_beat_whose_orders_would_be_void_the_next_asks_for_nothing(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=1)
        scene.books = books = Slow(scene, 1.2)
        async with scene.running():
            await scene.until(lambda: len(books.asked) > 3)
        assert [wanted > 0 for wanted in books.asked[:3]] == [True, False, True]

    asyncio.run(story())


def test_while_beats_take_long_each_asks_for_less(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=1, cps=200.0, channels=500)
        scene.books = books = Slow(scene, *[0.8] * 7)
        async with scene.running():
            await scene.until(lambda: len(books.asked) > 5)
        asked = books.asked[1:6]  # beats that are further apart ask for more at first
        assert asked == sorted(asked, reverse=True)
        assert asked[-1] < asked[0] / 2

    asyncio.run(story())


def test_beats_that_are_work_are_further_apart(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=1)
        scene.books = books = Slow(scene, *[0.08] * 6)
        async with scene.running():
            await scene.until(lambda: len(books.asked) > 5)
        assert min(after - before for before, after in pairwise(books.begun[:6])) > 0.3, (
            "five times what one takes"
        )

    asyncio.run(story())


def test_an_originate_that_is_refused_ends_the_attempt_at_once(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=3)
        scene.fake.on_action = lambda session, action: (
            action.get("Action") == "Originate" and session.reply(action, "Error", "No") is None
        )
        async with scene.running():
            await scene.until(
                lambda: (
                    all(row.ended_at for row in rows_of(scene.engine, calls.attempt))
                    and len(scene.dialled) == 3
                )
            )
        rows = rows_of(scene.engine, calls.attempt)
        assert {(row.outcome, row.refused, row.refund) for row in rows} == {("trunk-fault", "No", True)}
        assert scene.dialled == Counter(scene.numbers)

    asyncio.run(story())


def test_a_stop_gives_back_what_waits(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=30, cps=5.0)
        async with scene.running() as dialer:
            await scene.until(lambda: len(scene.dialled) >= 3)
            assert dialer.connected
        leads = Counter(row.state for row in rows_of(scene.engine, campaigns.lead))
        assert leads[LeadState.IN_FLIGHT] == 0
        assert leads[LeadState.PENDING] == 30 - len(scene.dialled)
        open_ones = [row for row in rows_of(scene.engine, calls.attempt) if row.ended_at is None]
        assert open_ones == []

    asyncio.run(story())


def test_two_dialers_of_one_name_are_one_too_many(tmp_path):
    async def story() -> None:
        scene = Scene(tmp_path, leads=0)
        async with scene.running():
            await asyncio.sleep(0.1)
            with pytest.raises(Refused, match="runs already"):
                await scene.dialer().run()

    asyncio.run(story())


def test_a_campaign_whose_trunk_is_gone_is_told_of(tmp_path, capsys):
    async def story() -> None:
        scene = Scene(tmp_path, trunks=["sold"])
        async with scene.running():
            await asyncio.sleep(1)
        assert scene.dialled == Counter()
        assert capsys.readouterr().out.count("campaign has no trunk") == 1

    asyncio.run(story())

"""The network between the dialer and Asterisk, or its database, fails in every way. Calls go on, nobody is
called twice, every attempt has its end, and dialling goes on by itself.

A cut is short or long by the deadlines of attempts (`engine.campaign.line`), which are seconds here.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cut import Cut, Way
from scene import Scene

from engine.campaign.dialer import Dialer
from engine.gateways.ami_link import Timing
from engine.gateways.fake_callee import Callee
from engine.sections import Trunk
from lab.postgres import Postgres
from storage.vocab import LeadState

QUICK = Timing(connect_s=1, reply_s=1, ping_s=1, back_off_s=(0.1, 0.3))
RINGS_S, TALKS_S, GRACE_S = 10, 30, 1
WIDE = [Trunk(cps=75, channels=50)]  # its slow start begins with 15 a second


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt is over 2 s after it was sent, or 4 s after its answer, whatever is heard of it."""
    for module in ("board", "line"):
        monkeypatch.setattr(f"engine.campaign.{module}.RING_GRACE_S", 2 - RINGS_S)
        monkeypatch.setattr(f"engine.campaign.{module}.CALL_GRACE_S", 4 - TALKS_S)
        monkeypatch.setattr(f"engine.campaign.{module}.TALK_GRACE_S", GRACE_S)


class Cuttable(Scene):
    """A scene whose dialer finds Asterisk behind a line that can be cut; people talk for 1.5 s."""

    def __init__(self, folder: Path, leads: int = 30) -> None:
        super().__init__(folder, leads, speed=1, timing=QUICK, cps=15.0, given={"trunk": WIDE})
        self.fake.script = lambda _number: Callee(200, hangs_up_s=1.5)
        self.fake.fallback_s = 5.0

    @asynccontextmanager
    async def cuttable(self) -> AsyncIterator[tuple[Dialer, Cut]]:
        await self.fake.start()
        with Cut(self.fake.port) as cut:
            self.ports = {"asterisk": cut.port}
            dialer = self.dialer()
            task = asyncio.create_task(dialer.run())
            try:
                await self.until(lambda: len(self.dialled) >= 8)
                yield dialer, cut
            finally:
                dialer.stop()
                await asyncio.wait_for(task, 20)
                await self.fake.stop()

    @property
    def outcomes(self) -> Counter[str]:
        """How the attempts that were sent ended."""
        return Counter(row.outcome for row in self.attempts if row.outcome != "cancelled")

    def all_called_once(self) -> bool:
        """And every lead and every attempt has its end."""
        assert self.dialled == Counter(self.numbers)
        assert self.leads == {LeadState.DONE: len(self.numbers)}
        assert all(row.ended_at for row in self.attempts)
        return True


# Asterisk.


def test_ami_cut_for_less_than_a_call_they_are_followed_to_their_end(tmp_path, capsys):
    async def story() -> None:
        scene = Cuttable(tmp_path)
        async with scene.cuttable() as (dialer, cut):
            cut.cut()
            await asyncio.sleep(0.3)
            before, living = len(scene.dialled), sum(call.cause is None for call in scene.fake.calls)
            await asyncio.sleep(0.3)
            assert not dialer.connected
            assert len(scene.dialled) == before, "nothing new while events are lost"
            assert living >= 3
            cut.mend()
            await scene.until_done()
        assert scene.all_called_once()
        # None of them is unknown: those that talked when the line came back were heard to their end.
        assert scene.outcomes == {"answered-partial": 30}
        told = capsys.readouterr().out
        assert "AMI connection lost" in told
        assert "events lost" in told

    asyncio.run(story())


def test_ami_cut_for_longer_than_a_call_may_last_each_is_closed_meanwhile(tmp_path, deadlines):
    async def story() -> None:
        scene = Cuttable(tmp_path)
        async with scene.cuttable() as (_dialer, cut):
            cut.cut()
            await asyncio.sleep(0.3)
            before = len(scene.dialled)
            # Nobody hears of these calls, and none is left open, nor any channel in use.
            await scene.until(lambda: all(row.ended_at for row in scene.attempts), 8)
            assert len(scene.dialled) == before
            assert scene.leads[LeadState.DONE] == before
            cut.mend()
            await scene.until_done()
        assert scene.all_called_once()
        assert set(scene.outcomes) <= {"answered-partial", "unknown"}

    asyncio.run(story())


@pytest.mark.parametrize(("way", "late"), [(Way.THERE, False), (Way.BOTH, True), (Way.BACK, False)])
def test_ami_half_open_nothing_is_sent_again_not_even_what_was_lost(tmp_path, deadlines, way, late, capsys):
    async def story() -> None:
        scene = Cuttable(tmp_path, 24)
        async with scene.cuttable() as (dialer, cut):
            cut.hold(way)
            await scene.until(lambda: not dialer.connected, 4)
            await asyncio.sleep(1)  # what waited has been given back
            tried = sum(row.outcome != "cancelled" for row in scene.attempts)
            await asyncio.sleep(0.5)
            assert sum(row.outcome != "cancelled" for row in scene.attempts) == tried
            if not late:
                cut.cut()
            cut.mend()
            await scene.until_done()
            assert max(scene.dialled.values()) == 1
            lost = len(scene.numbers) - len(scene.dialled)
            assert scene.leads == {LeadState.DONE: 24}
            assert all(row.ended_at for row in scene.attempts)
            # Who was not reached counts as called: it cannot be known.
            assert scene.outcomes["unknown"] >= lost
            if late or way is Way.BACK:
                assert lost == 0
        assert "originate unclear" in capsys.readouterr().out

    asyncio.run(story())


# The database.


@asynccontextmanager
async def on_postgres(folder: Path, postgres: Postgres) -> AsyncIterator[tuple[Scene, Dialer, Cut]]:
    """A campaign under way, its PostgreSQL behind a line that can be cut. People talk for 1 s."""
    url = postgres.database()
    with Cut(postgres.port) as cut:
        through = url.replace(f":{postgres.port}/", f":{cut.port}/")
        scene = Scene(folder, 40, url=through, speed=1, cps=15.0, given={"trunk": WIDE})
        scene.fake.script = lambda _number: Callee(200, hangs_up_s=1)
        scene.fake.fallback_s = 3.0
        async with scene.running() as dialer:
            await scene.until(lambda: len(scene.dialled) >= 8)
            yield scene, dialer, cut
            await scene.until_done()
        assert scene.dialled == Counter(scene.numbers)
        assert scene.leads == {LeadState.DONE: 40}
        assert {row.outcome for row in scene.attempts} <= {"answered-partial", "cancelled"}
        scene.engine.dispose()
    postgres.drop(url)


async def stops(scene: Scene, dialer: Dialer) -> None:
    """Within 2 s nothing new is dialled, calls go on and end, and the dialer says that it is not ready."""
    await asyncio.sleep(2)
    before = len(scene.dialled)
    await asyncio.sleep(1.5)
    assert len(scene.dialled) == before
    assert all(call.cause is not None for call in scene.fake.calls)
    assert not dialer.connected


def test_postgres_slow_by_a_second_stops_dialling_and_it_goes_on(tmp_path, postgres, capsys):
    async def story() -> None:
        async with on_postgres(tmp_path, postgres) as (scene, dialer, cut):
            cut.slow(1.0)
            await stops(scene, dialer)
            cut.mend()
        told = capsys.readouterr().out
        assert told.count("database lost; nothing new is dialled") == 1
        assert told.count("database is back") == 1

    asyncio.run(story())


def test_postgres_out_of_reach_without_a_word_and_back(tmp_path, postgres, capsys):
    async def story() -> None:
        async with on_postgres(tmp_path, postgres) as (scene, dialer, cut):
            cut.hold()
            await stops(scene, dialer)
            cut.cut()  # whatever was under way, perhaps a commit, is lost
            cut.mend()
        assert "database lost" in capsys.readouterr().out

    asyncio.run(story())


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """One that may be killed."""
    with Postgres() as running:
        yield running


def test_postgres_killed_and_started_again_loses_nothing(tmp_path, own_postgres):
    async def story() -> None:
        async with on_postgres(tmp_path, own_postgres) as (scene, dialer, _cut):
            own_postgres.kill()
            await stops(scene, dialer)
            await asyncio.to_thread(own_postgres.start)

    asyncio.run(story())

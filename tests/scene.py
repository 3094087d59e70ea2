"""One campaign, the shipped fake Asterisk (or several), and a real dialer between them, in this process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.campaign.books import Books
from engine.campaign.chores import Chore
from engine.campaign.dialer import Dialer
from engine.campaign.fleet import Fleet
from engine.campaign.preparing import Preparer
from engine.gateways.ami import Node
from engine.gateways.ami_link import Timing
from engine.gateways.fake import FakeAsterisk
from engine.gateways.fake_callee import Callee
from engine.sections import Asterisk
from engine.speech.service import Speech
from storage import calls, migrations
from storage import campaign as campaigns
from storage.db import Record, open_engine, reading
from storage.vocab import CampaignState, LeadState
from tests.builders import add_campaign, add_lead, rows_of, settings

SECRET = "secret-of-ami"
REFUSING = {"0": Callee(486, rings=False), "1": Callee(404, rings=False), "2": Callee(603, rings=False)}


def script(number: str) -> Callee:
    """The last digit decides; whoever answers hangs up at once."""
    return REFUSING.get(number[-1], Callee(200, hangs_up_s=0.1))


class Scene:
    """A database with one campaign, fakes by node name, and the dialer between them.

    `ports`: where a node is to be found, if not at its fake: behind a line that can be cut.
    """

    def __init__(
        self,
        folder: Path,
        leads: int = 12,
        *,
        url: str = "",
        nodes: tuple[str, ...] = ("asterisk",),
        speed: float = 5,
        timing: Timing | None = None,
        given: Mapping[str, Any] | None = None,
        **campaign: Any,
    ) -> None:
        changes: dict[str, Any] = {"database_url": url} if url else {}
        changes["asterisk"] = [Asterisk(name=name) for name in nodes]
        changes["dialer"] = {"name": "me", "dial_timeout_s": 10, "max_call_s": 30}
        self.settings = settings(folder, **changes | dict(given or {}))
        self.engine = open_engine(self.settings.database_url.get_secret_value())
        migrations.upgrade(self.engine)
        self.campaign = add_campaign(self.engine, **{"cps": 100.0, "channels": 50} | campaign)
        self.numbers = [f"+7921000{n:04d}" for n in range(leads)]
        for number in self.numbers:
            add_lead(self.engine, self.campaign, number)
        self.fakes = {name: FakeAsterisk(script, secret=SECRET, speed=speed) for name in nodes}
        self.fake = self.fakes[nodes[0]]
        self.ports: dict[str, int] = {}
        self.timing = timing
        self.fleet = Fleet(self.engine, self.settings)
        self.books = Books(self.engine, self.settings, self.fleet)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Dialer]:
        """The fakes and the dialer, until the block ends."""
        for fake in self.fakes.values():
            await fake.start()
        dialer = self.dialer()
        task = asyncio.create_task(dialer.run())
        try:
            yield dialer
        finally:
            dialer.stop()
            await asyncio.wait_for(task, 20)
            for fake in self.fakes.values():
                await fake.stop()

    def dialer(self) -> Dialer:
        """A dialer, to be run."""
        chores = [Chore("prepare", self.preparer().step, "no voice")]
        return Dialer(self.settings, self.books, self.fleet, chores, self._node)

    def _node(self, one: Asterisk) -> Node:
        port = self.ports.get(one.name) or self.fakes[one.name].port
        there = Asterisk(**one.model_dump() | {"port": port, "secret": SECRET})
        return Node(there, self.timing, endpoints={trunk.endpoint for trunk in self.settings.trunk})

    def preparer(self) -> Preparer:
        """Whoever makes the audio."""
        return Preparer(self.engine, Speech(self.engine, self.settings), self.settings)

    @property
    def dialled(self) -> Counter[str]:
        """How often each number was sent."""
        return sum((self.dialled_by(name) for name in self.fakes), Counter())

    def dialled_by(self, node: str) -> Counter[str]:
        """The same of one node."""
        received = self.fakes[node].received
        sent = (action for _user, action in received if action.get("Action") == "Originate")
        return Counter(action.get("Channel").split("/")[1].split("@")[0] for action in sent)

    @property
    def attempts(self) -> list[Record]:
        """Every attempt that was written."""
        return rows_of(self.engine, calls.attempt)

    @property
    def leads(self) -> Counter[LeadState]:
        """How many leads are in each state."""
        return Counter(row.state for row in rows_of(self.engine, campaigns.lead))

    def state(self) -> CampaignState:
        """The campaign's."""
        with reading(self.engine) as connection:
            return campaigns.get(connection, self.campaign.id).state

    async def until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for it; TimeoutError."""
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.05)

    async def until_done(self, seconds: float = 30) -> None:
        """Wait for the campaign's end."""
        await self.until(lambda: self.state() is CampaignState.DONE, seconds)

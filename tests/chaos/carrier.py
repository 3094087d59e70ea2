"""The carrier: fake Asterisk nodes on a thread of their own, with a log that no dialer can touch.

Each Originate is looked up in the database at the moment that it arrives: its attempt has to be there.
"""

import asyncio
import threading
import time
from dataclasses import dataclass

import psycopg2

from engine.gateways.ami_protocol import Message
from engine.gateways.fake import FakeAsterisk, Session
from engine.gateways.fake_callee import Callee

SECRET = "secret-of-ami"
SPEED = 5.0  # a phone's seconds in one of ours


@dataclass(slots=True)
class Placed:
    """One Originate as the node saw it; `ended` None: its call is still up. Seconds since 1970."""

    channel: str
    number: str
    endpoint: str
    node: str
    began: float
    written: bool
    ended: float | None = None


def script(number: str) -> Callee:
    """How a number behaves, by its last digits; calls to `02` meet congestion and so do not count."""
    if number.endswith("02"):
        return Callee(503, rings=False)
    quick = {"0": Callee(486, after_s=1), "1": Callee(404, rings=False), "3": Callee(480, after_s=2)}
    return quick.get(number[-1], Callee(200, after_s=2, hangs_up_s=3))


class Lines(FakeAsterisk):
    """A node that writes down each call's begin and end."""

    def __init__(self, name: str, database: str, endpoints: set[str]) -> None:
        super().__init__(script, secret=SECRET, speed=SPEED)
        self.name, self.endpoints, self.on_action = name, endpoints, self._log
        self.fallback_s = 60.0  # they hear it out
        self.placed: dict[str, Placed] = {}
        self.again: list[str] = []
        self._attempts = psycopg2.connect(database)
        self._attempts.autocommit = True

    def _log(self, _session: Session, action: Message) -> bool:
        if action.get("Action") != "Originate":
            return False
        number, endpoint = action.get("Channel").removeprefix("PJSIP/").split("@")
        channel = action.get("ChannelId")
        cursor = self._attempts.cursor()
        cursor.execute("SELECT 1 FROM attempt WHERE id = %s AND ended_at IS NULL", (channel,))
        if channel in self.placed:
            self.again.append(channel)
        else:
            written = cursor.fetchone() is not None
            self.placed[channel] = Placed(channel, number, endpoint, self.name, time.time(), written)
        return False

    def tell(self, event: str, **headers: object) -> None:
        """As the base; a call's end is written down before anybody hears of it."""
        if event == "Hangup":
            self.placed[str(headers["Uniqueid"])].ended = time.time()
        super().tell(event, **headers)

    async def stop(self) -> None:
        """As the base."""
        await super().stop()
        self._attempts.close()


class Carrier:
    """Nodes of these names, started by `with`; `ports` tells where each listens."""

    def __init__(self, database: str, nodes: list[str], endpoints: set[str]) -> None:
        self._database, self._names, self._endpoints = database, nodes, endpoints
        self.nodes: list[Lines] = []
        self.ports: dict[str, int] = {}
        self._up = threading.Event()

    def __enter__(self) -> "Carrier":
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True)
        self._thread.start()
        assert self._up.wait(20), "the carrier did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        for name in self._names:
            node = Lines(name, self._database, self._endpoints)
            self.nodes.append(node)
            self.ports[name] = await node.start()
        self._up.set()
        await self._over.wait()
        for node in self.nodes:
            await node.stop()

    @property
    def placed(self) -> list[Placed]:
        """Every call so far, of all nodes, in order."""
        found = [one for node in self.nodes for one in list(node.placed.values())]
        return sorted(found, key=lambda one: one.began)

    @property
    def again(self) -> list[str]:
        """Channels that were asked for a second time."""
        return [channel for node in self.nodes for channel in node.again]

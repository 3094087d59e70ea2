"""A node and a fake Asterisk on one line, and what each got of the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from engine.gateways.ami import Node
from engine.gateways.ami_link import Timing
from engine.gateways.ami_protocol import (
    Event,
    LinkUp,
    Message,
    Originate,
)
from engine.gateways.fake import FakeAsterisk, Session
from engine.gateways.fake_callee import Callee
from engine.sections import Asterisk

SECRET = "a-secret-of-the-test"
QUICK = Timing(connect_s=2, reply_s=0.3, list_s=2, ping_s=0.1, back_off_s=(0.02, 0.1))
LONG_S = 30  # a bound for what never takes so long
PATIENT = Timing(back_off_s=(0.02, 0.1))


def fake(**more: Any) -> FakeAsterisk:
    return FakeAsterisk(more.pop("script", lambda _number: Callee(after_s=3600)), secret=SECRET, **more)


def settings(port: int, **more: Any) -> Asterisk:
    return Asterisk(**{"name": "node", "port": port, "secret": SecretStr(SECRET)} | more)


@asynccontextmanager
async def joined(
    asterisk: FakeAsterisk, timing: Timing = PATIENT, *, up: bool = True, **more: Any
) -> AsyncIterator[Node]:
    """A node and its Asterisk, both started; with `up`, connected and its first LinkUp taken."""
    node = Node(settings(await asterisk.start()), timing, **more)
    await node.start()
    try:
        if up:
            assert isinstance(await take_one(node), LinkUp)
            await until(lambda: node.connected)
        yield node
    finally:
        await node.stop()
        await asterisk.stop()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def take_one(node: Node) -> Event:
    (event,) = await node.take(1)
    return event


def call(attempt: str = "attempt-1", **more: Any) -> Originate:
    return Originate(
        **{"attempt": attempt, "number": "79161234567", "endpoint": "trunk", "context": "c"} | more
    )


def sent(asterisk: FakeAsterisk, name: str) -> list[Message]:
    return [action for _, action in asterisk.received if action.get("Action") == name]


class Hook:
    """Does something else instead of an action's carrying out, each time or the first time."""

    def __init__(self, name: str, do: Callable[[Session, Message], Any], *, once: bool = False) -> None:
        self.name, self.do, self.once, self.hits = name, do, once, 0

    def __call__(self, session: Session, action: Message) -> bool:
        if action.get("Action") != self.name or (self.once and self.hits):
            return False
        self.hits += 1
        self.do(session, action)
        return True

"""The shipped fake Asterisk on a thread of its own, for what calls it and waits."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from engine.gateways.ami_protocol import Message
from engine.gateways.fake import Callee, FakeAsterisk
from engine.sections import Asterisk

SECRET = "secret-of-ami"


def asterisk() -> FakeAsterisk:
    """One where everybody answers."""
    return FakeAsterisk(lambda _number: Callee(200), secret=SECRET)


@contextmanager
def running(fake: FakeAsterisk) -> Iterator[Asterisk]:
    """It serves; as the node of the settings."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(fake.start(), loop).result(10)
        yield Asterisk(port=port, secret=SecretStr(SECRET))
        asyncio.run_coroutine_threadsafe(fake.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def originated(fake: FakeAsterisk) -> list[Message]:
    """Every Originate that it was sent."""
    return [action for _, action in fake.received if action.get("Action") == "Originate"]

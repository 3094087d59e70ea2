"""The shipped fake Asterisk as a process of its own, and a bare loop that dials on it.

    python bench/_fake.py               prints its port; each line on standard input is answered by counts
    python bench/_fake.py PORT SECONDS  one AMI connection that keeps calls coming, and nothing else

Callees decide at once: those with an even number are busy after 0.1 s, the others answer after 0.1 s and hear
what the dialplan plays when nobody talks to them, for half a second.
"""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import uvloop

from engine.gateways.ami_protocol import Message
from engine.gateways.fake import FakeAsterisk, Session
from engine.gateways.fake_callee import Callee

SECRET = "secret-of-the-bench"  # noqa: S105  of a fake that lives for the bench only
AFTER_S, HEARS_S = 0.1, 0.5
IN_FLIGHT = 3000  # of the bare loop: more than it gets through in the time that a call takes


class Fake:
    """Started by `with`; `counts` asks it. `pid` for measuring what it uses."""

    def __enter__(self) -> "Fake":
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, __file__], stdin=pipe, stdout=pipe, text=True)
        self.pid = self._process.pid
        self.port = int(self._answer())
        return self

    def counts(self) -> dict[str, int]:
        """Calls that were placed, those under way, and the most at a time since it was asked last."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._answer())
        return found

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(20)


def bare(port: int, seconds: float) -> dict[str, float]:
    """What the bare loop did on it: calls a second, CPU ms a call of its own."""
    command = [sys.executable, __file__, str(port), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=seconds + 60)
    found: dict[str, float] = json.loads(done.stdout)
    return found


class Counting(FakeAsterisk):
    """A fake that counts, and remembers nothing else."""

    def __init__(self) -> None:
        super().__init__(callee, secret=SECRET)
        self.fallback_s = HEARS_S
        self.placed = self.over = self.most = 0
        self.on_action = self._count

    def _count(self, _session: Session, action: Message) -> bool:
        self.received.clear()
        if action.get("Action") == "Originate":
            self.calls.clear()
            self.placed += 1
            self.most = max(self.most, self.placed - self.over)
        return False

    def tell(self, event: str, **headers: object) -> None:
        """As it does; ends are counted."""
        self.over += event == "Hangup"
        super().tell(event, **headers)

    def counts(self) -> dict[str, int]:
        """Since the last time that it was asked, for the most at a time."""
        most, self.most = self.most, self.placed - self.over
        return {"placed": self.placed, "live": self.placed - self.over, "most": most}


def callee(number: str) -> Callee:
    """Busy, or somebody who listens."""
    return Callee(200 if int(number[-1]) % 2 else 486, after_s=AFTER_S)


async def serve() -> None:
    """Be the fake until standard input ends."""
    fake = Counting()
    print(await fake.start(), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps(fake.counts()), flush=True)
    await fake.stop()


async def loop(port: int, seconds: float) -> dict[str, float]:
    """Keep so many calls in flight for so long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    login = f"Action: Login\r\nUsername: zvonar\r\nSecret: {SECRET}\r\nEvents: on\r\n\r\n"
    writer.write(login.encode() + b"".join(map(originate, range(IN_FLIGHT))))
    now = asyncio.get_running_loop().time
    sent, ended, done, began = IN_FLIGHT, 0, 0, now()
    rest = b""
    spent = 0.0
    while ended < sent:  # at the end the last of them are heard out
        *lines, rest = (rest + await reader.read(65536)).split(b"\r\n")
        over = lines.count(b"Event: Hangup")
        ended += over
        if now() - began < seconds:
            spent, done = now() - began, ended
            writer.write(b"".join(map(originate, range(sent, sent + over))))
            sent += over
    writer.close()
    user, system, *_others = os.times()
    return {"per_s": done / spent, "cpu_ms": 1000 * (user + system) / ended}


def originate(serial: int) -> bytes:
    """As the dialer writes it."""
    return (
        f"Action: Originate\r\nActionID: bare-{serial}\r\nChannelId: bare-{serial}\r\n"
        f"Channel: PJSIP/7900{serial:07d}@trunk\r\nContext: zvonar-debtor\r\nExten: start\r\nPriority: 1\r\n"
        f"Async: true\r\nTimeout: 40000\r\n\r\n"
    ).encode()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        found: Any = uvloop.run(loop(int(sys.argv[1]), float(sys.argv[2])))
        print(json.dumps(found))
    else:
        uvloop.run(serve())

"""AMI clients side by side: what an event costs, and how many Originates a second get their own reply.

Clients, each a process of its own on the first core; the other end is one process on the last core that
streams the events of calls as Asterisk 22.10 sends them, and answers every Originate at once:

    zvonar          engine.gateways.ami.Node as the dialer uses it, on uvloop and on the stock loop
    panoramisk      its Manager with a callback for each event that we use, on both loops too

A call is 12 events unfiltered (of which we use 4), or those 4 when Asterisk filters. CPU is the client
process's own, from the first event that it handled to the last. Medians of the rounds.

    python bench/ami.py [--json FILE] [--calls N] [--originates N] [--rounds N]
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop
from pydantic import SecretStr

CLIENTS = ("zvonar+uvloop", "zvonar", "panoramisk+uvloop", "panoramisk")
TASKS = ("all", "filtered", "originates")
IN_FLIGHT = 200
USED = 4  # events of a call that the dialer is told of
ATTEMPT = "0198c7a2-54c0-7cc1-bd10-2c6a3f1b"
CHANNEL = (
    "Channel: PJSIP/trunk-00000a1b\r\nChannelState: 6\r\nChannelStateDesc: Up\r\n"
    "CallerIDNum: 74951234567\r\nCallerIDName: <unknown>\r\n"
    "ConnectedLineNum: 74951234567\r\nConnectedLineName: <unknown>\r\nLanguage: ru\r\n"
    "AccountCode: \r\nContext: zvonar-debtor\r\nExten: start\r\nPriority: 1\r\n"
    "Uniqueid: {id}\r\nLinkedid: {id}\r\n"
)
DESTINATION = "".join(f"Dest{line}\r\n" for line in CHANNEL.split("\r\n")[:-1])


def event(name: str, body: str) -> str:
    """One event as Asterisk writes it."""
    return f"Event: {name}\r\nPrivilege: call,all\r\n{body}\r\n"


def events_of_a_call(attempt: str, *, filtered: bool) -> str:
    """What AMI says of one answered call, in order."""
    ringing = CHANNEL.replace("6\r", "5\r").replace("Up", "Ringing")
    response = f"ActionID: {{id}}\r\nResponse: Success\r\n{CHANNEL[:34]}\r\nReason: 4\r\nUniqueid: {{id}}\r\n"
    used = {
        "Newstate": event("Newstate", ringing),
        "OriginateResponse": event("OriginateResponse", response),
        "Newstate 6": event("Newstate", CHANNEL),
        "Hangup": event("Hangup", CHANNEL + "Cause: 16\r\nCause-txt: Normal Clearing\r\n"),
    }
    if filtered:
        return "".join(used.values()).replace("{id}", attempt)
    told = [
        event("Newchannel", CHANNEL),
        event("NewCallerid", CHANNEL + "CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n"),
        event("NewConnectedLine", CHANNEL),
        event("DialBegin", DESTINATION + "DialString: 79160000000@trunk\r\n"),
        used["Newstate"],
        event("DialState", DESTINATION + "DialStatus: RINGING\r\n"),
        used["OriginateResponse"],
        used["Newstate 6"],
        event("DialEnd", DESTINATION + "DialStatus: ANSWER\r\n"),
        event("VarSet", CHANNEL + "Variable: AGI_DONE\r\nValue: 1\r\n"),
        event("SoftHangupRequest", CHANNEL + "Cause: 16\r\n"),
        used["Hangup"],
    ]
    return "".join(told).replace("{id}", attempt)


class Server(asyncio.Protocol):
    """The Asterisk of this bench: lets in, streams `calls` calls' events, answers Originates."""

    def __init__(self, task: str, calls: int) -> None:
        self._task, self._calls = task, calls
        self._rest = b""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._streaming: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """A client."""
        self._transport = transport
        transport.write(b"Asterisk Call Manager/11.0.0\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        """It has all it wanted."""
        if self._streaming:
            self._streaming.cancel()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._flowing.clear()

    def resume_writing(self) -> None:
        """And now it has caught up."""
        self._flowing.set()

    def data_received(self, data: bytes) -> None:
        """Actions."""
        *actions, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for action in actions:
            headers = dict(line.split(b": ", 1) for line in action.split(b"\r\n") if b": " in line)
            self._answer(headers[b"Action"], headers.get(b"ActionID", b""), headers)

    def _answer(self, action: bytes, action_id: bytes, headers: dict[bytes, bytes]) -> None:
        self._transport.write(b"Response: Success\r\nActionID: %b\r\nMessage: OK\r\n\r\n" % action_id)
        if action == b"Login" and headers.get(b"Events") != b"off":
            self._transport.write(event("FullyBooted", "Uptime: 1\r\n").encode())
            if self._task != "originates":
                self._streaming = asyncio.ensure_future(self._stream())
        if action == b"CoreShowChannels":
            end = event("CoreShowChannelsComplete", "EventList: Complete\r\n")
            self._transport.write(end.encode())

    async def _stream(self) -> None:
        await asyncio.sleep(0.5)  # the client has settled
        batch = "".join(
            events_of_a_call(f"{ATTEMPT}{number:04x}", filtered=self._task == "filtered")
            for number in range(100)
        ).encode()
        for _ in range(self._calls // 100):
            await self._flowing.wait()
            self._transport.write(batch)


class Stopwatch:
    """CPU and wall time from the first of `total` things to the last."""

    def __init__(self, total: int) -> None:
        self._left = total
        self.total, self.over = total, asyncio.Event()

    def tick(self) -> None:
        """One more."""
        if self._left == self.total:
            self._cpu, self._wall = time.process_time(), time.perf_counter()
        self._left -= 1
        if self._left == 0:
            self.cpu, self.wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
            self.over.set()


async def zvonar(port: int, task: str, watch: Stopwatch) -> None:
    """Our client at one task."""
    from engine.gateways.ami import Node
    from engine.gateways.ami_protocol import LinkUp, Originate
    from engine.sections import Asterisk

    node = Node(Asterisk(port=port, secret=SecretStr("x")))
    await node.start()
    if task == "originates":
        while not node.connected:
            await asyncio.sleep(0.01)

        async def send(number: int) -> None:
            await node.originate(Originate(f"{ATTEMPT}{number:04x}", "79160000000", "trunk", "zvonar-debtor"))

        await keep_in_flight(send, watch)
    else:
        while not watch.over.is_set():
            for happened in await node.take():
                if not isinstance(happened, LinkUp):
                    watch.tick()
    await node.stop()


async def panoramisk(port: int, task: str, watch: Stopwatch) -> None:
    """panoramisk's client at one task."""
    from panoramisk import Manager

    who = {"username": "x", "secret": "x"}  # the server lets everybody in
    manager = Manager(host="127.0.0.1", port=port, ping_delay=600, **who)
    for name in ("Hangup", "OriginateResponse"):
        manager.register_event(name, lambda _manager, _message: watch.tick())
    manager.register_event("Newstate", lambda _manager, m: watch.tick() if m.channelstate in "56" else None)
    await manager.connect()
    while not manager.authenticated:
        await asyncio.sleep(0.01)
    if task == "originates":

        async def send(number: int) -> None:
            attempt = f"{ATTEMPT}{number:04x}"
            action = {
                "Action": "Originate",
                "ActionID": attempt,
                "ChannelId": attempt,
                "Channel": "PJSIP/79160000000@trunk",
                "Context": "zvonar-debtor",
                "Exten": "s",
                "Priority": "1",
                "Timeout": "40000",
                "Async": "true",
                "Variable": f"ZVONAR_ATTEMPT={attempt}",
            }
            reply = await manager.send_action(action, as_list=False)
            assert reply.actionid == attempt

        await keep_in_flight(send, watch)
    else:
        await watch.over.wait()
    manager.close()


async def keep_in_flight(send: Any, watch: Stopwatch) -> None:
    """Do `send(number)` for every number, IN_FLIGHT of them at a time."""
    numbers = iter(range(watch.total))

    async def worker() -> None:
        for number in numbers:
            await send(number)
            watch.tick()

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


def client(kind: str, port: int, task: str, count: int) -> None:
    """Be a client; print what it took."""
    logging.disable(logging.ERROR)
    name, _, loop = kind.partition("+")

    async def run() -> Stopwatch:
        watch = Stopwatch(count if task == "originates" else count * USED)
        await (zvonar if name == "zvonar" else panoramisk)(port, task, watch)
        return watch

    watch = uvloop.run(run()) if loop else asyncio.run(run())
    print(json.dumps({"cpu": watch.cpu / count, "rate": count / watch.wall}))


async def measure(kind: str, task: str, count: int, core: int) -> dict[str, float]:
    """CPU seconds a call or Originate, and how many a second, of a fresh client."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(task, count), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    command = [sys.executable, __file__, "--client", kind, str(port), task, str(count)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        os.sched_setaffinity(process.pid, {core})
        async with asyncio.timeout(300):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
        server.close()
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def rows(calls: int, originates: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Measure all of them in turn; one row a client."""
    first, *_others, last = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {last})
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _round in range(rounds):
        for kind in CLIENTS:
            for task in TASKS:
                count = originates if task == "originates" else calls
                found = uvloop.run(measure(kind, task, count, first))
                taken.setdefault((kind, task), []).append(found)

    def median(kind: str, task: str, what: str) -> float:
        return statistics.median(found[what] for found in taken[kind, task])

    for kind in CLIENTS:
        yield {
            "bench": "ami",
            "client": kind,
            "events_cpu_s": round(12 / median(kind, "all", "cpu")),
            "call_us": round(median(kind, "all", "cpu") * 1e6, 1),
            "call_filtered_us": round(median(kind, "filtered", "cpu") * 1e6, 1),
            "originates_s": round(median(kind, "originates", "rate")),
            "originate_us": round(median(kind, "originates", "cpu") * 1e6, 1),
        }


def report(found: list[dict[str, Any]]) -> None:
    """The table."""
    print(f"{'':20}{'events a':>12}{'CPU us a call':>15}{'CPU us a call':>15}{'Originates':>12}{'CPU us':>8}")
    print(f"{'client':20}{'CPU second':>12}{'12 events':>15}{'4, filtered':>15}{'a second':>12}{'each':>8}")
    for row in found:
        print(
            f"{row['client']:20}{row['events_cpu_s']:>12,}{row['call_us']:>15.1f}"
            f"{row['call_filtered_us']:>15.1f}{row['originates_s']:>12,}{row['originate_us']:>8.1f}"
        )


def main() -> None:
    """Measure, print the table, write the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--client", nargs=4, help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path, help="write the rows to this file")
    options.add_argument("--calls", type=int, default=10_000, help="calls whose events are read, a round")
    options.add_argument("--originates", type=int, default=10_000, help="Originates a round")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if given.client:
        kind, port, task, count = given.client
        client(kind, int(port), task, int(count))
        return
    found = list(rows(given.calls, given.originates, given.rounds))
    report(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""FastAGI servers side by side: sessions a second and CPU a session at 500 concurrent sessions.

One session is an environment and five commands (ANSWER, GET VARIABLE, STREAM FILE, WAIT FOR DIGIT, SET
VARIABLE), each answered at once. Servers, each a process of its own on the first core:

    floor           asyncio.Protocol on uvloop that writes the next command and looks at nothing
    bare            the same with what no AGI server can do without: reads environment and replies
    zvonar          ours as in service: routes, limits, logging, a conversation; no database, no thread
    zvonar+pool     the same, `open` and `finish` (which do nothing) in the thread pool
    panoramisk      its FastAGI as it comes; and the same on uvloop

The five commands are those of a conversation of ours. AGI's HANGUP is not among them: the dialplan hangs up,
when it has seen AGI_DONE.

The load is one process on the last core, plain epoll. Each server gets the same number of sessions in each
of the rounds; the table shows medians. CPU is the server process's own, user and system.

    python bench/agi.py [--json FILE] [--sessions N] [--rounds N]
"""

import argparse
import asyncio
import gc
import json
import os
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

SERVERS = ("floor", "bare", "zvonar", "zvonar+pool", "panoramisk", "panoramisk+uvloop")
CONCURRENT = 500
Figures = tuple[float, float, float]  # sessions a second, CPU ms a session, MB
CLIP = "5c" * 32
COMMANDS = (
    b"ANSWER\n",
    b'GET VARIABLE "ZVONAR_ATTEMPT"\n',
    b'STREAM FILE "/var/zvonar/audio/5c/%s" "12"\n' % CLIP.encode(),
    b'WAIT FOR DIGIT "5000"\n',
    b'SET VARIABLE "AGI_DONE" "1"\n',
)
REPLIES = {
    b"A": b"200 result=0\n",
    b"G": b"200 result=1 (0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55)\n",
    b"S": b"200 result=0 endpos=18400\n",
    b"W": b"200 result=49\n",
}
ENVIRONMENT = b"""\
agi_network: yes
agi_network_script: debtor
agi_request: agi://127.0.0.1:4573/debtor
agi_channel: PJSIP/trunk-00000a1b
agi_language: ru
agi_type: PJSIP
agi_uniqueid: 0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55
agi_version: 22.10.1
agi_callerid: unknown
agi_calleridname: unknown
agi_callingpres: 67
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: unknown
agi_rdnis: unknown
agi_context: zvonar-debtor
agi_extension: start
agi_priority: 3
agi_enhanced: 0.0
agi_accountcode:\x20
agi_threadid: 140213399213824

"""


class Floor(asyncio.Protocol):
    """Writes the next command whenever something comes in, and looks at nothing: no server, but its floor."""

    def connection_made(self, transport: Any) -> None:
        """A call."""
        self.transport = transport
        self.commands = iter(COMMANDS)
        self.environment = b""

    def data_received(self, data: bytes) -> None:
        """The environment, then a reply a time."""
        if not self.environment.endswith(b"\n\n"):
            self.environment += data
            if not self.environment.endswith(b"\n\n"):
                return
            self.begin()
        elif not self.good(data):
            self.transport.close()
            return
        command = next(self.commands, None)
        if command is None:
            self.transport.close()
        else:
            self.transport.write(command)

    def begin(self) -> None:
        """The environment is there."""

    def good(self, _data: bytes) -> bool:
        """Go on after this reply?"""
        return True


class Bare(Floor):
    """The least that can be called an AGI server: knows whose call it is, and that a command was done."""

    REPLY = re.compile(rb"200 result=(-?\d+)(?: \((.*)\))?(?: endpos=(\d+))?\n")

    def begin(self) -> None:
        """Read the environment into a mapping."""
        lines = self.environment.decode()[:-2].split("\n")
        self.variables = dict(line.split(": ", 1) for line in lines)
        assert self.variables["agi_network_script"] == "debtor"

    def good(self, data: bytes) -> bool:
        """Read the reply's result and value."""
        found = self.REPLY.fullmatch(data)
        return found is not None and int(found[1]) >= 0


async def serve_protocol(protocol: type[Floor]) -> int:
    """The port."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, backlog=1024)
    return int(server.sockets[0].getsockname()[1])


async def serve_panoramisk() -> int:
    """The port of panoramisk's FastAGI with one route."""
    from panoramisk import fast_agi

    async def debtor(request: Any) -> None:
        for command in COMMANDS:
            await request.send_command(command.decode().rstrip("\n"))

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route("debtor", debtor)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0, backlog=1024)
    return int(server.sockets[0].getsockname()[1])


async def serve_zvonar(pool: bool) -> int:
    """The port of our server; the scenario is at hand, or is opened in the pool."""
    from dialplan.steps import Ask, Conversation
    from engine import telemetry
    from engine.sections import Fastagi
    from engine.speech.clip import Clip
    from fastagi.routes import Call, Route, Scenario
    from fastagi.server import Server
    from fastagi.session import Studio

    telemetry.setup("info")

    question = Ask((Clip(CLIP, 2300),), "12", 5000)

    def conversation(call: Call) -> Conversation[str]:
        heard = yield question
        return call.variables["ZVONAR_ATTEMPT"] + str(heard.key)

    def begin(call: Call) -> Scenario:
        return Scenario(conversation(call), finish=lambda _result: None, tell=lambda _fact: None)

    route = Route(begin, variables=("ZVONAR_ATTEMPT",), answer=True)
    if not pool:
        route = replace(route, at_hand=begin)
    server = Server(Fastagi(bind="127.0.0.1:0"), {"debtor": route}, Studio("/var/zvonar/audio", 600))
    await server.start()
    gc.collect()
    gc.freeze()  # as `zvonar serve` does
    return server.port


def serve(kind: str) -> None:
    """Be one of the servers: print the port, serve until killed."""
    import uvloop

    name, _, how = kind.partition("+")

    async def run() -> None:
        ports: dict[str, Callable[[], Awaitable[int]]] = {
            "floor": partial(serve_protocol, Floor),
            "bare": partial(serve_protocol, Bare),
            "panoramisk": serve_panoramisk,
            "zvonar": partial(serve_zvonar, how == "pool"),
        }
        print(await ports[name](), flush=True)
        await asyncio.Event().wait()

    if kind == "panoramisk":
        asyncio.run(run())
    else:
        uvloop.run(run())


def load(port: int, total: int) -> float:
    """Play `total` sessions, CONCURRENT at a time; the seconds it took."""
    poll = select.epoll()
    played: dict[int, int] = {}
    begun = ended = 0
    start = time.monotonic()
    while ended < total:
        while begun < total and len(played) < CONCURRENT:
            number = connect(port)
            played[number] = 0
            poll.register(number, select.EPOLLIN)
            begun += 1
        ready = poll.poll(30)
        if not ready:
            raise SystemExit("the server does not answer")
        for number, _events in ready:
            line = os.read(number, 4096)
            if line:
                os.write(number, REPLIES[line[:1]])
                played[number] += 1
            elif played.pop(number) == len(COMMANDS):
                os.close(number)
                ended += 1
            else:
                raise SystemExit("a session was cut short")
    poll.close()
    return time.monotonic() - start


def connect(port: int) -> int:
    """The descriptor of a new session whose environment is sent."""
    peer = socket.socket()
    peer.connect(("127.0.0.1", port))
    peer.send(ENVIRONMENT)
    return peer.detach()


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, that a process's threads have used; to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def peak_mb(pid: int) -> float:
    """The most memory that a process has held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmHWM")


def measure(kind: str, total: int, core: int) -> Figures:
    """(sessions a second, CPU ms a session, MB) of a fresh server."""
    command = [sys.executable, __file__, "--serve", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            os.sched_setaffinity(server.pid, {core})
            assert server.stdout is not None
            port = int(server.stdout.readline())
            load(port, CONCURRENT)  # warm up
            before = cpu_s(server.pid)
            seconds = load(port, total)
            return total / seconds, (cpu_s(server.pid) - before) / total * 1000, peak_mb(server.pid)
        finally:
            server.send_signal(signal.SIGKILL)


def main() -> None:
    """Measure all of them in turn, print the table, write the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options.add_argument("--json", type=Path, help="write the rows to this file")
    options.add_argument("--sessions", type=int, default=10_000, help="sessions a round and server")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    if given.serve:
        serve(given.serve)
        return
    first, *_others, last = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {last})
    taken: dict[str, list[Figures]] = {kind: [] for kind in SERVERS}
    for _round in range(given.rounds):
        for kind in SERVERS:
            taken[kind].append(measure(kind, given.sessions, first))
    rows = compare({kind: medians(taken[kind]) for kind in SERVERS})
    print(f"{'server':20}" + "".join(f"{name:>16}" for name in list(rows[0])[1:]))
    for row in rows:
        name, *values = row.values()
        print(f"{name:20}" + "".join(f"{value:>16}" for value in values))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def medians(rounds: list[Figures]) -> Figures:
    """Column by column."""
    rate, cpu_ms, mb = (statistics.median(column) for column in zip(*rounds, strict=True))
    return rate, cpu_ms, mb


def compare(measured: dict[str, Figures]) -> list[dict[str, Any]]:
    """A row a server, with the two ratios that are promised of ours."""
    bare_cpu, panoramisk_rate = measured["bare"][1], measured["panoramisk"][0]
    return [
        {
            "server": kind,
            "sessions/s": round(rate),
            "CPU ms": round(cpu_ms, 3),
            "peak MB": round(mb),
            "x bare CPU": round(cpu_ms / bare_cpu, 2),
            "x panoramisk/s": round(rate / panoramisk_rate, 2),
        }
        for kind, (rate, cpu_ms, mb) in measured.items()
    ]


if __name__ == "__main__":
    main()

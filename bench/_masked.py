"""Masked calls for bench/mask.py: the load that plays Asterisk, and the least server that could answer it.

    python bench/_masked.py load PORT RATE SECONDS ORDERS DID      what it saw, as JSON
    python bench/_masked.py floor DATABASE_URL DID                 prints its port, serves until killed

A call connects, sends its environment and counts the time to `EXEC Dial`; the other side takes it (a second
connection, script mask-taken), they talk two seconds. The floor looks the route up, writes a row of the call,
commits, and dials: no walls, no conversation.
"""

import asyncio
import json
import random
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg2
import uvloop

TALK_S = 2.0
REPLIES = {
    'GET VARIABLE "DIALSTATUS"': "200 result=1 (ANSWER)",
    'GET VARIABLE "HANGUPCAUSE"': "200 result=1 (16)",
    "STREAM FILE": "200 result=0 endpos=8000",
}
TAKEN = re.compile(r"zvonar-mask-taken\^([0-9a-f-]{36})")
LOOK = "SELECT peers, show FROM mask_route WHERE did = %s AND caller = %s"
WRITE = """
INSERT INTO mask_call (id, begun_at, did, caller, party, role, rule, order_id, version, coded, back, peer,
                       show, trunk, ended, tries, recording, sha256, bytes)
VALUES (%s, now(), %s, %s, '', 'driver', 'live', 'bare', 1, false, false, %s, %s, 't', '', 0, '', '', 0)"""


class Load:
    """Calls at a steady rate, and how long each waited for its Dial, and its taker for the talk."""

    def __init__(self, port: int, did: str) -> None:
        self._port, self._did = port, did
        self.dialled: list[float] = []
        self.taken: list[float] = []
        self.lost = 0

    async def run(self, rate: float, seconds: float, orders: int) -> None:
        """So many calls a second, each from another driver."""
        chance, began = random.Random(2), time.perf_counter()
        calls = []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            caller = f"+790{chance.randint(1, orders):08}"
            calls.append(asyncio.create_task(self._call(caller)))
        await asyncio.gather(*calls)

    async def _call(self, caller: str) -> None:
        try:
            async with asyncio.timeout(30):
                await self._calling(caller)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.lost += 1

    async def _calling(self, caller: str) -> None:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(environment("mask", caller, self._did, "ZVONAR_MASK="))
        while line := (await reader.readline()).decode():
            if "Dial" in line:
                self.dialled.append(time.perf_counter() - began)
                found = TAKEN.search(line)
                if found:
                    await self._taking(found[1])
                await asyncio.sleep(TALK_S)
            writer.write((reply(line) + "\n").encode())
        writer.close()

    async def _taking(self, call: str) -> None:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(environment("mask-taken", "unknown", "unknown", call))
        while line := (await reader.readline()).decode():
            writer.write((reply(line) + "\n").encode())
        writer.close()
        self.taken.append(time.perf_counter() - began)


def reply(line: str) -> str:
    """What Asterisk says to a command."""
    return next((said for begin, said in REPLIES.items() if line.startswith(begin)), "200 result=0")


def environment(script: str, caller: str, did: str, argument: str) -> bytes:
    """As Asterisk 22 sends it."""
    keys = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1:4573/{script}",
        "agi_channel": "PJSIP/trunk-00000a1b",
        "agi_language": "ru",
        "agi_type": "PJSIP",
        "agi_uniqueid": f"{time.time():.6f}",
        "agi_version": "22.10.1",
        "agi_callerid": caller,
        "agi_calleridname": "unknown",
        "agi_callingpres": "0",
        "agi_dnid": did,
        "agi_rdnis": "unknown",
        "agi_context": "zvonar-mask",
        "agi_extension": "call",
        "agi_priority": "4",
        "agi_arg_1": argument,
    }
    return "".join(f"{key}: {value}\n" for key, value in keys.items()).encode() + b"\n"


class Floor(asyncio.Protocol):
    """Dials when the row is written, and looks at nothing that comes after."""

    def __init__(self, pool: ThreadPoolExecutor, url: str, did: str) -> None:
        self._pool, self._url, self._did = pool, url, did
        self._heard, self._step = b"", 0

    def connection_made(self, transport: Any) -> None:
        """A call."""
        self._out = transport

    def data_received(self, data: bytes) -> None:
        """The environment; then the end of the talk."""
        self._heard += data
        if self._step == 0 and self._heard.endswith(b"\n\n"):
            self._step = 1
            caller = self._heard.split(b"agi_callerid: ")[1].split(b"\n")[0].decode()
            asyncio.get_running_loop().run_in_executor(self._pool, self._found, caller).add_done_callback(
                self._dial
            )
        elif self._step == 2:
            self._out.close()

    def _found(self, caller: str) -> str:
        here = threading.current_thread().__dict__
        if "database" not in here:
            here["database"] = psycopg2.connect(self._url)
        connection = here["database"]
        with connection, connection.cursor() as cursor:
            cursor.execute(LOOK, (self._did, caller))
            peers, show = cursor.fetchone()
            cursor.execute(WRITE, (str(uuid4()), self._did, caller, peers[0], show))
        return str(peers[0])

    def _dial(self, found: "asyncio.Future[str]") -> None:
        self._step = 2
        self._out.write(f'EXEC Dial "PJSIP/{found.result()}@trunk,40"\n'.encode())


async def floor(url: str, did: str) -> None:
    """Serve until killed."""
    pool = ThreadPoolExecutor(8)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Floor(pool, url, did), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """One of the two."""
    what, *given = sys.argv[1:]
    if what == "floor":
        uvloop.run(floor(*given))
        return
    port, rate, seconds, orders, did = given
    load = Load(int(port), did)
    uvloop.run(load.run(float(rate), float(seconds), int(orders)))
    print(json.dumps({"dialled": load.dialled, "taken": load.taken, "lost": load.lost}))


if __name__ == "__main__":
    main()

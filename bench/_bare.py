"""The floor of bench/dial.py: an originate loop with nothing around it, driven by its standard input.

One AMI connection that sends Originates and forgets the replies, an AGI server of two commands, no database,
no events. A line `RATE SECONDS` on standard input has it dial so; the answer is [sent, begun, heard], when
the last of those calls is over.
"""

import asyncio
import json
import sys
from typing import Any

import uvloop

from engine.settings import Settings
from lab.kinds import number

CALL_S = 2  # after which the callee hangs up


class BareAgi(asyncio.Protocol):
    """Plays the audio, waits until the callee hangs up; counts both."""

    started = ended = 0
    play = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out: Any = transport
        self._heard = b""
        self._step = 0

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if self._step == 0 and self._heard.endswith(b"\n\n"):
            BareAgi.started += 1
            self._step = 1
            self._out.write(self.play)
        elif self._step == 1 and self._heard.endswith(b"\n") and b"200 result=0" in self._heard:
            BareAgi.ended += 1
            self._step = 2
            self._out.write(b"WAIT FOR DIGIT 5000\n")


async def bare(settings: Settings, sound: str) -> None:
    """Originate at the rate that standard input says (`RATE SECONDS`), answer with what was counted."""
    loop = asyncio.get_running_loop()
    BareAgi.play = f'STREAM FILE "{sound}" ""\n'.encode()
    host, _, port = settings.fastagi.bind.rpartition(":")
    await loop.create_server(BareAgi, host, int(port), backlog=1024)
    node, trunk = settings.asterisk[0], settings.trunk[0]
    reader, writer = await asyncio.open_connection(node.host, node.port)
    login = {"Action": "Login", "Username": node.username, "Secret": node.secret.get_secret_value()}
    writer.write("".join(f"{k}: {v}\r\n" for k, v in {**login, "Events": "off"}.items()).encode() + b"\r\n")
    drain = asyncio.create_task(_forget(reader))
    serial = 0
    lines = await _stdin()
    print("ready", flush=True)
    while line := (await lines.readline()).decode():
        rate, seconds = map(float, line.split())
        started, ended, begun, sent = BareAgi.started, BareAgi.ended, loop.time(), 0
        while loop.time() - begun < seconds:
            while sent < (loop.time() - begun) * rate:
                writer.write(_originate(number("hangs-up", serial, CALL_S), trunk.endpoint, serial))
                serial, sent = serial + 1, sent + 1
            await asyncio.sleep(0.005)
        await asyncio.sleep(2 * CALL_S)  # until the last of them is over
        print(json.dumps([sent, BareAgi.started - started, BareAgi.ended - ended]), flush=True)
    drain.cancel()


def _originate(phone: str, endpoint: str, serial: int) -> bytes:
    return (
        f"Action: Originate\r\nActionID: {serial}\r\nChannelId: bare-{serial}\r\n"
        f"Channel: PJSIP/{phone}@{endpoint}\r\nContext: zvonar-debtor\r\nExten: start\r\nPriority: 1\r\n"
        f"Async: true\r\nTimeout: 40000\r\n\r\n"
    ).encode()


async def _forget(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


if __name__ == "__main__":
    uvloop.run(bare(Settings(), sys.argv[1]))

"""The two smallest neighbours that Asterisk can have, for tests of the lab: AMI client and FastAGI server."""

import socket
import socketserver
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from engine.settings import Settings


class Ami:
    """One AMI connection: `send` an action, `read` the next message as a dict."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.recv(100)  # the greeting
        self._rest = b""
        assert self.ask(Action="Login", Username=user, Secret=secret)["Response"] == "Success"

    def send(self, **headers: object) -> None:
        self._socket.sendall(
            "".join(f"{key}: {value}\r\n" for key, value in headers.items()).encode() + b"\r\n"
        )

    def read(self) -> dict[str, str]:
        while b"\r\n\r\n" not in self._rest:
            received = self._socket.recv(65536)
            if not received:
                raise EOFError
            self._rest += received
        block, self._rest = self._rest.split(b"\r\n\r\n", 1)
        pairs = (line.partition(":") for line in block.decode().split("\r\n"))
        return {key: value.strip() for key, _, value in pairs}

    def ask(self, **headers: object) -> dict[str, str]:
        """The response to an action, whatever else comes before it."""
        self.send(**headers, ActionID="asked")
        while True:
            message = self.read()
            if message.get("ActionID") == "asked" and "Response" in message:
                return message

    def close(self) -> None:
        self._socket.close()


def dialer(settings: Settings) -> Ami:
    node = settings.asterisk[0]
    return Ami(node.port, node.username, node.secret.get_secret_value())


def watcher(settings: Settings) -> Ami:
    node = settings.asterisk[0]
    return Ami(node.port, node.watcher, node.secret.get_secret_value())


@dataclass
class Call:
    """What AMI said of one call: events in order, and seconds from the Originate to the Hangup.

    `answered_at`: when it said that he had answered, by `time.monotonic`.
    """

    events: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    answered_at: float = 0.0

    @property
    def rang(self) -> bool:
        return any(event.get("ChannelStateDesc") == "Ringing" for event in self.of("Newstate"))

    def of(self, name: str) -> list[dict[str, str]]:
        return [event for event in self.events if event["Event"] == name]

    @property
    def ending(self) -> tuple[str, str]:
        """Cause and TechCause of the Hangup."""
        (hangup,) = self.of("Hangup")
        return hangup["Cause"], hangup.get("TechCause", "")

    @property
    def reason(self) -> str:
        (response,) = self.of("OriginateResponse")
        return response["Reason"]


def dial(
    settings: Settings, numbers: list[str], timeout_s: int = 12, over_s: float = 40, more: str = ""
) -> dict[str, Call]:
    """Dial all of them at once and wait until each has its Hangup and its OriginateResponse.

    `more` is added to the variables of each, as `,NAME=VALUE`.
    """
    reading, acting = watcher(settings), dialer(settings)
    ids = {f"{uuid.uuid4().hex}.{number.removeprefix('+')}": number for number in numbers}
    calls = {number: Call() for number in numbers}
    begun = time.monotonic()
    for attempt, number in ids.items():
        acting.send(
            Action="Originate",
            ActionID=attempt,
            ChannelId=attempt,
            Channel=f"PJSIP/{number}@{settings.trunk[0].endpoint}",
            Context="zvonar-debtor",
            Exten="start",
            Priority=1,
            Timeout=timeout_s * 1000,
            Async="true",
            Variable=f"ZVONAR_ATTEMPT={attempt}{more}",
        )
    left = 2 * len(ids)
    while left and time.monotonic() < begun + over_s:
        event = reading.read()
        number = ids.get(event.get("Uniqueid", ""), ids.get(event.get("ActionID", ""), ""))
        if not number or "Event" not in event:
            continue
        calls[number].events.append(event)
        if event["Event"] == "Newstate" and event["ChannelStateDesc"] == "Up":
            calls[number].answered_at = time.monotonic()
        if event["Event"] in ("Hangup", "OriginateResponse"):
            calls[number].seconds = time.monotonic() - begun
            left -= 1
    reading.close()
    acting.close()
    assert not left, f"{left} events never came"
    return calls


def phone_of(environment: dict[str, str]) -> str:
    """The number that `dial` dialled, from a call's AGI environment."""
    return "+" + environment["agi_uniqueid"].rpartition(".")[2]


Talk = Callable[[dict[str, str], Callable[[str], str]], None]


class Agi:
    """A FastAGI server on a thread: `talk(environment, command)` is one call's conversation.

    `command` sends a line and returns its reply. AGI_DONE is set when `talk` returns.
    """

    def __init__(self, settings: Settings, talk: Talk) -> None:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                environment = {}
                while line := self.rfile.readline().decode().strip():
                    key, _, value = line.partition(": ")
                    environment[key] = value

                def command(text: str) -> str:
                    self.wfile.write(text.encode() + b"\n")
                    return self.rfile.readline().decode().strip()

                talk(environment, command)
                command("SET VARIABLE AGI_DONE 1")

        class Server(socketserver.ThreadingTCPServer):
            request_queue_size = 200  # more calls at once would wait a second for a repeated SYN
            allow_reuse_address = True
            daemon_threads = True

        host, _, port = settings.fastagi.bind.rpartition(":")
        self._server = Server((host, int(port)), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Agi":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

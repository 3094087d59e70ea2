"""A system of the client's that is told results: a real HTTP server that does as the test says."""

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

CERTIFICATE = Path(__file__).with_name("localhost.pem")
KEY = "a key of the tests"
Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Keeps what came and replies as it is told."""

    server: "Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.erp.take(dict(self.headers), body)
        self.server.erp.next_reply()(self)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test reads `deliveries`."""


class Server(ThreadingHTTPServer):
    """With its owner at hand."""

    erp: "ClientSystem"
    daemon_threads = True


class ClientSystem:
    """Serves while entered. `replies` are given in turn, the last one for ever."""

    def __init__(self, *replies: Reply, tls: bool = False) -> None:
        self.replies = list(replies) or [status(200)]
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self._lock, self._server = threading.Lock(), Server(("127.0.0.1", 0), Handler)
        self._server.erp = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"http{'s' if tls else ''}://localhost:{self.port}/results?of=calls"

    def __enter__(self) -> "ClientSystem":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> None:
        with self._lock:
            self.deliveries.append((headers, body))

    def next_reply(self) -> Reply:
        with self._lock:
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What came, read."""
        return [json.loads(body) for _, body in self.deliveries]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events of masking that came, in order, repeated ones too."""
        return [event for body in self.bodies for event in body["events"]]

    @property
    def results(self) -> list[dict[str, Any]]:
        """All results that came, in order, repeated ones too."""
        return [result for body in self.bodies for result in body["results"]]


def status(code: int, **headers: str) -> Reply:
    """Answer so."""

    def reply(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


def raw(text: str, *, pause_s: float = 0.0, times: int = 1) -> Reply:
    """Write this, so many times with a pause before each, and hang up."""

    def reply(handler: Handler) -> None:
        handler.close_connection = True
        try:
            for _ in range(times):
                time.sleep(pause_s)
                handler.wfile.write(text.encode())
                handler.wfile.flush()
        except OSError:
            return  # who called us has hung up

    return reply


def verified(headers: dict[str, str], body: bytes, key: str = KEY, now: float | None = None) -> bool:
    """As the manual tells a client's programmer to verify a delivery."""
    parts = [part.split("=", 1) for part in headers["Zvonar-Signature"].split(",")]
    at = next(value for name, value in parts if name == "t")
    right = hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    fits = any(name == "v1" and hmac.compare_digest(value, right) for name, value in parts)
    return fits and abs((time.time() if now is None else now) - int(at)) <= 300

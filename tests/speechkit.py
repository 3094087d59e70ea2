"""Yandex SpeechKit's double: a real HTTP server that takes requests as the real one does, and no others.

It knows both interfaces (yandex.cloud/docs/speechkit/tts/request and .../tts-v3/api-ref). A request that is
not exactly of the documented form is answered with 400 and kept in `mistakes`. `replies` are given in turn,
the last one for ever: functions of a handler and the sound, of which `said` is the good one.
"""

import base64
import json
import math
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

KEY = "AQVN-a-key-of-the-tests"
TOKEN = "t1.a-token-of-the-tests"
V1, V3 = "/speech/v1/tts:synthesize", "/tts/v3/utteranceSynthesis"
Reply = Callable[["Handler", bytes], None]
# The tables of the documents, as much of them as the tests ask for.
VOICES = {
    V1: {"marina": "ru-RU", "alena": "ru-RU", "filipp": "ru-RU", "john": "en-US", "nigora": "uz-UZ"},
    V3: {"marina": "ru-RU", "dasha": "ru-RU", "john": "en-US", "yulduz": "uz-UZ", "nigora": "uz-UZ"},
}
EMOTIONS = {"neutral", "good", "evil", "friendly", "strict", "whisper"}


def lpcm(text: str) -> bytes:
    """The sound of a text, which sounds like no other text: 8 kHz, 16 bit, 50 ms a letter."""
    pitch = 200 + sum(map(ord, text)) % 800
    return b"".join(
        struct.pack("<h", int(9000 * math.sin(2 * math.pi * pitch * n / 8000)))
        for n in range(400 * max(4, len(text)))
    )


class Handler(BaseHTTPRequestHandler):
    """Reads a request as the service does."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kit = self.server.kit
        if not self.authorized():
            self.refuse(401, "UNAUTHORIZED", "rpc error: code = Unauthenticated desc = Unknown api key")
            return
        try:
            assert self.headers["Accept-Encoding"] == "identity", "sound is not to be packed"
            text = self.read_v1(body) if self.path == V1 else self.read_v3(body)
        except (AssertionError, LookupError, ValueError) as mistake:
            kit.mistakes.append(str(mistake))
            self.refuse(400, "BAD_REQUEST", f"rpc error: code = InvalidArgument desc = {mistake}")
            return
        kit.take(text)
        kit.next_reply()(self, lpcm(text))

    def authorized(self) -> bool:
        """A service account's key without a folder, or a token, with one for a user."""
        asked, folder = self.headers["Authorization"], self.server.kit.folder
        return (asked == f"Api-Key {KEY}" and not folder) or asked == f"Bearer {TOKEN}"

    def read_v1(self, body: bytes) -> str:
        """The text of a form."""
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", "Content-Type"
        assert len(body) <= 15 << 10, "body too large"
        form = parse_qs(body.decode("ascii"), strict_parsing=True)
        assert all(len(values) == 1 for values in form.values()), "a field twice"
        known = {"text", "lang", "voice", "emotion", "speed", "format", "sampleRateHertz", "folderId"}
        assert form.keys() <= known, f"unknown fields {form.keys() - known}"
        one = {name: values[0] for name, values in form.items()}
        assert 1 <= len(one["text"]) <= 5000, "text length"
        assert VOICES[V1].get(one["voice"]) == one["lang"], "voice of another language"
        assert one.get("emotion", "neutral") in EMOTIONS, "emotion"
        assert 0.1 <= float(one.get("speed", "1")) <= 3, "speed"
        assert one["format"] == "lpcm" and one["sampleRateHertz"] == "8000", "format"
        assert one.get("folderId", "") == self.server.kit.folder, "folderId"
        return one["text"]

    def read_v3(self, body: bytes) -> str:
        """The text of an order in JSON."""
        assert self.headers["Content-Type"] == "application/json", "Content-Type"
        order = json.loads(body)
        assert order.keys() == {"text", "hints", "outputAudioSpec", "unsafeMode"}, "fields"
        hints: dict[str, Any] = {}
        for hint in order["hints"]:
            assert len(hint) == 1, "one field a hint"
            hints |= hint
        assert hints.keys() <= {"voice", "speed", "role"}, "hints"
        assert hints["voice"] in VOICES[V3], "voice"
        assert isinstance(hints["speed"], float), "speed"
        assert hints.get("role", "neutral") in EMOTIONS, "role"
        raw = {"rawAudio": {"audioEncoding": "LINEAR16_PCM", "sampleRateHertz": "8000"}}
        assert order["outputAudioSpec"] == raw, "outputAudioSpec"
        assert order["unsafeMode"] is (len(order["text"]) > 250), "unsafeMode"
        assert self.headers.get("x-folder-id", "") == self.server.kit.folder, "x-folder-id"
        return str(order["text"])

    def refuse(self, status: int, code: str, message: str, **headers: str) -> None:
        """An error as this interface tells it."""
        v1 = {"error_code": code, "error_message": message}
        v3 = {"error": {"grpcCode": 16, "httpCode": status, "message": message, "httpStatus": code}}
        self.answer(status, json.dumps(v1 if self.path == V1 else v3).encode(), "application/json", **headers)

    def answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test reads what was kept."""


class Server(ThreadingHTTPServer):
    """With its owner at hand."""

    kit: "SpeechKit"
    daemon_threads = True


class SpeechKit:
    """Serves while entered."""

    def __init__(self, *replies: Reply, folder: str = "") -> None:
        self.replies = list(replies) or [said]
        self.folder = folder
        self.texts: list[str] = []
        self.times: list[float] = []
        self.mistakes: list[str] = []
        self.over = threading.Event()
        self._lock, self._server = threading.Lock(), Server(("127.0.0.1", 0), Handler)
        self._server.kit = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "SpeechKit":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, text: str) -> None:
        with self._lock:
            self.texts.append(text)
            self.times.append(time.monotonic())

    def next_reply(self) -> Reply:
        with self._lock:
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def said(handler: Handler, sound: bytes) -> None:
    """The sound: of v1 as it is, of v3 in pieces, the last of which has none."""
    if handler.path == V1:
        handler.answer(200, sound, "audio/x-pcm;bit=16;rate=8000")
    else:
        handler.answer(200, pieces(sound), "application/json")


def pieces(sound: bytes) -> bytes:
    """The sound as v3 tells it."""
    lines = [
        {
            "result": {
                "audioChunk": {"data": base64.b64encode(sound[at : at + 3000]).decode()},
                "textChunk": None,
            }
        }
        for at in range(0, len(sound), 3000)
    ]
    last = {"result": {"audioChunk": None, "textChunk": {"text": "..."}, "startMs": "0", "lengthMs": "480"}}
    return b"".join(json.dumps(line).encode() + b"\n" for line in [*lines, last])


def refused(status: int, code: str = "", message: str = "rpc error: code = Unknown", **headers: str) -> Reply:
    """An error."""
    return lambda handler, _sound: handler.refuse(status, code, message, **headers)


def cut(handler: Handler, sound: bytes) -> None:
    """Half of the sound, then nothing more."""
    body = sound if handler.path == V1 else pieces(sound)
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def cut_in_pieces(handler: Handler, sound: bytes) -> None:
    """Two pieces of a chunked body, and not the empty one that ends it."""
    body = sound if handler.path == V1 else pieces(sound)
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for part in (body[:1000], body[1000:4000]):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    handler.close_connection = True


def unframed(handler: Handler, sound: bytes) -> None:
    """A sound of which nobody can tell whether it is whole."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(sound)
    handler.close_connection = True


def other(body: bytes, kind: str = "audio/x-pcm;bit=16;rate=8000") -> Reply:
    """Something else in place of the sound."""
    return lambda handler, _sound: handler.answer(200, body, kind)


def silent(handler: Handler, _sound: bytes) -> None:
    """No answer while the test lasts."""
    handler.server.kit.over.wait(30)
    handler.close_connection = True


def dripping(handler: Handler, sound: bytes) -> None:
    """The sound, too slowly to wait for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(sound)))
    handler.end_headers()
    handler.close_connection = True
    try:
        for at in range(0, len(sound), 2):
            handler.wfile.write(sound[at : at + 2])
            handler.wfile.flush()
            if handler.server.kit.over.wait(0.02):
                return
    except OSError:
        return  # who asked has hung up


def hung_up(handler: Handler, _sound: bytes) -> None:
    """The connection ends before any answer."""
    handler.close_connection = True

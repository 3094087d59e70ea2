"""Yandex SpeechKit by HTTP, both of its interfaces: v1 (a form, sound comes back) and v3 (JSON, in pieces).

| | v1 | v3 |
|---|---|---|
| request | POST /speech/v1/tts:synthesize, a form | POST /tts/v3/utteranceSynthesis, JSON |
| sound | lpcm, 8 kHz, the body itself | LINEAR16_PCM, 8 kHz, base64 in JSON objects, a line each |
| text | 5,000 letters, 2,300 Russian ones | 250, or 5,000 cut by the service (`unsafeMode`) |
| counted | letters | requests of 250 letters begun |

What comes of an answer (yandex.cloud/docs/speechkit/concepts/response):

- 429, 500, 502, 503, 504, a broken or silent connection, a body that is cut: again, after as long as
  `Retry-After` asks for, else after a growing time. Past `speech.timeout_s` nothing is waited for: VoiceDown.
- 400: this text will never be spoken, VoiceError. Any other: VoiceDown.
- 200 with anything but sound (a page, an error in words, nothing): VoiceDown.

Of the service's words only the code is told: a message may quote the text. The key is in the request's header
and nowhere else.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote_plus

import requests
import stamina
import urllib3

from engine import __version__
from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.retry_after import seconds
from engine.gateways.tts_identity import identity
from engine.gateways.tts_programs import SAMPLES
from engine.sections_speech import Speech
from engine.speech import wav

VOICES = {"ru": ("ru-RU", "marina"), "en": ("en-US", "john"), "uz": ("uz-UZ", "nigora")}
RATE = 8000
LONGEST = 5000
LONGEST_FORM = 14 << 10  # of the 15 kB that a form of v1 may have; a Russian letter takes 6 bytes of it
UNIT = 250
CONNECT_S, READ_S = 3.0, 10.0
TRIES = 4
FIRST_S, MOST_S, JITTER_S = 0.2, 5.0, 0.5
MOST_BYTES = 32 << 20  # half an hour
AGAIN = (429, 500, 502, 503, 504)
MEANING = {
    400: "is there such a voice, and has it this emotion?",
    401: "is the key or token right?",
    403: "has the account the role ai.speechkit-tts.user?",
    404: "is speech.yandex.url right?",
    429: "the quota is used up",
}


class Again(VoiceDown):
    """It may go well in a while; `after_s` is how long the service wants to be left alone."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Yandex:
    """One voice of SpeechKit."""

    def __init__(self, speech: Speech, lang: str) -> None:
        self._its, self._timeout_s, self._version = speech.yandex, speech.timeout_s, speech.version
        self._lang, usual = VOICES[lang]
        self._voice = speech.voice_of(lang) or usual
        self.samples = SAMPLES[lang]
        if not self._its.api_key.get_secret_value() and not self._its.iam_token_file:
            raise SettingsError("speech.yandex: an api_key, or an iam_token_file")

    @property
    def id(self) -> str:
        """Interface, language, voice, emotion and speed."""
        its = self._its
        return identity(
            "yandex", its.api, self._lang, self._voice, its.emotion, f"{its.speed:g}", self._version
        )

    def billed(self, text: str) -> int:
        """Its letters, an empty text being one; of v3 the letters of all requests of 250 that are begun."""
        return max(1, len(text)) if self._its.api == "v1" else UNIT * (len(text) // UNIT + 1)

    def speak(self, text: str) -> bytes:
        """At 8,000 Hz; blocks for `speech.timeout_s` at most, but for a name server that does not answer."""
        if len(text) > LONGEST or (self._its.api == "v1" and len(quote_plus(text)) > LONGEST_FORM):
            raise VoiceError(f"yandex: a text of {len(text)} letters is too long for it")
        deadline = monotonic() + self._timeout_s
        tries = stamina.retry_context(
            on=lambda error: _worth(error, deadline),
            attempts=TRIES,
            timeout=self._timeout_s,
            wait_initial=FIRST_S,
            wait_max=MOST_S,
            wait_jitter=JITTER_S,
        )
        for attempt in tries:
            with attempt:
                samples = self._asked(text, deadline)
        return wav.write(samples, RATE)

    def _asked(self, text: str, deadline: float) -> bytes:
        """One request: its sound. Again where another one may do better."""
        left = deadline - monotonic()
        if left <= 0:
            raise VoiceDown(f"yandex: no answer within {self._timeout_s:g} s")
        try:
            with self._session.post(
                **self._request(text),
                timeout=(min(CONNECT_S, left), min(READ_S, left)),
                stream=True,
                allow_redirects=False,
            ) as answer:
                body = _body(answer, deadline)
        except requests.Timeout:
            raise Again("yandex: no answer in time") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise Again("yandex: the connection was lost") from None
        if answer.status_code != 200:
            raise _refusal(answer, body)
        _check_whole(answer, body)
        if self._its.api == "v3":
            return _sound(b"".join(_pieces(body)))
        if answer.headers.get("Content-Type", "").startswith(("text/", "application/json")):
            raise VoiceDown("yandex: what came is no sound")
        return _sound(body)

    def _request(self, text: str) -> dict[str, Any]:
        """What `requests` is to send."""
        its = self._its
        headers = {
            "Authorization": self._authorization(),
            "User-Agent": f"Zvonar/{__version__}",
            "Accept-Encoding": "identity",
        }
        if its.api == "v1":
            form = {
                "text": text,
                "lang": self._lang,
                "voice": self._voice,
                "emotion": its.emotion,
                "speed": f"{its.speed:g}",
                "format": "lpcm",
                "sampleRateHertz": str(RATE),
                "folderId": its.folder_id,
            }
            filled = {name: value for name, value in form.items() if value}
            return {"url": f"{its.url}/speech/v1/tts:synthesize", "headers": headers, "data": filled}
        if its.folder_id:
            headers["x-folder-id"] = its.folder_id
        hints: list[dict[str, Any]] = [{"voice": self._voice}, {"speed": its.speed}]
        order = {
            "text": text,
            "hints": [*hints, {"role": its.emotion}] if its.emotion else hints,
            "outputAudioSpec": {"rawAudio": {"audioEncoding": "LINEAR16_PCM", "sampleRateHertz": str(RATE)}},
            "unsafeMode": len(text) > UNIT,
        }
        return {"url": f"{its.url}/tts/v3/utteranceSynthesis", "headers": headers, "json": order}

    def _authorization(self) -> str:
        if key := self._its.api_key.get_secret_value():
            return f"Api-Key {key}"
        file = Path(self._its.iam_token_file)
        try:
            return f"Bearer {file.read_text(encoding='ascii').strip()}"
        except (OSError, ValueError):
            raise VoiceDown(f"{file}: no token can be read") from None

    @cached_property
    def _session(self) -> requests.Session:
        """Connections that are kept; no proxy or password file of the environment is read."""
        session = requests.Session()
        session.trust_env = False
        return session


def _worth(error: Exception, deadline: float) -> bool | float:
    """Shall it be tried again, and after how many seconds?"""
    if not isinstance(error, Again):
        return False
    if error.after_s is None:
        return True
    return max(error.after_s, FIRST_S) if monotonic() + error.after_s < deadline else False


def _body(answer: requests.Response, deadline: float) -> bytes:
    """The whole body. Each read is of what has come, so that one who drips is stopped at the deadline."""
    whole = bytearray()
    while part := answer.raw.read1():
        whole += part
        if monotonic() > deadline:
            raise requests.Timeout
        if len(whole) > MOST_BYTES:
            raise VoiceDown("yandex: an answer without end")
    return bytes(whole)


def _check_whole(answer: requests.Response, body: bytes) -> None:
    """Again for fewer bytes than the service announced; a chunked body tells its end itself."""
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal():
        if len(body) < int(length):
            raise Again("yandex: the sound is cut")
    elif "Transfer-Encoding" not in answer.headers:
        raise VoiceDown("yandex: an answer of unknown length")


def _refusal(answer: requests.Response, body: bytes) -> VoiceError:
    status = answer.status_code
    code = _code(body)
    said = f"yandex: HTTP {status}{f' {code}' if code else ''}"
    told = f"{said}: {MEANING[status]}" if status in MEANING else said
    if status in AGAIN:
        return Again(told, seconds(answer.headers.get("Retry-After"), datetime.now(UTC)))
    return VoiceError(told) if status == 400 else VoiceDown(told)


def _code(body: bytes) -> str:
    """The service's own word for an error: `error_code` of v1, the status of v3."""
    try:
        error = json.loads(body)
        found = error.get("error_code") or error["error"]["httpStatus"]
    except (ValueError, AttributeError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) and re.fullmatch(r"[A-Za-z_ ]{1,40}", found) else ""


def _pieces(body: bytes) -> Iterator[bytes]:
    """The sound in the answers of v3, one JSON object a line."""
    try:
        for line in body.splitlines():
            told = json.loads(line)
            if "error" in told:
                raise Again(f"yandex: it broke off {_code(line)}".rstrip())
            chunk = told["result"].get("audioChunk") or {}
            yield base64.b64decode(chunk.get("data", ""), validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise VoiceDown("yandex: what came is no sound") from None


def _sound(samples: bytes) -> bytes:
    """The samples, if they can be such; a page or an error in words is none."""
    if not samples:
        raise VoiceDown("yandex: what came is empty")
    if len(samples) % 2:
        raise Again("yandex: the sound is cut")
    try:
        samples.decode()
    except UnicodeDecodeError:
        return samples
    raise VoiceDown("yandex: what came is no sound")

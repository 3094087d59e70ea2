"""The voice of a language with all that voices share: its pace, a second voice, and what was spent.

The first voice speaks. When it cannot say a text, or what it gives is no sound, the second says it, so that a
campaign goes on; after five texts in a row for which it was down it is left alone for a minute. What the
caller has no budget for, the second voice says too. With recordings of people, it says what nobody recorded.

A worker process makes its own `Speaker(settings.speech, lang, processes=N)`, N processes sharing
`speech.per_second`, and sends home the Spoken without its sound (`replace(spoken, wav=b"")`). Who hands
out the work keeps the Budget, calls `count` for each Spoken, and adds it to the table `speech_cost`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from engine import telemetry
from engine.errors import VoiceDown, VoiceError
from engine.gateways.tts import Voice, fallback_for, voice_for
from engine.sections_speech import Speech
from engine.speech import sound

IN_A_ROW = 5
REST_S = 60.0
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as a voice has said it. `why` tells why it was not the first voice, empty where it was."""

    wav: bytes
    voice_id: str
    characters: int = 0  # as the provider counts them
    price: int = 0  # kopecks for 1,000 of them
    seconds: float = 0.0
    why: str = ""

    @property
    def kopecks(self) -> int:
        """What this one cost; a sum of many is `cost` of all their characters."""
        return cost(self.characters, self.price)


def cost(characters: int, price: int) -> int:
    """Kopecks, rounded up, of so many characters at so many kopecks for a thousand."""
    return -(-characters * price // 1000)


@dataclass(slots=True)
class Budget:
    """Characters of a day: `per_day` of the settings (0: no limit), `spent` so far by the table of costs."""

    per_day: int
    spent: int = 0

    def take(self, characters: int) -> bool:
        """Take them if there are as many left."""
        if self.per_day and self.spent + characters > self.per_day:
            return False
        self.spent += characters
        return True


class Pace:
    """So many beginnings a second and no more, whichever thread begins."""

    def __init__(self, per_second: float, clock: Clock = time.monotonic) -> None:
        self._gap, self._clock, self._next, self._lock = (
            1 / per_second if per_second else 0.0,
            clock,
            0.0,
            Lock(),
        )

    def delay(self) -> float:
        """Seconds to wait before this beginning; the turn is taken."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._gap
            return turn - now


class Breaker:
    """Rests a voice that was down IN_A_ROW times in a row."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._failures, self._until = clock, 0, 0.0

    def open(self) -> bool:
        """Is it resting?"""
        return self._clock() < self._until

    def note(self, down: bool) -> None:
        """How a trial ended; after a rest one more failure is enough for the next."""
        self._failures = self._failures + 1 if down else 0
        if self._failures >= IN_A_ROW:
            self._until = self._clock() + REST_S


class Speaker:
    """Speaks texts of one language; SettingsError when a voice cannot be made."""

    def __init__(
        self, speech: Speech, lang: str, *, processes: int = 1, clock: Clock = time.monotonic
    ) -> None:
        self._first = voice_for(speech, lang)
        self._second = fallback_for(speech, lang) if speech.fallback else None
        self._price = speech.price
        self._pace, self._breaker = Pace(speech.per_second / processes, clock), Breaker(clock)

    @property
    def id(self) -> str:
        """The first voice's: what the cache's keys are made of, whoever spoke."""
        return self._first.id

    def billed(self, text: str) -> int:
        """Characters that the first voice would count for this text; what is asked of a Budget."""
        return self._first.billed(text)

    def speak(self, text: str, *, paid: bool = True) -> Spoken:
        """The text by the first voice, or by the second: also when it is not `paid` for (no budget is left).

        VoiceError tells why neither could.
        """
        try:
            return self._by_first(text, paid)
        except VoiceError as error:
            if self._second is None:
                raise
            why = str(error)
        try:
            return replace(_timed(self._second, text), why=why)
        except VoiceError as error:
            raise VoiceError(f"{why}; the second voice: {error}") from None

    def _by_first(self, text: str, paid: bool) -> Spoken:
        if not paid:
            raise VoiceDown("the day's budget of characters is used up")
        if self._breaker.open():
            raise VoiceDown("the voice failed too often and rests for a minute")
        time.sleep(self._pace.delay())
        try:
            spoken = _timed(self._first, text)
        except VoiceDown:
            self._breaker.note(True)
            raise
        self._breaker.note(False)
        return replace(spoken, characters=self._first.billed(text), price=self._price)


def count(spoken: Spoken) -> None:
    """Into the metrics, once a text, in the process whose metrics are read."""
    voice = spoken.voice_id.partition("/")[0]
    telemetry.voice_requests.labels(voice, "instead" if spoken.why else "spoken").inc()
    telemetry.voice_characters.labels(voice).inc(spoken.characters)
    telemetry.voice_seconds.labels(voice).observe(spoken.seconds)


def count_failure(voice_id: str) -> None:
    """A text that neither voice could say; as `count`."""
    telemetry.voice_requests.labels(voice_id.partition("/")[0], "failed").inc()


def _timed(voice: Voice, text: str) -> Spoken:
    """The voice's sound, proved to be one."""
    began = time.monotonic()
    spoken = voice.speak(text)
    sound.check(spoken)
    return Spoken(spoken, voice.id, seconds=time.monotonic() - began)

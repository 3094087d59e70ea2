"""What each subscriber hears: the RTP that Asterisk sends him, as sound at 8 kHz.

All callees of the carrier name the ear's one port as the place of their audio; which call a packet belongs to
is told by Asterisk's own port, known from the INVITE. Packets are placed by their RTP timestamps, so a gap
in the sound is a gap here.
"""

import socket
import struct
import threading
import time
import wave
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lab import LabError
from lab.carrier import Carrier, Invite

RATE = 8000
LONGEST_S = 3600
LEAP_S = 60  # between two timestamps: another clock
CLOCK = 5  # packets, at least, that go by one, but for the first and the last one
ULAW, ALAW = 0, 8
CODECS = {".ulaw": ULAW, ".alaw": ALAW}
Sound = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a message begins in what was heard, and how like it is: 1 the same, about 0 another one."""

    offset_s: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet of speech: `at` in seconds of the epoch, `place` its timestamp, in samples."""

    at: float
    place: int
    codec: int
    payload: bytes


Streams = dict[tuple[str, int, int], list[Packet]]  # by Asterisk's address and port, and the stream's own id


class Ear:
    """Started by `with`; listens on the carrier's ear port until stopped, and keeps all it hears."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._streams: Streams = defaultdict(list)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ear", daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def start(self) -> None:
        """Begin to listen."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.settimeout(0.2)
        self._socket.bind(("127.0.0.1", self._carrier.ear_port))
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; what was heard stays."""
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                data, (host, port) = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            if len(data) > 12 and data[0] == 0x80 and data[1] & 0x7F in (ULAW, ALAW):
                place, source = struct.unpack("!II", data[4:12])
                packet = Packet(time.time(), place, data[1] & 0x7F, data[12:])
                self._streams[host, port, source].append(packet)

    def heard(self, number: str) -> Sound:
        """All that the last call to `number` brought, from its first packet on; LabError if never called."""
        return together(self._last(number))

    def began(self, number: str) -> float:
        """When the first packet of the last call to `number` came, in seconds of the epoch."""
        streams = self._last(number)
        if not streams:
            raise LabError("nothing was heard there")
        return min(stream[0].at for stream in streams)

    def _last(self, number: str) -> list[list[Packet]]:
        """The streams of the last call to `number`."""
        calls = self._carrier.sent
        mine = next((call for call in reversed(calls) if call.number == number), None)
        if mine is None:
            raise LabError("that number was never called")
        return streams_of(mine, calls, dict(self._streams))

    def __enter__(self) -> "Ear":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def streams_of(mine: Invite, calls: list[Invite], streams: Streams) -> list[list[Packet]]:
    """What one call brought; Asterisk's port may have served other calls, before it and after."""
    until = min((call.at for call in calls if call.rtp == mine.rtp and call.at > mine.at), default=np.inf)
    own = [packets for (host, port, _), packets in streams.items() if (host, port) == mine.rtp]
    within = [[packet for packet in packets if mine.at <= packet.at < until] for packets in own]
    return [packets for packets in within if packets]


def together(streams: list[list[Packet]]) -> Sound:
    """One sound of a call's streams: each by its own timestamps, one after another by their arrival."""
    if not streams:
        return np.zeros(0)
    begin = min(stream[0].at for stream in streams)
    pieces: list[tuple[int, Sound]] = []
    for stream in (run for whole in streams for run in _runs(whole)):
        base = round((stream[0].at - begin) * RATE)
        for packet in stream:
            # 32 bits wrap; a packet that overtook the first one counts back
            place = base + (packet.place - stream[0].place + 2**31) % 2**32 - 2**31
            if not -RATE < place < LONGEST_S * RATE:
                raise LabError(f"an RTP timestamp {place / RATE:.0f} s away from its stream's first")
            pieces.append((max(place, 0), decode(packet.payload, packet.codec)))
    sound = np.zeros(max(place + len(piece) for place, piece in pieces))
    for place, piece in pieces:
        sound[place : place + len(piece)] = piece
    return sound


def _runs(stream: list[Packet]) -> list[list[Packet]]:
    """A stream in pieces of one clock each: within it Asterisk goes over to the other side's when it leaves
    two who talk to each other. LabError for a timestamp that stands alone.
    """
    begins = [0]
    for place, (before, after) in enumerate(pairwise(stream), 1):
        if abs((after.place - before.place + 2**31) % 2**32 - 2**31) > LEAP_S * RATE:
            begins.append(place)
    runs = [stream[begin:end] for begin, end in zip(begins, [*begins[1:], len(stream)], strict=True)]
    lengths = [len(run) for run in runs]
    if len(runs) > 1 and (max(lengths) < CLOCK or min(lengths[1:-1], default=CLOCK) < CLOCK):
        raise LabError("an RTP timestamp far away from its neighbours'")
    return runs


def decode(payload: bytes, codec: int) -> Sound:
    """G.711 (ITU-T G.711, A-law or mu-law) to samples of -1 … 1."""
    return (ULAW_TABLE if codec == ULAW else ALAW_TABLE)[np.frombuffer(payload, np.uint8)]


def _ulaw() -> Sound:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    size = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -size, size) / 32768


def _alaw() -> Sound:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
    return np.where(code & 0x80, size, -size) / 32768


ULAW_TABLE, ALAW_TABLE = _ulaw(), _alaw()


def load(wav: Path) -> Sound:
    """A WAV of 8 kHz, 16 bit, one channel, or an .alaw or .ulaw as Asterisk plays it, as samples of -1 … 1;
    LabError for any other.
    """
    suffix = Path(wav).suffix
    if suffix in CODECS:
        return decode(Path(wav).read_bytes(), CODECS[suffix])
    try:
        with wave.open(str(wav)) as file:
            kind = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise LabError(f"{wav}: {error}") from None
    if kind != (RATE, 2, 1):
        raise LabError(f"{wav}: not 8 kHz, 16 bit, mono")
    return np.frombuffer(samples, np.int16) / 32768


def match(heard: Sound, expected: Sound) -> Match:
    """Where `expected` is best found in `heard`; the correlation is normalised over that stretch.

    The whole message counts: of one cut off half-way about sqrt(1/2) is left.
    """
    if not len(heard) or not len(expected):
        return Match(0.0, 0.0)
    size = 1 << (len(heard) + len(expected) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(expected, size)), size)[
        : len(heard)
    ]
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    ends = np.minimum(np.arange(len(heard)) + len(expected), len(heard))
    stretch = energy[ends] - energy[: len(heard)]
    whole = float(np.sum(expected**2))
    # A stretch of next to no energy is silence, and like nothing.
    like = np.where(stretch > whole / 1e4, product / np.sqrt(np.maximum(stretch * whole, 1e-12)), 0.0)
    best = int(np.argmax(like))
    return Match(best / RATE, float(like[best]))


def silences(heard: Sound, least_s: float = 0.1, level: float = 0.003) -> list[tuple[float, float]]:
    """(begin, length) in seconds of every stretch below `level` that lasts at least `least_s`."""
    loud = np.flatnonzero(np.abs(heard) >= level)
    edges = np.concatenate(([-1], loud, [len(heard)]))
    lengths = np.diff(edges) - 1
    return [
        (float(edges[place] + 1) / RATE, float(lengths[place]) / RATE)
        for place in np.flatnonzero(lengths >= least_s * RATE)
    ]

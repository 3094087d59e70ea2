"""A recording as a file that any player plays: A-law (ITU-T G.711) to 16-bit WAV, 8 kHz."""

import sys
import wave
from array import array
from functools import cache
from pathlib import Path

from engine.errors import UsageError

RATE = 8000
CHUNK = 1 << 16


def write(recording: Path, out: Path, ending: str) -> None:
    """Copy a recording: `.alaw` as it lies there, `.wav` for players. UsageError for another ending."""
    match ending:
        case ".alaw":
            out.write_bytes(recording.read_bytes())
        case ".wav":
            with recording.open("rb") as source, wave.open(str(out), "wb") as target:
                target.setparams((1, 2, RATE, 0, "NONE", ""))
                while chunk := source.read(CHUNK):
                    target.writeframes(linear(chunk))
        case _:
            raise UsageError("a recording is written as .wav or .alaw")


def linear(alaw: bytes) -> bytes:
    """A-law bytes as 16-bit samples, the low byte first."""
    samples = array("h", map(_table().__getitem__, alaw))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


@cache
def _table() -> tuple[int, ...]:
    return tuple(_sample(code) for code in range(256))


def _sample(code: int) -> int:
    """G.711, table 1a: even bits are inverted; sign, three bits of segment, four of step."""
    code ^= 0x55
    segment, step = code >> 4 & 7, (code & 15) << 4
    size = step + 8 if segment == 0 else step + 0x108 << segment - 1
    return size if code & 0x80 else -size

"""A recording as a file that any player plays: A-law (ITU-T G.711) to 16-bit WAV, 8 kHz."""

import struct
from collections.abc import Iterator
from functools import cache
from io import BufferedReader
from pathlib import Path

from engine.errors import UsageError

RATE = 8000
CHUNK = 1 << 16
HEADER = 44  # bytes of a WAV file before its samples


def write(recording: Path, out: Path, ending: str) -> None:
    """Copy a recording: `.alaw` as it lies there, `.wav` for players. UsageError for another ending."""
    match ending:
        case ".alaw":
            out.write_bytes(recording.read_bytes())
        case ".wav":
            with recording.open("rb") as source, out.open("wb") as target:
                target.writelines(wav(source, recording.stat().st_size))
        case _:
            raise UsageError("a recording is written as .wav or .alaw")


def wav(source: BufferedReader, size: int) -> Iterator[bytes]:
    """The next `size` bytes of a recording as a WAV file of `wav_size(size)` bytes, piece by piece."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    yield b"RIFF" + struct.pack("<I", wav_size(size) - 8) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
    yield b"data" + struct.pack("<I", 2 * size)
    while size and (chunk := source.read(min(CHUNK, size))):
        size -= len(chunk)
        yield linear(chunk)


def wav_size(size: int) -> int:
    """Bytes of the WAV file that so many bytes of A-law become."""
    return HEADER + 2 * size


def linear(alaw: bytes) -> bytes:
    """A-law bytes as 16-bit samples, the low byte first."""
    low, high = _tables()
    samples = bytearray(2 * len(alaw))
    samples[0::2], samples[1::2] = alaw.translate(low), alaw.translate(high)
    return bytes(samples)


@cache
def _tables() -> tuple[bytes, bytes]:
    """The low and the high byte of each code's sample."""
    samples = [_sample(code) & 0xFFFF for code in range(256)]
    return bytes(one & 0xFF for one in samples), bytes(one >> 8 for one in samples)


def _sample(code: int) -> int:
    """G.711, table 1a: even bits are inverted; sign, three bits of segment, four of step."""
    code ^= 0x55
    segment, step = code >> 4 & 7, (code & 15) << 4
    size = step + 8 if segment == 0 else step + 0x108 << segment - 1
    return size if code & 0x80 else -size

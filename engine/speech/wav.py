"""WAV files: any that a voice or a person's program writes is read, ours are written."""

import struct
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from engine.errors import VoiceError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
# Who writes into a pipe does not know the length yet, and states none, or more than there will ever be.
ENDLESS = 0x7FFF0000
RATES = range(8_000, 192_001)
Samples = Any  # numpy's, one dimension of float32 within -1 and 1; numpy is loaded when it is needed


def read(wav: bytes) -> tuple[Samples, int]:
    """The samples of a WAV, its channels mixed into one, and their rate in Hz.

    PCM of 8 to 32 bits and floating point of 32 and 64; VoiceError for what is no WAV, a rate below that of
    a phone, or fewer samples than the header states.
    """
    kind, channels, rate, bits, data = _opened(wav)
    if not 1 <= channels <= 8 or rate not in RATES:
        raise VoiceError(f"a WAV of {channels} channels, {rate} Hz; a phone needs 8000 Hz or more")
    width = bits // 8
    if not width or len(data) % (width * channels):
        raise VoiceError("the WAV ends in the middle of a sample")
    samples = _numbers(kind, bits, data)
    mixed = samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)
    return mixed.astype("f4"), rate


def load(path: Path) -> bytes:
    """A recording made by people; VoiceError names the file that is none or cannot be read."""
    try:
        content = path.read_bytes()
        read(content)
    except OSError as error:
        raise VoiceError(f"{path}: {error.strerror}") from None
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from None
    return content


def write(samples: bytes, rate: int = 8000) -> bytes:
    """16-bit little-endian samples of one channel as a WAV."""
    made = BytesIO()
    with wave.open(made, "wb") as file:
        file.setframerate(rate)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(samples)
    return made.getvalue()


def _opened(wav: bytes) -> tuple[int, int, int, int, bytes]:
    """Kind, channels, rate, bits and the sound itself."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise VoiceError("not a WAV file")
    form: tuple[int, int, int, int] | None = None
    for name, size, body in _chunks(wav):
        if name == b"fmt " and len(body) >= 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if kind == EXTENSIBLE and len(body) >= 26:
                (kind,) = struct.unpack_from("<H", body, 24)
            form = kind, channels, rate, bits
        elif name == b"data":
            if form is None:
                break
            if len(body) < size < ENDLESS:
                raise VoiceError(f"the WAV is cut: {len(body)} bytes of {size}")
            return *form, body
    raise VoiceError("not a whole WAV file")


def _chunks(wav: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Name, stated size and body of each part."""
    at = 12
    while at + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, at)
        rest = name == b"data" and (size >= ENDLESS or size == 0)
        yield name, size, wav[at + 8 :] if rest else wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _numbers(kind: int, bits: int, data: bytes) -> Samples:
    import numpy as np

    match kind, bits:
        case 1, 8:
            return np.frombuffer(data, "u1") / 128.0 - 1.0
        case 1, 24:
            wide = np.zeros((len(data) // 3, 4), "u1")
            wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
            return wide.reshape(-1).view("<i4") / 2.0**31
        case 1, (16 | 32):
            return np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)
        case 3, (32 | 64):
            return np.nan_to_num(np.frombuffer(data, f"<f{bits // 8}").astype("f8")).clip(-1, 1)
    raise VoiceError(f"a WAV of a kind that is not read: format {kind}, {bits} bits")

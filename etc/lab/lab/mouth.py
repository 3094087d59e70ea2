"""What callees say: spoken texts, silence and beeps as A-law, in the capture files that SIPp plays."""

import struct
import subprocess
from functools import cache
from pathlib import Path

from engine.speech.sound import finish, silence
from lab import LabError

FORM = "alaw"
PACKET = 160  # bytes of 20 ms
ETHERNET, LOOPBACK = bytes(12) + b"\x08\x00", bytes([127, 0, 0, 1])


@cache
def say(text: str, lang: str = "ru") -> bytes:
    """A text, spoken by espeak-ng."""
    command = ["espeak-ng", "--stdin", "--stdout", "-v", lang]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LabError(f"espeak-ng: {error}") from None
    return finish(done.stdout, FORM)


def rest(ms: int) -> bytes:
    """Silence."""
    return silence(FORM, ms)


def beep() -> bytes:
    """What a machine makes when it begins to record: half a second of 1 kHz."""
    return bytes([0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4]) * 500  # ITU-T G.711, table 5


def capture(sound: bytes, file: Path) -> Path:
    """The sound as RTP packets of 20 ms, each at its moment (libpcap's format); ports are SIPp's to set."""
    packets = [sound[at : at + PACKET] for at in range(0, len(sound) - PACKET + 1, PACKET)]
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, payload in enumerate(packets):
            frame = _frame(number, payload)
            at = 20_000 * number
            out.write(struct.pack("<IIII", at // 1_000_000, at % 1_000_000, len(frame), len(frame)) + frame)
    return file


def _frame(number: int, payload: bytes) -> bytes:
    """An Ethernet frame of IPv4, UDP and RTP (RFC 3550)."""
    rtp = struct.pack("!BBHII", 0x80, 8, number, PACKET * number, 0x5A564F4E) + payload
    udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, LOOPBACK, LOOPBACK)
    return ETHERNET + ip + udp

"""What callees say: spoken texts, silence and beeps as A-law, in the capture files that SIPp plays."""

import struct
import subprocess
from functools import cache
from pathlib import Path

from engine.speech.sound import finish, silence
from lab import LabError

FORM = "alaw"
PACKET = 160  # bytes of 20 ms
ALAW, EVENTS, KEYS = 8, 101, "0123456789*#"
HEADERS = 14 + 20 + 8 + 12  # of Ethernet, IPv4, UDP and RTP
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
    """The sound as RTP packets of 20 ms, each at its moment; ports are SIPp's to set."""
    pieces = [sound[at : at + PACKET] for at in range(0, len(sound) - PACKET + 1, PACKET)]
    return _write(file, [(20 * n, _rtp(ALAW, n, PACKET * n, piece)) for n, piece in enumerate(pieces)])


def pressed(keys: str, file: Path) -> Path:
    """Keys, one a second, of 100 ms each (RFC 4733): six packets whose event grows, the end three times."""
    packets: list[tuple[int, bytes]] = []
    for second, key in enumerate(keys):
        for turn in range(8):
            length = PACKET * min(turn + 1, 6)
            event = struct.pack("!BBH", KEYS.index(key), (0x80 if turn > 4 else 0) | 10, length)
            mark = 0x80 if turn == 0 else 0
            rtp = _rtp(EVENTS | mark, len(packets), 8000 * (second + 1), event)
            packets.append((1000 * second + 20 * turn, rtp))
    return _write(file, packets)


def played(file: Path) -> bytes:
    """What a capture file of A-law packets says."""
    data, at, sound = file.read_bytes(), 24, b""
    while at < len(data):
        size = struct.unpack("<I", data[at + 8 : at + 12])[0]
        sound += data[at + 16 + HEADERS : at + 16 + size]
        at += 16 + size
    return sound


def _write(file: Path, packets: list[tuple[int, bytes]]) -> Path:
    """Packets with their milliseconds, in libpcap's format."""
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, (ms, rtp) in enumerate(packets):
            frame = _frame(number, rtp)
            out.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000, len(frame), len(frame)) + frame)
    return file


def _rtp(kind: int, number: int, stamp: int, payload: bytes) -> bytes:
    """RFC 3550."""
    return struct.pack("!BBHII", 0x80, kind, number, stamp, 0x5A564F4E) + payload


def _frame(number: int, rtp: bytes) -> bytes:
    """An Ethernet frame of IPv4 and UDP."""
    udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, LOOPBACK, LOOPBACK)
    return ETHERNET + ip + udp

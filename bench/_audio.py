"""How soon a callee hears something: from the carrier's 200 to the first RTP packet of the call.

Seen on the wire (loopback) by the kernel's clock, by nobody who takes part. To leave the machine to the
calls, the kernel hands on INVITEs, their 200s, and the audio of one call in 32 (ports that 64 divides).
Needs root, as the lab does.
"""

import ctypes
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator

ETH_IP = 0x0800
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35
SAMPLE = 63  # ports with these bits clear
CALL_ID = re.compile(rb"^Call-ID: *(\S+)", re.M | re.I)
MEDIA = re.compile(rb"^m=audio ([0-9]+)", re.M)


def program(sip: int, first: int, last: int) -> list[tuple[int, int, int, int]]:
    """The kernel's filter (BPF, over an IP packet without options): (code, jump if true, if false, value)."""
    byte, half, word, and_, equal, above, keep = 0x30, 0x28, 0x20, 0x54, 0x15, 0x25, 0x06
    return [
        (byte, 0, 0, 9),  # UDP
        (equal, 0, 13, 17),
        (half, 0, 0, 22),  # to the carrier: INVITE
        (equal, 0, 2, sip),
        (word, 0, 0, 28),
        (equal, 8, 9, int.from_bytes(b"INVI", "big")),
        (half, 0, 0, 20),  # from the carrier: 200
        (equal, 0, 2, sip),
        (word, 0, 0, 36),
        (equal, 4, 5, int.from_bytes(b"200 ", "big")),
        (above, 0, 4, first - 1),  # from Asterisk's ports for audio
        (above, 3, 0, last),
        (and_, 0, 0, SAMPLE),
        (equal, 0, 1, 0),
        (keep, 0, 0, 4096),
        (keep, 0, 0, 0),
    ]


class Listener:
    """Started by `with`; `delays` are the seconds from answer to audio of the calls seen so far."""

    def __init__(self, sip: int, first: int, last: int) -> None:
        self.delays: list[float] = []
        self._port_of: dict[bytes, int] = {}
        self._answered: dict[int, float] = {}
        self._sip, self._over = sip, threading.Event()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        lines = b"".join(struct.pack("HBBI", *line) for line in program(sip, first, last))
        held = ctypes.create_string_buffer(lines)
        packed = struct.pack("HL", len(lines) // 8, ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, packed)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(("lo", ETH_IP))
        self._socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def _packets(self) -> Iterator[tuple[float, bytes]]:
        """(when, IP packet); each once, though loopback shows it on its way out and in."""
        while not self._over.is_set():
            try:
                data, extra, _flags, address = self._socket.recvmsg(4096, 64)
            except TimeoutError:
                continue
            if address[2] != socket.PACKET_OUTGOING:
                at = next((struct.unpack("ll", value) for _, _, value in extra), None)
                yield (at[0] + at[1] / 1e9 if at else time.time()), data

    def _listen(self) -> None:
        for at, packet in self._packets():
            sender, receiver = struct.unpack_from("!HH", packet, 20)
            if self._sip in (sender, receiver) and (call := CALL_ID.search(packet, 28)):
                self._signal(at, call[1], packet)
            elif since := self._answered.pop(sender, None):
                self.delays.append(at - since)

    def _signal(self, at: float, call: bytes, packet: bytes) -> None:
        if packet.startswith(b"INVITE", 28):
            media = MEDIA.search(packet)
            if media and int(media[1]) & SAMPLE == 0:
                self._port_of[call] = int(media[1])
        elif port := self._port_of.pop(call, None):
            self._answered[port] = at

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

"""What really goes over the wire: every SIP message from and to a UDP port on loopback, in order.

Read off the device by a packet socket (root), so nobody who speaks takes part in it. The kernel filters; had
it to drop one of ours, that is an error: a message that was not seen may be the one that leaks.
"""

import ctypes
import socket
import struct
import threading
import time
from typing import Any

from lab import LabError
from lab.leaks import Message

ETH_P_IP = 0x0800
SO_ATTACH_FILTER, SO_RCVBUFFORCE = 26, 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
ROOM = 16 << 20
ALL, NONE = 0xFFFF, 0


class Wire:
    """Listens while entered; `messages` are whole once it is left."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[Message] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="wire", daemon=True)
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        except PermissionError:
            raise LabError("only root may read the wire") from None

    def __enter__(self) -> "Wire":
        _attach(self._socket, _of_port(self.port))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.settimeout(0.05)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self._over.set()
        self._thread.join()
        statistics = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self._socket.close()
        (dropped,) = struct.unpack("=4xI", statistics)
        if dropped and kind is None:
            raise LabError(f"{dropped} packets went by unseen")

    def _read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(ALL)
            except TimeoutError:
                if self._over.is_set():
                    return
                continue
            udp = packet[4 * (packet[0] & 0x0F) :]
            source, target, length = struct.unpack("!HHH", udp[:6])
            if udp[8:length].strip(b"\r\n\0"):  # else somebody keeps a NAT open
                self.messages.append(Message(time.time(), source, target, udp[8:length]))


def _of_port(port: int) -> list[tuple[int, int, int, int]]:
    """A filter (classic BPF: operation, jumps if true and false, value) of UDP from or to a port. Each packet
    of loopback goes by twice, out and in; the second one counts.
    """
    return [
        (0x30, 0, 0, 0xFFFFF004),  # which way it goes
        (0x15, 0, 8, 0),  # in, or drop it
        (0x30, 0, 0, 9),  # the protocol
        (0x15, 0, 6, socket.IPPROTO_UDP),
        (0xB1, 0, 0, 0),  # the length of the IP header
        (0x48, 0, 0, 0),  # from which port
        (0x15, 2, 0, port),
        (0x48, 0, 0, 2),  # to which
        (0x15, 0, 1, port),
        (0x06, 0, 0, ALL),
        (0x06, 0, 0, NONE),
    ]


def _attach(to: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    given = struct.pack("@HP", len(program), ctypes.addressof(code))
    to.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, given)

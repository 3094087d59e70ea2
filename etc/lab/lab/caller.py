"""Somebody who calls us: one SIP call into Asterisk from the carrier's side, with keys, and what he hears.

Enough of SIP (RFC 3261) and RTP (RFC 3550, keys by RFC 4733) for one call on loopback; Asterisk knows him as
the trunk by his address.
"""

import re
import secrets
import select
import socket
import struct
import time
from collections.abc import Mapping

from lab import LabError
from lab.ear import ALAW, Packet, Sound, together

EVENTS = 101  # the payload type of keys
SDP = """v=0
o=caller 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {port} RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""


class Caller:
    """He calls `dialled` as `number` ("" withholds it: an anonymous From) at Asterisk's `sip`, HOST:PORT."""

    def __init__(self, sip: str, number: str, dialled: str) -> None:
        host, _, port = sip.rpartition(":")
        self._asterisk = host, int(port)
        self._sip, self._rtp = _bound(), _bound()
        self._call_id, self._tag, self._branch = (secrets.token_hex(8) for _ in range(3))
        user = f'"{number}" <sip:{number}@127.0.0.1>' if number else "<sip:anonymous@anonymous.invalid>"
        self._from, self._uri = f"{user};tag={self._tag}", f"sip:{dialled}@{sip}"
        self._to = f"<{self._uri}>"
        self._packets: list[Packet] = []

    def call(self, keys: Mapping[float, str] = {}, limit_s: float = 60) -> Sound:
        """Call, press each of `keys` so many seconds after the answer, hear until Asterisk hangs up."""
        self._request("INVITE", 1, SDP.format(port=self._rtp.getsockname()[1]).replace("\n", "\r\n"))
        until, left, answered = time.monotonic() + limit_s, sorted(keys.items()), None
        while time.monotonic() < until:
            if answered and left and time.monotonic() >= answered[0] + left[0][0]:
                self._press(left.pop(0)[1], answered[1])
            for ready in select.select([self._sip, self._rtp], [], [], 0.02)[0]:
                if ready is self._rtp:
                    self._hear()
                    continue
                message = self._sip.recv(65536).decode()
                if message.startswith("BYE"):
                    self._reply(message)
                    self._close()
                    return together([self._packets])
                answered = answered or self._answered(message)
        self._close()
        raise LabError("the call was not ended in time")

    def _answered(self, message: str) -> tuple[float, tuple[str, int]] | None:
        """When the call was answered, and where its audio comes from; LabError when it is refused."""
        code = message.split(" ", 2)[1]
        if code.startswith("1"):
            return None
        self._to = _header(message, "To")
        self._request("ACK", 1)
        if code != "200":
            raise LabError(f"the call was refused: {code}")
        found = re.search(r"m=audio (\d+)", message)
        return time.monotonic(), ("127.0.0.1", int(found[1]) if found else 0)

    def _press(self, key: str, to: tuple[str, int]) -> None:
        """One key of 100 ms: packets of an event that grows, the last one three times."""
        event = "0123456789*#".index(key)
        stamp = int(time.monotonic() * 8000) & 0xFFFFFFFF
        for number, (length, end) in enumerate([(n * 160, 0) for n in range(1, 6)] + [(800, 0x80)] * 3):
            header = struct.pack("!BBHII", 0x80, EVENTS | (0x80 if number == 0 else 0), number, stamp, 0x5A)
            self._rtp.sendto(header + struct.pack("!BBH", event, end | 10, length), to)
            time.sleep(0.02)

    def _hear(self) -> None:
        data = self._rtp.recv(2048)
        if data[1] & 0x7F == ALAW:
            place = struct.unpack("!I", data[4:8])[0]
            self._packets.append(Packet(time.time(), place, ALAW, data[12:]))

    def _request(self, method: str, number: int, body: str = "") -> None:
        port = self._sip.getsockname()[1]
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{self._branch}",
            f"From: {self._from}",
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:caller@127.0.0.1:{port}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        self._sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self._asterisk)

    def _reply(self, request: str) -> None:
        kept = [f"{name}: {_header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        text = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n"
        self._sip.sendto(text.encode(), self._asterisk)

    def _close(self) -> None:
        self._sip.close()
        self._rtp.close()


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def _header(message: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*?)\r?$", message, re.M)
    if found is None:
        raise LabError(f"a message without {name}")
    return found[1]

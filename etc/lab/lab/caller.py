"""Somebody who calls us: one SIP call into Asterisk from the carrier's side, with keys and words, and what he
hears.

Enough of SIP (RFC 3261) and RTP (RFC 3550, keys by RFC 4733) for one call on loopback; Asterisk knows him as
the trunk by his address.
"""

import re
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping

from lab import LabError
from lab.ear import ALAW, Packet, Sound, together

EVENTS = 101  # the payload type of keys
PACKET = 160  # samples of 20 ms
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
    """He calls `dialled` as `number` ("" withholds it: an anonymous From) at Asterisk's `sip`, HOST:PORT.

    `vouched` is the number that his carrier tells us of one who withholds it (RFC 3325); `says`: A-law, which
    he repeats from the answer on.
    """

    def __init__(self, sip: str, number: str, dialled: str, *, vouched: str = "", says: bytes = b"") -> None:
        host, _, port = sip.rpartition(":")
        self._asterisk = host, int(port)
        self._sip, self._rtp = _bound(), _bound()
        self._call_id, self._tag, self._branch = (secrets.token_hex(8) for _ in range(3))
        user = f'"{number}" <sip:{number}@127.0.0.1>' if number else "<sip:anonymous@anonymous.invalid>"
        self._from, self._uri = f"{user};tag={self._tag}", f"sip:{dialled}@{sip}"
        self._to = f"<{self._uri}>"
        self._vouched = [f"P-Asserted-Identity: <sip:{vouched}@127.0.0.1>", "Privacy: id"] if vouched else []
        self._says = says
        self._streams: dict[int, list[Packet]] = {}  # by their own ids: a prompt's, the other side's
        self._hangs_up = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: LabError | None = None
        self.invited_at = self.answered_at = 0.0  # seconds of the epoch; 0: not yet
        self._rtp_to = ("127.0.0.1", 0)

    def call(self, keys: Mapping[float, str] = {}, limit_s: float = 60) -> Sound:
        """Call, press each of `keys` so many seconds after the answer, hear until Asterisk hangs up."""
        self._run(keys, limit_s)
        return self.heard()

    def start(self, keys: Mapping[float, str] = {}, limit_s: float = 60) -> "Caller":
        """The same, meanwhile."""
        self._thread = threading.Thread(target=self._try, args=(keys, limit_s), daemon=True)
        self._thread.start()
        return self

    def hang_up(self) -> Sound:
        """He has talked, or waited, enough; all that he heard."""
        self._hangs_up.set()
        return self.to_the_end()

    def to_the_end(self) -> Sound:
        """Wait until the call is over; all that he heard."""
        if self._thread:
            self._thread.join()
        if self._failed:
            raise self._failed
        return self.heard()

    @property
    def calls(self) -> bool:
        """His call is not over."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def hears_since(self) -> float:
        """When the first sound came, in seconds of the epoch; 0: none yet."""
        return min((stream[0].at for stream in list(self._streams.values()) if stream), default=0.0)

    def heard(self) -> Sound:
        """What he heard so far."""
        return together([list(stream) for stream in list(self._streams.values()) if stream])

    def until(self, holds: Callable[["Caller"], bool], seconds: float = 30) -> "Caller":
        """Wait for something of his call; LabError when it takes longer, or when the call ends before."""
        deadline = time.monotonic() + seconds
        while not holds(self):
            if not self.calls or time.monotonic() > deadline:
                self.hang_up()
                raise LabError(f"not so within {seconds:g} s, or before the call was over")
            time.sleep(0.05)
        return self

    def _try(self, keys: Mapping[float, str], limit_s: float) -> None:
        try:
            self._run(keys, limit_s)
        except LabError as error:
            self._failed = error

    def _run(self, keys: Mapping[float, str], limit_s: float) -> None:
        self.invited_at = time.time()
        self._request("INVITE", 1, SDP.format(port=self._rtp.getsockname()[1]).replace("\n", "\r\n"))
        until, left, leaving = time.monotonic() + limit_s, sorted(keys.items()), False
        try:
            while time.monotonic() < until:
                if self._hangs_up.is_set() and not leaving:
                    leaving = True
                    self._request(*(("BYE", 2) if self.answered_at else ("CANCEL", 1)))
                if self.answered_at and left and time.time() >= self.answered_at + left[0][0]:
                    self._press(left.pop(0)[1])
                for ready in select.select([self._sip, self._rtp], [], [], 0.01)[0]:
                    if ready is self._rtp:
                        self._hear()
                    elif self._over(self._sip.recv(65536).decode(), leaving):
                        return
                self._speak()
            raise LabError("the call was not ended in time")
        finally:
            self._sip.close()
            self._rtp.close()

    def _over(self, message: str, leaving: bool) -> bool:
        """Is the call over by this message? LabError when it is refused."""
        if message.startswith("BYE"):
            self._reply(message)
            return True
        code, of = message.split(" ", 2)[1], _header(message, "CSeq").rpartition(" ")[2]
        if of == "BYE":
            return True
        if of == "INVITE" and not code.startswith("1"):
            self._to = _header(message, "To")
            self._request("ACK", 1)
            if code == "200":
                self._answered(message)
            elif leaving:
                return True
            else:
                raise LabError(f"the call was refused: {code}")
        return False

    def _answered(self, message: str) -> None:
        found = re.search(r"m=audio (\d+)", message)
        self._rtp_to = "127.0.0.1", int(found[1]) if found else 0
        self.answered_at = time.time()
        self._spoken, self._stamp = 0, secrets.randbits(31)
        if self._hangs_up.is_set():  # the CANCEL came too late
            self._request("BYE", 2)

    def _press(self, key: str) -> None:
        """One key of 100 ms: packets of an event that grows, the last one three times."""
        event = "0123456789*#".index(key)
        stamp = int(time.monotonic() * 8000) & 0xFFFFFFFF
        for number, (length, end) in enumerate([(n * 160, 0) for n in range(1, 6)] + [(800, 0x80)] * 3):
            header = struct.pack("!BBHII", 0x80, EVENTS | (0x80 if number == 0 else 0), number, stamp, 0x5A)
            self._rtp.sendto(header + struct.pack("!BBH", event, end | 10, length), self._rtp_to)
            time.sleep(0.02)

    def _speak(self) -> None:
        """What he has to say up to now."""
        while self._says and self.answered_at and self._spoken * 0.02 < time.time() - self.answered_at:
            begin = self._spoken * PACKET % (len(self._says) - PACKET)
            place = (self._stamp + self._spoken * PACKET) & 0xFFFFFFFF
            header = struct.pack("!BBHII", 0x80, ALAW, self._spoken & 0xFFFF, place, 0x5B)
            self._rtp.sendto(header + self._says[begin : begin + PACKET], self._rtp_to)
            self._spoken += 1

    def _hear(self) -> None:
        data = self._rtp.recv(2048)
        if data[1] & 0x7F == ALAW:
            place, source = struct.unpack("!II", data[4:12])
            packet = Packet(time.time(), place, ALAW, data[12:])
            self._streams.setdefault(source, []).append(packet)

    def _request(self, method: str, number: int, body: str = "") -> None:
        port = self._sip.getsockname()[1]
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{self._branch}{'bye' if number > 1 else ''}",
            f"From: {self._from}",
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:caller@127.0.0.1:{port}>",
            "Max-Forwards: 70",
            *(self._vouched if method == "INVITE" else []),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        self._sip.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self._asterisk)

    def _reply(self, request: str) -> None:
        kept = [f"{name}: {_header(request, name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        text = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n"
        self._sip.sendto(text.encode(), self._asterisk)


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def _header(message: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*?)\r?$", message, re.M)
    if found is None:
        raise LabError(f"a message without {name}")
    return found[1]

"""One signed POST to a system of the client's, and what its answer means.

Written over sockets and `http.client`, so that each step is ours to bound: the name is looked up once, the
address that is checked is the one that is connected to, TLS is always verified against the name, nothing is
redirected, no proxy or password file of the environment is read, and all of it ends at one deadline, however
slowly the other side drips. Of the answer only its status and `Retry-After` are read.

The signature (as Stripe's and Svix's): `Zvonar-Signature: t=SECONDS,v1=HEX[,v1=HEX]`, each HEX the
HMAC-SHA256 of `SECONDS.BODY` under one of the keys; who receives accepts any one that fits, and no SECONDS of
long ago.
"""

import hmac
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import Timer
from time import monotonic
from urllib.parse import urlsplit
from uuid import UUID

from engine import __version__
from engine.gateways.retry_after import seconds
from engine.sections import Webhook

FIRST_S, MOST_S = 1.0, 300.0
PATIENCE_S = 86_400.0  # of a Retry-After, at most
# IPv6 that means an IPv4 address which nobody has checked: NAT64, 6to4.
DISGUISED = (IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a delivery: `error` is empty when it was accepted (2xx)."""

    error: str = ""
    retry_after_s: float | None = None


class Forbidden(OSError):
    """The host's address is one that settings do not permit."""


def signature(keys: list[str], body: bytes, at: int) -> str:
    """The header's value for a body sent at this second (UTC)."""
    signed = b"%d." % at + body
    each = (hmac.new(key.encode(), signed, "sha256").hexdigest() for key in keys)
    return f"t={at}," + ",".join(f"v1={one}" for one in each)


def delay_s(failures: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next try: doubled by each failure in a row up to 5 minutes, somewhere (`chance`, 0
    to 1) in the upper half of that; no sooner than the other side asks for.
    """
    grown = min(MOST_S, FIRST_S * (1 << min(failures - 1, 16)))
    return max(grown * (1 + chance) / 2, min(retry_after_s or 0.0, PATIENCE_S))


def permitted(address: str, private: bool) -> bool:
    """May a delivery go to this IP address? `private`: also to one of our own network or machine. What is
    no host at all, and link-local ones (a cloud tells its secrets there), never.
    """
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or any(ip in net for net in DISGUISED):
        return False
    return private or ip.is_global


def post(hook: Webhook, body: bytes, delivery: UUID, now: datetime) -> Answer:
    """Deliver a body, once; whatever goes wrong is told in the answer. Blocks for `hook.timeout_s`, and
    for a name server that does not answer.
    """
    keys = [key.get_secret_value() for key in hook.secrets]
    headers = {
        "Host": urlsplit(hook.url).netloc,
        "Content-Type": "application/json",
        "User-Agent": f"Zvonar/{__version__}",
        "Zvonar-Delivery": str(delivery),
        "Zvonar-Signature": signature(keys, body, int(now.timestamp())),
    }
    deadline = monotonic() + hook.timeout_s
    try:
        status, after = _exchange(hook, body, headers, deadline)
    except (OSError, HTTPException) as error:
        late = isinstance(error, TimeoutError) or monotonic() >= deadline
        return Answer(f"no answer within {hook.timeout_s:g} s" if late else _told(error))
    if 200 <= status < 300:
        return Answer()
    more = ": redirects are not followed" if 300 <= status < 400 else ""
    return Answer(f"HTTP {status}{more}", seconds(after, now))


def _exchange(hook: Webhook, body: bytes, headers: dict[str, str], deadline: float) -> tuple[int, str | None]:
    """Status and Retry-After of the answer."""
    parts = urlsplit(hook.url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    context = ssl.create_default_context(cafile=hook.ca_file or None) if tls else None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if tls else 80)
    with _connected(host, port, hook.allow_private, deadline) as plain, _cut_at(deadline, plain):
        line = HTTPConnection(host)
        line.sock = context.wrap_socket(plain, server_hostname=host) if context else plain
        with line.sock:
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            answer.close()
            return answer.status, answer.getheader("Retry-After")


def _connected(host: str, port: int, private: bool, deadline: float) -> socket.socket:
    """A connection to the first address of a host that answers; Forbidden when none is permitted."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [(family, place) for family, _, _, _, place in found if permitted(str(place[0]), private)]
    if not allowed:
        raise Forbidden("its address is private or no host's: see allow_private")
    for family, place in allowed:
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(_left(deadline))
            line.connect(place)
            return line
        except OSError as error:
            line.close()
            failed = error
    raise failed


def _left(deadline: float) -> float:
    """Seconds until the deadline; TimeoutError past it."""
    if (left := deadline - monotonic()) <= 0:
        raise TimeoutError
    return left


@contextmanager
def _cut_at(deadline: float, line: socket.socket) -> Iterator[None]:
    """Whatever the socket is doing at the deadline ends: each of its steps alone may be in time."""
    left, twin = _left(deadline), socket.socket(fileno=os.dup(line.fileno()))

    def cut() -> None:
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = Timer(left, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        twin.close()


def _told(error: OSError | HTTPException) -> str:
    """Why a delivery failed, in a few words; nothing of the answer itself is in them."""
    match error:
        case socket.gaierror():
            return "its name is not known"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or 'broken off'}"
        case Forbidden():
            return str(error)
        case OSError(strerror=str(reason)):
            return reason
    return "the answer was cut off"

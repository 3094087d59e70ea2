"""A request that is signed, so that nobody who sees or repeats it can send another. Pure.

`Zvonar-Signature: t=SECONDS,n=NONCE,v1=HEX`: HEX is the HMAC-SHA256, under the key itself, of
`SECONDS.NONCE.METHOD.PATH.BODY` (PATH with its query, as it was sent). SECONDS (UTC) may be five minutes off,
a NONCE is taken once.
"""

import hmac
import re
from typing import NamedTuple

from engine.errors import Denied

SLACK_S = 300
HEADER = re.compile(r"t=(?P<at>[0-9]{1,12}),n=(?P<nonce>[\w.:-]{8,64}),v1=(?P<mac>[0-9a-f]{64})", re.ASCII)


class Request(NamedTuple):
    """What is signed."""

    method: str
    path: str
    body: bytes


def sign(key: str, request: Request, at: int, nonce: str) -> str:
    """The header's value."""
    return f"t={at},n={nonce},v1={_mac(key, request, str(at), nonce)}"


def nonce_of(header: str, key: str, request: Request, now: float) -> str:
    """The nonce of a right signature; Denied says what is wrong. `now`: seconds, UTC."""
    found = HEADER.fullmatch(header)
    if not found:
        raise Denied("the signature is not of the form t=SECONDS,n=NONCE,v1=HEX")
    if not hmac.compare_digest(_mac(key, request, found["at"], found["nonce"]), found["mac"]):
        raise Denied("the signature does not fit")
    if abs(now - int(found["at"])) > SLACK_S:
        raise Denied("the signature's time is more than five minutes off")
    return found["nonce"]


def _mac(key: str, request: Request, at: str, nonce: str) -> str:
    signed = f"{at}.{nonce}.{request.method}.{request.path}.".encode() + request.body
    return hmac.new(key.encode(), signed, "sha256").hexdigest()

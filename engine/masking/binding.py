"""What a dispatch asks for: an order, its driver and its client, as one checked value. Pure.

The same version with the same content is a repetition, the same version with another content a mistake, a
lower version is late: `compare` says which.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from engine.contact.numbers import e164
from engine.errors import UsageError
from storage.vocab import MaskMode

ORDER = re.compile(r"(?!(explain|batch)$)[\w.:-]{1,64}")  # what a path may name
MAX_VERSION = 2**31 - 1
MAX_PHONES = 5
MAX_NAME = 64
TTL_S = range(60, 30 * 86_400 + 1)
PARTIES = {"driver": {"id", "phones"}, "client": {"name", "phones"}}
NAMES = {"order", "version", "driver", "client", "mode", "ttl_s", "record"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A binding as it is asked for; phones are E.164, the first is called first."""

    order: str
    version: int
    driver: str
    driver_phones: tuple[str, ...]
    client: str
    client_phones: tuple[str, ...]
    mode: MaskMode
    ttl_s: int
    record: bool

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: equal for equal requests."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds where a request says nothing, and which numbers may be called."""

    region: str
    mode: MaskMode
    ttl_s: int
    record: bool
    prefixes: tuple[str, ...]


class News(StrEnum):
    """What a request is beside the binding that stands."""

    NEW = "new"
    REPEATED = "repeated"
    OTHER = "other"
    LATE = "late"


def compare(wanted: Wanted, version: int | None, digest: str) -> News:
    """Against the order as stored; `version` None: there is none."""
    if version is None or wanted.version > version:
        return News.NEW
    if wanted.version < version:
        return News.LATE
    return News.REPEATED if wanted.digest == digest else News.OTHER


def read(body: Mapping[str, Any], usual: Usual) -> Wanted:
    """A request's body; UsageError names the field that is wrong."""
    _known(body, NAMES, "")
    order = body.get("order")
    if not isinstance(order, str) or not ORDER.fullmatch(order):
        raise UsageError("order: 1 to 64 letters, digits and _ . : - (and neither explain nor batch)")
    driver, client = (_party(body, side, usual.region) for side in PARTIES)
    both = set(driver[1]) & set(client[1])
    if both:
        raise UsageError("driver.phones, client.phones: one phone cannot be on both sides")
    for side, (_who, phones) in zip(PARTIES, (driver, client), strict=True):
        for place, phone in enumerate(phones):
            if not phone.startswith(usual.prefixes):
                raise UsageError(f"{side}.phones[{place}]: no number may be called that begins so")
    mode = body.get("mode", usual.mode)
    if mode not in list(MaskMode):
        raise UsageError(f"mode: one of {', '.join(MaskMode)}")
    record = body.get("record", usual.record)
    if not isinstance(record, bool):
        raise UsageError("record: true or false")
    return Wanted(
        order=order,
        version=_whole(body.get("version"), "version", range(1, MAX_VERSION + 1)),
        driver=driver[0],
        driver_phones=driver[1],
        client=client[0],
        client_phones=client[1],
        mode=MaskMode(mode),
        ttl_s=_whole(body.get("ttl_s", usual.ttl_s), "ttl_s", TTL_S),
        record=record,
    )


def _party(body: Mapping[str, Any], side: str, region: str) -> tuple[str, tuple[str, ...]]:
    """One side: who he is, and his phones, each once."""
    party = body.get(side)
    if not isinstance(party, Mapping):
        raise UsageError(f"{side}: an object with {', '.join(sorted(PARTIES[side]))}")
    _known(party, PARTIES[side], f"{side}.")
    (called,) = PARTIES[side] - {"phones"}
    who, phones = party.get(called, ""), party.get("phones")
    if not isinstance(who, str) or len(who) > MAX_NAME or not who.isprintable():
        raise UsageError(f"{side}.{called}: a text of at most {MAX_NAME} letters")
    if not isinstance(phones, list) or not 1 <= len(phones) <= MAX_PHONES:
        raise UsageError(f"{side}.phones: a list of 1 to {MAX_PHONES} numbers")
    return who, tuple(
        dict.fromkeys(_phone(one, f"{side}.phones[{n}]", region) for n, one in enumerate(phones))
    )


def _phone(given: Any, place: str, region: str) -> str:
    if not isinstance(given, str):
        raise UsageError(f"{place}: a number is a text")
    try:
        return e164(given, region)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


def _known(given: Mapping[str, Any], names: Collection[str], where: str) -> None:
    unknown = sorted(str(name) for name in given.keys() - set(names))
    if unknown:
        raise UsageError(f"{where}{unknown[0][:64]}: no such field")


def _whole(given: Any, name: str, allowed: range) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given not in allowed:
        raise UsageError(f"{name}: a whole number from {allowed.start} to {allowed.stop - 1}")
    return given

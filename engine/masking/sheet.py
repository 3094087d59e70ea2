"""What the conversation of a masked call knows, what it asks, and what it is told. Pure.

`Verdict` says how the call goes on: to the other side (Leg), to the menu of orders, to the code, to the call
centre, or to its end (Crossed). It comes with the call, and as the answer to Chosen, Coded and Again.
CallBack comes first in a call that we began.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.speech.clip import Clip
from storage.vocab import MaskEnd, MaskRole, MaskRule


@dataclass(frozen=True, slots=True)
class Leg:
    """The call goes on to `peers` (E.164, in this order), who see `show`, by `endpoints` (the next when one
    fails). `role` is the caller's; `record`: the path of the recording, "" for none.
    """

    role: MaskRole
    peers: tuple[str, ...]
    show: str
    endpoints: tuple[str, ...]
    ring_s: int
    talk_s: int
    warn_s: int
    record: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """He has so many orders, and is asked which he means; key 1 is the newest."""

    orders: int


@dataclass(frozen=True, slots=True)
class AskCode:
    """He is asked for the code of his order; `wrong`: he gave one that is none."""

    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Centre:
    """He is led to the call centre; `rule` says why."""

    rule: MaskRule


@dataclass(frozen=True, slots=True)
class Crossed:
    """The other side is calling him at this moment."""


@dataclass(frozen=True, slots=True)
class CallBack:
    """We rang him, who is this side of the order: is it he, and does he want the talk?"""

    role: MaskRole


Verdict = Leg | Menu | AskCode | Centre | Crossed | CallBack


@dataclass(frozen=True, slots=True)
class MaskCall:
    """A call on one of our numbers. `centre` is where the call centre is (through `centre_endpoint` when it
    is a number), "" for none; `told`: the other side is told of a call that failed; `did`: our number.
    """

    id: str
    verdict: Verdict
    phrases: Mapping[str, Clip]
    did: str = ""
    centre: str = ""
    centre_endpoint: str = ""
    told: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Who takes a call: the caller's role, what came between (NONE: they may talk), what he hears first."""

    role: MaskRole
    end: MaskEnd
    whisper: bool
    recorded: bool
    phrases: Mapping[str, Clip]


@dataclass(frozen=True, slots=True)
class Chosen:
    """He pressed this key of the menu; answered by a Verdict."""

    key: str


@dataclass(frozen=True, slots=True)
class Coded:
    """He gave this code; answered by a Verdict."""

    digits: str


@dataclass(frozen=True, slots=True)
class Dialling:
    """This phone is about to be dialled by this endpoint; written down before it is."""

    peer: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Parted:
    """Have they talked, or was the call taken from them as it was answered? Answered by a MaskEnd."""


@dataclass(frozen=True, slots=True)
class Again:
    """Whom does the caller reach by now? The order may be another's, or over. Answered by a Verdict."""

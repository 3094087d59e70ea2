"""A call's sheet: all that its conversation needs, and for whom its result is. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.speech.clip import Clip
from engine.speech.keys import DEFAULT, Key
from engine.speech.menus import menu_name, offered


@dataclass(frozen=True, slots=True)
class Words:
    """What is said: his message, the phrases in its language, and what its keys do.

    `machine`: what an answering machine hears; None: the same as a person, nothing: it is hung up on.
    """

    message: tuple[Clip, ...]
    phrases: Mapping[str, Clip]
    keys: tuple[Key, ...] = DEFAULT
    machine: tuple[Clip, ...] | None = None


@dataclass(frozen=True, slots=True)
class DebtorCall:
    """All that the conversation needs: where an operator is ("" for none) with the trunk's endpoint, and
    whether the call is recorded, which he is told before his message.

    `manned`: he is called for the operators. `later`: he may name an hour at which he is called back.
    `inbound`: he called us. `today`: his day, from which a promise to pay may be `promise_days` away.
    """

    words: Words
    operator: str = ""
    endpoint: str = ""
    recorded: bool = False
    manned: bool = False
    later: bool = False
    inbound: bool = False
    today: date = date.min
    promise_days: int = 0

    @property
    def keys(self) -> tuple[Key, ...]:
        """Those whose action can be done."""
        return offered(self.words.keys, operator=bool(self.operator), later=self.later)

    @property
    def menu(self) -> Clip:
        """What offers them."""
        return self.words.phrases[menu_name(self.keys)]


@dataclass(frozen=True, slots=True)
class CalledBack:
    """He called us, on `dialled`: about which lead, and `debt`, its key."""

    lead_id: UUID
    campaign_id: UUID
    debt: str
    dialled: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """Whose call it is: an attempt of ours; or, `back`, his call to us after that attempt."""

    attempt_id: UUID
    person_id: UUID
    e164: str
    call: DebtorCall
    zones: tuple[ZoneInfo, ...] = ()
    back: CalledBack | None = None

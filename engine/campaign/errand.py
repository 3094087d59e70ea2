"""What the board and the books tell each other: orders to dial, what came of them, what a beat is to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.campaign.attempts import Seen, Talk
from engine.campaign.breaker import Storm
from storage import campaign as store
from storage.vocab import Outcome

# Switches: nothing is dialled at all; calls under way are hung up too; nothing new goes to a node.
STOP, HANGUP, DRAIN = "stop", "hangup", "drain:"


@dataclass(frozen=True, slots=True)
class Order:
    """An attempt that is written down and may be dialled, once, before `until`. `made` of the lead's budget
    were used before it.
    """

    id: UUID
    person_id: UUID
    lead_id: UUID
    campaign_id: UUID
    e164: str
    trunk: str
    node: str
    caller_id: str
    made: int
    until: datetime
    record: bool = False
    amd: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """An attempt that is over, with all that was seen of it."""

    order: Order
    seen: Seen
    at: datetime


@dataclass(frozen=True, slots=True)
class Errand:
    """What a beat is to do. `wants`: campaign -> how many leads it has room for; all campaigns of a trunk
    together take no more than `free` says of it, and all calls to a node no more than `nodes` says. `shut`:
    trunks that are out of order now, `unreached`: those of a node; `storms`: campaigns to be paused; `home`:
    the node where calls for operators go.
    """

    closings: list[Closing] = field(default_factory=list)
    given_back: list[Order] = field(default_factory=list)
    listening: list[UUID] = field(default_factory=list)
    storms: Mapping[UUID, Storm] = field(default_factory=dict)
    wants: Mapping[UUID, int] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()
    nodes: Mapping[str, int] = field(default_factory=dict)
    unreached: Mapping[str, frozenset[str]] = field(default_factory=dict)
    home: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a beat brings: running campaigns, talks that conversations reported, attempts to dial, and the
    outcomes that were written. `abandoned`: attempts that no operator took in time. `begun`: campaigns for
    operators that are new here, with their (answered, abandoned) calls of the last hours.
    """

    campaigns: list[store.CampaignRow]
    talks: dict[UUID, Talk]
    orders: list[Order]
    closed: dict[UUID, Outcome] = field(default_factory=dict)
    abandoned: set[UUID] = field(default_factory=set)
    begun: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()

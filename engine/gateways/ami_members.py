"""Operators in Asterisk's queues, as AMI tells of them: QueueMemberStatus and its like, QueueStatus's list.

Each event has the whole member, so the last one is what is true. `InCall` is not read: the device is free
before the queue has written its call off, and no event follows. `Wrapuptime` is the member's own; that of a
queue is not told, so it belongs on the member (docs/operations.md).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.gateways.ami_protocol import Message


class Duty(StrEnum):
    """Whether the queue may ring him: he is free; in a call, or rung; not there, or on pause."""

    FREE = "free"
    BUSY = "busy"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Member:
    """An operator in a queue, as he is from now on; `wrapup_s`: he is let rest so long after a call."""

    queue: str
    interface: str
    duty: Duty
    wrapup_s: int = 0


# Device states: a queue rings who is not in use (1), or of whom nobody knows (0). No device: 4, 5.
DUTIES = {"0": Duty.FREE, "1": Duty.FREE, "4": Duty.AWAY, "5": Duty.AWAY}


def member_of(message: "Message") -> Member:
    """The operator whom an event or a line of the list is about."""
    gone = message.event == "QueueMemberRemoved" or message.get("Paused") == "1"
    wrapup = message.get("Wrapuptime")
    return Member(
        message.get("Queue"),
        message.get("Interface") or message.get("Location"),  # the latter in the list
        Duty.AWAY if gone else DUTIES.get(message.get("Status"), Duty.BUSY),
        int(wrapup) if wrapup.isascii() and wrapup.isdigit() else 0,
    )

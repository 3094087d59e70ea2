"""One vocabulary: every state, outcome and role, named once.

Stored as text, so a row can be read without this file. Pure: nothing is imported but enum.
"""

from enum import StrEnum


class CampaignState(StrEnum):
    """draft -> running <-> paused -> stopped; running -> done when no lead is left."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class LeadState(StrEnum):
    """new (audio not made) -> pending -> in-flight -> pending (retry) | done; blocked says why."""

    NEW = "new"
    PENDING = "pending"
    IN_FLIGHT = "in-flight"
    DONE = "done"
    BLOCKED = "blocked"


class AttemptState(StrEnum):
    """prepared -> sent -> ringing -> answered -> ended | unknown; only forward."""

    PREPARED = "prepared"
    SENT = "sent"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How one attempt ended; every attempt has exactly one (the public contract's list)."""

    ANSWERED_HEARD = "answered-heard"
    ANSWERED_PARTIAL = "answered-partial"
    ANSWERED_OPERATOR = "answered-operator"
    ANSWERED_OPT_OUT = "answered-opt-out"
    ANSWERED_PAID_CLAIM = "answered-paid-claim"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid-number"
    REJECTED = "rejected"
    CONGESTION = "congestion"
    TRUNK_FAULT = "trunk-fault"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Whose phone a lead names: the debtor himself or a contact person of his."""

    DEBTOR = "debtor"
    CONTACT = "contact"


class AudioState(StrEnum):
    """A fragment's audio: asked for, on disk, or impossible (with the reason)."""

    WANTED = "wanted"
    READY = "ready"
    FAILED = "failed"

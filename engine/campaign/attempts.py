"""One attempt's life, as a pure function of what was witnessed.

    prepared -> sent -> ringing -> answered -> ended
                    `-> unknown   (nothing more will be witnessed, and nothing proves what happened)

Witnesses (the AMI reply, AMI events, FastAGI's talk) speak in any order, twice, or not at all. So nothing
is a transition: evidence is *merged* and state and outcome are read off the sum. Merging is commutative and idempotent; a state can only go forward.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from engine.contact.outcomes import classify
from storage.vocab import AttemptState, Outcome


@dataclass(frozen=True, slots=True, order=True)
class Talk:
    """What the conversation says of itself: outcome, milliseconds of message heard and in all, keys."""

    outcome: Outcome
    heard_ms: int = 0
    message_ms: int = 0
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one attempt; None is not known (yet).

    `refused`: Asterisk refused the originate, with its reason. `failed_at`: an OriginateResponse said
    Failure. `closed`: no further witness is awaited (deadline passed, or the channel is gone).
    Times are UTC.
    """

    sent_at: datetime | None = None
    refused: str | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    hangup_at: datetime | None = None
    cause: int | None = None
    tech_cause: int | None = None
    talk: Talk | None = None
    closed: bool = False

    def merge(self, other: "Evidence") -> "Evidence":
        """The sum of two: what either knows; the earlier time, the smaller value where both know."""
        merged: dict[str, Any] = {"closed": self.closed or other.closed}
        for name in WITNESSED:
            known = [value for value in (getattr(self, name), getattr(other, name)) if value is not None]
            merged[name] = min(known, default=None)
        return Evidence(**merged)

    @property
    def answered(self) -> bool:
        """Somebody answered: an event says so, or a conversation began."""
        return self.answered_at is not None or self.talk is not None

    @property
    def final(self) -> bool:
        """The outcome can no longer change by waiting."""
        if self.closed or self.refused is not None:
            return True
        return self.hangup_at is not None and (not self.answered or self.talk is not None)

    def state(self) -> AttemptState:
        """How far the attempt has come."""
        if self.final:
            return AttemptState.UNKNOWN if self.outcome() is Outcome.UNKNOWN else AttemptState.ENDED
        if self.answered:
            return AttemptState.ANSWERED
        if self.ringing_at is not None:
            return AttemptState.RINGING
        return AttemptState.SENT if self.sent_at is not None else AttemptState.PREPARED

    def outcome(self) -> Outcome:
        """The contract's word for it; to be asked once the evidence is final."""
        if self.talk is not None:
            return self.talk.outcome
        if self.answered:
            return Outcome.ANSWERED_PARTIAL  # he took the call; how much he heard nobody knows
        if self.refused is not None:
            return Outcome.TRUNK_FAULT
        if self.hangup_at is not None:
            return classify(self.cause, self.tech_cause, rang=self.ringing_at is not None).outcome
        if self.failed_at is not None:
            return Outcome.TRUNK_FAULT  # Asterisk never made a channel: no such endpoint
        return Outcome.UNKNOWN

    def history(self) -> list[tuple[AttemptState, datetime]]:
        """(state, when) of the steps that were witnessed, in order; the final state is not among them."""
        steps = (
            (AttemptState.SENT, self.sent_at),
            (AttemptState.RINGING, self.ringing_at),
            (AttemptState.ANSWERED, self.answered_at),
        )
        return [(state, at) for state, at in steps if at is not None]


WITNESSED = tuple(field.name for field in fields(Evidence) if field.name != "closed")

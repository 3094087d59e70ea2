"""One attempt's life, as a pure function of what was seen of it.

    prepared -> sent -> ringing -> answered -> ended
                    `-> unknown   (nothing more will be seen, and nothing proves what happened)

Witnesses (the AMI reply, AMI events, FastAGI's talk) speak in any order, twice, or not at all. So nothing
is a transition: what they say is *merged*, and state and outcome are read off the sum. Merging is
commutative, associative and idempotent; a state can only go forward.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from engine.contact.outcomes import NOT_PLACED, Verdict, classify
from storage.vocab import AttemptState, Outcome

NO_HOUR, NO_DAY = -1, date.min


@dataclass(frozen=True, slots=True, order=True)
class Talk:
    """What the conversation says of itself: outcome, milliseconds of message heard and in all, keys, the hour
    of his day at which he asked to be called back, and the day by which he promised to pay.

    `heard`: the fragments of the message that were heard to their end, by name, with commas.
    """

    outcome: Outcome
    heard_ms: int = 0
    message_ms: int = 0
    keys: str = ""
    hour: int = NO_HOUR
    day: date = NO_DAY
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known of one attempt; None is not known (yet). Times are UTC.

    `refused`: Asterisk refused the originate, with its reason. `progress_at`: early media, in which the
    phone may have rung. `failed_at`: OriginateResponse said Failure; `timed_out`: and that our own dial
    timeout was why. `closed`: no further witness is awaited (the deadline has passed, or the channel is
    known to be gone). `unwatched`: for a while nobody heard events, so it may have rung or been answered
    whatever is known; what would be forgiven a phone that stayed silent is not.
    """

    sent_at: datetime | None = None
    refused: str | None = None
    ringing_at: datetime | None = None
    progress_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    timed_out: bool | None = None
    hangup_at: datetime | None = None
    cause: int | None = None
    tech_cause: int | None = None
    talk: Talk | None = None
    closed: bool | None = None
    unwatched: bool | None = None

    def merge(self, other: "Seen") -> "Seen":
        """The sum of two: what either knows; the earlier time, the smaller value where both know."""
        return Seen(*map(_least, _values(self), _values(other)))

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
            unknown = self.verdict().outcome is Outcome.UNKNOWN
            return AttemptState.UNKNOWN if unknown else AttemptState.ENDED
        if self.answered:
            return AttemptState.ANSWERED
        if self.ringing_at is not None:
            return AttemptState.RINGING
        return AttemptState.SENT if self.sent_at is not None else AttemptState.PREPARED

    def verdict(self) -> Verdict:
        """The contract's word for it, and whether the phone stayed silent; asked once this is final."""
        if self.talk is not None:
            return Verdict(self.talk.outcome)
        if self.answered:
            return Verdict(Outcome.ANSWERED_PARTIAL)  # how much he heard nobody knows
        if self.refused is not None:
            return NOT_PLACED
        if self.hangup_at is not None:
            verdict = classify(
                self.cause,
                self.tech_cause,
                rang=self.ringing_at is not None,
                progress=self.progress_at is not None,
                timed_out=bool(self.timed_out),
                elapsed_s=(self.hangup_at - (self.sent_at or self.hangup_at)).total_seconds(),
            )
            return _doubted(verdict) if self.unwatched else verdict
        # A failure without a hang-up: Asterisk never made a channel, for want of such an endpoint.
        placed = self.failed_at is None or self.unwatched
        return Verdict(Outcome.UNKNOWN) if placed else NOT_PLACED


def _doubted(verdict: Verdict) -> Verdict:
    """The same of a call that nobody watched for a while: a normal end may be that of a conversation."""
    if verdict.outcome is Outcome.CANCELLED:
        return Verdict(Outcome.UNKNOWN)
    return replace(verdict, refund=False)


NAMES = tuple(field.name for field in fields(Seen))
_values = attrgetter(*NAMES)


def _least(one: Any, other: Any) -> Any:
    """The smaller of two, where both are known."""
    if one is None:
        return other
    return one if other is None or one <= other else other


UNWATCHED = Seen(unwatched=True)

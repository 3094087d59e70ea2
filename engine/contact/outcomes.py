"""How an attempt ended: the Hangup event's causes -> outcome, refund, evidence. Pure.

Three things decide: `Cause` (Q.850), `TechCause` (the carrier's SIP code, from Asterisk 22.7) and what
was seen before the end (ringing, early media, our own dial timeout). OriginateResponse's `Reason` and
DIALSTATUS do not: 404, 403 and 503 look alike in them. The table is by Cause; where one cause has
several meanings a rule reads the rest.

Seen on Asterisk 22.10.1, which is why the rules are as they are:

| what happened | Cause | TechCause | when |
|---|---|---|---|
| carrier answered 480 | 19 | 480 | at any time |
| our dial timeout, whatever was heard before | 19 | 480 | at the timeout; OriginateResponse has Reason 3 |
| carrier answered 408 | 18 | 408 | at any time |
| no SIP reply at all | 18 | 408 | at timer B exactly, when the dial timeout is longer |
| a `Reason: Q.850` header beside the SIP code | the SIP code's own | SIP | the header changes nothing |

So silence is known by the clock, and only where the dial timeout is longer than timer B. Evidence for a
blacklist counts only with the carrier's own code. A refund (the day's limit is given back)
needs a fault of the trunk or the network and a phone that stayed silent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from storage.vocab import Outcome

# INVITE without a reply ends at timer B = 64 x T1: ours as rendered (T1 125 ms), then SIP's default.
TIMER_B_S = 8.0
TIMERS_B_S = (TIMER_B_S, 32.0)
TIMER_B_LATE_S = 2.0  # how much later than the timer its Hangup may reach us


class Evidence(StrEnum):
    """What an ending says against the number: for automatic blacklisting, over several days or trunks."""

    PERMANENT = "permanent"
    SOFT = "soft"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ending:
    """All that was seen of one unanswered attempt when its channel was gone.

    `elapsed_s`: from the Originate to the Hangup. `timed_out`: our dial timeout ended it, as told by
    OriginateResponse's Reason 3 or by `elapsed_s`. `progress`: early media (183) without ringing.
    """

    cause: int | None
    tech_cause: int | None
    rang: bool
    progress: bool
    timed_out: bool
    elapsed_s: float

    @property
    def silent(self) -> bool:
        """No SIP reply at all came, or none is proved: a dead trunk, not an absent debtor."""
        if self.rang or self.progress:
            return False
        if self.timed_out:  # with no reply timer B would have come first
            return self.elapsed_s <= TIMER_B_S + TIMER_B_LATE_S
        return self.tech_cause == 408 and any(
            timer <= self.elapsed_s + 0.1 and self.elapsed_s <= timer + TIMER_B_LATE_S for timer in TIMERS_B_S
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refund`: the phone did not ring through no fault of its owner; give the limit back."""

    outcome: Outcome
    refund: bool = False
    evidence: Evidence = Evidence.NONE


Row = tuple[Outcome, Evidence]
Rule = Callable[[Ending], Row]

BUSY: Row = (Outcome.BUSY, Evidence.NONE)
NO_ANSWER: Row = (Outcome.NO_ANSWER, Evidence.NONE)
INVALID: Row = (Outcome.INVALID_NUMBER, Evidence.PERMANENT)
INVALID_PERHAPS: Row = (Outcome.INVALID_NUMBER, Evidence.SOFT)
UNREACHABLE: Row = (Outcome.UNREACHABLE, Evidence.NONE)
UNREACHABLE_PROVED: Row = (Outcome.UNREACHABLE, Evidence.SOFT)
REJECTED: Row = (Outcome.REJECTED, Evidence.NONE)
CONGESTION: Row = (Outcome.CONGESTION, Evidence.NONE)
TRUNK: Row = (Outcome.TRUNK_FAULT, Evidence.NONE)
CANCELLED: Row = (Outcome.CANCELLED, Evidence.NONE)
UNKNOWN: Row = (Outcome.UNKNOWN, Evidence.NONE)

# The Originate was refused, or its channel never came to be: nothing left this machine.
NOT_PLACED = Verdict(Outcome.TRUNK_FAULT, refund=True)


def _no_route(ending: Ending) -> Row:
    """3: our own routing (SIP 420, an endpoint unknown), unless the carrier itself says 3."""
    return TRUNK if ending.tech_cause in (None, 420) else INVALID_PERHAPS


def _no_reply(ending: Ending) -> Row:
    """18, 19: nobody took the call. Whose fault is told by what was heard before."""
    if ending.rang:
        return NO_ANSWER
    if ending.silent:
        return TRUNK
    if ending.timed_out:  # the ringing tone may have been in the early media
        return NO_ANSWER if ending.progress else UNREACHABLE
    return UNREACHABLE_PROVED


def _rejected(ending: Ending) -> Row:
    """21: the callee or his network refused, but 401 and 407 refuse our credentials."""
    return TRUNK if ending.tech_cause in (401, 407) else REJECTED


def _unspecified(ending: Ending) -> Row:
    """31: says nothing but that it ended."""
    return NO_ANSWER if ending.rang else UNREACHABLE


def _interworking(ending: Ending) -> Row:
    """127: a SIP code without a cause of its own: 487 is our CANCEL, 607 and 608 call us spam."""
    if ending.tech_cause == 487:
        return CANCELLED
    return REJECTED if ending.tech_cause in (607, 608) else UNKNOWN


CAUSES: Mapping[int, Row | Rule] = {
    0: UNKNOWN,  # not defined
    1: INVALID,  # unallocated number
    2: TRUNK,  # no route to transit network
    3: _no_route,
    4: INVALID_PERHAPS,  # special information tone
    5: TRUNK,  # misdialled trunk prefix: our dial plan
    6: TRUNK,  # channel unacceptable: a bad dial string
    7: TRUNK,
    8: TRUNK,
    9: TRUNK,
    14: TRUNK,  # ported and not here: the carrier's routing
    16: CANCELLED,  # normal clearing, and nobody had answered
    17: BUSY,
    18: _no_reply,
    19: _no_reply,
    20: UNREACHABLE_PROVED,  # subscriber absent: off or out of cover
    21: _rejected,
    22: INVALID,  # number changed
    23: UNREACHABLE,  # redirected; never followed blindly
    24: REJECTED,  # by a feature of the callee's
    25: CONGESTION,  # exchange routing error
    26: NO_ANSWER,  # answered elsewhere
    27: UNREACHABLE_PROVED,  # destination out of order
    28: INVALID,  # invalid number format
    29: TRUNK,  # facility rejected
    30: UNKNOWN,  # answer to a status enquiry
    31: _unspecified,
    34: CONGESTION,  # no circuit
    38: CONGESTION,  # network out of order
    **dict.fromkeys((41, 42, 43, 44, 46, 47, 49), CONGESTION),
    **dict.fromkeys((50, 52, 53, 57), TRUNK),  # account or contract: outgoing calls barred
    **dict.fromkeys((54, 55), UNREACHABLE_PROVED),  # incoming calls barred at the callee
    **dict.fromkeys((58, 63, 65, 66, 69, 70, 79), TRUNK),  # bearer, codec, channel type
    **dict.fromkeys(range(81, 87), TRUNK),  # invalid call reference, closed user group
    87: UNREACHABLE,  # not a member of the closed user group
    88: UNREACHABLE_PROVED,  # incompatible destination: a fax or a data line
    **dict.fromkeys((*range(95, 102), 103, 111), TRUNK),  # protocol errors
    102: CONGESTION,  # timer expiry
    127: _interworking,
}


def classify(
    cause: int | None,
    tech_cause: int | None = None,
    *,
    rang: bool = False,
    progress: bool = False,
    answered: bool = False,
    timed_out: bool = False,
    elapsed_s: float = 0.0,
) -> Verdict:
    """The verdict on one ending (see Ending for what is asked); total: any other cause is `unknown`.

    An answered call is ANSWERED_PARTIAL here: what was heard is the conversation's to say, and its word
    replaces this one.
    """
    if answered:
        return Verdict(Outcome.ANSWERED_PARTIAL)
    ending = Ending(cause, tech_cause, rang, progress, timed_out, elapsed_s)
    row = UNKNOWN if cause is None else CAUSES.get(cause, UNKNOWN)
    outcome, evidence = row if isinstance(row, tuple) else row(ending)
    refund = outcome in (Outcome.TRUNK_FAULT, Outcome.CONGESTION) and not rang
    return Verdict(outcome, refund, evidence if tech_cause is not None else Evidence.NONE)

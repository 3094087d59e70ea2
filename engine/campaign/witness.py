"""What an event of Asterisk's proves of the attempt whose channel it names."""

from datetime import datetime

from engine.campaign.attempts import Seen
from engine.failpoints import reached
from engine.gateways.ami_protocol import Answered, Ended, Event, Originated, Progress, Ringing


def seen_in(event: Event, at: datetime) -> Seen | None:
    """What is seen in it; None for one that proves nothing."""
    match event:
        case Ringing():
            reached("ringing-heard")
            return Seen(ringing_at=at)
        case Progress():
            return Seen(progress_at=at)
        case Answered():
            reached("answer-heard")
            return Seen(answered_at=at)
        case Ended():
            reached("end-heard")
            return Seen(hangup_at=at, cause=event.cause, tech_cause=event.tech_cause)
        case Originated(success=False):
            return Seen(failed_at=at, timed_out=event.timed_out or None)
    return None

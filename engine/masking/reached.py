"""What came of ringing somebody, by what Asterisk's Dial says of it. Pure.

DIALSTATUS (app_dial) and HANGUPCAUSE (Q.850), as Asterisk 22.10.1 makes them of what a carrier says, at once
or after it rang:

| the carrier says | status | cause | end |
|---|---|---|---|
| 200, and they talked, unless the call was taken from them as it was answered | ANSWER | 16 | talked |
| 486 | BUSY | 17 | busy |
| 302: his calls go elsewhere, where ours does not follow (Dial's `i`) | BUSY | 0 | no-answer |
| nothing more to the end of our patience | NOANSWER | 0 | no-answer |
| 480, whatever `Reason` it gives | NOANSWER | 19 | off |
| 403, 603: he declines | CHANUNAVAIL | 21 | no-answer |
| 404, 410, 484, 408 | CHANUNAVAIL | 1, 22, 28, 18 | off |
| no SIP reply at all, until timer B | CHANUNAVAIL | 18 | none: the trunk is dead |
| 503, 500, 488 | CONGESTION, CHANUNAVAIL | 34, 38, 58 | none: the trunk's fault, another may do better |
| we gave up first: the caller did | CANCEL | | abandoned |
"""

from engine.contact.outcomes import TIMER_B_LATE_S, TIMERS_B_S
from storage.vocab import MaskEnd

OF_THE_NUMBER = {1, *range(16, 23), 28, 31}
USER_BUSY, NO_REPLY, DECLINED = 17, 18, 21
SLACK_S = 1.0


def end_of(status: str, cause: int, after_s: float, ring_s: float) -> MaskEnd:
    """MaskEnd.NONE: the trunk failed, nobody was rung."""
    match status:
        case "ANSWER":
            return MaskEnd.TALKED
        case "BUSY":
            return MaskEnd.BUSY if cause == USER_BUSY else MaskEnd.NO_ANSWER
        case "NOANSWER":
            return MaskEnd.NO_ANSWER if after_s >= ring_s - SLACK_S else MaskEnd.OFF
        case "CANCEL":
            return MaskEnd.ABANDONED
    if cause == DECLINED:
        return MaskEnd.NO_ANSWER
    dead = cause == NO_REPLY and any(0 <= after_s + 0.1 - timer <= TIMER_B_LATE_S for timer in TIMERS_B_S)
    return MaskEnd.OFF if cause in OF_THE_NUMBER and not dead else MaskEnd.NONE

"""What came of ringing somebody, by what Asterisk's Dial says of it. Pure.

DIALSTATUS (app_dial) and the Q.850 cause of the leg; a carrier's SIP code becomes a cause in res_pjsip.

| status | cause | end |
|---|---|---|
| ANSWER | | talked, unless the call was taken from them as it was answered |
| BUSY | | busy |
| NOANSWER | | no-answer when it rang to the end of our patience, off when the carrier gave up before |
| CANCEL | | abandoned |
| CONGESTION, CHANUNAVAIL | of the number: 1, 16 to 22, 28, 31 | off |
| CONGESTION, CHANUNAVAIL | any other, as 34 or 38 | none: the trunk's fault, another may do better |
"""

from storage.vocab import MaskEnd

OF_THE_NUMBER = {1, *range(16, 23), 28, 31}
SLACK_S = 1.0


def end_of(status: str, cause: int, after_s: float, ring_s: float) -> MaskEnd:
    """MaskEnd.NONE: the trunk failed, nobody was rung."""
    match status:
        case "ANSWER":
            return MaskEnd.TALKED
        case "BUSY":
            return MaskEnd.BUSY
        case "NOANSWER":
            return MaskEnd.NO_ANSWER if after_s >= ring_s - SLACK_S else MaskEnd.OFF
        case "CANCEL":
            return MaskEnd.ABANDONED
    return MaskEnd.OFF if cause in OF_THE_NUMBER else MaskEnd.NONE

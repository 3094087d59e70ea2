"""Who is called on the fake Asterisk: how he behaves, and what that is to whoever rings him. Pure.

As seen on Asterisk 22.10.1: the cause of an Originate that fails, DIALSTATUS and HANGUPCAUSE after Dial.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Asterisk's own map of SIP codes (res_pjsip.c), where it is neither 127 nor 34.
CAUSE_OF_SIP: Mapping[int, int] = {
    **dict.fromkeys((404, 485, 604), 1),
    **dict.fromkeys((486, 600), 17),
    **dict.fromkeys((480, 483), 19),
    **dict.fromkeys((401, 403, 407, 603), 21),
    **dict.fromkeys((488, 606), 58),
    302: 23,
    408: 18,
    409: 41,
    410: 22,
    420: 3,
    484: 28,
    500: 38,
    501: 29,
    502: 27,
    503: 34,
    504: 102,
}
ALERTING_NO_ANSWER, NO_USER_RESPONDING, NORMAL, CONGESTION, INTERWORKING = 19, 18, 16, 34, 127


@dataclass(frozen=True, slots=True)
class Callee:
    """How a number behaves. Seconds from the INVITE, then from the answer.

    `code`: his final SIP answer after `after_s`; 0: none ever. `rings` (180) and `progress` (183) come at
    once; with neither and code 0 he is silent. `keys`: (second, key). `hangs_up_s`: None, he stays.
    """

    code: int = 200
    after_s: float = 0.1
    rings: bool = True
    progress: bool = False
    keys: tuple[tuple[float, str], ...] = ()
    hangs_up_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rung:
    """What came of ringing somebody: `status` is DIALSTATUS, `cause` HANGUPCAUSE, told after `after_s`."""

    status: str
    cause: int
    after_s: float


def cause_of(code: int) -> int:
    """The Q.850 cause that Asterisk makes of a SIP code."""
    other = CONGESTION if code // 100 == 5 and code != 505 else INTERWORKING
    return CAUSE_OF_SIP.get(code, other)


def rung(callee: Callee, ring_s: float, timer_b_s: float) -> Rung:
    """By Dial, within `ring_s`, with its option `i`: who forwards his calls is as one who does not answer."""
    silent = callee.code == 0 and not callee.rings and not callee.progress
    after_s = timer_b_s if silent else callee.after_s
    if after_s >= ring_s or (callee.code == 0 and not silent):
        return Rung("NOANSWER", 0, ring_s)
    if silent:
        return Rung("CHANUNAVAIL", NO_USER_RESPONDING, after_s)
    cause = cause_of(callee.code)
    match callee.code:
        case 200:
            return Rung("ANSWER", NORMAL, after_s)
        case 302:
            return Rung("BUSY", 0, after_s)
        case 486 | 600:
            return Rung("BUSY", cause, after_s)
        case 480:
            return Rung("NOANSWER", cause, after_s)
        case 503:
            return Rung("CONGESTION", cause, after_s)
    return Rung("CHANUNAVAIL", cause, after_s)

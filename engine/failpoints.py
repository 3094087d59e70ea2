"""Where a process may be made to die, for trials of what survives it.

`ZVONAR_FAILPOINT=NAME` kills the process (SIGKILL, as a power cut would) when it reaches that point,
`NAME:N` when it does so for the Nth time. Not a setting: no operator ever needs it.
"""

import os
import signal

POINTS = (
    "lease-taken",
    "beat-begun",
    "leads-taken",
    "attempts-written",
    "results-written",
    "beat-committed",
    "orders-handed",
    "order-due",
    "originate-written",
    "originate-answered",
    "ringing-heard",
    "answer-heard",
    "end-heard",
    "share-settled",
    "taken-over",
    "recalled",
)

_name, _left = "", 0


def arm(text: str) -> None:
    """Die at this point, `NAME` or `NAME:N`; "" disarms."""
    global _name, _left
    _name, _, times = text.partition(":")
    _left = int(times or 1)


def reached(point: str) -> None:
    """The process is at this point; nothing happens unless it is the one that was named."""
    global _left
    if point != _name:
        return
    _left -= 1
    if not _left:
        os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("ZVONAR_FAILPOINT", ""))

"""Is the recording of a call there, and whole? Pure.

Asterisk writes A-law without a header, 8,000 bytes a second of sound: what lies on the disk after a crash or
on a full disk is as much of the call as it has bytes. How long it must be at the least is known from the
conversation: what the callee heard of his message. (Not from the time of the call: of a silence on both sides
nothing need be written.)
"""

from storage.vocab import Recording

BYTES_A_MS = 8
SLACK_MS = 1000  # between the clock of the playing and that of the recording


def verdict(lasted_ms: int, heard_ms: int, size: int | None) -> Recording:
    """What became of a recording that was wanted.

    `lasted_ms`: from the answer to the end, 0 when nobody answered; `heard_ms` of his message; `size` of the
    file in bytes, None when there is none.
    """
    if size is None and lasted_ms < SLACK_MS and not heard_ms:
        return Recording.NONE  # nobody answered, or was gone before the first sound
    if size and size / BYTES_A_MS + SLACK_MS >= heard_ms:
        return Recording.KEPT
    return Recording.MISSING

"""A clip: one finished piece of audio that a call can play. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clip:
    """`name` is 64 hex digits (the file's stem in the audio cache), `ms` its length.

    `text` is what is spoken, for rehearsals and reports; it never goes to Asterisk.
    """

    name: str
    ms: int
    text: str = ""


def place(name: str) -> str:
    """Where a clip lies under the audio folder, without its ending: 256 folders, as a million files want."""
    return f"{name[:2]}/{name}"

"""A clip: one finished piece of audio that a call can play. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clip:
    """`name` is the content's 64 hex digits (the file's stem in the audio cache), `ms` its length.

    `text` is what is spoken, for rehearsals and reports; it never goes to Asterisk.
    """

    name: str
    ms: int
    text: str = ""

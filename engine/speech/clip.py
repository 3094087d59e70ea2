"""What is said, and what is played: a piece of text, and the finished audio of one. Pure."""

from dataclasses import dataclass

MS_A_CHARACTER = 60  # of what a voice reads at its usual speed, for lengths that are not known yet


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a message: `text` that a voice reads whole or, `joined`, words that are joined from atoms.

    An atom is a word between spaces, said once in a voice's life. A comma after one is no part of it: there
    the voice rests.
    """

    text: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """`name` is 64 hex digits (the file's stem in the audio cache), `ms` its length.

    `text` is what is spoken, for rehearsals and reports; it never goes to Asterisk. `part` names the fragment
    of the template that it belongs to.
    """

    name: str
    ms: int
    text: str = ""
    part: str = ""


def place(name: str) -> str:
    """Where a clip lies under the audio folder, without its ending: 256 folders, as a million files want."""
    return f"{name[:2]}/{name}"

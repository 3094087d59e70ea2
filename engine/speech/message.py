"""A message: a stored template, filled in with a person's values and with the clips that were made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.speech.clip import Clip, Said
from engine.speech.fragment import Fragment
from engine.speech.template import Template, parse
from storage.speech import TemplateRow

Spoken = Sequence[tuple[str, tuple[Said, ...] | Clip]]  # of each fragment its name, and pieces or recording


@dataclass(frozen=True, slots=True)
class Message:
    """A stored template, ready to be filled in."""

    template: Template
    wavs: dict[str, Clip]

    def spoken(self, values: Mapping[str, str], lang: str = "") -> Spoken:
        """What somebody with these values hears, in order; without a language it is the template's own."""
        own, found = self.template, []
        for part in own.applying(values):
            spoken = part.speak(values, lang or own.lang)
            found.append((part.name, spoken if part.texts else self.wavs[recording(part, lang, own)]))
        return found

    def pieces(self, values: Mapping[str, str], lang: str = "") -> list[Said]:
        """What a voice has to say of it; recordings need nothing."""
        return said(self.spoken(values, lang))

    def played(self, spoken: Spoken, made: Mapping[Said, Clip]) -> list[Clip]:
        """The whole message from finished clips (piece -> clip)."""
        found: list[Clip] = []
        for name, pieces in spoken:
            own = [pieces] if isinstance(pieces, Clip) else [made[piece] for piece in pieces]
            found += [replace(clip, part=name) for clip in own]
        return found

    def clips(self, values: Mapping[str, str], made: Mapping[Said, Clip], lang: str = "") -> list[Clip]:
        """The message of these values."""
        return self.played(self.spoken(values, lang), made)


def said(spoken: Spoken) -> list[Said]:
    """The pieces of a message, without its recordings."""
    return [piece for _name, pieces in spoken if not isinstance(pieces, Clip) for piece in pieces]


def recording(part: Fragment, lang: str, of: Template) -> str:
    """The name that the recording of a fragment is stored by: its own, in other languages with these."""
    return part.name if lang in ("", of.lang) else f"{part.name}.{lang}"


def message_of(row: TemplateRow) -> Message:
    """A stored template, parsed again (it was checked when it was set)."""
    return Message(parse(row.source), {part: Clip(name, ms) for part, (name, ms) in row.wavs.items()})


def names(clips: Collection[Clip]) -> list[list[Any]]:
    """Clips as they are stored with a lead: [[name, ms, fragment], …]."""
    return [[clip.name, clip.ms, clip.part] for clip in clips]

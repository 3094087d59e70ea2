"""A message: a stored template, filled in with a person's values and with the clips that were made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.speech import template
from engine.speech.clip import Clip, Said
from storage.speech import TemplateRow

Spoken = Sequence[tuple[str, tuple[Said, ...]]]  # of each fragment its name and its pieces


@dataclass(frozen=True, slots=True)
class Message:
    """A stored template, ready to be filled in."""

    template: template.Template
    wavs: dict[str, Clip]

    def spoken(self, values: Mapping[str, str]) -> Spoken:
        """What these values need spoken, in order; recordings need nothing."""
        lang = self.template.lang
        return [(part.name, part.speak(values, lang)) for part in self.template.fragments]

    def pieces(self, values: Mapping[str, str]) -> list[Said]:
        """The same, without the fragments' names."""
        return [piece for _name, pieces in self.spoken(values) for piece in pieces]

    def played(self, spoken: Spoken, made: Mapping[Said, Clip]) -> list[Clip]:
        """The whole message from finished clips (piece -> clip)."""
        found: list[Clip] = []
        for name, pieces in spoken:
            own = [made[piece] for piece in pieces] if name not in self.wavs else [self.wavs[name]]
            found += [replace(clip, part=name) for clip in own]
        return found

    def clips(self, values: Mapping[str, str], made: Mapping[Said, Clip]) -> list[Clip]:
        """The message of these values."""
        return self.played(self.spoken(values), made)


def message_of(row: TemplateRow) -> Message:
    """A stored template, parsed again (it was checked when it was set)."""
    return Message(
        template.parse(row.source), {part: Clip(name, ms) for part, (name, ms) in row.wavs.items()}
    )


def names(clips: Collection[Clip]) -> list[list[Any]]:
    """Clips as they are stored with a lead: [[name, ms, fragment], …]."""
    return [[clip.name, clip.ms, clip.part] for clip in clips]

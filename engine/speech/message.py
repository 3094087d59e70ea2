"""A message: a stored template, filled in with a person's values and with the clips that were made."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from engine.speech import template
from engine.speech.clip import Clip, Said
from storage.speech import TemplateRow


@dataclass(frozen=True, slots=True)
class Message:
    """A stored template, ready to be filled in."""

    template: template.Template
    wavs: dict[str, Clip]

    def pieces(self, values: dict[str, str]) -> list[Said]:
        """What these values need spoken, in order; recordings need nothing."""
        return [piece for _name, pieces in self._spoken(values) for piece in pieces]

    def clips(self, values: dict[str, str], made: dict[str, Clip]) -> list[Clip]:
        """The whole message from finished clips (text -> clip)."""
        found: list[Clip] = []
        for name, pieces in self._spoken(values):
            own = [made[piece.text] for piece in pieces] if name not in self.wavs else [self.wavs[name]]
            found += [replace(clip, part=name) for clip in own]
        return found

    def _spoken(self, values: dict[str, str]) -> Iterator[tuple[str, tuple[Said, ...]]]:
        """The names of the fragments, with the pieces of each."""
        for part in self.template.fragments:
            yield part.name, part.speak(values, self.template.lang)


def message_of(row: TemplateRow) -> Message:
    """A stored template, parsed again (it was checked when it was set)."""
    return Message(
        template.parse(row.source), {part: Clip(name, ms) for part, (name, ms) in row.wavs.items()}
    )


def names(clips: Collection[Clip]) -> list[list[Any]]:
    """Clips as they are stored with a lead: [[name, ms, fragment], …]."""
    return [[clip.name, clip.ms, clip.part] for clip in clips]

"""What a template sounds like: to one lead, and at its worst among all who will hear it.

| case | which lead |
|---|---|
| longest-ru, longest-uz … | in each language, the longest text |
| name | the longest name |
| joined | the most pieces that are joined from atoms |

Whose audio is made already hears the very files; for others it is made, as it will be before his call.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine.contact.numbers import e164
from engine.errors import NotFound, TemplateError, UsageError
from engine.settings import Settings
from engine.speech.clip import Said
from engine.speech.message import Message, message_of
from engine.speech.service import Speech
from storage import campaign as store
from storage import hearers, speech
from storage.db import Record, reading

STEP = 1000  # leads between two words on how far it is
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody's message: whose (external id, or "sample"), in which language, of which pieces."""

    who: str
    lang: str
    values: Mapping[str, str]
    message: Message
    pieces: tuple[Said, ...]

    @property
    def text(self) -> str:
        """All that a voice says."""
        return " ".join(piece.text for piece in self.pieces)


class Preview:
    """Finds, makes, joins."""

    def __init__(self, engine: Engine, settings: Settings, speaking: Speech) -> None:
        self._engine, self._settings, self._speech = engine, settings, speaking

    def lead(self, template: str, who: str, out: Path, campaign: str = "") -> int:
        """What a lead hears, by its external id or its phone, as one WAV; its length in ms.

        NotFound: no lead of this template is known so; UsageError: several are.
        """
        with reading(self._engine) as connection:
            rows = hearers.named(connection, template, who, self._number(who), campaign)
            if not rows:
                among = f"in campaign {campaign!r} " if campaign else ""
                raise NotFound(f"no lead {who!r} {among}hears template {template!r}")
            if len(rows) > 1:
                known = ", ".join(sorted(f"{row.key} in {row.campaign}" for row in rows))
                raise UsageError(f"several leads are meant: {known}; name one, with --campaign")
            (row,) = rows
            message = message_of(speech.template_of(connection, row.template_id))
        if row.clips:
            return self._speech.cache.join([clip[0] for clip in row.clips], out)
        return self._make(_heard(row, message), out)

    def _number(self, who: str) -> str:
        try:
            return e164(who, self._settings.region)
        except UsageError:
            return ""

    def worst(
        self, template: str, folder: Path, campaign: str = "", progress: Progress = lambda done: None
    ) -> list[dict[str, Any]]:
        """Renders each case into the folder, of a campaign's leads or else of the template's [sample].

        Each: cases, who, lang, ms, pieces, synthesised (texts that a voice had to read for it), text, file.
        NotFound: nobody there hears it; UsageError: there is no sample.
        """
        heard = self._of_campaign(template, campaign) if campaign else self._of_sample(template)
        found = _cases(heard, progress)
        if not found:
            raise NotFound(f"nobody in campaign {campaign!r} hears template {template!r}")
        rows = []
        for cases, one in found:
            out = folder / f"{cases[0]}.wav"
            new = [piece.text for piece in self._speech.missing(one.pieces, one.lang)]
            ms = self._make(one, out)
            told = {"cases": cases, "who": one.who, "lang": one.lang, "ms": ms, "pieces": len(one.pieces)}
            rows.append(told | {"synthesised": new, "text": one.text, "file": str(out)})
        return rows

    def _of_campaign(self, template: str, campaign: str) -> Iterator[Heard]:
        with reading(self._engine) as connection:
            row = store.find(connection, campaign)
            if row is None:
                raise NotFound(f"no campaign named {campaign!r}")
            named = hearers.versions(connection, row.id, template)
            messages = {key: message_of(found) for key, found in named.items()}
            for lead in hearers.leads(connection, row.id, messages):
                try:
                    yield _heard(lead, messages[_template(lead, row)])
                except TemplateError:  # it is blocked with the reason when its audio is made
                    continue

    def _of_sample(self, template: str) -> Iterator[Heard]:
        with reading(self._engine) as connection:
            row = speech.latest(connection, template)
        if row is None:
            raise NotFound(f"no template named {template!r}")
        message = message_of(row)
        if not message.template.sample:
            raise UsageError(f"template {template!r} has no [sample]; name a campaign: --campaign")
        for lang, values in message.template.sample.items():
            yield Heard("sample", lang, values, message, tuple(message.pieces(values, lang)))

    def _make(self, one: Heard, out: Path) -> int:
        made = self._speech.make(one.pieces, one.lang).whole()
        clips = one.message.clips(one.values, made, one.lang)
        return self._speech.cache.join([clip.name for clip in clips], out)


def _template(lead: Record, campaign: store.CampaignRow) -> UUID:
    found: UUID = lead.template_id or campaign.template_id
    return found


def _heard(lead: Record, message: Message) -> Heard:
    lang = lead.lang or message.template.lang
    pieces = tuple(message.pieces(lead.variables, lang))
    return Heard(lead.key, lang, lead.variables, message, pieces)


def _cases(heard: Iterable[Heard], progress: Progress) -> list[tuple[list[str], Heard]]:
    """Whom each case finds, the first of those who are alike; one who is found by several comes once."""
    best: dict[str, tuple[int, Heard]] = {}
    for number, one in enumerate(heard, 1):
        measures = {
            f"longest-{one.lang}": len(one.text),
            "name": len(one.values.get("name", "")),
            "joined": sum(piece.joined for piece in one.pieces),
        }
        for case, measure in measures.items():
            if measure > best.get(case, (0, one))[0]:
                best[case] = measure, one
        if number % STEP == 0:
            progress(number)
    merged: list[tuple[list[str], Heard]] = []
    for case, (_measure, one) in sorted(best.items(), key=lambda item: not item[0].startswith("longest")):
        same = next((cases for cases, other in merged if other is one), None)
        if same is None:
            merged.append(([case], one))
        else:
            same.append(case)
    return merged

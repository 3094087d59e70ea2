"""A campaign filled from an audience, and what that changes: who is new, who was there, who is gone.

People go through the import as from a list, so numbers, zones, roles, duplicates and blacklists are handled
in one way. Whoever is no longer in the audience and was not called yet may be withdrawn: blocked, with
WITHDRAWN as the reason; when he is in it again, the next fill gives him back.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine.campaign.audience import Audiences, Selection
from engine.campaign.importing import import_rows, reader_of
from engine.campaign.leads import Reader
from engine.contact.lists import Summary
from engine.errors import NotFound, UsageError
from engine.files.sheets import Row
from engine.settings import Settings
from storage import audience as store
from storage import audit
from storage import campaign as campaigns
from storage.db import reading, writing
from storage.vocab import LeadState

WITHDRAWN = "not in the audience"
UNCALLED = (LeadState.NEW, LeadState.PENDING)
Progress = Callable[[int], None]


@dataclass(slots=True)
class Change:
    """What a fill does, or would do."""

    rows: int = 0
    new: int = 0
    there: int = 0
    rejected: int = 0
    gone: int = 0
    withdrawn: int = 0
    returned: int = 0
    rejects_file: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Its figures by name."""
        return asdict(self)


class Filling:
    """Fills campaigns."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def fill(
        self,
        name: str,
        campaign: str,
        actor: str,
        *,
        dry_run: bool = False,
        withdraw: bool = False,
        progress: Progress = lambda done: None,
    ) -> Change:
        """Bring the audience's people into the campaign; NotFound when it is empty, nothing is changed.

        `dry_run` only counts. When the source breaks off, what went in stays; the same fill again goes on.
        """
        selection = Audiences(self._engine, self._settings).selection(name)
        with reading(self._engine) as connection:
            row = campaigns.find(connection, campaign)
            if row is None:
                raise NotFound(f"no campaign named {campaign!r}")
            reader = reader_of(connection, row, self._settings)
        if not selection.checked():
            raise NotFound(f"nobody is in audience {name!r}; nothing was changed")
        keys: set[str] = set()
        source = _noted(selection, reader, keys)
        if dry_run:
            return self._change(row, keys, self._counted(row, reader, source, progress))
        done = self._import(name, row, source, progress)
        change = self._change(row, keys, done)
        with writing(self._engine) as connection:
            back, gone = self._turned(row, keys)
            change.returned = store.turn_leads(connection, back, (LeadState.BLOCKED,), LeadState.NEW, "")
            if withdraw:
                change.withdrawn = store.turn_leads(connection, gone, UNCALLED, LeadState.BLOCKED, WITHDRAWN)
            figures = {key: value for key, value in change.as_json().items() if key != "rejects_file"}
            deed, now = "audience.fill", self._settings.now()
            audit.note(connection, at=now, actor=actor, deed=deed, subject=name, campaign=campaign, **figures)
        return change

    def _import(
        self, name: str, row: campaigns.CampaignRow, source: Iterator[Row], progress: Progress
    ) -> Summary:
        rejects = self._settings.data_dir / "rejects" / f"{row.name}-audience-{name}.rejected.csv"
        return import_rows(self._engine, row, source, self._settings, rejects=rejects, progress=progress)

    def _counted(
        self, row: campaigns.CampaignRow, reader: Reader, source: Iterator[Row], progress: Progress
    ) -> Summary:
        """What an import of these rows would say."""
        with reading(self._engine) as connection:
            known = {lead.key for lead in store.lead_keys(connection, row.id)}
        summary = Summary()
        for _line, cells in source:
            summary.rows += 1
            try:
                key = reader.read(cells).key
            except UsageError:
                summary.rejected += 1
                continue
            summary.duplicates += key in known
            summary.imported += key not in known
            known.add(key)
            if summary.rows % 1000 == 0:
                progress(summary.rows)
        return summary

    def _change(self, row: campaigns.CampaignRow, keys: set[str], done: Summary) -> Change:
        _back, gone = self._turned(row, keys)
        return Change(
            rows=done.rows,
            new=done.imported,
            there=done.duplicates,
            rejected=done.rejected,
            gone=len(gone),
            rejects_file=done.rejects_file,
        )

    def _turned(
        self, row: campaigns.CampaignRow, keys: set[str]
    ) -> tuple[list[tuple[UUID, UUID]], list[tuple[UUID, UUID]]]:
        """Uncalled leads that come back and that are gone, each by person_id and id."""
        back, gone = [], []
        with reading(self._engine) as connection:
            for lead in store.lead_keys(connection, row.id):
                who = (lead.person_id, lead.id)
                if lead.attempts:
                    continue
                if lead.key in keys and lead.state == LeadState.BLOCKED and lead.why == WITHDRAWN:
                    back.append(who)
                elif lead.key not in keys and lead.state in UNCALLED:
                    gone.append(who)
        return back, gone


def _noted(selection: Selection, reader: Reader, keys: set[str]) -> Iterator[Row]:
    """The people as rows of a list; under which keys their leads are is noted.

    One whose number is wrong is in the audience all the same, when the source gives him an id.
    """
    for line, row in enumerate(selection.rows(), 1):
        with suppress(UsageError):  # the import refuses him with the reason
            keys.add(row.get("external_id") or reader.read(row).key)
        yield line, row

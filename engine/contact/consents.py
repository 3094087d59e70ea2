"""The register of consents and refusals: who said what, where, with what proof. Lines are only ever added.

The newest line of a subject and kind holds. A refusal of calls to a number is an opt-out: the same path as a
key pressed on a call, so it is on the blacklist at once, and stands there until it is undone.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from engine.contact.blacklist import Blacklists, person_key
from engine.contact.lists import Summary, batches, moment, plain, word
from engine.contact.numbers import e164
from engine.errors import UsageError
from engine.files.rejects import Rejects
from engine.files.sheets import Row
from engine.settings import Settings
from storage import audit, barring, consent
from storage.db import new_id, reading, writing
from storage.vocab import ConsentKind

COLUMNS = ("phone", "person", "kind", "given", "source", "proof", "until", "at")
GIVEN = {"yes": True, "no": False, "да": True, "нет": False}
MAX_TEXT = 500


class Consents:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._blacklists = Blacklists(engine, settings)

    def say(self, row: dict[str, str], actor: str) -> bool:
        """Add what somebody said, a row of COLUMNS; False when it is in the register already.

        UsageError when it cannot be so.
        """
        line = self._read(row, self._settings.now()) | {"actor": actor}
        if _opts_out(line):
            return self._opt_out(line)
        with writing(self._engine) as connection:
            added = self._add(connection, [line])
            for one in added:
                deed = "consent.add" if one["given"] else "consent.refuse"
                detail = {"kind": one["kind"], "how": one["source"]}
                now, subject = self._settings.now(), str(one["id"])
                audit.note(connection, at=now, actor=actor, deed=deed, subject=subject, **detail)
        return bool(added)

    def load(
        self,
        rows: Iterable[Row],
        file: str,
        actor: str,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Summary:
        """Lines from a list; those that are in the register already are duplicates."""
        now, summary = self._settings.now(), Summary()
        rejects = self._settings.data_dir / "rejects" / f"consent-{Path(file).stem}.rejected.csv"
        with Rejects(rejects) as refused:
            for batch in batches(rows, lambda row: self._read(row, now) | {"actor": actor}, summary, refused):
                with writing(self._engine) as connection:
                    added = len(self._add(connection, [line for line in batch if not _opts_out(line)]))
                added += sum(self._opt_out(line) for line in batch if _opts_out(line))
                summary.imported += added
                summary.duplicates += len(batch) - added
                progress(summary.rows)
        counts = {name: value for name, value in summary.as_json().items() if name != "rejects_file"}
        with writing(self._engine) as connection:
            subject, deed = str(new_id()), "consent.import"
            audit.note(connection, at=now, actor=actor, deed=deed, subject=subject, file=file, **counts)
        return summary

    def of(self, phone: str, person: str) -> list[dict[str, Any]]:
        """All that a number or a person said, the oldest first."""
        names = ("subject", "kind", "given", "at", "until", "source", "proof", "actor")
        with reading(self._engine) as connection:
            lines = consent.lines(connection, [self._subject(phone, person)])
        return [{name: getattr(line, name) for name in names} for line in lines]

    def _add(self, connection: Connection, lines: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
        """Lines that are new; leads that were kept out because nobody had agreed are looked at again."""
        added = consent.add(connection, lines)
        agreed = {one["subject"] for one in added if one["given"]}
        barring.reconsider(connection, agreed, self._settings.now())
        return added

    def _opt_out(self, line: dict[str, Any]) -> bool:
        number = line["subject"].removeprefix("tel:")
        done = self._blacklists.opt_out(
            number, line["source"], line["actor"], proof=line["proof"], at=line["at"]
        )
        return done.said

    def _subject(self, phone: str, person: str) -> str:
        if bool(phone) == bool(person):
            raise UsageError("name either a phone or a person")
        region = self._settings.region
        return (
            f"tel:{e164(phone, region)}" if phone else person_key(plain(person, "person", MAX_TEXT), region)
        )

    def _read(self, row: dict[str, str], now: datetime) -> dict[str, Any]:
        """A row as a line; UsageError says why it cannot be one."""
        given = GIVEN[word(row, "given", GIVEN)]
        at, until = moment(row.get("at", ""), "at") or now, moment(row.get("until", ""), "until")
        if at > now:
            raise UsageError("at: it lies in the future")
        if until is not None and (not given or until <= at):
            raise UsageError("until: only a consent ends, and not before it is given")
        return {
            "subject": self._subject(row.get("phone", ""), row.get("person", "")),
            "kind": ConsentKind(word(row, "kind", list(ConsentKind))),
            "given": given,
            "at": at,
            "until": until,
            "source": plain(row.get("source", ""), "source", MAX_TEXT),
            "proof": plain(row.get("proof", ""), "proof", MAX_TEXT),
        }


def _opts_out(line: dict[str, Any]) -> bool:
    number = line["subject"].startswith("tel:")
    return number and line["kind"] is ConsentKind.CALLS and not line["given"]

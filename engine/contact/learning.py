"""What ended calls teach of numbers: hits are written down, and judged by `engine.contact.evidence`.

`learn` works in the dialer's transaction. If that is rolled back the same endings come again: rows are then
written as if for the first time, and the memory of a trunk's last calls knows them by their ids. So all that
follows from that memory is worked out anew each time, and doing it twice changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from engine import telemetry
from engine.contact.evidence import WINDOW, Hit, Sentence, Share, at_fault, day, judge
from engine.contact.outcomes import Evidence
from storage import audit, barring, blacklist, hits
from storage.blacklist import key_of
from storage.vocab import BanKind

AUTOMATIC, BREAKER = "automatic", "breaker"
WEEK = timedelta(days=7)

log = telemetry.logger("blacklist")


@dataclass(frozen=True, slots=True)
class Ending:
    """An attempt that is over."""

    e164: str
    attempt_id: UUID
    trunk: str
    at: datetime
    evidence: Evidence
    answered: bool


class Learner:
    """One a dialer; it remembers the last 200 calls of each trunk."""

    def __init__(self) -> None:
        self._last: dict[str, dict[UUID, Ending]] = defaultdict(dict)
        self._weeks: dict[str, tuple[date, Share]] = {}
        self._frozen: set[str] = set()

    def learn(self, connection: Connection, endings: Sequence[Ending], at: datetime) -> None:
        """Take in what ended since the last beat."""
        if not endings:
            return
        self._remember(endings)
        _count(connection, endings)
        trunks = {ending.trunk for ending in endings}
        self._read_weeks(connection, trunks, at)
        for trunk in sorted(trunks):
            self._check(trunk)
        for trunk in sorted(trunks & self._frozen):
            _distrust(connection, self._last[trunk].values(), at)
        heard = {ending.e164: ending.at for ending in endings if ending.answered}
        hits.clear(connection, heard.keys())
        found = [one for one in endings if one.evidence is not Evidence.NONE]
        fresh = [one for one in found if one.e164 not in heard or one.at > heard[one.e164]]
        hits.add(connection, [self._row(ending) for ending in fresh])
        believed = {ending.e164 for ending in fresh if ending.trunk not in self._frozen}
        _judge(connection, believed, at)

    def _remember(self, endings: Sequence[Ending]) -> None:
        """Each call once; the oldest are forgotten."""
        by_trunk: dict[str, list[Ending]] = defaultdict(list)
        for ending in endings:
            by_trunk[ending.trunk].append(ending)
        for trunk, theirs in by_trunk.items():
            last = self._last[trunk]
            for ending in theirs[-WINDOW:]:
                last.setdefault(ending.attempt_id, ending)
            for old in list(last)[:-WINDOW]:
                del last[old]

    def _read_weeks(self, connection: Connection, trunks: set[str], at: datetime) -> None:
        """The seven days before today, of trunks of which they are not known yet; read once a day."""
        today = day(at)
        unknown = {trunk for trunk in trunks if self._weeks.get(trunk, (None,))[0] != today}
        if unknown:
            found = hits.week(connection, unknown, today - WEEK, today)
            for trunk in unknown:
                row = found.get(trunk)
                self._weeks[trunk] = today, Share(row.calls, row.permanent) if row else Share()

    def _check(self, trunk: str) -> None:
        """Freeze or thaw a trunk."""
        last = self._last[trunk].values()
        share = Share(len(last), sum(one.evidence is Evidence.PERMANENT for one in last))
        week = self._weeks[trunk][1]
        frozen = at_fault(share, week)
        telemetry.blacklist_frozen.labels(trunk).set(frozen)
        if frozen and trunk not in self._frozen:
            shares = {"share": round(share.of_all, 3), "week": round(week.of_all, 3)}
            log.error("automatic blacklisting is frozen", trunk=trunk, calls=share.calls, **shares)
        elif not frozen and trunk in self._frozen:
            log.warning("automatic blacklisting goes on", trunk=trunk, share=round(share.of_all, 3))
        (self._frozen.add if frozen else self._frozen.discard)(trunk)

    def _row(self, ending: Ending) -> dict[str, Any]:
        return {
            "e164": ending.e164,
            "attempt_id": ending.attempt_id,
            "trunk": ending.trunk,
            "at": ending.at,
            "evidence": ending.evidence,
            "quarantined": ending.trunk in self._frozen,
        }


def _count(connection: Connection, endings: Iterable[Ending]) -> None:
    sums: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0, 0])
    for ending in endings:
        of_day = sums[ending.trunk, day(ending.at)]
        of_day[0] += 1
        of_day[1] += ending.evidence is Evidence.PERMANENT
    # In one order, so that two dialers cannot wait in a ring.
    rows = [
        {"trunk": trunk, "day": on, "calls": calls, "permanent": permanent}
        for (trunk, on), (calls, permanent) in sorted(sums.items())
    ]
    hits.count(connection, rows)


def _distrust(connection: Connection, last: Iterable[Ending], at: datetime) -> None:
    """What a trunk at fault said of numbers counts for nothing, and what rests on it is undone."""
    doubtful = {one.attempt_id: one.e164 for one in last if one.evidence is not Evidence.NONE}
    hits.quarantine(connection, [(e164, attempt_id) for attempt_id, e164 in doubtful.items()])
    keys = {key_of(BanKind.NUMBER, e164) for e164 in doubtful.values()}
    for entry in blacklist.standing(connection, keys, at):
        rests_on = {UUID(hit["attempt"]) for hit in entry.evidence.get("hits", ())}
        if rests_on & doubtful.keys():
            blacklist.remove(connection, [entry.id], at, BREAKER)
            free = barring.free(connection, entry, at)
            _note(connection, "blacklist.undo", BREAKER, entry.id, at, leads_freed=free)


def _judge(connection: Connection, numbers: set[str], at: datetime) -> None:
    """Blacklist those of these numbers whose hits are enough."""
    of_number: dict[str, list[Hit]] = defaultdict(list)
    for row in hits.counting(connection, numbers):
        hit = Hit(row.attempt_id, row.trunk, row.at, Evidence(row.evidence))
        of_number[row.e164].append(hit)
    found = {number: judge(theirs, at) for number, theirs in of_number.items()}
    rows = [_entry(number, sentence) for number, sentence in found.items() if sentence]
    for entry in blacklist.add_all(connection, rows, at):
        blocked = barring.bar(connection, [entry])
        detail = {"reason": entry["reason"], "until": str(entry["until"] or ""), "leads_blocked": blocked}
        _note(connection, "blacklist.add", AUTOMATIC, entry["id"], at, **detail)


def _entry(number: str, sentence: Sentence) -> dict[str, Any]:
    return {
        "key": key_of(BanKind.NUMBER, number),
        "reason": sentence.reason,
        "until": sentence.until,
        "evidence": {"hits": [_told(hit) for hit in sentence.hits]},
        "attempt_id": sentence.hits[-1].attempt_id,
        "actor": AUTOMATIC,
    }


def _told(hit: Hit) -> dict[str, str]:
    at = hit.at.isoformat()
    return {"attempt": str(hit.attempt_id), "trunk": hit.trunk, "at": at, "evidence": hit.evidence}


def _note(connection: Connection, deed: str, actor: str, subject: UUID, at: datetime, **detail: Any) -> None:
    audit.note(connection, at=at, actor=actor, deed=deed, subject=str(subject), **detail)

"""What came of a campaign: attempts by outcome, and every attempt as a row of a sheet."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.contact.limits import PICKED_UP, TELLING
from engine.errors import NotFound, UsageError
from engine.files.drafts import drafted
from engine.reports.listening import COLUMNS as BY_AMD
from engine.reports.listening import by_amd, fragments
from engine.reports.sheets import Sheet, write_csv, write_xlsx
from engine.reports.variants import COLUMNS as BY_TEMPLATE
from engine.reports.variants import variants
from engine.reports.words import measure, title
from engine.reports.words import outcome as outcome_word
from storage import calls, inbound
from storage import campaign as campaigns
from storage import reports as store
from storage.db import Record, reading
from storage.vocab import Outcome

COLUMNS = (
    *("external_id", "person", "city", "phone", "number", "trunk", "started", "ringing", "answered", "ended"),
    *("outcome", "talk_s", "heard_ms", "message_ms", "keys", "cause", "tech_cause"),
    *("fragments_heard", "promised_on", "amd"),
)
COUNTS = ("outcome", "count", "share")
ENDINGS = (".csv", ".xlsx")


def summary(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Attempts by outcome in the contract's order, with their share of all; and leads that are not called.

    Then of the answered calls how many heard each fragment to its end, and calls to us. At last whether the
    order by hours pays: the answered share of the calls that follow it, that of the control
    leads' calls, and the lift, with how many calls each is of.
    """
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        counts = calls.outcome_counts(connection, campaign.id)
        blocked = store.blocked_of(connection, campaign.id)
        streams = store.streams(connection, campaign.id, TELLING, PICKED_UP)
        listened = store.listened(connection, campaign.id, PICKED_UP)
        back = inbound.counts(connection, campaign.id)
    total = sum(counts.values())
    order = [*(outcome.value for outcome in Outcome), ""]
    rows = [
        {"outcome": key, "count": counts[key], "share": round(counts[key] / total, 4)}
        for key in order
        if counts.get(key)
    ]
    rows += [{"outcome": f"blocked: {why}", "count": n, "share": 0.0} for why, n in blocked]
    rows += fragments(listened) + _called_back(back)
    return rows + _lift({row.control: (row.calls, row.answered / row.calls) for row in streams})


def _called_back(counts: dict[str, int]) -> list[dict[str, Any]]:
    """Calls to us by outcome, with their share of all of these."""
    total = sum(counts.values())
    return [
        {"outcome": f"called back: {key}", "count": counts[key], "share": round(counts[key] / total, 4)}
        for key in Outcome
        if counts.get(key)
    ]


def _lift(streams: dict[bool, tuple[int, float]]) -> list[dict[str, Any]]:
    """Calls and answered share of both streams, and the difference, when there are both."""
    if len(streams) < 2:
        return []
    (ordered, best), (control, usual) = streams[False], streams[True]
    return [
        {"outcome": "answered: at the best hour", "count": ordered, "share": round(best, 4)},
        {"outcome": "answered: in turn", "count": control, "share": round(usual, 4)},
        {"outcome": "lift", "count": ordered + control, "share": round(best - usual, 4)},
    ]


def write(engine: Engine, name: str, out: Path, lang: str) -> int:
    """Every attempt into a CSV or an XLSX by the file's ending, atomically; how many rows."""
    ending = out.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(f"{out}: a report is written as .xlsx or .csv")
    counts = summary(engine, name)
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        rows = store.attempts_of(connection, campaign.id) if campaign else iter(())
        titles = [title(column, lang) for column in COLUMNS]
        calls_ = Sheet(title("calls", lang).capitalize(), titles, (_row(row, lang) for row in rows))
        with drafted(out) as draft:
            if ending == ".csv":
                return write_csv(draft, calls_)
            sheets = [_counts(counts, lang), calls_, _templates(variants(engine, name), lang)]
            sheets += [_machines(rows_, lang)] if (rows_ := by_amd(engine, name)) else []
            return write_xlsx(draft, sheets)[1]


def _counts(counts: list[dict[str, Any]], lang: str) -> Sheet:
    rows = [[outcome_word(row["outcome"], lang), row["count"], row["share"]] for row in counts]
    titles = [title(column, lang) for column in COUNTS]
    return Sheet(title("summary", lang).capitalize(), titles, rows, shares=frozenset({2}))


def _templates(rows: list[dict[str, Any]], lang: str) -> Sheet:
    told = [[measure(row["measure"], lang), *list(row.values())[1:]] for row in rows]
    titles = [title(column, lang) for column in BY_TEMPLATE]
    return Sheet(title("templates", lang).capitalize(), titles, told, shares=frozenset({5, 6, 7}))


def _machines(rows: list[dict[str, Any]], lang: str) -> Sheet:
    titles = [title(column, lang) for column in BY_AMD]
    return Sheet("AMD", titles, [list(row.values()) for row in rows], shares=frozenset({5}))


def _row(row: Record, lang: str) -> list[Any]:
    talked = (row.ended_at - row.answered_at).total_seconds() if row.answered_at and row.ended_at else None
    return [
        *(row.key, row.name, row.city, row.e164, row.number, row.trunk),
        *(row.prepared_at, row.ringing_at, row.answered_at, row.ended_at, outcome_word(row.outcome, lang)),
        *(talked, row.heard_ms, row.message_ms, row.pressed, row.cause, row.tech_cause),
        *(row.heard, f"{row.promised_on or ''}", row.amd),
    ]

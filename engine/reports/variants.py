"""What came of a campaign by template, so that variants can be compared.

| measure | leads, of |
|---|---|
| leads | who hear this template, of all leads |
| called | who were called at least once, of these |
| reached | who picked up at least once, of those called |
| heard | who heard it to the end, of those reached; likewise operator, paid, promise, opt-out |

Leads are counted, not calls: whoever is called thrice is one person who decides once. Between `low` and
`high` the true share lies with 95 %; where the intervals of two templates do not meet, they differ.
"""

from math import sqrt
from typing import Any

from sqlalchemy import Engine

from engine.contact.limits import PICKED_UP
from engine.errors import NotFound
from storage import campaign as campaigns
from storage import reports as store
from storage import speech
from storage.db import Record, reading

Z = 1.959964  # of the normal distribution, for 95 %
DONE = ("heard", "operator", "paid", "promise", "opt_out")  # by those who were reached
OF = {"leads": "", "called": "leads", "reached": "called"} | dict.fromkeys(DONE, "reached")
COLUMNS = ("measure", "template", "version", "count", "of", "share", "low", "high")


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927): right for few people and for shares near 0 and 1 too."""
    if not of:
        return 0.0, 1.0
    share, turn = count / of, Z * Z / of
    middle = (share + turn / 2) / (1 + turn)
    spread = Z * sqrt(share * (1 - share) / of + turn / (4 * of)) / (1 + turn)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def variants(engine: Engine, name: str) -> list[dict[str, Any]]:
    """Measure by measure, of each template that leads hear, in the order of their names; COLUMNS of each."""
    with reading(engine) as connection:
        campaign = campaigns.find(connection, name)
        if campaign is None:
            raise NotFound(f"no campaign named {name!r}")
        rows = store.by_template(connection, campaign.id, campaign.template_id, PICKED_UP)
        templates = speech.versions(connection, {row.template_id for row in rows})
    total = sum(row.leads for row in rows)
    named = [(templates[row.template_id], row) for row in rows]
    named.sort(key=lambda one: (one[0].name, one[0].version))
    return [_row(measure, template, row, total) for measure in OF for template, row in named]


def _row(measure: str, template: speech.TemplateRow, row: Record, total: int) -> dict[str, Any]:
    count = getattr(row, measure)
    of = getattr(row, OF[measure]) if OF[measure] else total
    low, high = wilson(count, of)
    share = round(count / of, 4) if of else 0.0
    told = (measure, template.name, template.version, count, of, share, round(low, 4), round(high, 4))
    return dict(zip(COLUMNS, told, strict=True))

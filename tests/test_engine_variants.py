"""By template: each lead once, and an interval that says how sure a share is."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from builders import add_attempt, add_campaign, add_lead, add_template, after
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import Engine

from engine.errors import NotFound
from engine.reports.campaign import write
from engine.reports.variants import COLUMNS, OF, variants, wilson
from storage.campaign import CampaignRow
from storage.db import new_id

HEARD = {"heard_ms": 1000, "message_ms": 1000}
PART = {"heard_ms": 900, "message_ms": 1000}


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    """Eleven leads: six hear the campaign's own template, and one of them is not called yet; five another."""
    soft = add_template(engine, "soft")
    row = add_campaign(engine)

    def lead(*calls: tuple[str, dict[str, Any]], template: Any = None) -> None:
        one = add_lead(engine, row, template_id=template)
        for ended, more in calls:
            values = {"outcome": ended, "ended_at": after(9), "state": "ended", "id": new_id()}
            add_attempt(engine, one, **values | more)

    lead()
    lead(("busy", {}), ("no-answer", {}))
    lead(("busy", {}), ("answered-partial", PART), ("answered-heard", HEARD))
    lead(("answered-operator", PART))
    lead(("answered-operator", HEARD), ("answered-opt-out", PART))
    lead(("machine", HEARD))
    for _ in range(3):
        lead(("answered-heard", HEARD | {"promised_on": date(2026, 3, 8)}), template=soft)
    lead(("answered-paid-claim", HEARD), ("answered-paid-claim", HEARD), template=soft)
    lead(("answered-heard", HEARD), template=soft)
    return row


def test_each_lead_is_counted_once_under_what_it_hears(engine: Engine, campaign: CampaignRow) -> None:
    found = variants(engine, "autumn")
    assert [tuple(row) for row in found] == [COLUMNS] * len(found)
    counts = {(row["measure"], row["template"]): (row["count"], row["of"]) for row in found}
    assert list(counts) == [(measure, name) for measure in OF for name in ("autumn", "soft")]
    assert counts == {
        ("leads", "autumn"): (6, 11),
        ("leads", "soft"): (5, 11),
        ("called", "autumn"): (5, 6),
        ("called", "soft"): (5, 5),
        ("reached", "autumn"): (3, 5),
        ("reached", "soft"): (5, 5),
        ("heard", "autumn"): (2, 3),  # a machine hears nothing
        ("heard", "soft"): (5, 5),
        ("operator", "autumn"): (2, 3),
        ("operator", "soft"): (0, 5),
        ("paid", "autumn"): (0, 3),
        ("paid", "soft"): (1, 5),
        ("promise", "autumn"): (0, 3),
        ("promise", "soft"): (3, 5),
        ("opt_out", "autumn"): (1, 3),
        ("opt_out", "soft"): (0, 5),
    }
    promise = next(row for row in found if (row["measure"], row["template"]) == ("promise", "soft"))
    assert (promise["share"], promise["low"], promise["high"]) == (0.6, 0.2307, 0.8824)
    assert {row["version"] for row in found} == {1}


def test_versions_of_a_template_are_told_apart(engine: Engine, campaign: CampaignRow) -> None:
    newer = add_template(engine, "soft", '[[fragment]]\ntext = "Добрый день!"')
    add_lead(engine, campaign, template_id=newer)
    leads = [row for row in variants(engine, "autumn") if row["measure"] == "leads"]
    assert [(row["template"], row["version"], row["count"]) for row in leads] == [
        *(("autumn", 1, 6), ("soft", 1, 5), ("soft", 2, 1)),
    ]


def test_a_workbook_has_a_sheet_of_them(engine: Engine, campaign: CampaignRow, tmp_path: Path) -> None:
    write(engine, "autumn", tmp_path / "report.xlsx", "ru")
    book = load_workbook(tmp_path / "report.xlsx")
    titles, *rows = book["Шаблоны"].values
    assert titles[:2] == ("показатель", "шаблон")
    assert [list(row) for row in rows][-1] == ["отказались от звонков", "soft", 1, 0, 5, 0, 0, 0.4345]
    assert book["Шаблоны"]["F2"].number_format == "0.0%"
    assert [row[1:] for row in rows] == [tuple(row.values())[1:] for row in variants(engine, "autumn")]


def test_a_campaign_without_leads_or_no_campaign(engine: Engine) -> None:
    add_campaign(engine, "empty")
    assert variants(engine, "empty") == []
    with pytest.raises(NotFound):
        variants(engine, "none")


@pytest.mark.parametrize(
    "count, of, low, high",
    [
        (0, 0, 0, 1),
        (0, 10, 0, 0.2775),
        (10, 10, 0.7225, 1),
        (5, 10, 0.2366, 0.7634),
        (1, 100, 0.0018, 0.0545),
        (500, 1000, 0.4691, 0.5309),
    ],
)
def test_intervals_as_textbooks_have_them(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_is_within_its_interval_and_more_people_narrow_it(counted: tuple[int, int]) -> None:
    count, of = counted
    low, high = wilson(count, of)
    assert 0 <= low <= high <= 1
    if of:
        assert low - 1e-9 <= count / of <= high + 1e-9
        again = wilson(10 * count, 10 * of)
        assert again[1] - again[0] < high - low
        assert wilson(of - count, of) == pytest.approx((1 - high, 1 - low))

"""What is kept of audiences and places, and which leads of a campaign they touch."""

import pytest
from builders import NOON, add_campaign, add_lead, after, lead_now
from sqlalchemy import Engine

from storage import audience as store
from storage import owing
from storage.contact import zone_sets
from storage.db import reading, writing
from storage.vocab import LeadState


def test_an_audience_saved_again_keeps_its_birthday(engine: Engine) -> None:
    with writing(engine) as connection:
        store.save(connection, "b", "erp", {"where": None}, NOON)
        store.save(connection, "a", "erp", {}, NOON)
        store.save(connection, "b", "person", {"where": {"not": 1}}, after(5))
    with reading(engine) as connection:
        assert store.find(connection, "c") is None
        found = store.find(connection, "b")
        assert [row.name for row in store.audiences(connection)] == ["a", "b"]
    assert found is not None
    assert tuple(found) == ("b", "person", {"where": {"not": 1}}, NOON, after(5))


def test_places_of_a_kind_and_city_are_replaced(engine: Engine) -> None:
    def row(name: str, city: str, kind: str = "metro") -> dict[str, object]:
        return {"kind": kind, "name": name, "city": city, "search": name.lower(), "lat": 1.0, "lon": 2.0}

    with writing(engine) as connection:
        store.replace_places(
            connection, [row("B", "X"), row("A", "X"), row("A", "Y"), row("D", "X", "office")]
        )
        store.replace_places(connection, [row("C", "X")])
        assert [(one.kind, one.city, one.name) for one in store.places(connection)] == [
            ("metro", "X", "C"),
            ("metro", "Y", "A"),
            ("office", "X", "D"),
        ]
        assert [one.name for one in store.places(connection, "office")] == ["D"]
        assert store.place_names(connection, "metro") == ["A", "C"]
        assert [one.city for one in store.places_named(connection, "metro", "a")] == ["Y"]
        assert store.places_named(connection, "office", "a") == []


def test_all_leads_of_a_campaign_are_read_whatever_the_page(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = add_campaign(engine)
    add_lead(engine, add_campaign(engine, "other"), key="x")
    for key in ("b", "a", "c", "a", "a"):
        add_lead(engine, campaign, key=key)
    for page in (1, 2, 5, 10):
        monkeypatch.setattr(store, "PAGE", page)
        with reading(engine) as connection:
            found = list(store.lead_keys(connection, campaign.id))
        assert [row.key for row in found] == ["a", "a", "a", "b", "c"]
        assert len({row.id for row in found}) == 5


def test_only_uncalled_leads_of_these_states_are_turned(engine: Engine) -> None:
    campaign = add_campaign(engine)
    leads = [
        add_lead(engine, campaign),
        add_lead(engine, campaign, attempts=1),
        add_lead(engine, campaign, state=LeadState.DONE),
    ]
    rows = [(lead["person_id"], lead["id"]) for lead in leads]
    with writing(engine) as connection:
        states = (LeadState.NEW, LeadState.PENDING)
        assert store.turn_leads(connection, rows, states, LeadState.BLOCKED, "gone") == 1
        assert store.turn_leads(connection, [], states, LeadState.BLOCKED, "gone") == 0
    assert [lead_now(engine, lead).why for lead in leads] == ["gone", "", ""]


def test_an_answer_changes_pending_leads_only(engine: Engine) -> None:
    campaign = add_campaign(engine)
    leads = [add_lead(engine, campaign), add_lead(engine, campaign, state=LeadState.IN_FLIGHT)]
    rows = [{"person_id_": lead["person_id"], "id_": lead["id"]} for lead in leads]
    with writing(engine) as connection:
        owing.still_owe(connection, rows, NOON)
    assert [lead_now(engine, lead).checked_at for lead in leads] == [NOON, None]
    with writing(engine) as connection:
        owing.owe_no_more(connection, [row | {"why_": "paid"} for row in rows])
    assert [lead_now(engine, lead).state for lead in leads] == ["blocked", "in-flight"]


def test_leads_of_all_zones_are_asked_about_in_the_order_they_are_due(engine: Engine) -> None:
    campaign = add_campaign(engine)
    late = add_lead(engine, campaign, due_at=after(-1))
    early = add_lead(engine, campaign, due_at=after(-9))
    with writing(engine) as connection:
        zones = sorted(zone_sets(connection))
        assert owing.unchecked(connection, campaign.id, NOON, NOON, [], 5) == []
        found = owing.unchecked(connection, campaign.id, NOON, NOON, zones, 5)
        first = owing.unchecked(connection, campaign.id, NOON, NOON, zones, 1)
    assert [row.id for row in found] == [early["id"], late["id"]]
    assert [row.id for row in first] == [early["id"]]

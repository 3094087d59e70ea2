"""Explain says what the dialer does: the same rules, asked aloud, also for numbers that nobody knows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, add_template, ban, lead_now
from calling import TIME, Line, clocked
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from engine.contact.service import Contacts
from engine.errors import NotFound, UsageError
from storage import calls, consent, contact
from storage import campaign as store
from storage.db import metadata, new_id, writing
from storage.vocab import CampaignState, LeadState, Role

LAW = ["ru-230fz-talk"]
ZONES = ("Europe/Moscow", "Asia/Vladivostok", "Asia/Kamchatka,Europe/Kaliningrad", "")
WORDS = {"allow", "wait", "never"}


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON
    yield
    TIME.at = NOON


@pytest.fixture
def contacts(engine: Engine, tmp_path: Path) -> Contacts:
    return Contacts(engine, clocked(tmp_path))


def verdicts(told: dict[str, Any]) -> dict[str, str]:
    return {rule["rule"]: rule["verdict"] for rule in told["rules"]}


def test_a_lead_that_may_be_called(engine: Engine, contacts: Contacts) -> None:
    add_lead(engine, add_campaign(engine, law=LAW), PHONE)
    told = contacts.explain("8 921 123-45-67", "autumn", None, "ru")
    assert (told["phone"], told["decision"], told["next_allowed_at"]) == (PHONE, "allow", NOON)
    assert told["zones"] == ["Europe/Moscow"]
    assert {rule["verdict"] for rule in told["rules"]} == {"pass"}
    assert all(rule["detail"] and rule["source"] for rule in told["rules"])
    assert not any(PHONE[2:] in rule["detail"] for rule in told["rules"])


def test_it_tells_what_he_hears_and_why(engine: Engine, contacts: Contacts) -> None:
    soft = add_template(engine, "soft", 'lang = "en"\n[[fragment]]\ntext = "{name}"')
    rules = [{"if": "debt > 9", "templates": [[str(soft), 100]]}, {"if": "", "templates": [[str(soft), 100]]}]
    campaign = add_campaign(engine, law=LAW, messages=rules)
    add_lead(engine, campaign, PHONE, template_id=soft)
    add_lead(engine, campaign, "+79031234567", lang="uz")

    def message(phone: str) -> str:
        rules = contacts.explain(phone, "autumn", None, "en")["rules"]
        return str(next(rule["detail"] for rule in rules if rule["rule"] == "message"))

    assert message(PHONE) == "he hears template soft, version 1 (en); chosen by: debt > 9, everybody"
    assert message("+79031234567") == "he hears template autumn, version 1 (uz); chosen by: earlier"


def test_a_number_that_nobody_knows_is_asked_by_its_prefix(contacts: Contacts) -> None:
    told = contacts.explain(PHONE, None, None, "en")
    assert told["zone_source"] == "prefix"
    assert {"Europe/Kaliningrad", "Asia/Kamchatka"} <= set(told["zones"])
    assert told["decision"] == "wait"  # 15:00 in Moscow is midnight in Kamchatka
    assert told["next_allowed_at"] > NOON
    again = contacts.explain(PHONE, None, told["next_allowed_at"], "en")
    assert again["decision"] == "allow"


def test_a_campaign_that_has_no_such_lead_says_so(engine: Engine, contacts: Contacts) -> None:
    add_campaign(engine, law=LAW)
    told = contacts.explain(PHONE, "autumn", None, "en")
    assert (told["decision"], verdicts(told)["lead"]) == ("never", "never")


def test_wrong_questions(engine: Engine, contacts: Contacts) -> None:
    with pytest.raises(UsageError, match="no such number"):
        contacts.explain("112", None, None, "en")
    with pytest.raises(NotFound, match="no campaign"):
        contacts.explain(PHONE, "winter", None, "en")


@pytest.mark.parametrize(
    "campaign, lead, decision",
    [
        ({"state": CampaignState.PAUSED}, {}, ("wait", None)),
        ({"state": CampaignState.DRAFT}, {}, ("wait", None)),
        ({"state": CampaignState.DONE}, {}, ("never", None)),
        ({}, {"state": LeadState.DONE, "outcome": "answered-heard"}, ("never", None)),
        ({}, {"state": LeadState.BLOCKED, "why": "paid"}, ("never", None)),
        ({}, {"state": LeadState.NEW}, ("wait", None)),
        ({}, {"due_at": NOON + timedelta(hours=2)}, ("wait", NOON + timedelta(hours=2))),
        (
            {},
            {"due_at": datetime.fromisoformat("2026-01-21T23:00+03:00")},
            ("wait", datetime.fromisoformat("2026-01-22T08:00+03:00")),
        ),
    ],
)
def test_the_states_of_campaign_and_lead_come_before_the_rules(
    engine: Engine,
    contacts: Contacts,
    campaign: dict[str, Any],
    lead: dict[str, Any],
    decision: tuple[str, Any],
) -> None:
    add_lead(engine, add_campaign(engine, law=LAW, **campaign), PHONE, **lead)
    told = contacts.explain(PHONE, "autumn", None, "en")
    assert (told["decision"], told["next_allowed_at"]) == decision


def test_of_several_leads_the_next_to_be_called_is_told(engine: Engine, contacts: Contacts) -> None:
    campaign = add_campaign(engine, law=LAW)
    lead = add_lead(engine, campaign, PHONE, state=LeadState.DONE)
    add_lead(engine, campaign, PHONE, of=lead, due_at=NOON + timedelta(hours=1))
    told = contacts.explain(PHONE, "autumn", None, "en")
    assert (told["decision"], told["next_allowed_at"]) == ("wait", NOON + timedelta(hours=1))


SCENES = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 24 * 14),
        "zones": st.sampled_from(ZONES),
        "law": st.sampled_from([LAW, ["ru-230fz-message"], ["none"], ["ru-38fz", *LAW], ["us-regf"]]),
        "role": st.sampled_from(list(Role)),
        "due_h": st.integers(-48, 4),
        "calls": st.lists(st.tuples(st.integers(1, 24 * 12), st.booleans()), max_size=4),
        "open": st.booleans(),
        "ban": st.sampled_from([None, "number:" + PHONE, "prefix:+7921", "group:vip", "group:other"]),
        "ban_h": st.sampled_from([None, -1, 5]),
        "consents": st.dictionaries(
            st.sampled_from(["calls", "advertising", "debtor-agreed"]), st.booleans(), max_size=2
        ),
    }
)


@given(SCENES)
@hypothesis(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_explain_and_the_dialer_agree(engine: Engine, tmp_path: Path, scene: dict[str, Any]) -> None:
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    TIME.at = NOON + timedelta(hours=scene["hour"])
    lead = staged(engine, scene)
    settings = clocked(tmp_path)
    told = Contacts(engine, settings).explain(PHONE, "autumn", None, "en")
    assert told["decision"] in WORDS
    with writing(engine) as connection:
        campaign = store.find(connection, "autumn")
        assert campaign
    taken = Line(engine, settings).take([campaign.id])
    assert bool(taken) == (told["decision"] == "allow"), told
    now = lead_now(engine, lead)
    asked = {rule["rule"] for rule in told["rules"] if rule["verdict"] != "pass"}
    if any(rule.partition(":")[0] in {"lead", "hours", "zone", "law", "label"} for rule in asked):
        assert (now.state, now.due_at) == (LeadState.PENDING, lead["due_at"])  # not even looked at
    elif told["decision"] == "never":
        assert now.state == LeadState.BLOCKED
    elif told["decision"] == "wait" and not scene["open"]:
        assert now.due_at == told["next_allowed_at"]


def staged(engine: Engine, scene: dict[str, Any]) -> dict[str, Any]:
    """A lead with all that the scene says of him."""
    campaign = add_campaign(engine, law=scene["law"])
    due = TIME.at + timedelta(hours=scene["due_h"])
    lead = add_lead(
        engine, campaign, PHONE, zones=scene["zones"], role=scene["role"], groups=["vip"], due_at=due
    )
    before = add_lead(engine, add_campaign(engine, "before"), PHONE, of=lead, state=LeadState.DONE)
    with writing(engine) as connection:
        made = [call(before, hours, heard=heard) for hours, heard in scene["calls"]]
        if scene["open"]:
            made.append(call(before, 0, heard=False) | {"ended_at": None, "outcome": "", "state": "sent"})
        calls.prepare(connection, made)
        if scene["ban"]:
            until = scene["ban_h"] and TIME.at + timedelta(hours=scene["ban_h"])
            ban(connection, scene["ban"], reason="test", at=TIME.at, actor="anna", until=until)
        for kind, given_ in scene["consents"].items():
            row = {"id": new_id(), "subject": "tel:" + PHONE, "kind": kind, "given": given_, "at": TIME.at}
            row |= {"until": None, "source": "c", "proof": "p", "actor": "a"}
            connection.execute(consent.consent.insert().values(row))
        connection.execute(update(contact.phone).values(kind="mobile"))
    return lead


def call(lead: dict[str, Any], hours: int, *, heard: bool) -> dict[str, Any]:
    """An attempt of so many hours ago."""
    at = TIME.at - timedelta(hours=hours)
    who = {name: lead[name] for name in ("person_id", "campaign_id", "phone_id")}
    times = {"prepared_at": at, "sent_at": at, "ended_at": at + timedelta(seconds=9)}
    times["answered_at"] = at if heard else None
    what = {"outcome": "answered-heard" if heard else "busy", "state": "ended", "number": 1, "kind": "talk"}
    where = {"dialer": "me", "node": "n", "trunk": "trunk", "permit": {}}
    return {**who, **times, **what, **where, "id": new_id(at), "lead_id": lead["id"]}

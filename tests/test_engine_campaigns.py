"""Campaigns as operators handle them: each verb from the right states, each change in the audit."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import SOURCE, add_attempt, add_campaign, add_lead, add_template, report, rows_of, settings
from sqlalchemy import Engine

from engine.campaign.service import VERBS, Campaigns, Limits, Rules
from engine.errors import FileError, NotFound, Refused, SettingsError, UsageError
from storage import audit, calls, speech
from storage import campaign as store
from storage.db import new_id, reading, writing
from storage.vocab import CampaignState, LeadState, Outcome, Pacing


@pytest.fixture
def campaigns(engine: Engine, tmp_path: Path) -> Campaigns:
    trunks = [{"name": "main", "cps": 7, "channels": 9}, {"name": "trunk"}]
    sources = [{"name": "erp", "url": "sqlite:///erp.db", "table": "debt", "columns": {"phone": "tel"}}]
    return Campaigns(engine, settings(tmp_path, trunk=trunks, source=sources))


def state_of(engine: Engine, name: str) -> CampaignState:
    with reading(engine) as connection:
        found = store.find(connection, name)
        assert found is not None
        return found.state


def deeds(engine: Engine) -> list[tuple[str, str, str]]:
    return [(row.actor, row.deed, row.subject) for row in rows_of(engine, audit.audit)]


@pytest.mark.parametrize(
    "limits, wanted",
    [(Limits(), (7, 9, 1, 0)), (Limits(cps=0.5, channels=2, attempts=3, priority=-1), (0.5, 2, 3, -1))],
)
def test_a_new_campaign_is_a_draft_with_its_own_limits_or_its_trunks(
    engine: Engine, campaigns: Campaigns, limits: Limits, wanted: tuple[float, ...]
) -> None:
    with writing(engine) as connection:
        old = speech.add_template(connection, "debt", SOURCE, {}, datetime.now(UTC))
        new = speech.add_template(connection, "debt", SOURCE + "\n", {}, datetime.now(UTC))
    made = campaigns.create("autumn", "debt", ["main"], limits, "anna")
    assert made.template_id == new.id != old.id
    assert campaigns.list() == [made]
    assert (made.cps, made.channels, made.attempts, made.priority) == wanted
    assert (made.state, made.trunks) == (CampaignState.DRAFT, ["main"])
    assert (made.law, made.exemption, made.owes) == (["ru-230fz-talk"], "", "")
    assert not made.record
    assert deeds(engine) == [("anna", "campaign.create", "autumn")]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(pacing=Pacing.PREDICTIVE),
        Limits(queue="sales"),
        Limits(pacing=Pacing.PROGRESSIVE, queue="sales,operators"),
        Limits(pacing=Pacing.PREDICTIVE, queue="sales", abandon=0),
    ],
)
def test_operators_and_a_pacing_for_them_go_together(campaigns: Campaigns, limits: Limits) -> None:
    with pytest.raises(UsageError):
        campaigns.create("autumn", "debt", ["main"], limits, "anna")


def test_a_campaign_for_operators_tells_how_many_calls_found_none(
    engine: Engine, campaigns: Campaigns
) -> None:
    row = add_campaign(engine, "autumn", pacing="predictive", queue="sales", abandon=0.05)
    now = datetime.now(UTC)
    for answered, lost, ago in ((True, True, 1), (True, False, 2), (False, False, 3), (True, True, 30)):
        at = now - timedelta(hours=ago)
        lead = add_lead(engine, row)
        values = {"prepared_at": at, "id": new_id(at), "abandoned": lost, "ended_at": at}
        add_attempt(engine, lead, **values, answered_at=at if answered else None)
    assert campaigns.status("autumn")["operators"] == {
        "pacing": "predictive",
        "queue": "sales",
        "answered": 2,
        "abandoned": 1,
        "abandoned_share": 0.5,
        "abandoned_limit": 0.05,
    }


def test_a_campaign_is_for_whom_its_template_is_for(
    engine: Engine, campaigns: Campaigns, tmp_path: Path
) -> None:
    source = 'for = "contact"\n[[fragment]]\ntext = "{name}"'
    with writing(engine) as connection:
        speech.add_template(connection, "friends", source, {}, datetime.now(UTC))
        speech.add_template(connection, "debt", SOURCE, {}, datetime.now(UTC))
    assert campaigns.create("autumn", "debt", ["main"], Limits(), "anna").role == "debtor"
    assert campaigns.create("friends", "friends", ["main"], Limits(), "anna").role == "contact"
    file = tmp_path / "list.csv"
    file.write_text("phone;name;role\n9211234567;a;contact\n9211230000;b;debtor\n9211230001;c;\n")
    summary = campaigns.fill("friends", file, "anna")
    assert (summary.imported, summary.rejected) == (1, 2)
    assert [row.role for row in rows_of(engine, store.lead)] == ["contact"]


@pytest.mark.parametrize(
    "name, template, trunk, error",
    [
        ("new", "none", "main", NotFound),
        ("new", "autumn", "none", SettingsError),
        ("autumn", "autumn", "main", Refused),
    ],
)
def test_a_campaign_that_cannot_be_leaves_nothing(
    engine: Engine, campaigns: Campaigns, name: str, template: str, trunk: str, error: type[Exception]
) -> None:
    add_campaign(engine)
    with pytest.raises(error):
        campaigns.create(name, template, [trunk], Limits(), "anna")
    assert [row.name for row in campaigns.list()] == ["autumn"]
    assert deeds(engine) == []


def test_a_campaign_keeps_the_rules_that_it_was_given(engine: Engine, campaigns: Campaigns) -> None:
    add_campaign(engine, "debt")
    made = campaigns.create(
        "autumn", "debt", ["main"], Limits(), "anna", Rules(("none", "uk-ofcom"), "bank", "erp", record=True)
    )
    assert (made.law, made.exemption, made.owes) == (["none", "uk-ofcom"], "bank", "erp")
    assert made.record
    with reading(engine) as connection:
        assert store.get(connection, made.id) == made


@pytest.mark.parametrize(
    "rules, error, told",
    [
        (Rules(law=("none", "ru-000fz")), UsageError, "no law pack named 'ru-000fz'"),
        (Rules(owes="crm"), SettingsError, r"no \[\[source\]\] named 'crm'"),
        (Rules(machine="hangup"), UsageError, "needs a preset by which they are told"),
        (Rules(amd="slow"), UsageError, "'slow' is none of fast, careful"),
        (Rules(amd="fast", machine="nobody"), NotFound, "no template named 'nobody'"),
        (Rules(amd="fast", machine="debt"), UsageError, "is not for machines: anybody may listen"),
    ],
)
def test_rules_that_there_are_not_are_told_before_anybody_is_called(
    engine: Engine, campaigns: Campaigns, rules: Rules, error: type[Exception], told: str
) -> None:
    add_campaign(engine, "debt")
    with pytest.raises(error, match=told):
        campaigns.create("autumn", "debt", ["main"], Limits(), "anna", rules)
    assert [row.name for row in campaigns.list()] == ["debt"]


def test_what_machines_get_is_kept_with_the_campaign(engine: Engine, campaigns: Campaigns) -> None:
    add_campaign(engine, "debt")
    source = 'for = "contact"\n[[fragment]]\ntext = "Перезвоните нам."\n'
    machine = add_template(engine, "machine", source)
    for given, kept in (("", "note"), ("note", "note"), ("hangup", "hangup"), ("machine", str(machine))):
        rules = Rules(amd="careful", machine=given)
        made = campaigns.create(f"a{given}", "debt", ["main"], Limits(), "anna", rules)
        assert (made.amd, made.machine) == ("careful", kept)
    assert campaigns.create("b", "debt", ["main"], Limits(), "anna").machine == ""


@pytest.mark.parametrize("verb, state", [("start", CampaignState.DRAFT), ("resume", CampaignState.PAUSED)])
def test_a_campaign_that_its_law_does_not_let_call_is_not_started(
    engine: Engine, campaigns: Campaigns, verb: str, state: CampaignState
) -> None:
    """The law of mass calls asks for a label on the trunk; this one has none."""
    add_lead(engine, add_campaign(engine, state=state, law=["ru-126fz"]))
    with pytest.raises(Refused, match="'autumn' may not call: label:ru-126fz: "):
        campaigns.turn("autumn", verb, "anna")
    assert state_of(engine, "autumn") is state
    assert deeds(engine) == []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", CampaignState)
def test_each_verb_works_from_its_states_and_says_when_it_changed_nothing(
    engine: Engine, campaigns: Campaigns, verb: str, state: CampaignState
) -> None:
    add_lead(engine, add_campaign(engine, state=state))
    sources, target = VERBS[verb]
    if state is target:
        assert not campaigns.turn("autumn", verb, "anna")
        assert deeds(engine) == []
    elif state in sources:
        assert campaigns.turn("autumn", verb, "anna")
        assert state_of(engine, "autumn") is target
        assert deeds(engine) == [("anna", f"campaign.{verb}", "autumn")]
    else:
        with pytest.raises(Refused, match=f"'autumn' is {state}; it cannot {verb}"):
            campaigns.turn("autumn", verb, "anna")
        assert state_of(engine, "autumn") is state


@pytest.mark.parametrize("leads", [[], [LeadState.DONE, LeadState.BLOCKED]])
def test_a_campaign_without_anybody_left_to_call_is_not_started(
    engine: Engine, campaigns: Campaigns, leads: list[LeadState]
) -> None:
    row = add_campaign(engine, state=CampaignState.DRAFT)
    for state in leads:
        add_lead(engine, row, state=state)
    with pytest.raises(NotFound, match="no lead left"):
        campaigns.turn("autumn", "start", "anna")


def test_an_unknown_campaign_is_told_whatever_is_asked(campaigns: Campaigns, tmp_path: Path) -> None:
    for ask in (
        lambda: campaigns.status("none"),
        lambda: campaigns.turn("none", "start", "anna"),
        lambda: campaigns.fill("none", tmp_path / "list.csv", "anna"),
    ):
        with pytest.raises(NotFound, match="no campaign named 'none'"):
            ask()


def test_an_import_goes_by_the_campaigns_template_and_is_in_the_audit(
    engine: Engine, campaigns: Campaigns, tmp_path: Path
) -> None:
    add_campaign(engine)
    file = tmp_path / "list.csv"
    file.write_text("phone;name;sum\n9211234567;Пётр;100\n9211230000;Анна;\n")
    done: list[int] = []
    summary = campaigns.fill("autumn", file, "anna", done.append).as_json()
    rejects = str(tmp_path / "rejects" / "autumn-list.rejected.csv")
    assert summary == {"rows": 2, "imported": 1, "duplicates": 0, "rejected": 1, "rejects_file": rejects}
    assert done == [2]
    (line,) = rows_of(engine, audit.audit)
    assert (line.actor, line.deed, line.subject) == ("anna", "campaign.import", "autumn")
    assert line.detail == {"file": "list.csv", "rows": 2, "imported": 1, "duplicates": 0, "rejected": 1}
    with pytest.raises(FileError):
        campaigns.fill("autumn", tmp_path / "none.csv", "anna")


def test_a_list_without_a_column_of_the_template_is_one_mistake_and_changes_nothing(
    engine: Engine, campaigns: Campaigns, tmp_path: Path
) -> None:
    add_campaign(engine)
    file = tmp_path / "list.csv"
    file.write_text("phone;name\n9211234567;Пётр\n9211230000;Анна\n")
    why = "the list has no column 'sum', which the template asks for: fragment 'debt', line 8, column 18"
    with pytest.raises(FileError, match=why):
        campaigns.fill("autumn", file, "anna")
    assert (rows_of(engine, store.lead), rows_of(engine, audit.audit)) == ([], [])
    assert not (tmp_path / "rejects").exists()


def test_the_status_has_the_contracts_keys_and_true_figures(engine: Engine, campaigns: Campaigns) -> None:
    row = add_campaign(engine, cps=2.5, channels=4)
    states = Counter({"new": 1, "pending": 2, "in-flight": 3, "done": 4, "blocked": 5})
    leads: list[dict[str, Any]] = [add_lead(engine, row, state=state) for state in states.elements()]
    add_lead(engine, add_campaign(engine, "winter"))
    over = [add_attempt(engine, lead) for lead in leads[:3]]
    add_attempt(engine, leads[3])
    with writing(engine) as connection:
        ended = calls.attempt.update().where(calls.attempt.c.id.in_([one["id"] for one in over]))
        connection.execute(ended.values(ended_at=datetime.now(UTC), outcome="busy"))
    report(engine, over[0], Outcome.ANSWERED_HEARD)
    now = campaigns.status("autumn")
    attempts = now.pop("attempts")
    assert now == {
        "name": "autumn",
        "state": "running",
        "why": "",
        "offenders": [],
        "leads": {"total": 15, "pending": 3, "in_flight": 3, "done": 4, "blocked": 5},
        "rate": {"cps": 0.4, "cps_limit": 2.5, "channels": 1, "channels_limit": 4},
        "operators": {
            "pacing": "fill",
            "queue": "",
            "answered": 0,
            "abandoned": 0,
            "abandoned_share": 0.0,
            "abandoned_limit": 0.03,
        },
        "audio": {"needed": 10, "ready": 9},
    }
    assert attempts.keys() == {"total", *Outcome}
    assert {name: count for name, count in attempts.items() if count} == {
        "total": 4,
        "busy": 2,
        "answered-heard": 1,
    }


def test_rules_of_retrying_are_kept_where_they_differ_and_changed_as_a_whole(
    campaigns: Campaigns, engine: Engine
) -> None:
    with writing(engine) as connection:
        speech.add_template(connection, "debt", SOURCE, {}, datetime.now(UTC))
    given = Rules(retry=("busy=10m x2 max 1h", "rejected=1d"))
    made = campaigns.create("own", "debt", ["main"], Limits(), "me", given)
    assert made.retry == {"busy": "10m x2 max 1h"}
    assert campaigns.set_retry("own", ["busy=default", "no-answer=1h"], "me") == {"no-answer": "1h"}
    with pytest.raises(UsageError, match="no outcome"):
        campaigns.set_retry("own", ["rejected=never", "nothing=1h"], "me")
    assert [row.retry for row in campaigns.list()] == [{"no-answer": "1h"}]
    assert deeds(engine) == [("me", "campaign.create", "own"), ("me", "campaign.retry", "own")]
    with pytest.raises(NotFound):
        campaigns.set_retry("other", [], "me")

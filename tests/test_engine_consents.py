"""The register in the hands of operators: consents, refusals, lists."""

import csv
from pathlib import Path
from typing import Any

import pytest
from builders import PHONE, add_campaign, add_lead, lead_now, rows_of, settings
from sqlalchemy import Engine

from engine.contact.consents import Consents
from engine.errors import UsageError
from engine.files.sheets import rows
from storage.audit import audit
from storage.blacklist import blacklist
from storage.consent import consent

CONSENT = {
    "phone": "8 921 123 45 67",
    "kind": "advertising",
    "given": "yes",
    "source": "contract",
    "proof": "17",
}
REFUSAL = CONSENT | {"kind": "calls", "given": "no", "source": "letter"}


@pytest.fixture
def register(engine: Engine, tmp_path: Path) -> Consents:
    return Consents(engine, settings(tmp_path))


def test_what_is_said_is_written_down_once(engine: Engine, register: Consents) -> None:
    row = CONSENT | {"until": "2100-12-31", "at": "2026-01-20T10:00+03:00"}
    assert register.say(row, "me")
    assert not register.say(row, "me")
    (line,) = register.of(PHONE, "")
    told = {name: str(line[name]) for name in ("subject", "kind", "given", "source", "proof", "actor")}
    assert list(told.values()) == [f"tel:{PHONE}", "advertising", "True", "contract", "17", "me"]
    assert line["at"].isoformat() == "2026-01-20T07:00:00+00:00"
    assert line["until"].isoformat() == "2101-01-01T00:00:00+00:00"
    (note,) = rows_of(engine, audit)
    (stored,) = rows_of(engine, consent)
    assert (note.deed, note.actor, note.subject) == ("consent.add", "me", str(stored.id))
    assert note.detail == {"kind": "advertising", "how": "contract"}


def test_a_person_and_his_number_are_two_subjects(register: Consents) -> None:
    person = {name: value for name, value in CONSENT.items() if name != "phone"} | {"person": "id:42"}
    register.say(person, "me")
    register.say(CONSENT, "me")
    assert [line["subject"] for line in register.of("", "id:42")] == ["id:42"]
    assert register.of("", f"tel:{PHONE}") == register.of(PHONE, "")


@pytest.mark.parametrize("by", ["phone", "person", "list"])
def test_leads_that_lacked_a_consent_are_looked_at_again(engine: Engine, register: Consents, by: str) -> None:
    campaign = add_campaign(engine)
    blocked = {"state": "blocked", "why": "no-consent"}
    spoken = add_lead(engine, campaign, PHONE, **blocked)
    silent = add_lead(engine, campaign, PHONE, of=spoken, clips=None, **blocked)
    paid = add_lead(engine, campaign, PHONE, of=spoken, state="blocked", why="paid")
    other = add_lead(engine, campaign, **blocked)
    row = CONSENT if by != "person" else CONSENT | {"phone": "", "person": f"id:{spoken['person_id']}"}
    if by == "list":
        register.load([(2, row)], "list.csv", "me")
    else:
        register.say(row, "me")
    states = [
        (now.state, now.why) for now in (lead_now(engine, one) for one in (spoken, silent, paid, other))
    ]
    assert states == [("pending", ""), ("new", ""), ("blocked", "paid"), ("blocked", "no-consent")]


def test_a_refusal_of_calls_to_a_number_is_an_opt_out(engine: Engine, register: Consents) -> None:
    waiting = add_lead(engine, add_campaign(engine))
    assert register.say(REFUSAL, "me")
    assert not register.say(REFUSAL, "me")
    (entry,) = rows_of(engine, blacklist)
    assert (entry.key, entry.reason, entry.actor) == (f"number:{PHONE}", "opt-out", "me")
    assert entry.evidence == {"how": "letter", "proof": "17"}
    assert lead_now(engine, waiting).why == f"blacklisted:{entry.id}"
    assert [(line["given"], line["source"]) for line in register.of(PHONE, "")] == [(False, "letter")]


@pytest.mark.parametrize("other", [{"kind": "advertising"}, {"phone": "", "person": "id:42"}])
def test_other_refusals_are_only_in_the_register(
    engine: Engine, register: Consents, other: dict[str, str]
) -> None:
    assert register.say(REFUSAL | other, "me")
    assert rows_of(engine, blacklist) == []
    assert [note.deed for note in rows_of(engine, audit)] == ["consent.refuse"]


@pytest.mark.parametrize(
    "wrong, why",
    [
        ({"phone": ""}, "name either"),
        ({"person": "id:1"}, "name either"),
        ({"phone": "5"}, "number"),
        ({"phone": "", "person": "42"}, "a person is"),
        ({"kind": "everything"}, "kind: write one of calls, advertising, mass-calls, debtor-agreed"),
        ({"given": "maybe"}, "given: write one of"),
        ({"source": " "}, "source: nothing"),
        ({"proof": "="}, "proof: begins"),
        ({"at": "2999-01-01"}, "at: it lies in the future"),
        ({"until": "2025-12-31", "at": "2026-01-01"}, "until: only a consent ends"),
        ({"given": "no", "until": "2100-01-01"}, "until: only a consent ends"),
    ],
)
def test_what_cannot_be_so_is_refused(
    engine: Engine, register: Consents, wrong: dict[str, str], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        register.say(CONSENT | wrong, "me")
    assert rows_of(engine, consent) == rows_of(engine, audit) == []


LIST = """phone;person;kind;given;source;proof;at
8 921 123-45-67;;calls;да;contract;1;2025-01-01
;id:42;mass-calls;yes;contract;2;
+79210000001;;calls;no;letter;3;
+79210000001;;calls;no;letter;3;
;;calls;yes;contract;4;
+79210000002;;calls;no;letter;5;;x
"""


def test_a_list_goes_in_and_what_is_wrong_is_told_by_line(
    engine: Engine, register: Consents, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(LIST)

    def load() -> Any:
        return register.load(rows(tmp_path / "list.csv", "kind"), "list.csv", "me")

    done = load()
    assert (done.rows, done.imported, done.duplicates, done.rejected) == (6, 3, 1, 2)
    assert [row.key for row in rows_of(engine, blacklist)] == ["number:+79210000001"]
    with Path(done.rejects_file).open(encoding="utf-8-sig", newline="") as file:
        refused = {row["rejected_line"]: row["rejected_why"] for row in csv.DictReader(file, delimiter=";")}
    assert refused == {
        "6": "name either a phone or a person",
        "7": "more cells than the header has columns",
    }
    again = load()
    assert (again.imported, again.duplicates) == (0, 4)
    imports = [note for note in rows_of(engine, audit) if note.deed == "consent.import"]
    assert [note.detail["imported"] for note in imports] == [3, 0]
    assert not any("+7921" in str((note.subject, note.detail)) for note in rows_of(engine, audit))

"""Who hears what in a campaign: pinned when it is made, chosen at import, told; changed for those to come."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from builders import FOR_CONTACTS, SOURCE, add_template, rows_of, settings
from sqlalchemy import Engine

from engine.campaign.hearing import Hearing
from engine.campaign.service import Campaigns, Limits
from engine.errors import NotFound, UsageError
from storage import audit, speech
from storage.campaign import lead
from storage.db import reading

HEAD = "external_id;person_id;phone;name;sum;role;lang\n"
ENGLISH = 'lang = "en"\n[[fragment]]\ntext = "Hello, {name}! {bonus:number}"'


class Office:
    """Campaigns with templates debt, soft, friends and english, the first one filled from lists."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.settings = settings(folder)
        self.campaigns, self.hearing = Campaigns(engine, self.settings), Hearing(engine, self.settings)
        sources = {"debt": SOURCE, "soft": SOURCE + "\n", "friends": FOR_CONTACTS, "english": ENGLISH}
        self.ids = {name: add_template(engine, name, source) for name, source in sources.items()}

    def create(self, template: str, *messages: str, name: str = "autumn") -> None:
        self.campaigns.create(name, template, ["trunk"], Limits(), "me", messages=messages)

    def bring(self, text: str, name: str = "autumn") -> dict[str, str]:
        """Import a list: what was refused, by external id."""
        file = self.folder / "list.csv"
        file.write_text(text)
        done = self.campaigns.fill(name, file, "me")
        if not done.rejects_file:
            return {}
        with Path(done.rejects_file).open(encoding="utf-8-sig") as rejects:
            return {row["external_id"]: row["rejected_why"] for row in csv.DictReader(rejects, delimiter=";")}

    @property
    def heard(self) -> dict[str, str | None]:
        """Lead key -> the template that is stored with it."""
        names = {key: name for name, key in self.ids.items()}
        return {row.key: names.get(row.template_id) for row in rows_of(self.engine, lead)}


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    return Office(engine, tmp_path)


def test_each_row_is_checked_against_the_template_that_it_will_hear(office: Office, engine: Engine) -> None:
    office.create("debt", "role = 'contact': friends", "lang = 'en': english", "sum >= 100000: soft")
    rows = [
        *("1;1;9211230001;Пётр;100;;", "2;2;9211230002;Анна;;contact;", "3;3;9211230003;Ann;100;;en"),
        *("4;4;9211230004;Яна;100000;debtor;ru", "5;5;9211230005;Ян;;;", "6;6;9211230006;Eve;1;contact;en"),
        *("7;7;9211230007;Zed;1;;uz", "8;8;9211230008;Uma;1;;de", "9;9;9211230009;Лев;много;;"),
        "10;10;9211230010;Bob;1;;en",
    ]
    text = HEAD.replace("\n", ";bonus\n") + "".join(
        f"{row};{5 if row.startswith(('3', '10')) else ''}\n" for row in rows
    )
    assert office.bring(text.replace("Bob;1;;en;5", "Bob;1;;en;x")) == {
        "5": "template debt needs a value for: sum",
        "6": "lang: template friends is in ru, and not in en",
        "7": "lang: template debt is in ru, and not in uz",
        "8": "lang: 'de' is none of ru, en, uz",
        "9": "sum: 'много' is no number",
        "10": "fragment 'fragment1': bonus: 'x' is no whole number of things",
    }
    assert office.heard == {"1": None, "2": "friends", "3": "english", "4": "soft"}
    found = {row.key: (row.role, row.lang, row.variables) for row in rows_of(engine, lead)}
    assert found["2"] == ("contact", "", {"name": "Анна"})
    assert found["3"] == ("debtor", "en", {"name": "Ann", "bonus": "5"})
    assert found["4"] == ("debtor", "ru", {"name": "Яна", "sum": "100000"})


def test_a_debtors_template_is_no_way_out_for_a_contact_person(office: Office) -> None:
    office.create("debt", "sum > 5: friends")
    why = office.bring(HEAD + "1;1;9211230001;a;1;contact;\n2;2;9211230002;b;9;debtor;\n")
    assert why == {
        "1": "role: the row names a contact person, and template debt is for a debtor",
        "2": "role: the row names a debtor, and template friends is for a contact person",
    }
    assert office.heard == {}


def test_a_list_without_a_column_that_messages_are_told_by_is_refused(office: Office) -> None:
    office.create("debt", "days > 30: soft")
    why = office.bring(HEAD + "1;1;9211230001;a;1;;\n")
    assert why == {"1": "messages are told by days, and the list has no such column"}


def test_a_variant_is_kept_whenever_the_list_comes_again(office: Office) -> None:
    office.create("debt=30,soft=70")
    text = HEAD + "".join(f"d{n};p{n};921123{n:04};a;1;;\n" for n in range(1000))
    assert office.bring(text) == {}
    first = office.heard
    counts = Counter(first.values())
    assert counts.total() == 1000 and 230 <= counts[None] <= 370  # debt, which is the campaign's own
    lines = text.splitlines(keepends=True)
    (part,) = [HEAD + "".join(lines[501:])]
    office.create("debt=30,soft=70", name="other")
    office.bring(part, "other")
    assert office.bring(part) == {} and len(office.heard) == 1000
    assert {row["template"]: row["leads"] for row in office.hearing.list("autumn")} == {
        "debt": counts[None],
        "soft": counts["soft"],
    }


def test_templates_are_pinned_when_the_campaign_is_made(office: Office, engine: Engine) -> None:
    office.create("debt=50,soft=50", "role = 'contact': friends")
    for name, key in office.ids.items():
        assert add_template(engine, name, ENGLISH + "\n# newer") != key
    office.bring(HEAD + "".join(f"d{n};p{n};921123{n:04};a;1;;\n" for n in range(30)))
    assert set(office.heard.values()) == {None, "soft"}
    assert {row["version"] for row in office.hearing.list("autumn")} == {1}


def test_other_messages_are_for_those_who_are_imported_from_then_on(office: Office, engine: Engine) -> None:
    office.create("debt")
    office.bring(HEAD + "1;1;9211230001;a;1;;\n")
    assert [row["share"] for row in office.hearing.list("autumn")] == [100]
    office.hearing.change("autumn", "soft", ["role = 'contact': friends"], "anna")
    office.bring(HEAD + "1;1;9211230001;a;1;;\n2;2;9211230002;a;1;;\n3;3;9211230003;a;1;contact;\n")
    assert office.heard == {"1": None, "2": "soft", "3": "friends"}
    assert office.hearing.list("autumn") == [
        {"when": "role = 'contact'", "share": 100, "template": "friends", "version": 1, "role": "contact"}
        | {"leads": 1},
        {"when": "", "share": 100, "template": "soft", "version": 1, "role": "debtor", "leads": 1},
        {"when": "", "share": 0, "template": "debt", "version": 1, "role": "debtor", "leads": 1},
    ]
    deeds = [
        (row.actor, row.subject) for row in rows_of(engine, audit.audit) if row.deed.endswith("messages")
    ]
    assert deeds == [("anna", "autumn")]
    assert office.campaigns.explain("autumn")["messages"] == office.hearing.list("autumn")


@pytest.mark.parametrize(
    "template, messages, error, why",
    [
        ("none", [], NotFound, "no template named 'none'"),
        ("debt", ["role = 'contact': none"], NotFound, "no template named 'none'"),
        ("debt=50,soft=60", [], UsageError, "make 110"),
        ("debt", ["role = : soft"], UsageError, "column 8"),
    ],
)
def test_wrong_messages_change_nothing(
    office: Office, engine: Engine, template: str, messages: list[str], error: type[Exception], why: str
) -> None:
    office.create("debt")
    before = office.hearing.list("autumn")
    with pytest.raises(error, match=why):
        office.create(template, *messages, name="other")
    with pytest.raises(error, match=why):
        office.hearing.change("autumn", template, messages, "me")
    assert office.hearing.list("autumn") == before
    assert [row.name for row in office.campaigns.list()] == ["autumn"]


def test_a_campaign_that_is_not_there(office: Office) -> None:
    for ask in (lambda: office.hearing.list("x"), lambda: office.hearing.change("x", "debt", [], "me")):
        with pytest.raises(NotFound, match="no campaign named 'x'"):
            ask()


def test_a_campaign_of_one_template_keeps_no_rules(office: Office, engine: Engine) -> None:
    office.create("debt=100")
    (row,) = office.campaigns.list()
    assert (row.messages, row.template_id, row.role) == ([], office.ids["debt"], "debtor")
    with reading(engine) as connection:
        assert speech.versions(connection, set()) == {}

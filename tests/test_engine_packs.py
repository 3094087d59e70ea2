"""engine.contact.packs and lawfile: laws as files, laws of campaigns."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import builders
import pytest

from engine.contact.hours import DayKind
from engine.contact.law import Case, Consent, Terms
from engine.contact.lawfile import File, read
from engine.contact.limits import Past, Target
from engine.contact.packs import OWN, law_of, packs
from engine.contact.rules import Answer, decide
from engine.errors import FileError, SettingsError, UsageError
from engine.settings import Settings, share
from storage.vocab import CallKind, ConsentKind, Outcome

SHIPPED = sorted(share("etc/law").glob("*.toml"))
NOON = datetime(2026, 1, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOSCOW = ZoneInfo("Europe/Moscow")
PHONE = "+79211234567"
GOOD = """
version = "1"
effective = 2026-01-01
country = "RU"
source = "decree"
title = {ru = "закон", en = "law"}
[hours]
working = "08:00-24:00"
weekend = "closed"
holiday = "09:30-20:00"
source = "art 1"
[[limit]]
name = "day"
most = 1
period = "day"
scope = "person"
counts = "talked"
source = "art 2"
[attempts]
most = 5
source = "art 3"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return of(tmp_path)


def of(folder: Path, **contact: Any) -> Settings:
    return builders.settings(folder, contact=contact)


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- the shipped packs


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_pack_tells_where_each_figure_is_from(path: Path) -> None:
    pack = read(path)
    figures = {"hours": pack.hours, "consents": pack.consents, "third_party": pack.third_party}
    figures |= {"label": pack.label, "announcements": pack.announcements, "retention": pack.retention_days}
    for figure, value in figures.items():
        assert (figure in pack.sources) == bool(value), figure
    assert all(limit.source for limit in pack.limits)
    assert pack.effective <= NOON.date()
    assert pack.uncertain or path.stem == "none"


def test_the_packs_that_the_contract_names_are_there(settings: Settings) -> None:
    names = "ru-230fz-talk ru-230fz-message ru-38fz ru-126fz us-tcpa us-regf uk-ofcom in-trai none"
    assert set(names.split()) | {"us-fl", OWN} == set(packs(settings))


FIGURES = {
    "ru-230fz-talk": ("08:00-22:00", "09:00-20:00", ["1 day", "2 week", "8 month"]),
    "ru-230fz-message": ("08:00-22:00", "09:00-20:00", ["2 day", "4 week", "16 month"]),
    "us-tcpa": ("08:00-21:00", "08:00-21:00", []),
    "us-fl": ("08:00-20:00", "08:00-20:00", ["3 24h"]),
    "us-regf": ("08:00-21:00", "08:00-21:00", ["7 168h", "1 168h"]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_figures(settings: Settings, name: str) -> None:
    pack, (working, other, limits) = packs(settings)[name], FIGURES[name]
    assert pack.hours is not None
    assert [str(pack.hours[kind]) for kind in DayKind] == [working, other, other]
    hours = [f"{limit.rolling / HOUR:g}h" for limit in pack.limits]
    stretches = [limit.period or rolling for limit, rolling in zip(pack.limits, hours, strict=True)]
    assert [f"{one.most} {stretch}" for one, stretch in zip(pack.limits, stretches, strict=True)] == limits


def test_the_day_of_a_debtor(settings: Settings) -> None:
    """The shipped law through a week: one talk a day, two a week; a working Saturday; a holiday."""
    law = law_of(of(settings.data_dir, margin_s=5), ["ru-230fz-talk"])
    terms = Terms(announced=frozenset({"caller", "robot"}))
    case = Case(Target(PHONE), (MOSCOW,), terms=terms)

    def when(at: str, *calls: str) -> str:
        past = tuple(
            Past(moment(call), PHONE, "", None, CallKind.TALK, outcome=Outcome.ANSWERED_HEARD)
            for call in calls
        )
        decision = decide(replace(case, past=past), law, moment(at))
        return f"{decision.next_at.astimezone(MOSCOW):%m-%d %H:%M}" if decision.next_at else "never"

    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=MOSCOW).astimezone(UTC)

    assert when("2025-10-27 21:00") == "10-27 21:00"
    assert when("2025-10-27 22:00") == "10-28 08:00"
    assert when("2025-10-27 21:00", "2025-10-27 09:00") == "10-28 08:00"
    assert when("2025-10-30 12:00", "2025-10-27 09:00", "2025-10-29 09:00") == "11-03 09:00"  # Monday, moved
    assert when("2025-11-01 21:00") == "11-01 21:00"  # a working Saturday
    assert when("2025-11-02 20:00") == "11-03 09:00"
    assert when("2025-12-31 20:30") == "01-01 09:00"
    month = [f"2025-12-{day:02} 10:00" for day in range(1, 9)]
    assert when("2025-12-15 10:00", *month) == "01-01 09:00"


def test_a_robots_advertising_and_mass_calls_need_consent(settings: Settings) -> None:
    case = Case(Target(PHONE), (MOSCOW,), terms=Terms(labelled=True))
    for name, kind in (("ru-38fz", ConsentKind.ADVERTISING), ("ru-126fz", ConsentKind.MASS_CALLS)):
        law = law_of(settings, [name])
        assert decide(case, law, NOON).answer is Answer.NEVER
        assert decide(replace(case, consents={kind: Consent(True)}), law, NOON).answer is Answer.ALLOW
    exempt = replace(case, terms=Terms(labelled=True, exemption="state body"))
    assert decide(exempt, law_of(settings, ["ru-126fz"]), NOON).answer is Answer.ALLOW
    assert decide(exempt, law_of(settings, ["ru-38fz"]), NOON).answer is Answer.NEVER


# --- the law of a campaign


def test_the_operators_own_limits_always_hold(tmp_path: Path) -> None:
    law = law_of(of(tmp_path, attempts_day=2, attempts_week=5, attempts_month=9, gap_s=600), ["none"])
    own = law.packs[-1]
    assert [pack.name for pack in law.packs] == ["none", OWN] and own.hours is None
    assert [(one.name, one.most, one.period, one.rolling) for one in own.limits] == [
        ("day", 2, "day", timedelta(0)),
        ("week", 5, "week", timedelta(0)),
        ("month", 9, "month", timedelta(0)),
        ("gap", 1, None, timedelta(minutes=10)),
    ]
    assert {(one.scope, one.counts, one.kind) for one in own.limits} == {("person", "placed", None)}
    assert law_of(of(tmp_path, attempts_day=0), ["none"]).packs[-1].limits == ()


def test_packs_are_taken_together_with_their_calendars(tmp_path: Path) -> None:
    law = law_of(of(tmp_path, margin_s=30), ["ru-230fz-message", "us-tcpa", "us-tcpa"])
    assert [pack.name for pack in law.packs] == ["ru-230fz-message", "us-tcpa", OWN]
    assert set(law.calendars) == {"RU", "US"}
    assert law.kind is CallKind.MESSAGE and law.margin == timedelta(seconds=30)
    assert law_of(of(tmp_path), ["ru-230fz-talk"]).kind is CallKind.TALK


def test_the_calendar_of_the_settings_is_asked(tmp_path: Path) -> None:
    days = tmp_path / "days.csv"
    days.write_text("country;date;kind\nRU;2026-01-21;holiday\n")
    law = law_of(of(tmp_path, calendar=str(days)), ["ru-230fz-talk"])
    assert law.calendars["RU"].kinds(NOON.date()) == (DayKind.HOLIDAY,)
    days.write_text("country;date;kind\nRU;2026-01-21\n")
    assert law_of(of(tmp_path, calendar=str(days)), ["ru-230fz-talk"]) is law  # until the process ends
    with pytest.raises(FileError, match="line 2"):
        law_of(of(tmp_path, calendar=str(days)), ["us-tcpa"])


@pytest.mark.parametrize("names", [["ru-230"], ["none", "ru-230"], [OWN], []])
def test_an_unknown_pack_is_no_law(settings: Settings, names: list[str]) -> None:
    with pytest.raises(UsageError, match=r"there are: in-trai, none, .*us-tcpa"):
        law_of(settings, names)


def test_an_operators_pack(tmp_path: Path) -> None:
    folder = tmp_path / "law"
    folder.mkdir()
    write(folder, GOOD)
    law = law_of(of(tmp_path, law_dir=str(folder)), ["mine"])
    pack = law.packs[0]
    assert pack.hours and {kind: str(window) for kind, window in pack.hours.items()} == {
        DayKind.WORKING: "08:00-24:00",
        DayKind.HOLIDAY: "09:30-20:00",
    }
    assert (pack.name, pack.max_attempts, pack.source("attempts")) == ("mine", 5, "art 3")
    assert (pack.source("effective"), pack.limits[0].source) == ("decree", "art 2")
    assert not pack.label and pack.third_party is None and pack.retention_days == 0


@pytest.mark.parametrize("name", ["none", OWN])
def test_an_operators_pack_does_not_stand_for_ours(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "law"
    folder.mkdir()
    write(folder, GOOD, name)
    with pytest.raises(SettingsError, match=rf"{name}\.toml: a shipped pack has this name"):
        law_of(of(tmp_path, law_dir=str(folder)), ["none"])


def test_a_folder_and_a_country_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such folder"):
        packs(of(tmp_path, law_dir=str(tmp_path / "none")))
    folder = tmp_path / "law"
    folder.mkdir()
    write(folder, GOOD.replace("RU", "ZZ"))
    with pytest.raises(SettingsError, match="'ZZ'"):
        law_of(of(tmp_path, law_dir=str(folder)), ["mine"])


# --- what makes no sense in a file

WRONG = [
    ('source = "decree"', "", "source: Field required"),
    ('version = "1"', 'version = ""', "version: "),
    ("2026-01-01", '"soon"', "effective: "),
    (
        "effective = 2026-01-01",
        "effective = 2026-01-01\nexpires = 2025-12-31",
        "the whole: it expires before",
    ),
    ('country = "RU"', 'country = "Russia"', "country: "),
    ('country = "RU"', 'country = "RU"\nkind = "chat"', "kind: "),
    ('country = "RU"', 'countri = "RU"', "countri: Extra inputs are not permitted"),
    ('en = "law"', 'de = "Gesetz"', "title.en: Field required"),
    ('"08:00-24:00"', '"22:00-08:00"', "hours.working: it closes before it opens"),
    ('"08:00-24:00"', '"08:00-08:00"', "hours.working: it closes before it opens"),
    ('"08:00-24:00"', '"08:00-00:00"', "hours.working: it closes before it opens"),
    ('"08:00-24:00"', '"24:00-24:00"', "hours.working: hour must be in"),
    ('"08:00-24:00"', '"8-22"', "hours.working: write HH:MM-HH:MM"),
    ('"08:00-24:00"', '"08:00 22:00"', "hours.working: write HH:MM-HH:MM"),
    ('"08:00-24:00"', "8", "hours.working: write HH:MM-HH:MM"),
    ('weekend = "closed"', "", "hours.weekend: Field required"),
    ('source = "art 1"', "", "hours.source: Field required"),
    ("most = 1", "most = 0", "limit.1.most: "),
    ("most = 1", 'most = "one"', "limit.1.most: "),
    ("most = 1", "", "limit.1.most: Field required"),
    ('period = "day"', "", "limit.1: give either period or rolling_hours"),
    ('period = "day"', 'period = "day"\nrolling_hours = 2', "limit.1: give either period or rolling_hours"),
    ('period = "day"', 'period = "year"', "limit.1.period: "),
    ('period = "day"', "rolling_hours = 0", "limit.1.rolling_hours: "),
    ('period = "day"', "rolling_hours = 9601", "limit.1.rolling_hours: "),
    ('scope = "person"', 'scope = "family"', "limit.1.scope: "),
    ('counts = "talked"', 'counts = "thought"', "limit.1.counts: "),
    ('name = "day"', 'name = "День"', "limit.1.name: "),
    ("most = 5", "most = 0", "attempts.most: "),
    ("[attempts]", '[consents]\nneed = []\nsource = "x"\n[attempts]', "consents.need: "),
    ("[attempts]", '[consents]\nneed = ["love"]\nsource = "x"\n[attempts]', "consents.need.1: "),
    ("[attempts]", '[announcements]\nsay = ["joke"]\nsource = "x"\n[attempts]', "announcements.say.1: "),
    ("[attempts]", '[retention]\ndays = 0\nsource = "x"\n[attempts]', "retention.days: "),
    ("[attempts]", "[label]\n[attempts]", "label.source: Field required"),
    ("[hours]", "[hours", "Expected ']'"),
]


@pytest.mark.parametrize("old, new, words", WRONG)
def test_what_makes_no_sense_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert GOOD.count(old) >= 1
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: {words}")


def test_no_day_open_two_limits_of_a_name_no_text_no_file(tmp_path: Path) -> None:
    shut = re.sub(r'"\d\d:\d\d-\d\d:\d\d"', '"closed"', GOOD)
    limit = GOOD[GOOD.index("[[limit]]") : GOOD.index("[attempts]")]
    for text, words in (
        (shut, "hours: no day has hours"),
        (GOOD.replace("[attempts]", limit + "[attempts]"), "the whole: two limits have the same name"),
    ):
        with pytest.raises(SettingsError, match=words):
            read(write(tmp_path, text))
    with pytest.raises(SettingsError, match="No such file"):
        read(tmp_path / "none.toml")
    (tmp_path / "old.toml").write_bytes("# закон".encode("cp1251"))
    with pytest.raises(SettingsError, match="utf-8"):
        read(tmp_path / "old.toml")


def test_the_readme_names_every_key() -> None:
    text = (share("etc/law") / "README.md").read_text(encoding="utf-8")
    for key in File.model_fields:
        assert re.search(rf"`\[*{key}\]*`", text), key

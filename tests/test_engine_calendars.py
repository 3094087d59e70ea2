"""engine.contact.calendars: what a day is, by the library and by the operator's own file."""

from datetime import date
from pathlib import Path

import pytest

from engine.contact.calendars import calendar, read
from engine.contact.hours import DayKind
from engine.errors import FileError, SettingsError

WORKING, WEEKEND, HOLIDAY = DayKind.WORKING, DayKind.WEEKEND, DayKind.HOLIDAY
# As the decrees on days off have them: moved days, working Saturdays, ends of years.
RUSSIA = {
    "2024-12-28": WORKING,
    "2024-12-29": WEEKEND,
    "2024-12-30": HOLIDAY,
    "2025-01-08": HOLIDAY,
    "2025-01-09": WORKING,
    "2025-05-02": HOLIDAY,
    "2025-05-08": HOLIDAY,
    "2025-06-13": HOLIDAY,
    "2025-11-01": WORKING,
    "2025-11-02": WEEKEND,
    "2025-11-03": HOLIDAY,
    "2025-12-31": HOLIDAY,
    "2026-01-09": HOLIDAY,
    "2026-01-10": WEEKEND,
    "2026-01-12": WORKING,
    "2026-03-09": HOLIDAY,
    "2026-05-11": HOLIDAY,
    "2026-11-21": WEEKEND,
    "2026-12-31": HOLIDAY,
    "2027-02-20": WORKING,
    "2027-02-22": HOLIDAY,
    "2027-11-05": HOLIDAY,
    "2027-12-30": WORKING,
    "2027-12-31": HOLIDAY,
}
ELSEWHERE = {
    ("GB", "2026-12-25"): HOLIDAY,
    ("GB", "2026-12-28"): HOLIDAY,  # for Boxing Day, a Saturday
    ("GB", "2026-12-29"): WORKING,
    ("US", "2026-11-26"): HOLIDAY,
    ("US", "2026-11-27"): WORKING,
    ("US", "2026-07-03"): HOLIDAY,  # for the 4th, a Saturday
    ("US", "2027-12-31"): HOLIDAY,  # for the next year's first day
    ("IN", "2027-01-26"): HOLIDAY,
    ("IN", "2027-01-31"): WEEKEND,
}


def own(folder: Path, *lines: str, header: str = "country;date;kind") -> Path:
    path = folder / "days.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize("day, kind", RUSSIA.items())
def test_russias_days_are_as_decreed(day: str, kind: DayKind) -> None:
    assert calendar("RU").kinds(date.fromisoformat(day)) == (kind,)


@pytest.mark.parametrize("where, kind", ELSEWHERE.items())
def test_days_of_other_countries(where: tuple[str, str], kind: DayKind) -> None:
    country, day = where
    assert calendar(country).kinds(date.fromisoformat(day)) == (kind,)


def test_russias_days_off_are_known_as_far_as_they_are_decreed() -> None:
    """A newer library may know more; then this test is moved on, and RUSSIA with it."""
    russia = calendar("RU")
    assert russia.known_until == date(2027, 12, 31)
    assert russia.kinds(date(2028, 1, 1)) == (HOLIDAY,)
    assert russia.kinds(date(2028, 1, 10)) == tuple(DayKind)


def test_years_are_worked_out_as_they_are_asked_for() -> None:
    special = calendar("RU").special
    assert len(special) == 0
    assert special[date(2026, 1, 9)] is HOLIDAY and date(2026, 1, 12) not in special
    assert {day.year for day in special} == {2026}


def test_the_operators_file_goes_before_the_library(tmp_path: Path) -> None:
    lines = ("RU;2026-03-20;holiday", " RU ; 2026-01-09 ; working ", "", "RU;2028-01-10;working")
    path = own(
        tmp_path, *lines, "GB;2026-03-20;weekend", "RU;2026-03-20;holiday", header="\ufeffcountry;date;kind"
    )
    russia = calendar("RU", str(path))
    assert russia.kinds(date(2026, 3, 20)) == (HOLIDAY,)
    assert russia.kinds(date(2026, 1, 9)) == (WORKING,)
    assert russia.kinds(date(2026, 1, 8)) == (HOLIDAY,)
    assert russia.kinds(date(2028, 1, 10)) == (WORKING,)  # though nothing else of that week is settled
    assert russia.kinds(date(2028, 1, 11)) == tuple(DayKind)
    assert calendar("GB", str(path)).kinds(date(2026, 3, 20)) == (WEEKEND,)
    assert calendar("US", str(path)).kinds(date(2026, 3, 20)) == (WORKING,)


@pytest.mark.parametrize(
    "line, words",
    [
        ("RU;2026-02-30;holiday", "line 3: day is out of range for month"),
        ("RU;20 March;holiday", "line 3: Invalid isoformat string"),
        ("RU;2026-03-20;feast", "line 3: 'feast': a day is working, weekend, holiday"),
        ("RU;2026-03-20", "line 3: it has 2 values, not 3"),
        ("RU;2026-03-20;holiday;x", "line 3: it has 4 values, not 3"),
        ("Russia;2026-03-20;holiday", "line 3: 'Russia': a country is two letters"),
        ("ZZ;2026-03-20;holiday", "line 3: no calendar of the country 'ZZ'"),
        ("RU;2026-03-19;weekend", "line 3: RU 2026-03-19 is holiday further up"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = own(tmp_path, "RU;2026-03-19;holiday", line)
    with pytest.raises(FileError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}, {words}")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"line 1: the header must be country;date;kind"):
        read(own(tmp_path, header="country,date,kind"))
    with pytest.raises(FileError, match="No such file"):
        read(tmp_path / "none.csv")
    (tmp_path / "old.csv").write_bytes("country;date;kind\nстрана".encode("cp1251"))
    with pytest.raises(FileError, match="not UTF-8"):
        read(tmp_path / "old.csv")


def test_a_country_that_nobody_knows() -> None:
    with pytest.raises(SettingsError, match="'ZZ'"):
        calendar("ZZ")

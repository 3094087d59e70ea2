"""In which time zones a person may be: forty known numbers, and the order of what tells it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.contact import register_file, zones
from engine.contact.numbering import Register
from engine.contact.regions import zones_of
from engine.contact.zones import Located, Locator, Place, country_zones, version, zone, zone_names
from engine.errors import UsageError
from engine.settings import share
from storage.vocab import ZoneSource

MOSCOW = ("Europe/Moscow",)
RUSSIA = tuple(sorted(zones_of("Россия")))
KAZAKHSTAN = tuple(sorted(zones_of("Казахстан")))
USA = tuple(sorted(country_zones("US")))
YAKUTIA = ("Asia/Khandyga", "Asia/Srednekolymsk", "Asia/Ust-Nera", "Asia/Vladivostok", "Asia/Yakutsk")
SAKHALIN = ("Asia/Sakhalin", "Asia/Srednekolymsk")
NUMBERING, PREFIX = ZoneSource.NUMBERING, ZoneSource.PREFIX


@pytest.fixture(scope="module")
def register() -> Register:
    """The sample registers that are shipped, loaded together."""
    rows: list[tuple[str, int, int, str, str]] = []
    for name in ("sample-ABC-8xx.csv", "sample-DEF-9xx.csv"):
        file = register_file.official(share("etc/numbering") / name)
        rows += [(file.name, one.first, one.last, one.operator, one.region) for one in file.ranges]
    return Register(rows)


@pytest.mark.parametrize(
    "number, region, zones, source",
    [
        # Mobile, by the register.
        ("+79000000000", "Краснодарский край", MOSCOW, NUMBERING),
        ("+79000061999", "Краснодарский край", MOSCOW, NUMBERING),
        ("+79000062000", "Ростовская обл.", MOSCOW, NUMBERING),
        ("+79001450000", "г. Москва * Московская область", MOSCOW, NUMBERING),
        ("+79004400000", "Камчатский край", ("Asia/Kamchatka",), NUMBERING),
        ("+79018280000", "Город Москва, Московская область", MOSCOW, NUMBERING),  # "-", but for its territory
        ("+79111234567", "г. Санкт-Петербург и Ленинградская область", MOSCOW, NUMBERING),
        ("+79114567890", "Калининградская обл.", ("Europe/Kaliningrad",), NUMBERING),
        ("+79124500000", "Удмуртская Республика", ("Europe/Samara",), NUMBERING),
        ("+79137654321", "Новосибирская обл.", ("Asia/Novosibirsk",), NUMBERING),
        ("+79142223344", "Республика Саха /Якутия/", YAKUTIA, NUMBERING),
        ("+79145350000", "Чукотский АО", ("Asia/Anadyr",), NUMBERING),
        ("+79147000000", "Приморский край", ("Asia/Vladivostok",), NUMBERING),
        ("+79147654321", "Сахалинская обл.", SAKHALIN, NUMBERING),
        ("+79271200000", "Саратовская обл.", ("Europe/Saratov",), NUMBERING),
        ("+79490258000", "Республика Донецкая Народная", MOSCOW, NUMBERING),
        ("+79541100000", "Российская Федерация", RUSSIA, NUMBERING),
        ("+79792000000", "Республика Крым и г. Севастополь", ("Europe/Simferopol",), NUMBERING),
        ("+79825500000", "Ханты - Мансийский - Югра АО", ("Asia/Yekaterinburg",), NUMBERING),
        ("+79914456000", "г. Норильск|Красноярский край", ("Asia/Krasnoyarsk",), NUMBERING),
        # Mobile, of no range: all of the country.
        ("+79351234567", None, RUSSIA, PREFIX),
        # Fixed, by the register and by their codes.
        ("+78122001234", "г. Санкт-Петербург * Ленинградская область", MOSCOW, NUMBERING),
        ("+78432001234", "г. Казань|Республика Татарстан", MOSCOW, NUMBERING),
        ("+74957397000", None, MOSCOW, PREFIX),
        ("+73432123456", None, ("Asia/Yekaterinburg",), PREFIX),
        ("+78452123456", None, ("Europe/Saratov",), PREFIX),
        ("+74012123456", None, ("Europe/Kaliningrad",), PREFIX),
        ("+74112123456", None, YAKUTIA, PREFIX),
        ("+73361234567", None, RUSSIA, PREFIX),  # a code that no region of the table has
        # Free: their owner may be anywhere.
        ("+78002001234", "Российская Федерация", RUSSIA, NUMBERING),
        ("+78005553535", None, RUSSIA, PREFIX),
        # Kazakhstan, mobile and fixed; Abkhazia, fixed and mobile.
        ("+77011234567", None, KAZAKHSTAN, PREFIX),
        ("+77172123456", None, KAZAKHSTAN, PREFIX),
        ("+78401234567", None, MOSCOW, PREFIX),
        ("+79401234567", None, MOSCOW, PREFIX),
        # Abroad.
        ("+12125551234", None, ("America/New_York",), PREFIX),
        ("+442071234567", None, ("Europe/London",), PREFIX),
        ("+380441234567", None, ("Europe/Kyiv",), PREFIX),
        ("+375291234567", None, ("Europe/Minsk",), PREFIX),  # libphonenumber says Moscow
        ("+18005551234", None, USA, PREFIX),
    ],
)
def test_forty_known_numbers(
    register: Register, number: str, region: str | None, zones: tuple[str, ...], source: ZoneSource
) -> None:
    found = register.find(number)
    assert (found and found.region) == region
    assert Locator(register).locate(Place(), number) == Located(zones, source)


SOURCES = [
    (Place(timezone="Asia/Omsk", lat=53.2, lon=50.15, region="Якутия"), ("Asia/Omsk",), ZoneSource.TIMEZONE),
    (Place(lat=53.2, lon=50.15, region="Якутия"), ("Europe/Samara",), ZoneSource.COORDINATES),
    (Place(lat=55.03, lon=82.92), ("Asia/Novosibirsk",), ZoneSource.COORDINATES),
    (Place(lat=50.67, lon=156.12), ("Asia/Srednekolymsk",), ZoneSource.COORDINATES),
    (Place(region="Якутия", city="Якутск"), ("Asia/Yakutsk",), ZoneSource.REGION),
    (Place(city="Омск"), ("Asia/Omsk",), ZoneSource.REGION),
    # What is not known is passed over.
    (Place(timezone="Mars/Olympus", city="Омск"), ("Asia/Omsk",), ZoneSource.REGION),
    (Place(lat=0.0, lon=0.0, city="Омск"), ("Asia/Omsk",), ZoneSource.REGION),
    (Place(lat=43.5, lon=37.0), ("Europe/Kaliningrad",), NUMBERING),  # at sea
    (Place(lat=53.2, region="Средиземье", city="Шир"), ("Europe/Kaliningrad",), NUMBERING),
    # Two clocks are kept there.
    (Place(lat=48.0, lon=37.8), ("Europe/Kyiv", "Europe/Moscow"), ZoneSource.COORDINATES),
    (Place(lat=43.0, lon=41.02), ("Asia/Tbilisi", "Europe/Moscow"), ZoneSource.COORDINATES),
]


@pytest.mark.parametrize("place, zones, source", SOURCES)
def test_the_first_that_is_known_tells(
    register: Register, place: Place, zones: tuple[str, ...], source: ZoneSource
) -> None:
    assert Locator(register).locate(place, "+79114567890") == Located(zones, source)


def test_without_a_register_a_russian_mobile_may_be_anywhere_in_russia() -> None:
    found = Locator(Register()).locate(Place(), "+79114567890")
    assert found == Located(RUSSIA, PREFIX)
    assert {"Europe/Kaliningrad", "Asia/Kamchatka", "Asia/Anadyr"} <= set(found.zones)
    assert not {zone for zone in found.zones if zone in country_zones("KZ")}


def test_a_region_of_the_register_that_nobody_knows_is_no_region() -> None:
    register = Register([("DEF-9xx", 79000000000, 79009999999, "X", "-")])
    assert Locator(register).locate(Place(), "+79001234567") == Located(RUSSIA, PREFIX)


def test_a_number_of_no_country_is_unknown() -> None:
    found = Locator(Register()).locate(Place(), "+88312345678")  # a network over all the world
    assert found == Located((), ZoneSource.UNKNOWN)


def test_a_zone_is_tzdatas_and_not_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone.cache_clear()
    monkeypatch.setattr("zoneinfo._tzpath.TZPATH", (str(tmp_path),))
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Moscow").write_bytes(b"TZif is not read")
    assert datetime(2026, 1, 1, 12, tzinfo=UTC).astimezone(zone("Europe/Moscow")).hour == 15
    with pytest.raises(ValueError):  # so it is found there, by who asks the machine
        ZoneInfo.no_cache("Europe/Moscow")


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../zones", "/etc/localtime", "europe/moscow", "Europe", "a\0b"]
)
def test_no_zone_of_that_name(name: str) -> None:
    with pytest.raises(UsageError, match="not a name of the IANA"):
        zone(name)


def test_every_zone_can_be_read() -> None:
    assert all(zone(name).key == name for name in zone_names())
    assert len(zone_names()) > 500
    assert zone("Europe/Moscow") is zone("Europe/Moscow")
    assert version().count(".") == 1


@pytest.mark.parametrize(
    "installed, updated, known",
    [
        ("2026-03-01", "2026-01-05", "2026-03-01"),  # installed since
        ("2027-03-01", "2026-01-05", "2026-07-07"),  # the next bulletin came before that
    ],
)
def test_by_when_tzdata_was_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str, updated: str, known: str
) -> None:
    def seconds(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())

    (tmp_path / "zoneinfo").mkdir()
    leap_seconds = tmp_path / "zoneinfo" / "leapseconds"
    leap_seconds.write_text(f"# text\n#updated {seconds(updated)} (UTC)\n#expires 1814140800\n")
    os.utime(leap_seconds, (seconds(installed), seconds(installed)))
    monkeypatch.setattr(zones, "TZDATA", tmp_path)
    assert zones.released_by() == datetime.fromisoformat(known).replace(tzinfo=UTC)


def test_the_tzdata_that_is_here_tells_its_age() -> None:
    assert datetime(2026, 1, 1, tzinfo=UTC) < zones.released_by() <= datetime.now(UTC)

"""Places: a file is taken whole or not at all, names are found as people write them."""

import json
from pathlib import Path

import pytest
from builders import rows_of
from sqlalchemy import Engine

from engine.campaign.places import find, listed, load, search_key
from engine.errors import FileError, NotFound, UsageError
from engine.settings import share
from storage.audience import place

HEAD = "kind;name;city;lat;lon;polygon\n"
SQUARE = "POLYGON((30.2 59.9, 30.4 59.9, 30.4 60.0, 30.2 60.0, 30.2 59.9))"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


def take(engine: Engine, file: Path, text: str) -> int:
    file.write_text(text, encoding="utf-8")
    return load(engine, file)


def test_the_sample_is_taken_and_taken_again(engine: Engine) -> None:
    sample = share("etc/demo/places.csv")
    assert load(engine, sample) == load(engine, sample) == 16
    assert len(rows_of(engine, place)) == 16
    assert find(engine, "metro:Технологический институт").lat == pytest.approx(59.9165)
    assert len(find(engine, "district:Адмиралтейский район").polygon) == 7
    assert [row["name"] for row in listed(engine, "district")] == ["Адмиралтейский"]
    assert len(listed(engine)) == 16


@pytest.mark.parametrize(
    "written",
    [
        "metro:Чёрная речка",
        "metro:чЕРНАЯ  РЕЧКА",
        "metro: м. Чёрная речка",
        "METRO:метро Черная речка",
        "metro:ст. м. Чёрная речка",
        "metro:станция Чёрная речка",
        "metro:Чёрная речка, санкт-петербург",
    ],
)
def test_names_are_found_as_people_write_them(engine: Engine, written: str) -> None:
    load(engine, share("etc/demo/places.csv"))
    assert find(engine, written).name == "Чёрная речка"


def test_a_name_is_not_eaten_up() -> None:
    assert search_key("Метро") == "метро"
    assert search_key("Московская") == "московская"
    assert search_key("р-н Адмиралтейский") == search_key("Адмиралтейский  район") == "адмиралтейский"


def test_a_name_of_two_cities_is_refused_with_both(engine: Engine) -> None:
    load(engine, share("etc/demo/places.csv"))
    with pytest.raises(UsageError, match=r"Парк Победы, Москва or metro:Парк Победы, Санкт-Петербург"):
        find(engine, "metro:Парк Победы")
    assert find(engine, "metro:парк победы, москва").city == "Москва"


def test_a_name_that_is_not_known_is_told_with_the_like(engine: Engine) -> None:
    load(engine, share("etc/demo/places.csv"))
    with pytest.raises(NotFound, match=r"there is: Таганская"):
        find(engine, "metro:Таганка")
    with pytest.raises(NotFound, match=r"no place 'metro:Парк Победы, Казань'"):
        find(engine, "metro:Парк Победы, Казань")
    for wrong in ("Таганская", "metro:", "metro: "):
        with pytest.raises(UsageError, match="kind:name"):
            find(engine, wrong)


def test_a_file_is_the_whole_truth_of_its_kinds_and_cities(engine: Engine, file: Path) -> None:
    take(engine, file, HEAD + "metro;a;X;1;1;\nmetro;b;X;1;1;\nmetro;c;Y;1;1;\noffice;d;X;1;1;\n")
    take(engine, file, HEAD + "metro;a;X;2;2;\n")
    assert {(row.kind, row.name, row.city, row.lat) for row in rows_of(engine, place)} == {
        ("metro", "a", "X", 2.0),
        ("metro", "c", "Y", 1.0),
        ("office", "d", "X", 1.0),
    }


def test_with_one_wrong_line_nothing_is_taken_and_each_is_told(engine: Engine, file: Path) -> None:
    take(engine, file, HEAD + "metro;a;X;1;1;\n")
    wrong = [
        "metro;a;X;9;9;",
        "metro;б;X;91;1;",
        "metro;в;X;north;1;",
        "metro;г;X;1;;",
        "metro;;X;1;1;",
        "два слова;д;X;1;1;",
        "metro;А;X;1;1;",
        "district;е;X;;;POLYGON((1 2, 3 4))",
        "district;ж;X;;;POLYGON((179 1, 179 2, -179 2))",
        "district;з;X;;;MULTIPOLYGON(((1 2, 3 4, 5 6)))",
        "district;и;X;;;{",
        "district;к;X;;;POLYGON((1 95, 3 4, 5 6))",
        "district;л;X;;;",
        "metro;a;X;3;3;",
    ]
    with pytest.raises(FileError) as error:
        take(engine, file, HEAD + "\n".join(wrong))
    told = str(error.value)
    for line in [*range(3, 8), *range(9, 16)]:
        assert f"line {line}: " in told, told
    assert "line 2: " not in told
    assert "line 8: " not in told
    assert "180th meridian" in told
    assert [row.lat for row in rows_of(engine, place)] == [1.0]


@pytest.mark.parametrize(
    "content, told",
    [
        (b"", "the file is empty"),
        (b"kind;name;lat;lon\n", "line 1: there is no column named `city`"),
        (HEAD.encode(), "it has no places"),
        (HEAD.encode() + b"metro;a;X;1;1;;more", "line 2: more cells than the header"),
    ],
)
def test_a_file_that_is_no_list_of_places(engine: Engine, file: Path, content: bytes, told: str) -> None:
    file.write_bytes(content)
    with pytest.raises(FileError, match=told):
        load(engine, file)


def test_a_file_that_is_not_there(engine: Engine, file: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        load(engine, file)


def test_polygons_are_read_from_wkt_and_geojson(engine: Engine, file: Path) -> None:
    ring = [[30.2, 59.9], [30.4, 59.9], [30.4, 60.0], [30.2, 60.0], [30.2, 59.9]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    told = [
        json.dumps(one).replace('"', '""') for one in (geometry, {"type": "Feature", "geometry": geometry})
    ]
    lines = [f"district;a;X;;;{SQUARE}", *(f'district;b{n};X;;;"{one}"' for n, one in enumerate(told))]
    assert take(engine, file, "\ufeff" + HEAD + "\n".join(lines)) == 3
    expected = [[59.9, 30.2], [59.9, 30.4], [60.0, 30.4], [60.0, 30.2]]
    assert [row.polygon for row in rows_of(engine, place)] == [expected] * 3

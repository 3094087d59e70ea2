"""Files of the numbering register: both official forms are read alike, a broken one is refused by line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact import register_file
from engine.contact.register_file import Range, official, ported
from engine.errors import FileError

SIX = "АВС/ DEF;От;До;Емкость;Оператор;Регион"
EIGHT = f"{SIX};Территория ГАР;ИНН"
GOOD = '900;0000000;0061999;62000;ООО "Т2";Краснодарский край'


def written(folder: Path, *lines: str, encoding: str = "utf-8-sig", end: str = "\r\n") -> Path:
    path = folder / "register.csv"
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1251"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_the_older_form(tmp_path: Path, encoding: str, end: str) -> None:
    more = "900;0062000;0062000;1; АО Связь ;-"
    found = official(written(tmp_path, SIX, more, "", GOOD, encoding=encoding, end=end))
    assert found.name == "DEF-9xx"
    assert found.ranges == [
        Range(79000000000, 79000061999, 'ООО "Т2"', "Краснодарский край", 4),
        Range(79000062000, 79000062000, "АО Связь", "-", 2),
    ]


def test_the_newer_form_tells_the_region_of_a_dash(tmp_path: Path) -> None:
    lines = [
        '812;0000000;0000099;100;"ООО ""Т2""";-;Город Москва;7743895280',
        "812;0000100;0000199;100;X;-;;1",
        "812;0000200;0000299;100;X;г. Омск|Омская обл.;другое;1",
    ]
    found = official(written(tmp_path, EIGHT, *lines))
    assert found.name == "ABC-8xx"
    assert [one.region for one in found.ranges] == ["Город Москва", "-", "г. Омск|Омская обл."]
    assert found.ranges[0].operator == 'ООО "Т2"'


def test_one_byte_more_is_another_digest(tmp_path: Path) -> None:
    one = official(written(tmp_path, SIX, GOOD)).sha256
    assert one == official(written(tmp_path, SIX, GOOD)).sha256
    assert one != official(written(tmp_path, SIX, GOOD, "")).sha256


@pytest.mark.parametrize(
    "line, why",
    [
        ("900;0062000;0062999;1000;X", "5 columns, the header has 6"),
        ("900;0062000;0062999;1000;X;Y;Z;1", "8 columns, the header has 6"),
        ("200;0062000;0062999;1000;X;Y", "code '200'"),
        ("90;0062000;0062999;1000;X;Y", "code '90'"),
        ("9OO;0062000;0062999;1000;X;Y", "code '9OO'"),
        ("900;62000;0062999;1000;X;Y", "seven digits"),
        ("900;0062000;00629999;1000;X;Y", "seven digits"),
        ("900;٠062000;0062999;1000;X;Y", "seven digits"),
        ("900;0062999;0062000;1000;X;Y", "ends before it begins"),
        ("900;0062000;0062999;999;X;Y", "capacity '999', but .* there are 1000"),
        ("900;0062000;0062999;;X;Y", "capacity ''"),
        ("900;0062000;0062999;1000;;Y", "no operator"),
        ("900;0062000;0062999;1000;X;", "no region"),
        ("900;0061999;0062999;1001;X;Y", "overlaps line 2"),
        ("900;0000100;0000199;100;X;Y", "overlaps line 2"),
        ("900;0000000;0000000;1;X;Y", "overlaps line 2"),
        ('900;0062000;0062999;1000;"X"Y;Z', "expected after"),
    ],
)
def test_a_broken_line_is_told_by_its_number(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(FileError, match=f"register.csv[:,] line 3: .*{why}"):
        official(written(tmp_path, SIX, GOOD, line, "900;0070000;0070099;100;X;Y"))


def test_many_broken_lines_are_told_at_once_but_not_all(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"line 2: .*; line 11: .*; and 5 more$"):
        official(written(tmp_path, SIX, *["900;1;2;3;X;Y"] * 15))


@pytest.mark.parametrize(
    "lines, why",
    [
        ([], "line 1: the columns must be"),
        ([GOOD], "line 1: the columns must be"),
        (["DEF;От;До;Емкость;Оператор"], "line 1: the columns must be"),
        (["Код;От;До;Емкость;Оператор;Регион"], "line 1: the columns must be"),
        ([SIX + ";ИНН"], "line 1: the columns must be"),
        ([SIX], "there is nothing in it"),
        ([SIX, GOOD, "812;0000000;0000000;1;X;Y"], "several registers: they begin with 8, 9"),
    ],
)
def test_what_is_no_register(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(FileError, match=why):
        official(written(tmp_path, *lines))


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="No such file"):
        official(tmp_path / "none.csv")
    with pytest.raises(FileError, match="Is a directory"):
        official(tmp_path)
    monkeypatch.setattr(register_file, "MOST_BYTES", 50)
    with pytest.raises(FileError, match="larger than"):
        official(written(tmp_path, SIX, GOOD))


def test_ported_numbers_in_any_spelling(tmp_path: Path) -> None:
    lines = ["number;operator;region", "8 (900) 000-00-05;АО Связь;", "+79000000001;X;Омская обл."]
    found = ported(written(tmp_path, *lines), "RU")
    assert found.name == "ported"
    assert found.ranges == [
        Range(79000000001, 79000000001, "X", "Омская обл.", 3),
        Range(79000000005, 79000000005, "АО Связь", "", 2),
    ]


@pytest.mark.parametrize(
    "lines, why",
    [
        ([SIX, GOOD], "line 1: the columns must be number;operator;region"),
        (["number;operator;region"], "nothing in it"),
        (["number;operator;region", "123;X;"], "line 2: no such number"),
        (["number;operator;region", "+79000000001;;"], "line 2: no operator"),
        (["number;operator;region", "+79000000001;X"], "line 2: 2 columns, the header has 3"),
        (["number;operator;region", "+79000000001;X;", "89000000001;Y;"], "line 3: overlaps line 2"),
    ],
)
def test_ported_numbers_that_are_wrong(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(FileError, match=why):
        ported(written(tmp_path, *lines), "RU")


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), min_size=1, max_size=8))
def test_what_is_read_never_overlaps(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    lines = [f"900;{first:07};{first + more:07};{more + 1};X;Y" for first, more in spans]
    numbers = [number for first, more in spans for number in range(first, first + more + 1)]
    path = written(tmp_path_factory.mktemp("spans"), SIX, *lines)
    if len(set(numbers)) < len(numbers):
        with pytest.raises(FileError, match="overlaps"):
            official(path)
    else:
        assert sum(one.last - one.first + 1 for one in official(path).ranges) == len(numbers)

"""Lists: every encoding and delimiter that operators bring; a file that is no list is told, never a crash."""

import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from engine.errors import FileError
from engine.files import sheets
from engine.files.sheets import EXTRA, rows, size

TEXT = "phone;Name;долг\n+79211234567;Пётр;100\n"
WANTED = [(2, {"phone": "+79211234567", "name": "Пётр", "долг": "100"})]

Put = Callable[[bytes | str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a file of these bytes."""

    def written(content: bytes | str) -> Path:
        file = tmp_path / "list.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return written


def workbook(cells: dict[str, Any]) -> bytes:
    book, made = Workbook(), BytesIO()
    for place, value in cells.items():
        book.active[place] = value
    book.save(made)
    return made.getvalue()


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_recognised(
    put: Put, delimiter: str, encoding: str, end: str
) -> None:
    file = put(TEXT.replace(";", delimiter).replace("\n", end).encode(encoding))
    assert list(rows(file)) == WANTED


def test_a_list_that_is_cp1251_only_at_its_very_end_is_cp1251(put: Put) -> None:
    lines = "".join(f"+7921{n:07};a\n" for n in range(200_000))
    file = put(f"phone;name\n{lines}".encode() + "+79211234567;Пётр".encode("cp1251"))
    assert [row["name"] for _, row in rows(file)][-1] == "Пётр"


def test_quotes_hold_delimiters_and_line_breaks_and_a_row_is_told_by_its_first_line(put: Put) -> None:
    file = put('phone;name\n1;"a;b"\n2;"c\nd"\n\n ; \n3;"e ""f"""\n')
    assert list(rows(file)) == [
        (2, {"phone": "1", "name": "a;b"}),
        (3, {"phone": "2", "name": "c\nd"}),
        (7, {"phone": "3", "name": 'e "f"'}),
    ]


def test_ragged_rows_keep_what_is_too_much_apart(put: Put) -> None:
    file = put("phone;name;;\n1\n2;a;;\n3;b;c;;d\n")
    assert [row for _, row in rows(file)] == [
        {"phone": "1", "name": ""},
        {"phone": "2", "name": "a"},
        {"phone": "3", "name": "b", EXTRA: "c d"},
    ]


def test_a_header_alone_is_a_list_of_nobody(put: Put) -> None:
    assert list(rows(put("phone"))) == []
    assert list(rows(put(workbook({"A1": "phone"})))) == []


@pytest.mark.parametrize(
    "content, told",
    [
        ("", "the file is empty"),
        ("\n\n", "no column named `phone`"),
        ("telephone;name\n1;2", "line 1: there is no column named `phone`"),
        ("phone;name;Name \n", "two columns named 'name'"),
        ("phone;;name\n", "a column without a name"),
        ("phone;name\n1;a\0b\n", "not a text file"),
        (TEXT.encode("utf-16"), "not a text file"),
        ('phone;name\n1;a\n2;"b\n3;c\n', "line 3: unexpected end of data"),
        ('phone;name\n1;"a"b\n', "line 2: "),
        ("phone;name\n1;" + "x" * (2**24 + 1), "line 2: field larger"),
        ("x" * 200_000, "line 1: "),
        (b"PK\x03\x04 and nothing else", "not a workbook"),
        (workbook({}), "the first sheet is empty"),
        (workbook({"A1": "telephone"}), "no column named `phone`"),
        (workbook({"A1": "phone", "A2": "1"})[:-40], "not a workbook"),
        (workbook({"A1": "phone", "AZ1048576": " "}), "too far apart"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value)[:20],
)
def test_what_is_no_list_is_told(put: Put, content: bytes | str, told: str) -> None:
    file = put(content)
    with pytest.raises(FileError, match=told) as error:
        list(rows(file))
    assert str(file) in str(error.value)


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_what_is_no_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError):
        list(rows(tmp_path / name))


def test_a_workbook_is_read_as_a_person_reads_it(put: Put) -> None:
    cells = {
        "B3": "Phone",
        "C3": "sum",
        "D3": "date",
        "B4": 79211234567,
        "C4": 12.5,
        "D4": date(2026, 1, 2),
        "B6": " 8 921 ",
        "C6": 100.0,
        "E6": "too much",
    }
    assert list(rows(put(workbook(cells)))) == [
        (4, {"phone": "79211234567", "sum": "12.5", "date": "2026-01-02"}),
        (6, {"phone": "8 921", "sum": "100", "date": "", EXTRA: "too much"}),
    ]


def test_only_the_first_sheet_counts(tmp_path: Path) -> None:
    book = Workbook()
    book.active["A1"], book.active["A2"] = "phone", "1"
    book.create_sheet("second")["A1"] = "nonsense"
    book.save(tmp_path / "two.xlsx")
    assert list(rows(tmp_path / "two.xlsx")) == [(2, {"phone": "1"})]


def test_a_workbook_of_charts_only_is_told(tmp_path: Path) -> None:
    book = Workbook()
    book.create_chartsheet()
    book.remove(book.active)
    book.save(tmp_path / "chart.xlsx")
    with pytest.raises(FileError, match=r"chart\.xlsx: "):
        list(rows(tmp_path / "chart.xlsx"))


@pytest.mark.parametrize("limit", ["MAX_XLSX", "MAX_UNPACKED"])
def test_a_workbook_that_is_too_large_packed_or_unpacked_is_not_opened(
    put: Put, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    made = BytesIO(workbook({"A1": "phone"}))
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 1_000_000)
    file = put(made.getvalue())
    assert list(rows(file)) == []
    monkeypatch.setattr(sheets, limit, 900_000 if limit == "MAX_UNPACKED" else 5_000)
    with pytest.raises(FileError, match="too large"):
        list(rows(file))


def test_a_workbook_with_a_password_is_told(put: Put) -> None:
    content = bytearray(workbook({"A1": "phone"}))
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 8] |= 1  # "encrypted", of each file in it
    with pytest.raises(FileError, match="password"):
        list(rows(put(bytes(content))))


@given(st.binary(max_size=300) | st.text("phone;,\t\"'\r\n \x00é", max_size=60).map(str.encode))
def test_any_bytes_are_a_list_or_a_file_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(b"phone;name\n" + content)
    try:
        found = list(rows(file))
    except FileError:
        return
    assert all(set(row) <= {"phone", "name", EXTRA} for _, row in found)
    assert [line for line, _ in found] == sorted({line for line, _ in found})


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_any_damage_to_a_workbook_is_told_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: int, damage: bytes
) -> None:
    whole = workbook({"A1": "phone", "A2": "1", "B1": "name", "B2": "Пётр"})
    place %= len(whole)
    file = tmp_path_factory.getbasetemp() / "any.xlsx"
    file.write_bytes(whole[:place] + damage + whole[place + len(damage) :])
    with suppress(FileError):
        list(rows(file))


def test_about_how_many_rows_a_list_has(put: Put, tmp_path: Path) -> None:
    assert size(put("phone\n1\n2\n3")) == 2
    assert size(put("")) == 0
    (tmp_path / "a.XLSX").write_bytes(workbook({"A1": "phone"}))
    assert size(tmp_path / "a.XLSX") == 0

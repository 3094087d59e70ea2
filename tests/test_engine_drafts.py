"""Files that are whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.files.drafts import drafted, write_list
from engine.files.sheets import rows


def test_a_list_that_is_written_can_be_brought(tmp_path: Path) -> None:
    out = tmp_path / "new" / "list.csv"
    assert write_list(out, ["phone", "name"], iter([["+79211234567", "Пётр; «Анна»\nЯна"], ["5", ""]])) == 2
    assert [row for _, row in rows(out)] == [
        {"phone": "+79211234567", "name": "Пётр; «Анна»\nЯна"},
        {"phone": "5", "name": ""},
    ]


def test_one_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    def broken() -> Iterator[list[str]]:
        yield ["5"]
        raise KeyboardInterrupt

    out = tmp_path / "list.csv"
    out.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_list(out, ["phone"], broken())
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_draft_takes_the_place_only_in_the_end(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    with drafted(out) as draft:
        draft.write_text("all of it")
        assert not out.exists()
    assert out.read_text() == "all of it"
    assert list(tmp_path.iterdir()) == [out]

"""Strings of a TOML document are found where they stand, to the character."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.files.toml_places import Path, Places

SOURCE = """# text = "no"
lang = "ru"   # "
[[fragment]]
name = 'a' # 'x'
text = "abc"
[[fragment]]
text = '''
one
two'''
[[fragment]]
text = \"\"\"x\\n\\u0041\\
   y ""z\\"\"\"\"\"
[[fragment]]
text = {ru = "р", en="e" , uz.x = 'u'}
[[fragment]]
when = "a = 'b'"
[fragment.text]
ru = "я"
[sample]
name = "n"
"""


@pytest.mark.parametrize(
    "path, at, place",
    [
        (("lang",), 0, (2, 9)),
        (("fragment", 0, "name"), 0, (4, 9)),
        (("fragment", 0, "text"), 2, (5, 11)),
        (("fragment", 0, "text"), 3, (5, 12)),  # the end
        (("fragment", 1, "text"), 0, (8, 1)),
        (("fragment", 1, "text"), 3, (8, 4)),
        (("fragment", 1, "text"), 5, (9, 2)),
        (("fragment", 2, "text"), 0, (11, 11)),
        (("fragment", 2, "text"), 2, (11, 14)),  # A
        (("fragment", 2, "text"), 3, (12, 4)),  # y
        (("fragment", 2, "text"), 8, (12, 9)),  # the escaped quote
        (("fragment", 3, "text", "ru"), 0, (14, 15)),
        (("fragment", 3, "text", "en"), 0, (14, 23)),
        (("fragment", 3, "text", "uz", "x"), 0, (14, 36)),
        (("fragment", 4, "when"), 4, (16, 13)),
        (("fragment", 4, "text", "ru"), 0, (18, 7)),
        (("sample", "name"), 0, (20, 9)),
    ],
)
def test_a_string_is_found(path: Path, at: int, place: tuple[int, int]) -> None:
    text: Any = tomllib.loads(SOURCE)
    for step in path:
        text = text[step]
    assert Places(SOURCE).of(path, text, at) == place
    assert Places(SOURCE.replace("\n", "\r\n")).of(path, text, at) == place


def test_what_is_not_there_or_is_another_text_has_no_place() -> None:
    assert Places(SOURCE).of(("fragment", 0, "wav"), "") is None
    assert Places(SOURCE).of(("fragment", 0, "text"), "another") is None


def basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


QUOTED = {
    "basic": basic,
    "lines": lambda text: f'"""\n{basic(text)[1:-1]}"""',
    "folded": lambda text: f'"""\\\n   {basic(text)[1:-1].lstrip()}"""',
}


@given(st.text("ab\\\"'{}#=[]\n éя", max_size=20), st.sampled_from(sorted(QUOTED)), st.data())
def test_every_character_of_any_string_is_found(text: str, how: str, data: st.DataObject) -> None:
    source = f'[[fragment]]\nname = "x"\ntext = {QUOTED[how](text)}\nwav = "y"\n'
    read = tomllib.loads(source)["fragment"][0]["text"]
    if not read:
        return
    at = data.draw(st.integers(0, len(read) - 1))
    found = Places(source).of(("fragment", 0, "text"), read, at)
    assert found is not None
    line, column = found
    stands = source.split("\n")[line - 1][column - 1 :]
    assert stands.startswith(("\\n", "\\\\", '\\"') if read[at] in '\n\\"' else read[at])

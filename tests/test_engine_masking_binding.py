"""What a dispatch may ask for, and what it is told when it may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.masking.binding import News, Usual, Wanted, compare, read
from storage.vocab import MaskMode

USUAL = Usual("RU", MaskMode.REPLACE, 3600, record=False, prefixes=("+7",))
BODY: dict[str, Any] = {
    "order": "A-1",
    "version": 3,
    "driver": {"id": "d7", "phones": ["8 (921) 000-00-01", "+79210000001", "79210000002"]},
    "client": {"name": "Анна", "phones": ["9210000003"]},
}


def test_a_request_is_taken_with_what_is_usual_where_it_says_nothing() -> None:
    phones = ("+79210000001", "+79210000002"), ("+79210000003",)
    usual = Wanted("A-1", 3, "d7", phones[0], "Анна", phones[1], MaskMode.REPLACE, 3600, record=False)
    assert read(BODY, USUAL) == usual
    said = read(BODY | {"mode": "pool", "ttl_s": 60, "record": True}, USUAL)
    assert (said.mode, said.ttl_s, said.record) == ("pool", 60, True)
    assert said.digest != usual.digest == read(BODY, USUAL).digest


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"order": ""}, "order: 1 to 64"),
        ({"order": "a b"}, "order: 1 to 64"),
        ({"order": "a/b"}, "order: 1 to 64"),
        ({"order": "explain"}, "order: 1 to 64"),
        ({"order": 7}, "order: 1 to 64"),
        ({"version": 0}, "version: a whole number from 1 to 2147483647"),
        ({"version": True}, "version: a whole"),
        ({"version": "3"}, "version: a whole"),
        ({"version": 2**31}, "version: a whole"),
        ({"ttl_s": 59}, "ttl_s: a whole number from 60 to 2592000"),
        ({"mode": "auto"}, "mode: one of replace, menu, pool"),
        ({"mode": []}, "mode: one of"),
        ({"record": 1}, "record: true or false"),
        ({"colour": "red"}, "colour: no such field"),
        ({"driver": None}, "driver: an object with id, phones"),
        ({"driver": {"id": 7, "phones": ["9210000001"]}}, "driver.id: a text"),
        ({"driver": {"id": "a\n", "phones": ["9210000001"]}}, "driver.id: a text"),
        ({"driver": {"id": "7", "phones": []}}, "driver.phones: a list of 1 to 5"),
        ({"driver": {"id": "7", "phones": "9210000001"}}, "driver.phones: a list"),
        ({"driver": {"id": "7", "phones": ["9210000001", 5]}}, "driver.phones[1]: a number is a text"),
        ({"driver": {"id": "7", "phones": ["112"]}}, "driver.phones[0]: "),
        ({"driver": {"id": "7", "name": "x", "phones": ["9210000001"]}}, "driver.name: no such field"),
        ({"client": {"name": "x", "phones": ["+79210000002"]}}, "one phone cannot be on both sides"),
        ({"client": {"name": "x", "phones": ["+12025550123"]}}, "client.phones[0]: no number may be called"),
    ],
)
def test_a_request_that_cannot_be_names_its_field(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError) as told:
        read(BODY | change, USUAL)
    assert str(told.value).startswith(complaint) or complaint in str(told.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*BODY, "mode", "ttl_s", "record", "x"]), json_values))
def test_whatever_is_sent_it_is_taken_or_refused_with_a_word(change: dict[str, Any]) -> None:
    try:
        wanted = read(BODY | change, USUAL)
    except UsageError as error:
        assert str(error)
    else:
        assert set(wanted.driver_phones).isdisjoint(wanted.client_phones)


def test_versions_only_grow() -> None:
    wanted = read(BODY, USUAL)
    assert compare(wanted, None, "") is News.NEW
    assert compare(wanted, 2, wanted.digest) is News.NEW
    assert compare(wanted, 3, wanted.digest) is News.REPEATED
    assert compare(wanted, 3, "other") is News.OTHER
    assert compare(wanted, 4, wanted.digest) is News.LATE

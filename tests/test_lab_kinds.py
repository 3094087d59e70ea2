"""Numbers of the lab: valid, distinct, and each says what its owner does."""

from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.carrier import MOVED_TO, scenario
from lab.kinds import KEYS, KINDS, REFUSALS, SERIALS, Kind, kind_of, number

kinds = st.sampled_from(list(KINDS.values()))
serials = st.integers(0, SERIALS - 1)
seconds = st.integers(0, 9)
CAPTURES = {name: Path(f"{name}.pcap") for name in ("hello", "greeting", "promise", "tried")}
Person = tuple[Kind, int, int]


@given(kinds, serials, seconds)
def test_a_number_is_a_valid_mobile_and_tells_its_kind(kind: Kind, serial: int, wait: int) -> None:
    phone = kind.number(serial, wait)
    parsed = phonenumbers.parse(phone)
    assert phonenumbers.is_valid_number(parsed)
    assert phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == phone
    assert kind_of(phone) == kind == kind_of(phone.removeprefix("+"))
    assert int(phone[7]) == wait


@given(st.tuples(kinds, serials, seconds), st.tuples(kinds, serials, seconds))
def test_different_people_have_different_numbers(one: Person, other: Person) -> None:
    same = one == other
    assert (one[0].number(*one[1:]) == other[0].number(*other[1:])) is same


def test_kinds_are_told_apart_by_digits_and_name() -> None:
    assert len({kind.digits for kind in KINDS.values()}) == len(KINDS)
    assert [kind.sip for kind in REFUSALS] == [
        486,
        404,
        480,
        403,
        603,
        503,
        408,
        410,
        484,
        500,
        488,
        302,
        480,
    ]
    assert len(KEYS) == 10 and all(kind.answers for kind in KEYS)
    assert not KINDS["rings"].answers


def test_what_is_out_of_range_is_refused() -> None:
    for serial, wait in ((-1, 0), (SERIALS, 0), (0, -1), (0, 10)):
        with pytest.raises(ValueError, match="serial"):
            number("busy", serial, wait)
    with pytest.raises(KeyError):
        number("asleep")
    with pytest.raises(ValueError, match="no kind"):
        kind_of(MOVED_TO)


def test_the_scenario_has_a_branch_for_every_kind() -> None:
    told = scenario(True, True, CAPTURES)
    for kind in KINDS.values():
        assert told.count(f'test="is{kind.digits}"') >= (kind.name not in ("listens",)), kind.name
    assert "[media_port+4]" in told and "<log " in told
    bare = scenario(False, False, CAPTURES)
    assert "[media_port]" in bare and "<log " not in bare

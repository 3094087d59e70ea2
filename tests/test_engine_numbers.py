"""Numbers: every spelling that people use becomes E.164; whatever else is refused with the reason."""

import re

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.contact.numbers import KINDS, SEPARATORS, e164, kind
from engine.errors import UsageError
from storage.vocab import NumberKind


@pytest.mark.parametrize(
    "written",
    [
        *(
            "+79211234567",
            "79211234567",
            "89211234567",
            "9211234567",
            "8 (921) 123-45-67",
            "+7 921 123 45 67",
        ),
        *(
            "8-921-123-45-67",
            " 8(921)1234567\t",
            "8.921.123.45.67",
            "8 921 123–45–67",
            "8\u00a0921\u00a01234567",
        ),
        *("\u202a+79211234567\u202c", "\ufeff79211234567", "8\u200b9211234567", "8\u20119211234567"),
    ],
)
def test_every_spelling_of_a_number_is_the_same_number(written: str) -> None:
    assert e164(written) == "+79211234567"


@pytest.mark.parametrize(
    "written, region, number",
    [
        ("+1 212 555 0123", "RU", "+12125550123"),
        ("(495) 739-70-00", "RU", "+74957397000"),
        ("8 727 2501234", "KZ", "+77272501234"),
        ("030 901820", "DE", "+4930901820"),
        ("7 212 555 0123", "US", None),
    ],
)
def test_a_region_says_what_a_number_without_a_plus_means(
    written: str, region: str, number: str | None
) -> None:
    if number is None:
        with pytest.raises(UsageError):
            e164(written, region)
    else:
        assert e164(written, region) == number


@pytest.mark.parametrize(
    "written, why",
    [
        ("", "no number"),
        (" - ", "no number"),
        ("112", "no such number"),
        ("123-45-67", "no such number"),
        ("0079211234567", "no such number"),
        ("+7921123456", "no such number"),
        ("+792112345678", "no such number"),
        ("+79", "not a phone number"),
        ("++79211234567", "not a phone number"),
        ("7921123456O", "not a phone number"),
        ("8 (921) 123-45-67 доб. 5", "extension"),
        ("+79211234567,123", "extension"),
        ("+79211234567 ext 5", "extension"),
        ("+79211234567#5", "extension"),
        ("８９２１１２３４５６７", "not a phone number"),
        ("7.9211234567E+10", "not a phone number"),
        ("9" * 400, "not a phone number|no such number"),
        ("+", "not a phone number"),
    ],
)
def test_what_nobody_could_have_meant_is_refused(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as error:
        e164(written)
    assert "921" not in str(error.value)  # the number itself is not told: messages are logged


@given(
    st.one_of(
        st.text(max_size=30), st.text("+0123456789 ()-.", max_size=20), st.from_regex(r"\+?[78]\d{10}")
    ),
    st.sampled_from(["RU", "KZ", "US", "DE"]),
)
@example("810 1 212 555 0123", "RU")
@example("20100000000000", "DE")  # valid within Germany, and with its code a digit too long
def test_a_result_is_always_e164_and_stays_as_it_is(written: str, region: str) -> None:
    try:
        number = e164(written, region)
    except UsageError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert e164(number, region) == number


def by_libphonenumber(written: str) -> str | None:
    """The same question, asked of the library alone; eleven digits from 7 on lack their plus."""
    digits = SEPARATORS.sub("", written)
    try:
        number = phonenumbers.parse("+" + digits if re.fullmatch("7[0-9]{10}", digits) else digits, "RU")
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


CODES = [*"0123456789", "70", "71", "72", "747", "751", "77", "78", "80", "800", "803", "808", "809"]
CODES += ["930000", "93000", "930", "495", "812", "336", "365", "940", "949"]


@st.composite
def russian(draw: st.DrawFn) -> str:
    """Ten digits or about that, most of them of numbers that may be there, in the ordinary spellings."""
    code = draw(st.sampled_from(CODES))
    size = draw(st.sampled_from([10, 10, 10, 10, 9, 11, 14]))
    rest = draw(st.text("0123456789", min_size=size - len(code), max_size=size - len(code)))
    digits, prefix = code + rest, draw(st.sampled_from(["", "8", "7", "+7"]))
    if draw(st.booleans()):
        return f"{prefix} ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}"
    return prefix + digits


@settings(max_examples=2000)
@given(russian())
@example("8108123456789012")
@example("+7 800 555-35-35")
def test_the_short_way_answers_as_libphonenumber(written: str) -> None:
    try:
        answer: str | None = e164(written)
    except UsageError:
        answer = None
    assert answer == by_libphonenumber(written)
    if answer:
        told = phonenumbers.number_type(phonenumbers.parse(answer))
        assert kind(answer) == KINDS.get(told, NumberKind.OTHER)


@pytest.mark.parametrize(
    "number, expected",
    [
        ("+79211234567", NumberKind.MOBILE),
        ("+74957397000", NumberKind.FIXED),
        ("+78005553535", NumberKind.TOLL_FREE),
        ("+78031234567", NumberKind.PREMIUM),
        ("+78091234567", NumberKind.PREMIUM),
        ("+78081234567", NumberKind.OTHER),
        ("+77011234567", NumberKind.MOBILE),
        ("+77172123456", NumberKind.FIXED),
        ("+77511234567", NumberKind.OTHER),
        ("+12125550123", NumberKind.OTHER),  # fixed or mobile, nobody knows which
        ("+18005550123", NumberKind.TOLL_FREE),
        ("+19005550123", NumberKind.PREMIUM),
        ("+447911123456", NumberKind.MOBILE),
        ("+442071234567", NumberKind.FIXED),
    ],
)
def test_what_sort_of_line_a_number_is(number: str, expected: NumberKind) -> None:
    assert kind(number) is expected

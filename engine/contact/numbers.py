"""Phone numbers: everything is E.164 at the door, or is refused with the reason.

Parsing is libphonenumber's; three of its readings are refused because a person did not mean them:
short numbers ("112" would become +7112), a leading 00 or 810 taken for digits of the number, and extensions.

Country code 7 (Russia, Kazakhstan) has a short way, twenty times as fast: libphonenumber's own patterns of
ten digits, joined into one. What does not match it goes the long way, so that the answers are the same.
"""

import re
from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType

from engine.errors import UsageError
from storage.vocab import NumberKind

# Also what comes along unseen when a number is copied: zero-width and direction marks.
SEPARATORS = re.compile(r"[\s()\-.\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
LONGEST = (
    16  # a plus and 15 digits (E.164, 6.2.1); some plans have numbers within the country that are longer
)
EXTENSION = re.compile(r"(доб|ext|#|,|;|x)", re.IGNORECASE)
DIGITS = 10
# libphonenumber's tables of a country, in the order in which it asks them.
TABLES = {
    "premium_rate": NumberKind.PREMIUM,
    "toll_free": NumberKind.TOLL_FREE,
    "shared_cost": NumberKind.OTHER,
    "voip": NumberKind.OTHER,
    "personal_number": NumberKind.OTHER,
    "pager": NumberKind.OTHER,
    "uan": NumberKind.OTHER,
    "voicemail": NumberKind.OTHER,
    "fixed_line": NumberKind.FIXED,
    "mobile": NumberKind.MOBILE,
}
# Where a plan does not tell mobile from fixed (North America), neither do we: that is "other".
KINDS = {
    PhoneNumberType.PREMIUM_RATE: NumberKind.PREMIUM,
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
    PhoneNumberType.FIXED_LINE: NumberKind.FIXED,
    PhoneNumberType.MOBILE: NumberKind.MOBILE,
}


def _plan(code: int) -> str:
    """Every number of a country code that has ten digits, as one pattern: a named group a region and kind."""
    regions = []
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        found: Any = PhoneMetadata.metadata_for_region(region)
        kinds = []
        for name in TABLES:
            kind_ = getattr(found, name)
            if kind_ is not None and DIGITS in kind_.possible_length:
                kinds.append(f"(?P<{region}_{name}>{kind_.national_number_pattern})")
        general = f"(?=(?:{found.general_desc.national_number_pattern})$)"
        regions.append(f"(?={found.leading_digits}){general}(?:{'|'.join(kinds)})")
    return "|".join(regions)


PLAN = re.compile(_plan(7), re.ASCII)
RUSSIAN = re.compile(rf"(?:\+7|8|7)?(?P<national>{_plan(7)})", re.ASCII)


def e164(text: str, region: str = "RU") -> str:
    """`8 (921) 123-45-67`, `+7…`, `7…`, ten digits -> `+79211234567`; UsageError says what is wrong."""
    digits = SEPARATORS.sub("", text)
    short = RUSSIAN.fullmatch(digits) if region == "RU" else None
    return f"+7{short['national']}" if short else _parsed(digits, region)


@lru_cache(maxsize=65536)
def _parsed(digits: str, region: str) -> str:
    """The long way."""
    if not digits:
        raise UsageError("no number")
    if EXTENSION.search(digits):
        raise UsageError("a number with an extension cannot be dialled")
    if not re.fullmatch(r"\+?[0-9]+", digits):
        raise UsageError("not a phone number")
    if region == "RU" and re.fullmatch(r"7[0-9]{10}", digits):
        digits = "+" + digits
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        raise UsageError("not a phone number") from None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or len(written) > LONGEST:
        raise UsageError("no such number exists")
    return written


@lru_cache(maxsize=65536)
def kind(e164: str) -> NumberKind:
    """What sort of line a number (as `e164` gives it) is."""
    if e164.startswith("+7"):
        found = PLAN.fullmatch(e164, 2)
        if found and found.lastgroup:
            return TABLES[found.lastgroup.partition("_")[2]]
    return KINDS.get(phonenumbers.number_type(phonenumbers.parse(e164)), NumberKind.OTHER)

"""Phone numbers: everything is E.164 at the door, or is refused with the reason.

Parsing is libphonenumber's; three of its readings are refused because a person did not mean them:
short numbers ("112" would become +7112), a leading 00 or 810 taken for digits of the number, and extensions.
"""

import re
from functools import lru_cache

import phonenumbers

from engine.errors import UsageError

# Also what comes along unseen when a number is copied: zero-width and direction marks.
SEPARATORS = re.compile(r"[\s()\-.\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
EXTENSION = re.compile(r"(доб|ext|#|,|;|x)", re.IGNORECASE)


@lru_cache(maxsize=65536)
def e164(text: str, region: str = "RU") -> str:
    """`8 (921) 123-45-67`, `+7…`, `7…`, ten digits -> `+79211234567`; UsageError says what is wrong."""
    digits = SEPARATORS.sub("", text)
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
    if not phonenumbers.is_valid_number(number):
        raise UsageError("no such number exists")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

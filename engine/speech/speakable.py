"""What a voice can say: the letters of its language, digits, the usual signs. Pure.

Latin letters are said in every language (brands, foreign names), Cyrillic ones in Russian only. A control
character, an emoji, a letter of another script, an address of the web: nobody would understand what
comes out, if anything does.
"""

import re
import unicodedata

LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"
CYRILLIC = "Ѐ-ҁҊ-ԯ"
MARKS = "\u0300-\u036f"  # over a letter: an accent
SIGNS = r""".,;:!?…\-‐‑–—()\[\]{}"'«»„“”‘’ʻʼ%№&+=°§$€₽@#*/"""
SPACES = " \t\n\r\u00a0\u2007\u2009\u202f"
SILENT = {
    lang: re.compile(f"[^{letters}{MARKS}0-9{SIGNS}{SPACES}]")
    for lang, letters in (("ru", LATIN + CYRILLIC), ("en", LATIN), ("uz", LATIN))
}
ADDRESS = re.compile(r"\b(?:\w+://|www\.)\S*", re.IGNORECASE)
SOUND = re.compile(r"[^\W_]|[%№&+=°§$€₽@#*/]")  # a text without any of these is punctuation


def fault(text: str, lang: str) -> tuple[int, str] | None:
    """Where a text cannot be said in this language (from 0), and why; None when it can."""
    if found := SILENT[lang].search(text):
        sign = found[0]
        name = unicodedata.name(sign, "a control character").lower()
        shown = f"{sign!r} " if sign.isprintable() else ""
        return found.start(), f"{shown}(U+{ord(sign):04X}, {name}) cannot be said in this language ({lang})"
    if found := ADDRESS.search(text):
        return found.start(), f"{found[0][:40]!r} is an address, which nobody understands by ear"
    return None


def says(text: str) -> bool:
    """Is there anything to say in it?"""
    return bool(SOUND.search(text))

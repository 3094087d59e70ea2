"""What no voice can say is found, with its place; what people write is let through."""

import pytest

from engine.speech.speakable import fault, says


@pytest.mark.parametrize(
    "lang, text",
    [
        ("ru", "Здравствуйте, Пётр! «Ромашка» (ООО) — 5 % №1, Jack O’Neil, naïve, замо\u0301к…"),
        ("ru", "Қайрат и Їжак, 10\u00a0000 ₽, тел. *100#, a@b.ru"),
        ("en", "Hello, José & Zoë: it's 5°, $3."),
        ("uz", "Assalomu alaykum, O'tkir! Toʻlov sanasi: 8-mart; gʻ, maʼlumot."),
        ("ru", "Банки.ру и сайт банка."),
    ],
)
def test_what_can_be_said(lang: str, text: str) -> None:
    assert fault(text, lang) is None


@pytest.mark.parametrize(
    "lang, text, at, why",
    [
        ("ru", "Да 🙂", 3, "'🙂' (U+1F642, slightly smiling face) cannot be said in this language (ru)"),
        ("ru", "а\x07б", 1, "(U+0007, a control character) cannot be said"),
        ("ru", "а\u200bб", 1, "(U+200B, zero width space)"),
        ("ru", "αб", 0, "greek small letter alpha"),
        ("en", "Hello, Пётр", 7, "cyrillic capital letter pe"),
        ("uz", "Тошкент", 0, "cyrillic capital letter te"),
        ("ru", "<b>", 0, "less-than sign"),
        ("ru", "٣", 0, "arabic-indic digit three"),
        ("ru", "см. https://bank.ru/pay", 4, "'https://bank.ru/pay' is an address"),
        ("en", "see WWW.bank.com", 4, "'WWW.bank.com' is an address"),
    ],
)
def test_what_cannot_be_said_is_told_with_its_place(lang: str, text: str, at: int, why: str) -> None:
    found = fault(text, lang)
    assert found is not None
    assert found[0] == at
    assert why in found[1]


@pytest.mark.parametrize(
    "text, something", [("а", True), ("5", True), ("%", True), ("", False), (" -…!", False), ("{_}", False)]
)
def test_punctuation_says_nothing(text: str, something: bool) -> None:
    assert says(text) is something

"""A message comes in as few distinct pieces as can be, and none of them is empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speech.clip import Said
from engine.speech.fragment import Fragment
from engine.speech.pieces import Part, pieces

VALUES = {"name": "Пётр", "city": "Казань", "debt": "124050", "n": "2", "on": "2026-03-08"}


@pytest.mark.parametrize(
    "text, said",
    [
        ("Здравствуйте, {name}!", ["Здравствуйте, Пётр!"]),
        ("Ваш долг {debt:rub}.", ["Ваш долг", "=одна тысяча", "=двести сорок рублей", "=пятьдесят копеек"]),
        ("Долг: {n:number}, прошу оплатить.", ["Долг:", "=два", "прошу оплатить."]),
        ("{n:балл|балла|баллов} — это мало", ["=два балла", "это мало"]),
        ("{n:number} - мало", ["=два", "мало"]),
        ("К оплате ({n:number}) «{n:number}».", ["К оплате", "=два", "=два"]),
        ("{n:number}{on:day}", ["=два", "=восьмое марта"]),
        ("{n:number} % годовых", ["=два", "% годовых"]),
        ("{name}, вы живёте {city:in}? Да.", ["Пётр,", "вы живёте в Казани? Да."]),
        ("{name} (см. выше), город {city}", ["Пётр (см. выше),", "город Казань"]),
        ("{name} и {city}", ["Пётр", "и Казань"]),
        ("{name}{city}", ["Пётр", "Казань"]),
        ("{name}у и {city}", ["Пётру", "и Казань"]),
        ("{name} {n:number} {name}", ["Пётр", "=два", "Пётр"]),
        ("?!", []),
    ],
)
def test_a_text_is_cut_at_its_values(text: str, said: list[str]) -> None:
    spoken = Fragment("f", {"ru": text}).speak(VALUES)
    assert [f"={one.text}" if one.joined else one.text for one in spoken] == said


def test_a_message_has_as_many_pieces_as_values_not_as_their_products() -> None:
    text = "Здравствуйте, {name}! Вы живёте {city:in}, ваш долг {debt:rub}, {name}."
    fragment = Fragment("f", {"ru": text})
    made = set()
    for name in ("Пётр", "Анна", "Иван", "Ольга"):
        for city in ("Казань", "Омск", "Тула"):
            for debt in ("100", "200", "300"):
                made |= set(fragment.speak({"name": name, "city": city, "debt": debt}))
    assert len(made) == 4 + 3 + 3 + 4


parts: st.SearchStrategy[list[Part]] = st.lists(
    st.text("аб .,!?-—(«»)\n", max_size=8)
    | st.just((Said("Пётр"),))
    | st.just((Said("одна тысяча", joined=True), Said("рублей", joined=True))),
    max_size=8,
)


@given(parts)
def test_a_piece_holds_one_free_value_at_most_and_all_words_are_said_once(given: list[Part]) -> None:
    made = pieces(given)
    written = [part if isinstance(part, str) else " ".join(one.text for one in part) for part in given]
    letters = [letter for letter in "".join(written) if letter.isalpha()]
    assert [letter for piece in made for letter in piece.text if letter.isalpha()] == letters
    assert all(piece.text.count("Пётр") <= 1 for piece in made)
    assert all(any(letter.isalpha() for letter in piece.text) for piece in made)

"""Fragments: a text with its values in it, in pieces that can be said."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech.fragment import Fragment
from engine.speech.template import parse


def of_text(text: str) -> str:
    return f"[[fragment]]\ntext = '''\n{text}'''\n"


def spoken(fragment: Fragment, values: dict[str, str]) -> list[str]:
    return [piece.text for piece in fragment.speak(values)]


@pytest.mark.parametrize(
    "text, said",
    [
        ("Hello, {name}!", "Hello, Anna!"),
        ("{{{name}}}", "{Anna}"),
        ("{{name}}", "{name}"),
        ("{sly}", "{name} {{"),  # a value is never read as a template
        ("a  \n b\t{name}", "a b Anna"),
        ("100% {name}", "100% Anna"),
    ],
)
def test_variables_are_filled_in_and_double_braces_are_braces(text: str, said: str) -> None:
    assert spoken(Fragment("f", {"ru": text}), {"name": " Anna ", "sly": "{name} {{"}) == [said]


def test_values_are_said_in_their_formats() -> None:
    made = parse(of_text("{name:dative}, {sum:rub}. {city:in} {n:балл|балла|баллов}, {n}, {{{sum}}}"))
    assert made.variables == {"name", "sum", "city", "n"}
    values = {"name": " Анна ", "sum": "10050", "city": "Владивосток", "n": "2"}
    assert spoken(made.fragments[0], values) == [
        *("Анне,", "сто рублей", "пятьдесят копеек", "во Владивостоке", "два балла", "2,", "{10050}"),
    ]


def test_a_value_that_cannot_be_said_is_told_by_name() -> None:
    with pytest.raises(TemplateError, match="fragment 'f': sum: '1,5' is no whole number of kopecks"):
        Fragment("f", {"ru": "{sum:rub}"}).speak({"sum": "1,5"})


@pytest.mark.parametrize("values", [{}, {"name": ""}, {"name": " \n"}])
def test_a_missing_or_empty_value_is_told_by_name(values: dict[str, str]) -> None:
    with pytest.raises(TemplateError, match=r"fragment 'f': no value for \{name\}"):
        Fragment("f", {"ru": "Hello, {name}"}).speak(values)


names = st.sampled_from(["a", "b_1", "name"])
values = st.dictionaries(names, st.text("аяЁaz09 .,!?-{}()_\n", max_size=10), min_size=3)
WORD = re.compile(r"[^\W_]+")


@given(st.text(max_size=40) | st.text("{}ab_1? \n", max_size=30), values)
@example("{{{a}}}", {"a": "x", "b_1": "y", "name": "z"})
def test_what_is_spoken_is_the_text_with_its_values_in_pieces(text: str, given: dict[str, str]) -> None:
    """Every word once, in order; every single brace is gone; a piece has something to say."""
    given = {name: value.replace("{", "").replace("}", "") for name, value in given.items()}
    try:
        pieces = spoken(Fragment("f", {"ru": text}), given)
    except TemplateError:
        return

    def filled(found: re.Match[str]) -> str:
        name, _, default = found[0].strip("{}").partition("?")
        return found[0][0] if not name else given[name].strip() or default

    whole = re.sub(r"\{\{|\}\}|\{[^{}]+\}", filled, text)
    assert WORD.findall(" ".join(pieces)) == WORD.findall(whole)
    assert " ".join(pieces).count("{") <= whole.count("{")
    assert " ".join(pieces).count("}") <= whole.count("}")
    assert all(piece == " ".join(piece.split()) != "" for piece in pieces)


@pytest.mark.parametrize(
    "text, said",
    [
        ("Здравствуйте, {name?уважаемый клиент}!", "Здравствуйте, уважаемый клиент!"),
        ("{name:dative?уважаемому клиенту}: {n:rub?долг}.", "уважаемому клиенту: долг."),
        ("{name?что? кто?}", "что? кто?"),
        ("{name?} да", "да"),
        ("{name?а\nб}", "а б"),
        ("{known?не он}", "Анна"),
    ],
)
def test_a_default_is_said_as_it_stands_where_there_is_no_value(text: str, said: str) -> None:
    assert spoken(Fragment("f", {"ru": text}), {"known": "Анна", "name": " "}) == [said]


def test_a_default_makes_no_piece_of_its_own() -> None:
    fragment = Fragment("f", {"ru": "{name?клиент} и {city?город}"})
    assert spoken(fragment, {}) == ["клиент и город"]
    assert spoken(fragment, {"name": "Анна"}) == ["Анна и город"]


def test_a_language_has_its_own_text() -> None:
    fragment = Fragment("f", {"ru": "{n:балл|балла|баллов}", "en": "{n:point|points}", "uz": "{n:ball|ball}"})
    said = {lang: fragment.speak({"n": "21"}, lang)[0].text for lang in ("ru", "en", "uz")}
    assert said == {"ru": "двадцать один балл", "en": "twenty-one points", "uz": "yigirma bir ball"}
    with pytest.raises(TemplateError, match="fragment 'f': it has no text in uz"):
        Fragment("f", {"ru": "а"}).speak({}, "uz")


@pytest.mark.parametrize("value", ["🙂", "a\x07", "www.bank.ru", "Ω", "-", "…"])
def test_a_value_that_nobody_can_say_is_told_by_name(value: str) -> None:
    with pytest.raises(TemplateError, match="fragment 'f': name: "):
        Fragment("f", {"ru": "Я {name}"}).speak({"name": value})


def test_about_how_many_characters_are_said() -> None:
    fragment = Fragment("f", {"ru": "Долг {sum:rub}, {name?клиент}."})
    assert fragment.characters({"sum": "100"}, "ru") == len("Долг , .") + len("один рубль ") + len("клиент")
    with pytest.raises(TemplateError, match="sum: '1,5'"):
        fragment.characters({"sum": "1,5"}, "ru")


def test_a_fragment_is_heard_by_those_whom_it_is_for() -> None:
    (part,) = parse('[[fragment]]\nwhen = "days > 30"\ntext = "а"').fragments
    assert [part.applies({"days": days}) for days in ("31", "30", "")] == [True, False, False]
    with pytest.raises(TemplateError, match="'fragment1', `when`: days: 'много' is no number"):
        part.applies({"days": "много"})

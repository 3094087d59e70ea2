"""Templates: what is wrong is found when one is set, with its place; what is right is spoken whole."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech.template import MAX_TEXT, NEUTRAL, Fragment, Template, parse


def spoken(fragment: Fragment, values: dict[str, str]) -> list[str]:
    return [piece.text for piece in fragment.speak(values)]


def of_text(text: str) -> str:
    return f"[[fragment]]\ntext = '''\n{text}'''\n"


def test_a_template_is_its_language_and_fragments_in_order() -> None:
    source = """
lang = "en"
[[fragment]]
name = "hello"
text = "Hello, {name}! You owe {sum}."
[[fragment]]
wav = "end.wav"
text = "  "
"""
    made = parse(source)
    assert made == Template(
        "en", (Fragment("hello", "Hello, {name}! You owe {sum}."), Fragment("fragment2", wav="end.wav"))
    )
    assert made.variables == {"name", "sum"}
    assert made.missing({"name": " ", "other": "x"}) == ["name", "sum"]
    assert made.missing({"name": "a", "sum": "b"}) == []
    assert parse('[[fragment]]\ntext = "a"').lang == "ru"
    assert (made.role, parse('for = "debtor"\n[[fragment]]\ntext = "a"').role) == ("debtor", "debtor")


def test_a_contact_person_hears_nothing_of_the_debt() -> None:
    """Only what NEUTRAL lists; anything else is refused by its name."""
    said = " ".join(f"{{{name}}}" for name in sorted(NEUTRAL))
    assert parse(f'for = "contact"\n[[fragment]]\ntext = "{said}"').role == "contact"
    for name in ("sum", "creditor", "external_id", "address"):
        source = f'[[fragment]]\ntext = "{{name}}"\n[[fragment]]\ntext = "{{{name}}}"'
        assert parse(source).variables == {"name", name}
        with pytest.raises(TemplateError, match=rf"contact persons must not say \{{{name}\}}"):
            parse(f'for = "contact"\n{source}')


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
    assert spoken(Fragment("f", text), {"name": " Anna ", "sly": "{name} {{"}) == [said]


def test_values_are_said_in_their_formats() -> None:
    made = parse(of_text("{name:dative}, {sum:rub}. {city:in} {n:балл|балла|баллов}, {n}, {{{sum}}}"))
    assert made.variables == {"name", "sum", "city", "n"}
    assert made.formats == {
        *(("name", "dative"), ("sum", "rub"), ("city", "in"), ("n", "балл|балла|баллов")),
    }
    values = {"name": " Анна ", "sum": "10050", "city": "Владивосток", "n": "2"}
    assert spoken(made.fragments[0], values) == [
        *("Анне,", "сто рублей", "пятьдесят копеек", "во Владивостоке", "два балла", "2,", "{10050}"),
    ]


def test_a_value_that_cannot_be_said_is_told_by_name() -> None:
    with pytest.raises(TemplateError, match="fragment 'f': sum: '1,5' is no whole number of kopecks"):
        Fragment("f", "{sum:rub}").speak({"sum": "1,5"})


def test_a_format_that_is_none_is_told_with_its_place() -> None:
    with pytest.raises(TemplateError, match=r"line 2, column 3: 'rubles' is no format"):
        parse(of_text("Hello\n, {sum:rubles}"))
    with pytest.raises(
        TemplateError, match=r"line 1, column 1: 'dative': cases are for templates in Russian"
    ):
        parse('lang = "en"\n' + of_text("{name:dative}"))


@pytest.mark.parametrize("values", [{}, {"name": ""}, {"name": " \n"}])
def test_a_missing_or_empty_value_is_told_by_name(values: dict[str, str]) -> None:
    with pytest.raises(TemplateError, match=r"fragment 'f': no value for \{name\}"):
        Fragment("f", "Hello, {name}").speak(values)


@pytest.mark.parametrize(
    "text, place, piece",
    [
        ("Hello, {Name}", "line 1, column 8", "{Name}"),
        ("Hello, {name", "line 1, column 8", "{"),
        ("a\nbc } d", "line 2, column 4", "}"),
        ("{name}\n{sum }", "line 2, column 1", "{sum }"),
        ("{a b}", "line 1, column 1", "{a b}"),
        ("{}", "line 1, column 1", "{}"),
        ("{1a}", "line 1, column 1", "{1a}"),
        ("{name\n}", "line 1, column 1", "{name\\n}"),
        ("{имя}", "line 1, column 1", "{имя}"),
        ("{" + "a" * 33 + "}", "line 1, column 1", "a" * 33),
        ("{{name}", "line 1, column 7", "}"),
    ],
)
def test_a_brace_that_means_nothing_is_told_with_its_place(text: str, place: str, piece: str) -> None:
    with pytest.raises(TemplateError, match=f"fragment 'fragment1', {place}: .*{re.escape(piece)}"):
        parse(of_text(text))


@pytest.mark.parametrize(
    "source, told",
    [
        ("", "1 to 16"),
        ("fragment = []", "1 to 16"),
        ("fragment = 5", "1 to 16"),
        ("fragment = [1]", "fragment 1: it has name"),
        ("[[fragment]]\ntext='a'\n" * 17, "1 to 16"),
        ("lang = 'de'\n[[fragment]]\ntext='a'", "ru or en, not 'de'"),
        ("lang = []\n[[fragment]]\ntext='a'", "ru or en"),
        ("for = 'boss'\n[[fragment]]\ntext='a'", "for is debtor or contact, not 'boss'"),
        ("for = ['debtor']\n[[fragment]]\ntext='a'", "for is debtor or contact"),
        ("x = 1\n[[fragment]]\ntext='a'", "unknown name 'x'"),
        ("[[fragment]]\ntxt='a'", "fragment 1: it has name"),
        ("[[fragment]]\ntext=5", "are strings"),
        ("[[fragment]]\nname='a b'\ntext='a'", "'a b' is not of"),
        ('[[fragment]]\nname="a\\n"\ntext="a"', "is not of"),
        ("[[fragment]]\nname='a'", "either text or wav"),
        ("[[fragment]]\ntext='a'\nwav='a.wav'", "either text or wav"),
        ("[[fragment]]\nname='a'\ntext='x'\n" * 2, "two fragments are named 'a'"),
        (of_text("x" * (MAX_TEXT + 1)), "at most 1000"),
        ('[[fragment]]\ntext="a\\u0000"', "NUL"),
        ('[[fragment]]\nwav="a\\u0000"', "NUL"),
        ("[[fragment]\ntext='a'", "line 1, column"),
        ("lang = ", "end of document"),
        ("a = " + "9" * 5000, "limit"),
        ("a = " + "[" * 5000, "recursion"),
    ],
)
def test_a_template_that_cannot_be_spoken_is_refused(source: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        parse(source)


@given(
    st.text(max_size=200)
    | st.text("[]{}='\"\\\n ufragmentxw.#0\0", max_size=80).map("[[fragment]]\n".__add__)
)
@example("a = 1979-05-32")
@example('[[fragment]]\ntext = "{a}"')
def test_any_text_is_a_template_or_a_template_error(source: str) -> None:
    try:
        made = parse(source)
    except TemplateError:
        return
    assert isinstance(made, Template)


values = st.dictionaries(st.sampled_from(["a", "b_1", "name"]), st.text(max_size=10), min_size=3)
WORD = re.compile(r"\w+")


@given(st.text(max_size=40) | st.text("{}ab_1 \n", max_size=30), values)
@example("{{{a}}}", {"a": "x", "b_1": "y", "name": "z"})
def test_what_is_spoken_is_the_text_with_its_values_in_pieces(text: str, given: dict[str, str]) -> None:
    """Every word once, in order; every single brace is gone; a piece has something to say."""
    given = {name: value.replace("{", "").replace("}", "") for name, value in given.items()}
    try:
        (fragment,) = parse(of_text(text)).fragments
        pieces = spoken(fragment, given)
    except TemplateError:
        return
    brace = {"{{": "{", "}}": "}"}
    filled = re.sub(
        r"\{\{|\}\}|\{\w+\}", lambda found: brace.get(found[0]) or given[found[0][1:-1]], fragment.text
    )
    assert WORD.findall(" ".join(pieces)) == WORD.findall(filled)
    assert " ".join(pieces).count("{") <= filled.count("{")
    assert " ".join(pieces).count("}") <= filled.count("}")
    assert all(piece == " ".join(piece.split()) != "" for piece in pieces)

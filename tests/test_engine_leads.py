"""A row becomes a lead or is refused in plain words."""

import pytest
from builders import PHONE
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.leads import Lead, Reader, Wanted, complete
from engine.campaign.messages import Choice, rules_of
from engine.contact.numbering import Register
from engine.errors import FileError, UsageError
from engine.speech.template import Template, parse
from storage.db import new_id
from storage.vocab import NumberKind

TEMPLATE = parse('[[fragment]]\ntext = "{name}, {sum}"')
CONTACT = parse('for = "contact"\n[[fragment]]\ntext = "{name}"')
GOOD = {"phone": PHONE, "name": "Пётр", "sum": "1"}
RANGES = [("DEF-9xx", 79210000000, 79219999999, "МегаФон", "г. Санкт-Петербург")]


def read(row: dict[str, str], template: Template = TEMPLATE) -> Lead:
    key = new_id()
    choice = Choice(new_id(), rules_of([], key))
    return Reader(choice, {key: Wanted(template, 60)}, "RU", Register(RANGES)).read(row)


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"phone": "12345"}, "phone: no such number exists"),
        ({"phone": ""}, "phone: no number"),
        ({"phone2": "abc"}, "phone2: not a phone number"),
        ({"phone2": "8 809 123-45-67"}, "phone2: a premium number"),
        ({"role": "boss"}, "role: 'boss' is neither debtor nor contact"),
        (
            {"role": "contact"},
            "role: the row names a contact person, and the template is for a debtor",
        ),
        ({"lat": "x", "lon": "1"}, "lat: not a number of degrees"),
        ({"lat": "91", "lon": "1"}, "lat: beyond 90 degrees"),
        ({"lat": "1", "lon": "nan"}, "lon: beyond 180 degrees"),
        ({"lat": "1"}, "lat, lon: one without the other"),
        ({"lon": "0"}, "lat, lon: one without the other"),
        ({"timezone": "Mars/Phobos"}, "timezone: 'Mars/Phobos' is not a name"),
        ({"timezone": "../UTC"}, "timezone: '../UTC'"),
        ({"timezone": "Europe"}, "timezone: 'Europe'"),
        ({"group": "a," + "x" * 65}, "group: a name longer than 64"),
        ({"sum": " "}, "the template needs a value for: sum"),
        ({"name": "", "sum": ""}, "the template needs a value for: name, sum"),
        ({"name": "a\0"}, "NUL"),
        ({"external_id": "x" * 201}, "external_id: longer than 200"),
        ({"person_id": "x" * 201}, "person_id: longer than 200"),
        ({"+": "more"}, "more cells than the header"),
        ({"priority": "high"}, "priority: 'high' is no whole number from -100 to 100"),
        ({"priority": "101"}, "priority: '101'"),
        ({"priority": "-101"}, "priority: '-101'"),
        ({"priority": "1.5"}, "priority: '1.5'"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_dialled_is_refused_with_the_reason(changes: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(GOOD | changes)


def test_a_value_that_cannot_be_said_as_the_template_wants_it_is_refused() -> None:
    template = parse("[[fragment]]\ntext = '{name:dative}, {sum:rub}, {city:in}'")
    with pytest.raises(UsageError, match="sum: '1240,50' is no whole number of kopecks"):
        read(GOOD | {"sum": "1240,50", "city": "Казань"}, template)
    assert read(GOOD | {"sum": " 124050 ", "city": "Казань"}, template).variables["sum"] == " 124050 "


def test_a_campaign_for_contact_persons_takes_only_them() -> None:
    assert read(GOOD | {"role": "Contact"}, CONTACT).role == "contact"
    for row in (GOOD, GOOD | {"role": "debtor"}):
        with pytest.raises(UsageError, match=r"the row names a debtor, and .* is for a contact person"):
            read(row, CONTACT)


@pytest.mark.parametrize(
    "row, phones",
    [
        ({"phone2": "9211230000", "phone": "9211234567", "phone10": "9211230010"}, "4567 0000 0010"),
        ({"phone": "9211234567", "phone2": "", "phone3": "8 921 123 45 67"}, "4567"),
        ({"phone": "", "phone2": "9211230000"}, "0000"),
        ({"phone": "9211234567", "phone_model": "3310"}, "4567"),
    ],
)
def test_phones_come_in_the_order_of_their_numbers_each_once(row: dict[str, str], phones: str) -> None:
    found = read({"name": "a", "sum": "1"} | row)
    assert [phone.e164[-4:] for phone in found.phones] == phones.split()


def test_a_phone_has_what_the_register_says_of_it() -> None:
    mine, other = read(GOOD | {"phone2": "8 (495) 123-45-67"}).phones
    assert (mine.kind, mine.operator, mine.region) == (NumberKind.MOBILE, "МегаФон", "г. Санкт-Петербург")
    assert (other.kind, other.operator, other.region) == (NumberKind.FIXED, "", "")


@pytest.mark.parametrize(
    "changes, zones",
    [
        ({}, "Europe/Moscow"),  # by the register
        ({"city": "Омск"}, "Asia/Omsk"),
        ({"region": "Приморский край"}, "Asia/Vladivostok"),
        ({"city": "Омск", "lat": "56,84", "lon": "60.6"}, "Asia/Yekaterinburg"),
        ({"city": "Омск", "lat": "56,84", "lon": "60.6", "timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"phone": "+44 20 7946 0958"}, "Europe/London"),
    ],
)
def test_a_lead_is_in_the_zones_of_its_own_row(changes: dict[str, str], zones: str) -> None:
    assert read(GOOD | changes).zones == zones


def test_groups_are_names_between_commas_each_once_and_no_variable() -> None:
    assert read(GOOD | {"group": " vip, staff,,vip "}).person["groups"] == ["vip", "staff"]
    assert read(GOOD | {"group": ""}).person["groups"] == read(GOOD).person["groups"] == []
    with pytest.raises(UsageError, match="needs a value for: group"):
        read(GOOD | {"group": "vip"}, parse('[[fragment]]\ntext = "{group}"'))


def test_every_other_column_is_a_variable_of_the_template_and_no_more_is_kept() -> None:
    template: Template = parse('[[fragment]]\ntext = "{city} {phone_model}"')
    row = GOOD | {"city": "Омск", "phone_model": "3310", "secret": "x", "external_id": "d"}
    assert read(row, template).variables == {"city": "Омск", "phone_model": "3310"}


@pytest.mark.parametrize(
    "ids, key, person",
    [
        ({}, f"tel:{PHONE}", f"tel:{PHONE}"),
        ({"person_id": "p"}, "id:p", "id:p"),
        ({"external_id": "d"}, "d", f"tel:{PHONE}"),
        ({"external_id": "d", "person_id": "p"}, "d", "id:p"),
    ],
)
def test_ids_name_the_debt_and_the_person_else_the_number_does(
    ids: dict[str, str], key: str, person: str
) -> None:
    found = read(GOOD | ids)
    assert (found.key, found.person_key) == (key, person)


columns = st.sampled_from(
    [*GOOD, "phone2", "role", "group", "lat", "lon", "timezone", "city", "region", "external_id", "+"]
)
texts = st.text(max_size=12) | st.sampled_from(
    ["9211234567", "contact", "55.7", "-0", "inf", "Europe/Moscow"]
)


@given(st.dictionaries(columns, texts))
def test_any_row_is_a_lead_or_is_refused(row: dict[str, str]) -> None:
    try:
        lead = read(GOOD | row)
    except UsageError as error:
        assert str(error)
        return
    assert lead.phones[0].e164.startswith("+")
    assert set(lead.variables) == {"name", "sum"}


@pytest.mark.parametrize("told, priority", [("", 0), ("100", 100), ("-100", -100), ("+7", 7), ("07", 7)])
def test_a_row_may_say_who_goes_first(told: str, priority: int) -> None:
    assert read(GOOD | {"priority": told}).priority == priority


def test_a_priority_is_no_variable_of_a_template() -> None:
    template = parse('[[fragment]]\ntext = "{name}, {priority}"')
    with pytest.raises(UsageError, match="the template needs a value for: priority"):
        read(GOOD | {"priority": "1"}, template)


def test_what_is_never_said_is_no_variable() -> None:
    template = parse('[[fragment]]\ntext = "{phone}"')
    with pytest.raises(
        FileError, match=r"'phone' \(fragment 'fragment1', line 2, column 9\), a column that is"
    ):
        list(complete([Wanted(template, 60)], iter([(2, GOOD)])))


def test_a_column_that_somebody_may_do_without_may_be_left_out() -> None:
    template = parse('[[fragment]]\ntext = "{name?клиент} {city?город}"')
    rows = [(2, {"phone": PHONE}), (3, {"phone": PHONE})]
    assert list(complete([Wanted(template, 60)], iter(rows))) == rows
    assert read({"phone": PHONE}, template).variables == {"name": "", "city": ""}
    several = [Wanted(TEMPLATE, 60), Wanted(template, 60)]  # whose column it is, each row will tell
    assert list(complete(several, iter(rows))) == rows


BY_DAYS = parse(
    '[[fragment]]\ntext = "{name}"\nwhen = "sum > 30"\n[[fragment]]\nwhen = "sum < 10"\ntext = "{city:in}"'
)


def test_a_value_is_needed_where_it_is_said() -> None:
    assert read(GOOD | {"name": "", "city": "Омск"}, BY_DAYS).variables == {
        "name": "",
        "city": "Омск",
        "sum": "1",
    }


@pytest.mark.parametrize(
    "changes, why",
    [
        ({}, "the template needs a value for: city"),
        ({"sum": "20"}, "no fragment of the template is for these values"),
        ({"sum": "много"}, "sum: 'много' is no number"),
        ({"sum": "31", "name": "🙂"}, "name: '🙂'"),
        ({"sum": "31", "name": "я" * 1001}, "the template would last about 60 s, longer than 60 s"),
    ],
)
def test_a_row_that_the_template_cannot_speak_to_is_refused(changes: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(GOOD | changes, BY_DAYS)


def test_a_row_may_ask_for_a_language_of_the_template() -> None:
    template = parse('[[fragment]]\ntext = {ru = "{name:dative}", en = "for {name}"}')
    assert read(GOOD | {"lang": "ru"}, template).lang == "ru"
    assert read(GOOD | {"lang": "EN", "name": "Peter"}, template).lang == "en"
    with pytest.raises(UsageError, match="name: 'П'"):
        read(GOOD | {"lang": "en"}, template)
    with pytest.raises(UsageError, match="lang: the template is in ru, en, and not in uz"):
        read(GOOD | {"lang": "uz"}, template)

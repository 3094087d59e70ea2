"""Who hears which template: the first rule that holds, and shares that are met and stay."""

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.messages import WHOLE, Choice, Rule, place, rules_of, stored, told
from engine.errors import UsageError
from storage.db import new_id

IDS = {name: new_id() for name in ("debt", "soft", "friends", "large", "uz")}
CAMPAIGN = new_id()
ROW = {"debt": "500000", "city": "Казань", "due": "2026-03-08"}


def chosen(
    row: dict[str, str],
    *messages: str,
    templates: str = "debt",
    role: str = "debtor",
    lang: str = "",
    key: str = "d-1",
    campaign: UUID = CAMPAIGN,
) -> str:
    """The name of what somebody hears, by rules that went through the database's JSON."""
    kept = stored(told(templates, messages), IDS)
    found = Choice(campaign, rules_of(kept, IDS["debt"])).of(row, role, lang, key)
    return next(name for name, key_ in IDS.items() if key_ == found)


def test_what_operators_write() -> None:
    assert told("debt", ()) == (Rule("", (("debt", 100),)),)
    assert told(" debt = 30 , soft=70 ", ["role = 'contact': friends", "city ~ 'a:b': soft=99,debt=1"]) == (
        Rule("role = 'contact'", (("friends", 100),)),
        Rule("city ~ 'a:b'", (("soft", 99), ("debt", 1))),
        Rule("", (("debt", 30), ("soft", 70))),
    )


@pytest.mark.parametrize(
    "templates, messages, why",
    [
        ("", [], "a template's name is missing"),
        ("debt,", [], "template debt: of several each needs its share"),
        ("debt=50,", [], "a template's name is missing"),
        ("debt,soft", [], "template debt: of several each needs its share: debt=50"),
        ("debt=50,soft", [], "template soft: of several each needs its share"),
        ("debt=50,soft=49", [], "the shares of debt, soft make 99 and not 100 per cent"),
        ("debt=50,soft=51", [], "make 101"),
        ("debt=99", [], "make 99"),
        ("debt=0,soft=100", [], "template debt: '0' is no share from 1 to 100 per cent"),
        ("debt=-1,soft=101", [], "'-1' is no share"),
        ("debt=1.5,soft=98.5", [], "'1.5' is no share"),
        ("debt=50%,soft=50%", [], "'50%' is no share"),
        ("debt=,soft=100", [], "'' is no share"),
        ("debt=١٠٠", [], "is no share"),
        ("debt=50,debt=50", [], "template debt comes twice"),
        ("debt", ["friends"], "message 'friends': write CONDITION: TEMPLATE"),
        ("debt", [": friends"], "write CONDITION: TEMPLATE"),
        ("debt", ["city = 'a':"], "a template's name is missing"),
        ("debt", ["city = : friends"], "column 8"),
        ("debt", ["city = 'a' or: friends"], "message .*: column"),
        ("debt", ["due > today: friends"], "due is compared with a number, a 'text' or a date here"),
        ("debt", ["city = 'a': friends=40,soft=50"], "make 90"),
        ("debt", ["city = 'a': soft"] * 51, "at most 50 messages"),
    ],
)
def test_mistakes_are_told(templates: str, messages: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        told(templates, messages)


BY_TYPE = ("role = 'contact': friends", "lang = 'uz': uz", "debt >= 10000000 and city = 'Казань': large")


@pytest.mark.parametrize(
    "row, who, heard",
    [
        ({}, {}, "debt"),
        ({}, {"role": "contact"}, "friends"),
        ({}, {"role": "contact", "lang": "uz"}, "friends"),  # the first that holds
        ({}, {"lang": "uz"}, "uz"),
        ({}, {"lang": "en"}, "debt"),
        ({"debt": "10000000"}, {}, "large"),
        ({"debt": "9999999,99"}, {}, "debt"),
        ({"debt": "10000000"}, {"lang": "uz"}, "uz"),
        ({"debt": "10000000", "city": "Омск"}, {}, "debt"),
        ({"debt": ""}, {}, "debt"),
        ({"role": "contact", "lang": "uz"}, {}, "debt"),  # as they were read, not as they were written
    ],
)
def test_the_first_rule_that_holds_decides(row: dict[str, str], who: dict[str, Any], heard: str) -> None:
    assert chosen(ROW | row, *BY_TYPE, **who) == heard


def test_what_cannot_be_asked_of_a_row_is_a_mistake_and_never_no() -> None:
    with pytest.raises(UsageError, match="messages are told by debt, and the list has no such column"):
        chosen({"city": "Казань"}, *BY_TYPE)
    with pytest.raises(UsageError, match="debt: 'much' is no number"):
        chosen(ROW | {"debt": "much"}, *BY_TYPE)
    assert chosen({}, "role = 'contact' or lang = 'uz': friends") == "debt"  # these are in every list


PARTS = st.lists(st.integers(1, WHOLE), min_size=1, max_size=5).map(
    lambda parts: [share for share in _whole(parts) if share]
)


def _whole(parts: list[int]) -> list[int]:
    """Whole shares that make 100, about as these parts are to one another."""
    shares = [part * WHOLE // sum(parts) for part in parts]
    return [shares[0] + WHOLE - sum(shares), *shares[1:]]


@given(PARTS, st.uuids())
def test_shares_are_met(shares: list[int], campaign: UUID) -> None:
    """Of 4000 keys: within five standard deviations, and nobody is left out."""
    names = list(IDS)[: len(shares)]
    templates = ",".join(f"{name}={share}" for name, share in zip(names, shares, strict=True))
    choice = Choice(campaign, rules_of(stored(told(templates, ()), IDS), IDS["debt"]))
    found = Counter(choice.of({}, "debtor", "", f"d-{n}") for n in range(4000))
    assert found.total() == 4000
    for name, share in zip(names, shares, strict=True):
        expected = 4000 * share / WHOLE
        assert abs(found[IDS[name]] - expected) <= 5 * (expected * (1 - share / WHOLE)) ** 0.5


@given(st.text(max_size=30), st.uuids(), st.dictionaries(st.sampled_from(["debt", "city"]), st.text()))
def test_the_same_person_hears_the_same_whatever_else_his_row_says(
    key: str, campaign: UUID, row: dict[str, str]
) -> None:
    half = {"templates": "debt=50,soft=50", "key": key, "campaign": campaign}
    assert chosen(row, **half) == chosen({}, **half) == chosen({}, "lang = 'uz': uz", **half)


def test_another_campaign_divides_the_same_people_anew() -> None:
    keys = [f"d-{n}" for n in range(2000)]
    one, other = new_id(), new_id()
    both = sum((place(one, key) < 50) == (place(other, key) < 50) for key in keys)
    assert 800 < both < 1200
    assert {place(one, key) for key in keys} == set(range(WHOLE))


@given(st.lists(st.booleans(), max_size=8))
def test_of_rules_that_hold_the_first_wins(holding: list[bool]) -> None:
    names = ("soft", "friends", "large", "uz")
    messages = [f"city {'=' if holds else '!='} 'Казань': {names[n % 4]}" for n, holds in enumerate(holding)]
    first = next((names[n % 4] for n, holds in enumerate(holding) if holds), "debt")
    assert chosen(ROW, *messages) == first


@given(st.text(max_size=40), st.lists(st.text(max_size=40), max_size=2))
def test_any_text_is_rules_or_a_usage_error(templates: str, messages: list[str]) -> None:
    try:
        rules = told(templates, messages)
    except UsageError as error:
        assert str(error)
        return
    assert all(sum(share for _name, share in rule.shares) == WHOLE for rule in rules)
    assert rules[-1].when == ""

"""Which trunk, and which number calls."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.routing import Way, caller_for, choose, takes

PHONE = "+79211234567"
PREFIXES = st.lists(st.sampled_from(["7", "+7", "79", "7921", "+375", "44"]), max_size=3).map(tuple)
NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True)


@st.composite
def ways(draw):
    return [
        Way(
            name,
            draw(st.integers(0, 4)),
            draw(st.booleans()),
            draw(PREFIXES),
            draw(st.integers(-1, 1)),
            draw(st.integers(0, 2)),
        )
        for name in draw(NAMES)
    ]


def name_of(found):
    return found and found.name


def test_priority_then_the_longest_prefix_then_cost():
    cheap, dear = Way("cheap", 5, cost=30), Way("dear", 5, cost=90)
    mobile, region = (
        Way("mobile", 5, prefixes=("+79",), cost=90),
        Way("region", 5, prefixes=("7921", "7"), cost=95),
    )
    first = Way("first", 5, priority=1, cost=900)
    all_ = [cheap, dear, mobile, region, first]
    assert name_of(choose(all_, {}, PHONE)) == "first"
    assert name_of(choose(all_[:4], {}, PHONE)) == "region"
    assert name_of(choose(all_[:4], {}, "+79991234567")) == "mobile"
    assert name_of(choose(all_[:4], {}, "+74951234567")) == "region"
    assert name_of(choose(all_[:4], {}, "+375291234567")) == "cheap"
    assert name_of(choose([cheap, dear], {"cheap": 5}, PHONE)) == "dear"


def test_equal_trunks_share_by_the_room_that_they_have():
    both, taken = [Way("big", 8), Way("small", 4)], Counter()
    while found := choose(both, taken, PHONE):
        taken[found.name] += 1
        assert abs(taken["big"] / 8 - taken["small"] / 4) <= 1 / 4
    assert taken == {"big": 8, "small": 4}


def test_a_number_that_no_trunk_takes_has_no_way():
    far = [Way("far", 5, prefixes=("375",)), Way("near", 5, prefixes=("44",))]
    assert choose(far, {}, PHONE) is None
    assert not takes(far, PHONE)
    assert takes([Way("full", 0)], PHONE)


def test_a_lead_that_a_trunk_failed_goes_by_another_or_waits_for_it():
    a, b, far = Way("a", 5, priority=9), Way("b", 5), Way("far", 5, prefixes=("375",))
    assert name_of(choose([a, b], {}, PHONE, avoids="a")) == "b"
    assert choose([a, b], {"b": 5}, PHONE, avoids="a") is None
    assert name_of(choose([a, far], {}, PHONE, avoids="a")) == "a"
    assert name_of(choose([a], {}, PHONE, avoids="a")) == "a"
    assert name_of(choose([a, Way("b", 5, shut=True)], {}, PHONE, avoids="a")) == "a"


@given(ways(), st.sampled_from(["", *"abcdef"]))
def test_nothing_goes_where_it_does_not_fit_or_there_is_no_room(given_ways, avoids):
    taken = Counter()
    while found := choose(given_ways, taken, PHONE, avoids):
        assert found.fits(PHONE) >= 0
        taken[found.name] += 1
        assert taken[found.name] <= found.free
        assert not found.shut
        if found.name == avoids:
            assert all(way.fits(PHONE) < 0 or way.shut for way in given_ways if way.name != avoids)
    fitting = {way.name: way for way in given_ways if way.fits(PHONE) >= 0 and not way.shut}
    left = fitting.keys() - {avoids} or fitting.keys()
    assert all(taken[name] == fitting[name].free for name in left), "all room is found"


@given(ways(), st.randoms())
def test_the_order_in_which_trunks_are_named_says_nothing(given_ways, random):
    shuffled = random.sample(given_ways, len(given_ways))
    assert choose(given_ways, {}, PHONE) == choose(shuffled, {}, PHONE)


PEOPLE = [UUID(int=n << 64 | 7 << 76 | 2 << 62) for n in range(2000)]
NUMBERS = [f"+7495000000{n}" for n in range(5)]


def test_a_person_keeps_his_number_and_people_are_spread_over_all():
    his = {person: caller_for(person, NUMBERS) for person in PEOPLE}
    assert his == {person: caller_for(person, NUMBERS[::-1]) for person in PEOPLE}
    shares = Counter(his.values())
    assert shares.keys() == set(NUMBERS)
    assert all(300 < share < 500 for share in shares.values())


@given(st.uuids(), st.sets(st.sampled_from(NUMBERS), min_size=1), st.sampled_from(NUMBERS))
def test_only_those_whose_number_rests_get_another(person, well, rests):
    before = caller_for(person, well | {rests})
    after = caller_for(person, well - {rests})
    assert after in (well - {rests} or {""})
    assert before in (after, rests)

"""Who may come in: the call that an environment describes, its route, its token."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from agi_client import ENVIRONMENT
from hypothesis import given
from hypothesis import strategies as st

from fastagi.routes import Call, NotLetIn, Route, Scenario, call_of, check_token, route_of, token

KEY = "k3y"
NOW = 1_790_000_000.0


def call(**changes: str) -> Call:
    """The call of an environment with some values changed."""
    return call_of(ENVIRONMENT | changes)


def refusal(error: pytest.ExceptionInfo[NotLetIn]) -> str:
    """The metric's label."""
    return error.value.why


def test_call_of_an_environment() -> None:
    seen = call(
        agi_network_script="mask?u=1&name=%D0%AF",
        agi_callerid="79160000000",
        agi_calleridname="Anna",
        agi_dnid="74950000000",
        agi_arg_1="first",
        agi_arg_2="",
        agi_arg_4="beyond a gap",
    )
    assert (seen.script, seen.query) == ("mask", {"u": "1", "name": "Я"})
    assert (seen.uniqueid, seen.channel) == (ENVIRONMENT["agi_uniqueid"], "PJSIP/trunk-00000a1b")
    assert (seen.caller_id, seen.caller_name, seen.dnid) == ("79160000000", "Anna", "74950000000")
    assert seen.args == ("first", "")
    assert seen.sent == {}


def test_unknown_is_nobody() -> None:
    seen = call()
    sent = call_of(
        {"agi_uniqueid": "a.1", "agi_arg_1": "plain", "agi_arg_2": "V=a=b", "agi_arg_3": "W="}
    ).sent
    assert sent == {"V": "a=b", "W": ""}
    assert (seen.caller_id, seen.caller_name, seen.dnid, seen.args, seen.query) == ("", "", "", (), {})


@pytest.mark.parametrize("uniqueid", ["", "a b", "x" * 151, "1\n", '"'])
def test_a_call_has_an_id(uniqueid: str) -> None:
    with pytest.raises(NotLetIn) as error:
        call(agi_uniqueid=uniqueid)
    assert refusal(error) == "environment"


def test_an_environment_of_something_else() -> None:
    with pytest.raises(NotLetIn):
        call_of({"agi_network": "yes"})


@pytest.mark.parametrize("query", ["u=1&u=2", "&".join(f"k{n}=1" for n in range(20))])
def test_a_query_that_two_could_read_differently(query: str) -> None:
    with pytest.raises(NotLetIn) as error:
        call(agi_network_script=f"debtor?{query}")
    assert refusal(error) == "environment"


@given(st.text("ab=&%4+1", max_size=12))
def test_a_query_reads_as_the_library_has_it(query: str) -> None:
    pairs = parse_qsl(query, keep_blank_values=True)
    try:
        assert call(agi_network_script=f"debtor?{query}").query == dict(pairs)
    except NotLetIn:
        assert len(dict(pairs)) < len(pairs)


@given(st.text(max_size=200))
def test_no_script_is_more_than_let_in_or_not(text: str) -> None:
    try:
        assert isinstance(call(agi_network_script=text), Call)
    except NotLetIn as error:
        assert error.why == "environment"


def test_only_scripts_with_a_route() -> None:
    def begin(_call: Call) -> Scenario:
        raise AssertionError("only looked up, not begun")

    routes = {"debtor": Route(begin)}
    assert route_of(call(), routes) is routes["debtor"]
    for script in ("", "Debtor", "debtor/", "/debtor", "../debtor", "debtor%00"):
        with pytest.raises(NotLetIn) as error:
            route_of(call(agi_network_script=script), routes)
        assert refusal(error) == "script"


def test_the_token_is_what_asterisk_computes() -> None:
    """${SHA1(K${SHA1(K${UNIQUEID}${EPOCH})})}: what `printf k3yid-11790000000 | sha1sum`, twice, gives."""
    assert token(KEY, "id-1", "1790000000") == "284f74e0acdd90dd88f19ab89b471e1ee4fd1363"


def carrying(age_s: float = 0, **changes: Any) -> Call:
    """A call whose URL carries a token of that age."""
    uniqueid, epoch = ENVIRONMENT["agi_uniqueid"], str(int(NOW - age_s))
    parts = {"u": uniqueid, "e": epoch, "t": token(KEY, uniqueid, epoch)} | changes
    return call(agi_network_script="debtor?" + "&".join(f"{name}={value}" for name, value in parts.items()))


@pytest.mark.parametrize("age_s", [0, 59, -59])
def test_a_right_token(age_s: float) -> None:
    check_token(carrying(age_s), KEY, NOW)


@pytest.mark.parametrize(
    "seen",
    [
        call(),
        carrying(61),
        carrying(-61),
        carrying(t=""),
        carrying(t="0" * 40),
        carrying(t=token("other", ENVIRONMENT["agi_uniqueid"], str(int(NOW)))),
        carrying(e=str(int(NOW) - 1)),  # another time than the one signed
        carrying(e="1e9"),
        carrying(e=""),
        carrying(u="id-1", t=token(KEY, "id-1", str(int(NOW)))),  # good, but another call's
        carrying(t="%D0%AF" * 10),
    ],
)
def test_a_wrong_token(seen: Call) -> None:
    with pytest.raises(NotLetIn) as error:
        check_token(seen, KEY, NOW)
    assert refusal(error) == "token"

"""Nobody's number reaches the other side of a masked call, whatever either side and its carrier send: every
SIP message of a real Asterisk is looked at. The scenarios are those of `zvonar mask leak-test`.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.leaks import in_text
from lab.masked import THIRD, Masked, masked
from lab.scenarios import CLIENT, DRIVER, SCENARIOS, Scenario
from lab.stand import Stand

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
CARELESS = """
[zvonar-mask]
exten => _+XXXXXXXXXXX,1,Goto(out,${PEER},1)
[out]
exten => _+XXXXXXXXXXX,1,Dial(PJSIP/${EXTEN}@clients,20,g)
 same => n,Hangup()
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masked]:
    """Masked calls as we ship them; one stand for all scenarios."""
    with masked(tmp_path_factory.mktemp("masked")) as running:
        yield running


def named(name: str, by: str = DRIVER) -> Scenario:
    return next(one for one in SCENARIOS if (one.name, one.by) == (name, by))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.name}, by the {one.by}")
def test_no_number_reaches_the_other_side(line: Masked, scenario: Scenario) -> None:
    played = line.play(scenario)
    assert played.leaks == ()
    assert not played.otherwise
    assert played.to_caller >= 3
    assert played.to_callee >= 2 or not scenario.callee
    assert played.told >= 2, "they told us numbers, or there was nothing to leak"
    called = [
        one for one in played.messages if one.kind == "INVITE" and in_text("", _first(one.data), [THIRD])
    ]
    assert called == [], "nobody is sent to a number of somebody's choice"


def test_no_number_is_in_a_name_a_log_a_webhook_or_a_metric(line: Masked) -> None:
    for scenario in (named("recorded"), named("moved", CLIENT), named("callee-transfers")):
        assert line.play(scenario).clean
    found = line.elsewhere()
    assert found == {"files": [], "logs": [], "webhook": [], "metrics": []}
    folder = line.stand.run_dir
    assert any((folder / "var/recordings").rglob("*.alaw"))
    (folder / "party.log").write_text(f"call of 8{line.hidden[-1][2:]} ended")
    assert [leak.number for leak in line.elsewhere()["logs"]] == [line.hidden[-1]]
    (folder / "party.log").unlink()


def test_a_call_that_went_otherwise_or_told_nothing_proves_nothing(line: Masked) -> None:
    good = named("caller-hangs-up")
    assert good.callee[-1:] == ("be hung up on",)
    played = line.play(replace(good, callee=(*good.callee[:-1], "be given up")))
    assert played.leaks == ()
    assert "unexpected BYE" in played.otherwise
    assert not played.clean
    silent = replace(played, otherwise="", told=0)
    assert not silent.clean
    assert replace(silent, told=1).clean


def careless(stand: Stand) -> None:
    """A dialplan as many have it: no mask on either leg."""
    file = stand.node.conf / "extensions.conf"
    before, after = re.split(r"(?s)\[zvonar-mask\].*?(?=\[zvonar-mask-back\])", file.read_text())
    file.write_text(before + CARELESS + after)


def talkative(stand: Stand) -> None:
    """The same, on a trunk that says whatever it knows."""
    careless(stand)
    file = stand.node.conf / "pjsip.conf"
    file.write_text(re.sub(r"(?m)^((?:send|trust)_\w+) = no", r"\1 = yes", file.read_text()))


@pytest.mark.parametrize("spoilt", [careless, talkative])
def test_a_careless_dialplan_is_found_leaking(tmp_path: Path, spoilt) -> None:
    with masked(tmp_path, serve=False, spoilt=spoilt) as line:

        def lead(_own: str, other: str) -> None:
            line.stand.node.console(f"dialplan set global PEER {other}")

        played = line.play(named("caller-hangs-up"), lead)
    assert not played.clean
    driver, client = line.hidden[-2:]
    where = {(leak.where, leak.number) for leak in played.leaks}
    assert ("INVITE: From", driver) in where
    back = {("180 INVITE: P-Asserted-Identity", client), ("200 INVITE: Remote-Party-ID", client)}
    assert back <= where if spoilt is talkative else not back & where


def _first(data: bytes) -> bytes:
    return data.split(b"\r\n")[0]

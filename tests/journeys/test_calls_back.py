"""He calls us back, promises to pay, or a machine answers for him. On a real Asterisk."""

from pathlib import Path
from typing import Any

import pytest
from journeys.conftest import TEMPLATE, campaign, outcomes, people
from journeys.test_debtor_calls import LIKE, spoken

from engine.sections import Trunk
from lab.caller import Caller
from lab.ear import Sound, load, match
from lab.shell import Shell

OURS = "+74951234567"
TRUNK = Trunk(name="lab", endpoint="lab", cps=50, channels=100, caller_ids=[OURS])
KEYS = """
[[key]]
press = "4"
action = "promise"
[[key]]
press = "9"
action = "opt-out"
"""
FOR_MACHINES = """
for = "contact"
[[fragment]]
name = "call"
text = "Просим перезвонить по этому номеру. Спасибо."
"""


def called(shell: Shell, number: str, dialled: str = OURS, **keys: Any) -> Sound:
    """What he hears who calls us."""
    return Caller(shell.stand.node.node.sip, number, dialled).call(**keys)


def like(heard: Sound, file: str | Path) -> float:
    return match(heard, load(Path(file))).correlation


@pytest.mark.timeout(180)
def test_who_calls_back_hears_why_and_is_not_called_any_more(opened, notice):
    shell = opened(trunk=TRUNK)
    shell.serve("all")
    rows = people([("busy", 0), ("busy", 0), ("busy", 0)])
    campaign(shell, rows, attempts=3)
    shell.until("c", lambda now: now["attempts"]["busy"] == 3)
    heard, refused, _away = rows
    assert shell.status("c")["leads"]["pending"] == 3

    sound = called(shell, heard["phone"])
    assert min(like(sound, file) for file in spoken(shell, heard)) >= LIKE
    assert like(sound, spoken(shell, refused)[1]) < LIKE, "the sum is his alone"
    shell.until("c", lambda now: now["leads"]["done"] == 1)

    called(shell, refused["phone"], keys={1.5: "9"})
    shell.until("c", lambda now: now["leads"]["blocked"] == 1)

    strangers = [
        called(shell, "+79991112233"),
        called(shell, ""),
        called(shell, heard["phone"], "+74950000000"),
        Caller(shell.stand.node.node.sip, "", OURS, vouched=heard["phone"]).call(),  # his carrier tells us
    ]
    for sound in strangers:
        assert like(sound, notice) >= LIKE
        assert like(sound, spoken(shell, heard)[1]) < LIKE, "a stranger is told nothing"
    report = {row["outcome"]: row["count"] for row in shell.json("report", "campaign", "c")}
    assert report["called back: answered-heard"] == report["called back: answered-opt-out"] == 1
    assert report["busy"] == 3, "his call is none of ours"
    assert shell.status("c")["leads"]["pending"] == 1


@pytest.mark.timeout(120)
def test_without_our_server_who_calls_us_hears_the_notice(opened, notice):
    shell = opened(trunk=TRUNK)
    assert like(called(shell, "+79991112233"), notice) >= LIKE


@pytest.mark.timeout(120)
def test_who_promises_to_pay_is_left_alone_until_the_day_after(opened):
    shell = opened()
    (shell.folder / "promise.toml").write_text(Path(TEMPLATE).read_text() + KEYS)
    shell.zvonar("template", "set", "debt", str(shell.folder / "promise.toml"))
    shell.serve("all")
    campaign(shell, people([("promises", 3)]), attempts=2)
    status = shell.until("c", lambda now: now["attempts"]["answered-promise"] == 1)
    assert (status["leads"]["pending"], status["attempts"]["total"]) == (1, 1)
    (reason,) = shell.json("campaign", "explain", "c")["reasons"]
    assert (reason["reason"], reason["opens_at"][:16]) == ("promise", "2026-01-25T21:00"), "Moscow's 26th"
    assert outcomes(shell) == {"promises-0": "answered-promise"}


@pytest.mark.timeout(180)
def test_a_machine_gets_its_own_message_after_its_beep_and_a_person_his(opened):
    shell = opened()
    (shell.folder / "machine.toml").write_text(FOR_MACHINES)
    shell.zvonar("template", "set", "machine", str(shell.folder / "machine.toml"))
    shell.serve("all")
    rows = people([("greets", 0), ("hello", 0)])
    campaign(shell, rows, amd="careful", machine="machine")
    shell.until("c", lambda now: now["state"] == "done", 120)
    assert outcomes(shell) == {"greets-0": "machine", "hello-1": "answered-heard"}
    machine, person = (shell.stand.ear.heard(row["phone"]) for row in rows)
    assert min(like(person, file) for file in spoken(shell, rows[1])) >= LIKE
    (left,) = spoken(shell, {}, "machine")
    assert like(machine, left) >= LIKE
    assert like(machine, spoken(shell, rows[0])[1]) < LIKE, "anybody may listen to a machine"
    verdicts = {row["amd"]: row["count"] for row in shell.json("report", "campaign", "c", "--by", "amd")}
    assert verdicts == {"human": 1, "machine": 1}

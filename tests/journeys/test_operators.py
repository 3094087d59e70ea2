"""Campaigns that call for operators: each callee who answers gets one at once, or hears the message and
counts as abandoned. On a real Asterisk with its queue and two operators' phones.
"""

import pytest
from journeys.conftest import campaign, outcomes, people
from sqlalchemy import select

from engine.speech.service import Speech
from lab.ear import load, match
from lab.kinds import number
from lab.operators import seat
from lab.shell import Shell
from storage import calls
from storage.db import Record, open_engine, reading

LIKE = 0.9
PHONES = {"operator-1": number("operator", 9001), "operator-2": number("operator", 9002)}
TALK_S = 4


def attempts(shell: Shell) -> list[Record]:
    with reading(open_engine(shell.database_url)) as connection:
        return list(connection.execute(select(calls.attempt)))


def talking_at_once(made: list[Record]) -> int:
    """The most callees that were on the line, answered, at any moment."""
    answered = [one for one in made if one.answered_at]
    starts = (sum(b.answered_at <= a.answered_at < b.ended_at for b in answered) for a in answered)
    return max(starts, default=0)


@pytest.mark.timeout(240)
def test_progressive_calls_are_each_for_an_operator_and_one_too_many_hears_the_message(opened):
    shell = opened()
    seat(shell.stand, "sales", PHONES)
    for part in ("fastagi", "dialer"):
        shell.serve(part)
    kinds = [("hangs-up", TALK_S), ("busy", 0), ("hangs-up", TALK_S)] * 3
    rows = people(kinds)
    campaign(shell, rows, pacing="progressive", operators="sales", cps=20)
    status = shell.until("c", lambda now: now["state"] == "done", 120)
    expected = {"hangs-up": "answered-operator", "busy": "busy"}
    assert outcomes(shell) == {
        row["external_id"]: expected[kind] for row, (kind, _) in zip(rows, kinds, strict=True)
    }
    assert talking_at_once(attempts(shell)) == 2, "as many as there are operators, and never more"
    assert (status["operators"]["answered"], status["operators"]["abandoned"]) == (6, 0)
    rung = [call.number for call in shell.stand.carrier.sent]
    taken = [rung.count(phone) for phone in PHONES.values()]
    assert sum(taken) == 6, "each callee rang one operator"
    assert min(taken) > 0

    # Both go on pause while the next callee's phone rings: for him there is nobody.
    late = people([("listens", 5)], first=100)
    campaign(shell, late, "late", pacing="progressive", operators="sales")
    phone = late[0]["phone"]
    shell.until("late", lambda now: any(call.number == phone for call in shell.stand.carrier.sent))
    for name in PHONES:
        shell.stand.node.console(f"queue pause member PJSIP/{name} queue sales")
    status = shell.until("late", lambda now: now["state"] == "done", 90)
    assert outcomes(shell, "late") == {"listens-100": "answered-heard"}
    assert status["operators"]["abandoned_share"] == 1.0
    assert [one.abandoned for one in attempts(shell)].count(True) == 1
    speech = Speech(open_engine(shell.database_url), shell.stand.settings)
    robot = speech.cache.path(speech.phrases("debtor", "ru")["robot"].name)
    found = match(shell.stand.ear.heard(phone), load(str(robot)))
    assert found.correlation >= LIKE
    assert found.offset_s < 3, "two seconds from his answer, and what a busy machine adds"

    # Nobody is called while nobody is there.
    campaign(shell, people([("listens", 0)], first=200), "night", pacing="predictive", operators="sales")
    before = len(shell.stand.carrier.sent)
    shell.until("night", lambda now: now["audio"]["ready"] == 1)
    with pytest.raises(Exception, match="not so after"):
        shell.until("night", lambda now: len(shell.stand.carrier.sent) > before, 3)
    shell.stand.node.console("queue unpause member PJSIP/operator-1 queue sales")
    shell.until("night", lambda now: len(shell.stand.carrier.sent) > before)

"""A list of debtors goes in, each hears his own message, a true report comes out. On a real Asterisk."""

import re
from collections import Counter

import pytest
from journeys.conftest import campaign, outcomes, people

from engine.speech.message import message_of
from engine.speech.service import Speech
from engine.speech.templates import Templates
from lab.ear import load, match
from lab.kinds import number
from lab.shell import Shell
from storage.db import open_engine

LIKE = 0.9
EXPECTED = {
    ("listens", 0): "answered-heard",
    ("hangs-up", 5): "answered-partial",
    ("announcement", 0): "answered-partial",
    ("press-1", 2): "answered-operator",
    ("press-2", 6): "answered-heard",
    ("press-3", 2): "answered-paid-claim",
    ("press-9", 2): "answered-opt-out",
    ("press-4", 2): "answered-heard",
    ("press-5", 2): "answered-partial",  # asked for the hour to be called back, he names none
    ("busy", 0): "busy",
    ("busy", 1): "busy",
    ("no-such-number", 0): "invalid-number",
    ("changed-number", 0): "invalid-number",
    ("short-number", 0): "invalid-number",
    ("switched-off", 0): "unreachable",
    ("absent", 0): "unreachable",
    ("carrier-timeout", 0): "unreachable",
    ("forbidden", 0): "rejected",
    ("declines", 0): "rejected",
    ("no-circuit", 0): "congestion",
    ("carrier-fault", 0): "congestion",
    ("no-codec", 0): "trunk-fault",
    ("silence", 0): "trunk-fault",
    ("rings", 0): "no-answer",
}


def spoken(shell: Shell, row: dict[str, str], template: str = "debt") -> list[str]:
    """The files of a person's own message, in order."""
    engine = open_engine(shell.database_url)
    speech = Speech(engine, shell.stand.settings)
    message = message_of(Templates(engine, speech).newest(template))
    made = speech.make(message.pieces(row), message.template.lang).whole()
    return [str(speech.cache.path(clip.name)) for clip in message.clips(row, made)]


@pytest.mark.timeout(240)
def test_forty_callees_of_all_kinds(opened, postgres_url):
    kinds = [*EXPECTED, *[("listens", 0)] * 11, *[("busy", 2), ("declines", 2), ("press-9", 4)] * 2]
    expected = EXPECTED | {
        ("busy", 2): "busy",
        ("declines", 2): "rejected",
        ("press-9", 4): "answered-opt-out",
    }
    rows = people(kinds)
    assert len(rows) >= 40
    shell = opened(postgres_url, company={"name": "Ромашка", "operator": number("operator", 1)})
    for part in ("fastagi", "dialer"):
        shell.serve(part)
    campaign(shell, rows, cps=8)
    status = shell.until("c", lambda now: now["state"] == "done", 150)

    assert outcomes(shell) == {
        row["external_id"]: expected[kind] for row, kind in zip(rows, kinds, strict=True)
    }
    assert status["leads"]["done"] == len(rows)
    assert status["attempts"]["total"] == len(rows)
    called = Counter(call.number for call in shell.stand.carrier.sent)
    assert all(called[row["phone"]] == 1 for row in rows)

    listeners = [row for row in rows if row["external_id"].startswith("listens")]
    assert len(listeners) >= 10
    for row, neighbour in zip(listeners, [*listeners[1:], listeners[0]], strict=True):
        heard = shell.stand.ear.heard(row["phone"])
        own = [match(heard, load(file)) for file in spoken(shell, row)]
        assert min(found.correlation for found in own) >= LIKE
        assert own == sorted(own, key=lambda found: found.offset_s)
        # Some pieces all have in common; city and sum are his alone.
        others = [match(heard, load(file)) for file in spoken(shell, neighbour)]
        assert min(found.correlation for found in others) < LIKE

    logs = shell.logs()
    assert "attempt over" in logs
    for row in rows:
        digits = re.escape(row["phone"][2:])
        assert not re.search(digits, logs), "a number stands whole in a log"


def test_an_opt_out_holds_at_once_and_everywhere(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("press-9", 1)])
    campaign(shell, rows)
    # The same person in a second campaign that has not begun to call.
    shell.zvonar("campaign", "create", "later", "--template", "debt", "--trunk", "lab")
    shell.zvonar("campaign", "import", "later", str(shell.folder / "c.csv"))
    shell.until("c", lambda now: now["state"] == "done")
    assert outcomes(shell) == {"press-9-0": "answered-opt-out"}
    assert shell.status("later")["leads"]["blocked"] == 1
    # And in one that is filled afterwards.
    shell.zvonar("campaign", "create", "after", "--template", "debt", "--trunk", "lab")
    shell.zvonar("campaign", "import", "after", str(shell.folder / "c.csv"))
    assert shell.status("after")["leads"]["blocked"] == 1
    assert shell.run("campaign", "start", "after").returncode == 3
    assert len(shell.stand.carrier.sent) == 1


def test_a_lead_without_audio_is_not_dialled_and_says_why(opened):
    shell = opened(speech={"voice": "zzz"})
    shell.serve("all")
    campaign(shell, people([("listens", 0)]))
    shell.until("c", lambda now: "no voice" in shell.logs())
    assert shell.stand.carrier.sent == []
    assert shell.status("c")["audio"] == {"needed": 1, "ready": 0}

"""How the pieces of a message go out, and what lies between them as callees hear it. On a real Asterisk."""

import re

import pytest
from journeys.conftest import campaign, people
from journeys.test_debtor_calls import LIKE, spoken

from lab.ear import Sound, load, match, silences
from lab.shell import Shell

GAP_S = 0.06
SUMS = (100, 124050, 7500011, 200, 1010101, *range(35017, 500000, 31000))[:20]
MESSAGE = """
[[fragment]]
text = "Здравствуйте, {name}! Вам звонит Ромашка."
[[fragment]]
name = "debt"
text = "Ваш долг {sum:rub}. Оплатите до {day:day:genitive}."
"""


def gap_s(heard: Sound, joint_s: float) -> float:
    """How long it is quiet where one piece ends and the next begins."""
    around = [length for begin, length in silences(heard, 0) if begin - 0.001 <= joint_s <= begin + length]
    return max(around, default=0.0)


def written(shell: Shell) -> set[tuple[str, str]]:
    """The format that each call under way is given to play, and whether Asterisk must transcode it."""
    console = shell.stand.node.console
    names = re.findall(r"^(PJSIP/[^!]+)!", console("core show channels concise"), re.M)
    told = [console(f"core show channel {name}") for name in names]
    up = [one for one in told if re.search(r"State: Up", one)]
    return {
        (format_[1], transcode[1])
        for one in up
        if (format_ := re.search(r"WriteFormat: (\w+)", one))
        and (transcode := re.search(r"WriteTranscode: (\w+)", one))
    }


@pytest.mark.timeout(240)
def test_twenty_callees_hear_their_own_sums_without_gaps_and_nothing_is_transcoded(opened, tmp_path):
    shell = opened()
    (tmp_path / "debt.toml").write_text(MESSAGE)
    shell.zvonar("template", "set", "debt", str(tmp_path / "debt.toml"))
    rows = [
        row | {"sum": str(sum_), "day": "2026-03-08"}
        for row, sum_ in zip(people([("listens", 0)] * len(SUMS)), SUMS, strict=True)
    ]
    shell.serve("all")
    campaign(shell, rows, cps=5)
    seen: set[tuple[str, str]] = set()
    shell.until("c", lambda now: bool(seen.update(written(shell))) or now["state"] == "done", 150)
    assert seen == {("alaw", "No")}
    gaps = []
    for row, other in zip(rows, [*rows[1:], rows[0]], strict=True):
        heard = shell.stand.ear.heard(row["phone"])
        found = [match(heard, load(file)) for file in spoken(shell, row)]
        assert min(one.correlation for one in found) >= LIKE
        gaps += [gap_s(heard, one.offset_s) for one in found[1:]]
        own, foreign = (set(spoken(shell, one)) for one in (row, other))
        assert min(match(heard, load(file)).correlation for file in foreign - own) < LIKE
    assert len(gaps) >= 3 * len(rows)
    assert max(gaps) < GAP_S

"""What lies between the pieces of a message, in what callees received. On a real Asterisk."""

import pytest
from journeys.conftest import campaign, people
from journeys.test_debtor_calls import LIKE, spoken

from lab.ear import Sound, load, match, silences

GAP_S = 0.06
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


@pytest.mark.timeout(240)
def test_pieces_in_a_row_have_no_gaps(opened, tmp_path):
    shell = opened()
    (tmp_path / "debt.toml").write_text(MESSAGE)
    shell.zvonar("template", "set", "debt", str(tmp_path / "debt.toml"))
    rows = [
        row | {"sum": str(sum_), "day": "2026-03-08"}
        for row, sum_ in zip(people([("listens", 0)] * 5), (100, 124050, 7500011, 200, 1010101), strict=True)
    ]
    shell.serve("all")
    campaign(shell, rows)
    shell.until("c", lambda now: now["state"] == "done", 120)
    gaps = []
    for row in rows:
        heard = shell.stand.ear.heard(row["phone"])
        found = [match(heard, load(file)) for file in spoken(shell, row)]
        assert min(one.correlation for one in found) >= LIKE
        gaps += [gap_s(heard, one.offset_s) for one in found[1:]]
    assert len(gaps) >= 3 * len(rows)
    assert max(gaps) < GAP_S

"""Pacing for operators, simulated: how busy they are and what share of answered calls finds nobody, beside
plain progressive dialling. The call centre is `_call_centre`; the pacing is the engine's own.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from _call_centre import Centre, Day, run

from storage.vocab import Pacing

STAFF = (5, 10, 20, 50)
RATES = (0.10, 0.20, 0.35, 0.60)
TURN_S = 5400.0


def main(argv: list[str] | None = None) -> int:
    """Simulate, print the table, keep the rows."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hours", type=float, default=3.0)
    options.add_argument("--seeds", type=int, default=1)
    options.add_argument("--json", type=Path)
    given = options.parse_args(argv)
    seeds = range(1, given.seeds + 1)
    rows = [measure(name, centre, seeds) for name, centre in centres(given.hours).items()]
    head = f"{'busy':>10}{'abandoned':>12}"
    print(f"{'':28}{'progressive':>22}{'predictive':>22}\n{'':28}{head}{head}")
    for row in rows:
        print(f"{row['centre']:28}{told(row, 'progressive')}{told(row, 'predictive')}")
    if given.json:
        given.json.write_text(json.dumps(rows))
    return 0


def centres(hours: float) -> dict[str, Centre]:
    """Steady ones, one whose answer rate jumps, one whose operators come and go."""
    steady = {
        f"{staff} operators, {rate:.0%} answer": Centre(((0, rate),), ((0, staff),), hours=hours)
        for staff in STAFF
        for rate in RATES
    }
    return steady | {
        "30 operators, 10% -> 60%": Centre(((0, 0.1), (TURN_S, 0.6)), ((0, 30),), hours=hours),
        "30 operators, 60% -> 10%": Centre(((0, 0.6), (TURN_S, 0.1)), ((0, 30),), hours=hours),
        "20 -> 8 -> 25 operators": Centre(((0, 0.2),), ((0, 20), (3600, 8), (7200, 25)), hours=hours),
    }


def measure(name: str, centre: Centre, seeds: range) -> dict[str, Any]:
    """One row: means over the seeds."""
    row: dict[str, Any] = {"centre": name}
    for kind in (Pacing.PROGRESSIVE, Pacing.PREDICTIVE):
        days: list[Day] = [run(centre, kind, seed) for seed in seeds]
        row |= {
            f"{kind}_busy": mean(day.utilisation for day in days),
            f"{kind}_abandoned": mean(day.share for day in days),
        }
    return row


def told(row: dict[str, Any], kind: str) -> str:
    """The two columns of one pacing."""
    return f"{row[f'{kind}_busy']:10.0%}{row[f'{kind}_abandoned']:12.2%}"


if __name__ == "__main__":
    sys.exit(main())

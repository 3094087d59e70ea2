"""A process dies where it is told to, and nowhere else; every point is somewhere in the code."""

import os
import re
import subprocess
import sys

import pytest

from engine.failpoints import POINTS
from tests.house.tree import ROOT

CODE = "from engine.failpoints import reached\nfor n in range(3): reached('order-due'); print(n, flush=True)"


@pytest.mark.parametrize(
    ("named", "lived"),
    [("", 3), ("order-due", 0), ("order-due:1", 0), ("order-due:3", 2), ("order-due:4", 3), ("recalled", 3)],
)
def test_it_dies_at_the_point_that_is_named_and_at_that_time(named: str, lived: int) -> None:
    environment = os.environ | {"ZVONAR_FAILPOINT": named, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, check=False)
    assert (done.stdout.split(), done.returncode) == (
        [b"0", b"1", b"2"][:lived],
        0 if lived == 3 else -9,
    )


def test_every_point_is_reached_in_one_place() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "engine").rglob("*.py"))
    assert sorted(re.findall(r'reached\("([a-z-]+)"\)', source)) == sorted(POINTS)

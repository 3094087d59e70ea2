"""All benchmarks, one after another: `make bench`, or `python bench/run.py [NAME…]` for some of them.

Each is a program of this folder that prints its own table and with `--json FILE` writes its rows, a list of
objects. They are gathered in bench/results.json beside the machine they were measured on. Exit 1 when one of
them fails; the others are done all the same.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
ASKED = {"run", "soak"}  # no part of all: this, and what lasts an hour
Rows = list[dict[str, Any]]


def main(wanted: list[str]) -> int:
    """Run them, keep what they found; the exit code."""
    names = wanted or sorted(path.stem for path in HERE.glob("[!_]*.py") if path.stem not in ASKED)
    found = {name: measure(name) for name in names}
    done = {name: rows for name, rows in found.items() if rows is not None}
    RESULTS.write_text(json.dumps({"machine": machine(), "benchmarks": done}, indent=1) + "\n")
    for name in found.keys() - done.keys():
        print(f"{name} failed", file=sys.stderr)
    return 0 if len(done) == len(found) else 1


def measure(name: str) -> Rows | None:
    """The rows of one benchmark; None when it fails."""
    print(f"\n== {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "rows.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(result)]
        paths = (HERE.parent / folder for folder in (".", "etc/lab", "tests"))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        if subprocess.run(command, env=environment, check=False).returncode or not result.exists():
            return None
        rows: Rows = json.loads(result.read_text())
        return rows


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": models[0].partition(": ")[2] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What processes use and what they tell of themselves: CPU, memory, and a histogram of their metrics."""

import os
import re
import urllib.request
from pathlib import Path

BUCKET = re.compile(r'^zvonar_ami_event_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)$', re.M)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def cpu_s(pids: list[int]) -> float:
    """CPU seconds that these processes and their children have used; those that are gone count nothing."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def memory_mb(pids: list[int]) -> float:
    """Memory of these processes' own, in MB (pages shared with a fork count for each its part).

    Without pages of files: how many of those are theirs depends on who else runs the same programs.
    """
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(text.partition("\nPss_Anon:")[2].split()[0])
    return total / 1024


class Meter:
    """CPU of named processes (with their families) since it was made."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._roots = processes
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: cpu_s(family(pid)) for name, pid in self._roots.items()}

    def per_call(self, count: int) -> dict[str, float]:
        """CPU ms a call."""
        now = self._now()
        return {name: (now[name] - self._before[name]) * 1000 / max(count, 1) for name in now}


def lags(address: str) -> dict[float, float]:
    """The dialer's event lags so far: upper bound in seconds -> how many were not above it."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {float(bound): float(count) for bound, count in BUCKET.findall(text)}


def p99(before: dict[float, float], after: dict[float, float]) -> float:
    """The bound in seconds below which 99 % of what came between two readings of a histogram lies."""
    came = {bound: after[bound] - before.get(bound, 0) for bound in after}
    whole = max(came.values(), default=0)
    return min((bound for bound, count in came.items() if count >= 0.99 * whole), default=float("nan"))

"""`make chaos`: 1,000 kills at random moments, and every named point, on a PostgreSQL of its own."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from chaos.campaign import at_every_point, at_random, heirs, to_the_end
from chaos.rig import Rig, told
from lab.postgres import Postgres

TOLD = 100  # kills from one line to the next


def say(text: str) -> None:
    """A line for whoever waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """0: nothing was broken."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--dialers", type=int, default=2)
    given = parser.parse_args()
    say(f"seed {given.seed}, {given.kills} kills")
    with tempfile.TemporaryDirectory(prefix="zvonar-chaos-") as folder, Postgres() as postgres:
        people = 300 + 5 * given.kills
        with Rig(Path(folder), postgres.database(), given.dialers, people) as rig:
            missed = at_every_point(rig, (1, 2, 5)) + heirs(rig)
            for done in range(0, given.kills, TOLD):
                at_random(rig, min(TOLD, given.kills - done), given.seed + done)
                say(f"{min(done + TOLD, given.kills)} kills of {given.kills}")
            found = to_the_end(rig, 60)
    found.must(not missed, f"points that were never reached: {missed}")
    say(told(found))
    for one in found.broken:
        say(f"BROKEN: {one}")
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""`zvonar mask leak-test`: masked calls of every kind on a real Asterisk, every SIP message looked at.

    SIPp: who calls, with his carrier  <- SIP ->  Asterisk (etc/lab)  <- SIP ->  SIPp: who is called, with his
                          \\                        | FastAGI                    /
                           `- what is sent to him   zvonar serve all            `- what is sent to him

Exit 0 when no number reached the other side, 1 when one did or a scenario went otherwise than it should, 2
for a scenario that there is not, 5 when the lab cannot be had.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from cli.output import FORMATS, say, show_rows
from engine.reports.words import title, titles
from lab import LabError
from lab.masked import Masked, Played, masked
from lab.scenarios import SCENARIOS, Scenario

COLUMNS = ("scenario", "role", "to_caller", "to_callee", "told", "leaks", "verdict")
WORDS = ("scenario", "role", "verdict")  # columns that a table translates
UNREACHABLE = 5


def row(played: Played) -> dict[str, Any]:
    """One scenario's line."""
    scenario = played.scenario
    verdict = "clean" if played.clean else "leaks" if played.leaks else "broken"
    counts = (played.to_caller, played.to_callee, played.told, len(played.leaks))
    return dict(zip(COLUMNS, (scenario.name, scenario.by, *counts, verdict), strict=True))


def elsewhere(line: Masked) -> list[dict[str, Any]]:
    """One line for each kind of places where a number may be written down."""
    found = line.elsewhere()
    for leaks in found.values():
        tell(leaks)
    return [
        dict(
            zip(COLUMNS, (kind, "", None, None, None, len(leaks), "leaks" if leaks else "clean"), strict=True)
        )
        for kind, leaks in found.items()
    ]


def word(key: str, lang: str) -> str:
    """What a table calls it."""
    return title(f"leak.{key}", lang) if lang == "ru" and key else key


def tell(leaks: Any) -> None:
    """Each leak: where, whose, as it stands there."""
    for leak in leaks:
        say(f"  {leak.where}: {leak.number} as {leak.text}")


def run(folder: Path, scenarios: list[Scenario], lang: str, style: str) -> int:
    """Play them; the exit code."""
    say("starting Asterisk and our server …")
    rows = []
    with masked(folder, lang=lang) as line:
        for scenario in scenarios:
            played = line.play(scenario)
            rows.append(row(played))
            say(f"{scenario.name}, by the {scenario.by}: {rows[-1]['verdict']}")
            tell(played.leaks)
            if played.otherwise:
                say(played.otherwise)
        rows += elsewhere(line)
    told = rows if style != "table" else [one | {key: word(one[key], lang) for key in WORDS} for one in rows]
    show_rows(told, style, titles([*COLUMNS], lang))
    return int(any(one["verdict"] != "clean" for one in rows))


def interrupted(*_: object) -> NoReturn:
    """SIGTERM ends it as Ctrl-C does: in order."""
    raise KeyboardInterrupt


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="zvonar mask leak-test")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--lang", default="ru")
    names = sorted({one.name for one in SCENARIOS})
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(names)}; none: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenario) - set(names):
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [one for one in SCENARIOS if one.name in (arguments.scenario or names)]
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGINT, interrupted)  # also where a shell started us in the background
    try:
        with tempfile.TemporaryDirectory(prefix="zvonar-leak-test-") as folder:
            return run(Path(folder), chosen, arguments.lang, arguments.format)
    except LabError as error:
        say(str(error))
        return UNREACHABLE
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""The lab for people: `lab.sh build` gets Asterisk ready, `lab.sh run` lets you play with it by hand."""

import argparse
import shlex
import signal
import sys
import tempfile
from pathlib import Path

from engine.errors import ZvonarError
from engine.settings import Settings, load
from lab import LabError, chroot
from lab.kinds import KINDS
from lab.stand import Stand


def main() -> int:
    """Exit 0, 1 when the lab cannot be had, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="lab.sh", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("build", help="get Asterisk: the machine's own, or a chroot built once")
    run = verbs.add_parser(
        "run", help="start Asterisk and the carrier with zvonar.toml's settings; Ctrl-C ends"
    )
    run.add_argument("--config", help="the settings file, as for zvonar")
    given = parser.parse_args()
    try:
        if given.verb == "build":
            build()
        else:
            play(load(given.config))
    except (LabError, ZvonarError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def build() -> None:
    """Say which Asterisk it will be, after building it if need be."""
    launcher = chroot.launcher()
    own = ["unshare", "--mount"] if len(launcher) > 1 else []
    print("Asterisk", ".".join(map(str, chroot.version([*own, *launcher]))), "by", launcher[-1])


def play(settings: Settings) -> None:
    """A stand until Ctrl-C: on stdout the environment that joins zvonar to it, on stderr how to use it."""
    joined = {"asterisk", "trunk", "fastagi"}  # these have to fit the stand
    rest = {name: getattr(settings, name) for name in Settings.model_fields if name not in joined}
    with (
        tempfile.TemporaryDirectory(prefix="zvonar-lab-") as folder,
        Stand(Path(folder), **rest) as stand,
    ):
        for name, value in stand.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        print(
            f"\nAsterisk and the carrier run; logs and configuration are in {folder}.\n"
            "Paste the lines above into another shell and start `zvonar serve all` there. Whom to call:\n",
            *(f"  {kind.number()}  {kind.name:16} {kind.does}" for kind in KINDS.values()),
            "\nCtrl-C ends it all.",
            sep="\n",
            file=sys.stderr,
        )
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())

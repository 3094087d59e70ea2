"""Asterisk's own file system, for machines whose distribution has none or an old one.

`debootstrap` of Debian sid (Debian 12 has no Asterisk) from the mirror that apt already uses: about a minute
and 500 MB, once, into a cache outside the tree. A build is whole or is not there: it is made in a folder of
its own inside private namespaces, so that an interrupted one leaves no mount, and then renamed. `enter.sh`
runs a program on it with everything but the system folders as on the host, so that paths mean the same.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from lab import LabError
from lab.process import tail

SUITE = "sid"
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav", "asterisk-core-sounds-ru-wav")
RECIPE = hashlib.sha256(" ".join((SUITE, *PACKAGES, "1")).encode()).hexdigest()[:10]
NEEDED = (22, 7)  # the first whose Hangup event carries TechCause, the SIP code
ENTER = Path(__file__).with_name("enter.sh")
BUILD_S = 1200


def cache() -> Path:
    """Where it is kept: `$ZVONAR_CACHE`, or the machine's cache for root and the user's for others."""
    given = os.environ.get("ZVONAR_CACHE")
    return (
        Path(given)
        if given
        else Path("/var/cache/zvonar" if os.geteuid() == 0 else Path.home() / ".cache/zvonar")
    )


def launcher() -> list[str]:
    """The words to put before `asterisk`: none where the machine's own will do, else into the chroot.

    LabError when neither can be had.
    """
    found = shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found and version([found]) >= NEEDED:
        return [found]
    if os.geteuid() != 0:
        raise LabError(
            "no Asterisk 22.7 or later is installed, and building the lab's own needs root. Two ways out:\n"
            "  run this as root (`sudo make demo`), or in a container: `docker compose run --rm demo`."
        )
    return ["sh", str(ENTER), str(build()), "/usr/sbin/asterisk"]


def version(asterisk: list[str]) -> tuple[int, ...]:
    """(22, 10, 1) of `asterisk -V`."""
    answer = subprocess.run([*asterisk, "-V"], capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"Asterisk (?:certified-)?([0-9.]+)", answer)
    return tuple(int(part) for part in found[1].strip(".").split(".")) if found else ()


def mirror() -> str:
    """The first of apt's own sources that is this Debian's main archive; apt itself reads its files."""
    lines = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    codename = release.get("VERSION_CODENAME", "").strip('"')
    for line in lines:
        uri, suite, component = line.split("|")
        if (
            release.get("ID") == "debian"
            and component == "main"
            and suite in (codename, "stable", "testing", "sid")
        ):
            return _first_of(uri)
    raise LabError(
        "apt knows no mirror of Debian's archive: install asterisk >= 22.7, or `docker compose run --rm demo`"
    )


def _first_of(uri: str) -> str:
    """Cloud images name a file of mirrors (`mirror+file:`), which debootstrap cannot read: its first line."""
    if not uri.startswith("mirror+file:"):
        return uri
    lines = Path(urlsplit(uri.removeprefix("mirror+")).path.rstrip("/")).read_text().splitlines()
    return next(line.split()[0] for line in lines if line.strip() and not line.startswith("#"))


def build() -> Path:
    """The chroot's folder, made first when it is not there; LabError with debootstrap's last lines."""
    place = cache() / f"asterisk-{SUITE}-{RECIPE}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second one waits here, and then finds it done
        if not place.exists():
            if shutil.which("debootstrap") is None:
                raise LabError("debootstrap is missing: apt-get install debootstrap")
            for stale in cache().glob("building-*"):
                shutil.rmtree(stale)
            _build(place)
    return place


def _build(place: Path) -> None:
    """debootstrap into a temporary folder beside `place`, check it, rename it."""
    print("building the lab's Asterisk, once: about a minute …", file=sys.stderr, flush=True)
    work = Path(tempfile.mkdtemp(prefix="building-", dir=cache()))
    log = cache() / "build.log"
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
    command += [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(work),
        mirror(),
    ]
    try:
        with log.open("wb") as output:
            subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=BUILD_S, check=True)
        for archive in (work / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        made = version(["chroot", str(work), "asterisk"])
        if made < NEEDED:
            raise LabError(f"the mirror's Asterisk is {made}, too old")
        work.chmod(0o755)
        work.rename(place)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LabError(f"debootstrap failed ({error.__class__.__name__}), see {log}:\n{tail(log)}") from None
    finally:
        if work.exists():
            shutil.rmtree(work)

"""Getting Asterisk: the machine's own, the chroot, or a clear word; a build is whole or is not there."""

import os
import stat
from pathlib import Path

import pytest

from lab import LabError, chroot


def program(folder: Path, name: str, script: str) -> None:
    """A small shell program on the PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder first on the PATH, and a cache of the test's own."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("ZVONAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "bin"


def test_an_installed_asterisk_is_used_if_it_is_new_enough(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroot, "build", lambda: Path("/built"))
    program(tools, "asterisk", "echo Asterisk 22.7.0~dfsg")
    assert chroot.launcher() == [str(tools / "asterisk")]
    program(tools, "asterisk", "echo Asterisk 20.9.3")
    assert chroot.launcher()[-2:] == ["/built", "/usr/sbin/asterisk"]


def test_without_root_and_asterisk_both_ways_out_are_told(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tools, "asterisk", "echo Asterisk 18.26.2")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"(?s)root.*docker compose run --rm demo"):
        chroot.launcher()


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17", (22, 10, 1)),
        ("Asterisk certified-22.8-cert1", (22, 8)),
        ("what?", ()),
    ],
)
def test_versions_are_read(tools: Path, said: str, numbers: tuple[int, ...]) -> None:
    program(tools, "asterisk", f"echo '{said}'")
    assert chroot.version([str(tools / "asterisk")]) == numbers


def test_a_failed_build_shows_why_and_leaves_nothing(tools: Path, tmp_path: Path) -> None:
    program(tools, "debootstrap", 'mkdir "$4/usr"; echo "E: the mirror is on fire"; exit 1')
    with pytest.raises(LabError, match="the mirror is on fire"):
        chroot.build()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["build.log", "lock"]


def test_a_build_is_made_once_whole_and_clears_what_an_interrupted_one_left(
    tools: Path, tmp_path: Path
) -> None:
    stale = tmp_path / "cache" / "building-of-a-killed-one" / "usr"
    stale.mkdir(parents=True)
    archive = '"$4/var/cache/apt/archives"'  # $4 is the folder that debootstrap is to fill
    program(tools, "debootstrap", f"mkdir -p {archive}; : >{archive}/x.deb; echo once >>{tmp_path}/runs")
    program(tools, "chroot", "echo Asterisk 22.10.1")
    first, second = chroot.build(), chroot.build()
    assert first == second and first.is_dir()
    assert (tmp_path / "runs").read_text() == "once\n"
    assert not list(first.rglob("*.deb"))
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(
        ["build.log", "lock", first.name]
    )


def test_the_mirror_is_the_one_that_apt_uses(tools: Path) -> None:
    program(
        tools,
        "apt-get",
        "echo 'http://other.example/deb/|cloud|main'\n"
        f"echo 'http://mirror.example/debian-security/|{codename()}-security|main'\n"
        f"echo 'http://contrib.example/debian/|{codename()}|contrib'\n"
        f"echo 'http://mirror.example/debian/|{codename()}|main'",
    )
    assert chroot.mirror() == "http://mirror.example/debian/"
    program(tools, "apt-get", "echo 'http://other.example/deb/|cloud|main'")
    with pytest.raises(LabError, match="no mirror"):
        chroot.mirror()


def test_of_a_file_of_mirrors_the_first_is_taken(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text(
        "# ours\n\nhttp://near.example/debian priority:1\nhttp://far.example/\n"
    )
    program(tools, "apt-get", f"echo 'mirror+file://{tmp_path}/mirrors/|{codename()}|main'")
    assert chroot.mirror() == "http://near.example/debian"


def codename() -> str:
    """This Debian's name."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return next(line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME="))

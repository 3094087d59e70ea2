"""What is installed is whole: the packages, and beside them what `engine.settings.share` looks for."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house.tree import PACKAGES, ROOT, files, name

SHARED = ("sounds/", "etc/asterisk/", "etc/demo/", "etc/lab/", "etc/law/", "etc/numbering/", "etc/reports/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the project's files."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in files():
        target = folder / "tree" / name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(folder / "tree")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = Path(folder).glob("zvonar-*.whl")
    return zipfile.ZipFile(built)


def test_every_module_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    wanted = {name(path) for path in files() if name(path).split("/")[0] in PACKAGES}
    assert wanted <= set(wheel.namelist())


def test_what_lies_beside_the_packages_is_under_share(wheel: zipfile.ZipFile) -> None:
    wanted = {name(path) for path in files() if name(path).startswith(SHARED)}
    shared = {path.partition("/data/share/zvonar/")[2] for path in wheel.namelist() if "/data/share/" in path}
    assert shared == wanted


def test_nothing_else_is_installed(wheel: zipfile.ZipFile) -> None:
    tops = {path.split("/")[0] for path in wheel.namelist()}
    assert {top for top in tops if not top.startswith("zvonar-")} == set(PACKAGES)


def test_the_lab_of_the_image_is_the_lab_of_the_tests() -> None:
    """The Dockerfile's Asterisk is installed by the same names as the chroot's."""
    from lab import chroot

    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"debian:{chroot.SUITE}" in recipe
    assert all(package in recipe.split() for package in chroot.PACKAGES)

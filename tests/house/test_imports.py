"""The contracts of setup.cfg hold here, say all of the law, and each catches what it forbids."""

import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house.tree import PACKAGES, ROOT, contracts, module, python

# "Decisions are pure": these, as far as they are there, and all of dialplan but contexts.
PURE = {
    "engine.campaign.attempts",
    "engine.campaign.breaker",
    "engine.campaign.fair",
    "engine.campaign.forecast",
    "engine.campaign.pacing",
    "engine.campaign.predictive",
    "engine.contact.hours",
    "engine.contact.law",
    "engine.contact.limits",
    "engine.contact.outcomes",
    "engine.loyalty.points",
    "engine.sim.payout",
    "engine.speech.template",
    "engine.speech.words",
    "fastagi.protocol",
    "storage.vocab",
}
PARTS = ("engine.campaign", "engine.loyalty", "engine.masking", "engine.sim", "engine.support")
IMPURE = {
    "asyncio",
    "fastapi",
    "panoramisk",
    "psycopg2",
    "requests",
    "socket",
    "sqlalchemy",
    "subprocess",
    "time",
}


def lint(folder: Path, *contract: str) -> subprocess.CompletedProcess[str]:
    """`lint-imports` in a tree."""
    chosen = [word for one in contract for word in ("--contract", one)]
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", *chosen]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and setup.cfg alone, to do wrong in."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", folder)
    return folder


@contextmanager
def planted(folder: Path, importer: str, imported: str) -> Iterator[None]:
    """For the time being a module (or package) imports another."""
    place = folder / importer.replace(".", "/")
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}\nimport {imported}\n", encoding="utf-8")
    yield
    file.write_text(before, encoding="utf-8")


def wrongs() -> list[tuple[str, str, str]]:
    """(contract, importer, imported) for every line of every contract."""
    found = []
    for key, contract in contracts().items():
        match contract["type"]:
            case ["forbidden"]:
                sources, targets = contract["source_modules"], contract["forbidden_modules"]
                found += [(key, source, targets[0]) for source in sources]
                found += [(key, sources[0], target) for target in targets[1:]]
            case ["independence"]:
                parts = contract["modules"]
                found += [(key, one, other) for one in parts for other in parts if one != other]
            case ["layers"]:
                found += [(key, *pair) for pair in upwards(contract)]
            case other:
                raise AssertionError(f"{key}: say here how a contract of the type {other} is broken")
    return found


def upwards(contract: dict[str, list[str]]) -> list[tuple[str, str]]:
    """(importer, imported): each layer imports the one above it, and its equals where they are apart."""
    (container,) = contract.get("containers", [""])
    prefix = f"{container}." if container else ""
    layers = [[prefix + one for one in re.split(r" [|:] ", line)] for line in contract["layers"]]
    pairs = []
    for above, below in itertools.pairwise(layers):
        pairs += [(low, high) for low in below for high in above]
    for line, equals in zip(contract["layers"], layers, strict=True):
        pairs += [(one, other) for one in equals for other in equals if one != other and "|" in line]
    return pairs


def test_contracts_hold_here() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(contracts())} kept, 0 broken." in done.stdout


def test_an_honest_copy_is_clean(copy: Path) -> None:
    assert lint(copy).returncode == 0


@pytest.mark.parametrize(("contract", "importer", "imported"), wrongs())
def test_each_contract_catches_a_planted_import(
    copy: Path, contract: str, importer: str, imported: str
) -> None:
    with planted(copy, importer, imported):
        done = lint(copy, contract)
    assert done.returncode == 1, done.stdout + done.stderr
    (name,) = contracts()[contract]["name"]
    assert f"{name} BROKEN" in done.stdout
    chain = rf"^-? *{re.escape(importer)}(\.[\w.]+)? -> {re.escape(imported)}"
    assert re.search(chain, done.stdout, re.M), done.stdout


def test_all_that_the_house_calls_pure_is_in_the_contract() -> None:
    there = {module(path) for path in python(*PACKAGES)}
    conversations = {one for one in there if one.startswith("dialplan.")} - {"dialplan.contexts"}
    contract = contracts()["pure"]
    assert set(contract["source_modules"]) >= (PURE & there) | conversations
    assert set(contract["forbidden_modules"]) >= IMPURE


def test_every_part_is_independent() -> None:
    there = {module(path) for path in python("engine")}
    assert set(contracts()["independence"]["modules"]) >= there & set(PARTS)


def test_the_staircase_is_whole() -> None:
    floors = [set(line.split(" | ")) for line in contracts()["floors"]["layers"]]
    assert floors == [{"cli"}, {"web", "fastagi"}, {"dialplan"}, {"engine"}, {"storage"}]


QUICK = """
import io, sys, contextlib
from cli.main import run
with contextlib.redirect_stdout(io.StringIO()) as shown:
    assert run(sys.argv[1:]) == 0
assert shown.getvalue().startswith("Usage: zvonar")
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_help_loads_nothing_heavy() -> None:
    command = [sys.executable, "-c", QUICK, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "click" in loaded
    assert not loaded & {
        "fastapi",
        "jinja2",
        "psycopg2",
        "requests",
        "rich",
        "sqlalchemy",
        "uvicorn",
        "uvloop",
    }

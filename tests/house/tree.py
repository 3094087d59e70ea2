"""The tree as these tests read it: the project's own files, its Python, its settings of import-linter."""

import ast
import configparser
import functools
import importlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from engine.errors import ZvonarError

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "dialplan", "engine", "fastagi", "storage", "web")
# What a tree that is no clone may hold beside the project; .gitignore names the same.
NOT_OURS = (".venv", "var", "build", "dist", "mutants", "__pycache__")


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git tracks or would, or without git all but the built."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _built(path.relative_to(ROOT))]
    return tuple(sorted(path for path in found if path.is_file()))


def _built(path: Path) -> bool:
    hidden = path.parts[0].startswith(".") and path.parts[0] not in (".ci", ".gitignore", ".dockerignore")
    return hidden or any(part in NOT_OURS or part.endswith(".egg-info") for part in path.parts)


def python(*tops: str) -> list[Path]:
    """The Python files under these top folders (all of them by default)."""
    return [
        path for path in files() if path.suffix == ".py" and (not tops or name(path).split("/")[0] in tops)
    ]


def name(path: Path) -> str:
    """A file as one reads it: relative to the root."""
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    """`engine.campaign.pacing` of its file."""
    return name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods, inner ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def contracts() -> dict[str, dict[str, list[str]]]:
    """Identifier -> option -> its lines, of each import-linter contract in setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return {
        section.rpartition(":")[2]: {key: text.split("\n") for key, text in clean(parser[section]).items()}
        for section in parser.sections()
        if section.startswith("importlinter:contract:")
    }


def clean(section: configparser.SectionProxy) -> dict[str, str]:
    """Values without the empty first line of a list."""
    return {key: text.strip() for key, text in section.items()}


def classes() -> list[type[ZvonarError]]:
    """Every class of errors of ours, wherever it is defined."""
    for path in python(*PACKAGES):
        if path.name != "env.py":  # alembic's, to be run only while it migrates
            importlib.import_module(module(path))
    found = [ZvonarError]
    for one in found:  # the list grows as it is walked
        found += one.__subclasses__()
    return found

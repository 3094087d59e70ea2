"""A module is one noun, a function one screen, and both say what they are for."""

import ast
from pathlib import Path

from house.tree import PACKAGES, functions, name, parsed, python

MODULE_LINES = 350
FUNCTION_LINES = 60
SHIPPED = python(*PACKAGES, "etc", "bench")


def test_modules_are_short() -> None:
    shipped = python(*PACKAGES, "etc")
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in shipped}
    assert {path: length for path, length in lengths.items() if length > MODULE_LINES} == {}


def test_functions_fit_on_a_screen() -> None:
    lengths = {
        f"{name(path)}: {one.name}": (one.end_lineno or 0) - one.lineno + 1
        for path in python()
        if not is_migration(path)
        for one in functions(parsed(path))
    }
    assert {one: length for one, length in lengths.items() if length > FUNCTION_LINES} == {}


def is_migration(path: Path) -> bool:
    """A migration is a list of tables, as long as they are."""
    return "storage/migrations/versions" in name(path)


def test_modules_have_a_docstring() -> None:
    trees = {name(path): parsed(path) for path in python()}
    assert [path for path, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def test_what_is_public_has_a_docstring() -> None:
    assert [f"{name(path)}: {one}" for path in SHIPPED for one in mute(parsed(path))] == []


def mute(tree: ast.Module | ast.ClassDef, inherits: bool = False) -> list[str]:
    """Public functions, classes and methods without a docstring; a derived class's have its base's."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found += [] if spoken(node) else [node.name]
            found += mute(node, inherits=any(ast.unparse(base) != "Protocol" for base in node.bases))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [] if spoken(node) or inherits else [node.name]
    return found


def spoken(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """It has a docstring, or a name that promises nothing to anybody."""
    return node.name.startswith("_") or ast.get_docstring(node) is not None

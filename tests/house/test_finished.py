"""What is in the tree is done: no stubs, no notes of what is to come, nothing silenced without a reason."""

import ast
import re

from house.tree import PACKAGES, functions, name, parsed, python

# Written so that they do not find themselves.
UNFINISHED = re.compile(
    r"\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K]|NotImplementedErro[r])\b|pragma: no cove[r]|importorski[p]"
    r"|(?:pytest|mark|unittest)\.(?:ski[p]|xfai[l])"
)
SILENCED = re.compile(r"#\s*(?:type: ignor[e]|noq[a]|mypy:)(?P<rest>.*)")
REASON = re.compile(r"(?::\s*[A-Z][A-Z0-9, ]+|\[[\w, -]+\])\s+\S.{4,}")
SHIPPED = python(*PACKAGES, "etc", "bench")


def test_nothing_is_left_for_later() -> None:
    found = {name(path): UNFINISHED.findall(path.read_text(encoding="utf-8")) for path in python()}
    assert {path: words for path, words in found.items() if words} == {}


def test_a_silenced_checker_is_told_why() -> None:
    silenced = [
        f"{name(path)}: {one[0]}"
        for path in python()
        for one in SILENCED.finditer(path.read_text(encoding="utf-8"))
        if not REASON.match(one["rest"])
    ]
    assert silenced == []


def test_no_function_is_a_stub() -> None:
    stubs = []
    for path in SHIPPED:
        tree = parsed(path)
        promises = {id(one) for node in ast.walk(tree) if is_protocol(node) for one in functions(node)}
        stubs += [f"{name(path)}: {one.name}" for one in functions(tree) if is_stub(one, promises)]
    assert stubs == []


def is_protocol(node: ast.AST) -> bool:
    """A class that only says what others have."""
    return isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)


def is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef, promises: set[int]) -> bool:
    """`...` or `pass` is all of it. A docstring alone may be enough: for a click group, and for "nothing"."""
    return id(function) not in promises and any(is_empty(line) for line in function.body[:2])


def is_empty(line: ast.stmt) -> bool:
    """A line that does nothing and says nothing."""
    constant = line.value.value if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) else ""
    return isinstance(line, ast.Pass) or constant is ...

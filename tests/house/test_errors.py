"""The tree of errors drawn in engine/errors.py is the tree of its classes, and no other code is used."""

import re

from house.tree import classes

from engine import errors

LINE = re.compile(
    r"(?P<branch>[ │├└─]*)(?P<name>\w+) +(?P<code>[a-z-]+) +exit (?P<exit>\d+) +HTTP (?P<http>\d+)"
)
Row = tuple[str, str, str, int, int]


def drawn() -> set[Row]:
    """(name, base, code, exit, HTTP) by the docstring; each step of the tree is four columns."""
    found: set[Row] = set()
    above: list[str] = []
    for line in filter(None, map(LINE.match, (errors.__doc__ or "").splitlines())):
        above[len(line["branch"]) // 4 :] = [line["name"]]
        base = above[-2] if len(above) > 1 else "Exception"
        found.add((line["name"], base, line["code"], int(line["exit"]), int(line["http"])))
    return found


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    public = [one for one in classes() if one.__module__ == errors.__name__]
    assert drawn() == {
        (one.__name__, one.__bases__[0].__name__, one.code, one.exit_code, one.http_status) for one in public
    }
    codes = [one.code for one in public]
    assert sorted(codes) == sorted(set(codes))
    assert all(one.__doc__ for one in public)


def test_an_error_defined_elsewhere_looks_like_its_base_outside() -> None:
    inner = [one for one in classes() if one.__module__ != errors.__name__]
    assert [one for one in inner if vars(one).keys() & {"code", "exit_code", "http_status"}] == []

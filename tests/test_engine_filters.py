"""Conditions: what is written is what is read, mistakes are told with their column, nothing reaches SQL."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Date, Engine, Integer, MetaData, Numeric, String, Table, create_engine, select

from engine.campaign.query import compiled
from engine.conditions.filters import And, Condition, Node, Not, Op, Or, Today, day, from_json, to_json, write
from engine.conditions.language import MAX_DEPTH, MAX_VALUES, parse
from engine.errors import UsageError
from engine.gateways.erp import Erp
from engine.sections import Source
from storage.vocab import FieldKind

TODAY = date(2026, 1, 21)
FIELDS = {
    "city": FieldKind.TEXT,
    "name": FieldKind.TEXT,
    "sum": FieldKind.NUMBER,
    "days": FieldKind.NUMBER,
    "due": FieldKind.DATE,
    "vip": FieldKind.FLAG,
    "any": FieldKind.UNKNOWN,
}


def same(text: str, node: Node) -> None:
    assert parse(text, FIELDS) == node


def test_every_form_of_the_language() -> None:
    same("city = 'Казань'", Condition("city", Op.EQUAL, ("Казань",)))
    same('city="it\'s ""here"""', Condition("city", Op.EQUAL, ('it\'s "here"',)))
    same("sum >= 500.5", Condition("sum", Op.AT_LEAST, (500.5,)))
    same("sum<-3", Condition("sum", Op.LESS, (-3,)))
    same("city <> 'a'", Not(Condition("city", Op.EQUAL, ("a",))))
    same("city NOT IN ('a', 'b')", Not(Condition("city", Op.IN, ("a", "b"))))
    same("days between 10 and 60", Condition("days", Op.BETWEEN, (10, 60)))
    same("name ~ 'иван'", Condition("name", Op.HAS, ("иван",)))
    same("city is empty", Condition("city", Op.EMPTY))
    same("city is not empty", Not(Condition("city", Op.EMPTY)))
    same("due < today - 30", Condition("due", Op.LESS, (Today(-30),)))
    same("due < today-30", Condition("due", Op.LESS, (Today(-30),)))
    same("due > today + 1", Condition("due", Op.MORE, (Today(1),)))
    same("due = today", Condition("due", Op.EQUAL, (Today(),)))
    same("due <= 2026-02-28", Condition("due", Op.AT_MOST, (date(2026, 2, 28),)))
    same("vip = true", Condition("vip", Op.EQUAL, (True,)))


def test_and_binds_more_than_or_and_not_more_than_and() -> None:
    a, b, c = (Condition("sum", Op.EQUAL, (n,)) for n in (1, 2, 3))
    same("sum = 1 or sum = 2 and sum = 3", Or((a, And((b, c)))))
    same("(sum = 1 or sum = 2) and sum = 3", And((Or((a, b)), c)))
    same("not sum = 1 and sum = 2", And((Not(a), b)))
    same("not (sum = 1 and sum = 2)", Not(And((a, b))))
    same("days between 1 and 2 and sum = 1", And((Condition("days", Op.BETWEEN, (1, 2)), a)))


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "column 1: a field should stand here, not the end"),
        ("ctiy = 'x'", "column 1: there is no field 'ctiy'; there are: any, city, days, due, name, sum, vip"),
        ("sum = 1 and x = 2", "column 13: there is no field 'x'"),
        ("sum = ", "column 7: a value"),
        ("sum = 'a'", "column 7: sum: it is a number, and cannot be compared so with 'a'"),
        ("city > 5", "column 8: city: it is a text"),
        ("due = 5", "column 7: due: it is a date"),
        ("vip > true", "column 7: vip"),
        ("sum ~ 'a'", "column 7: sum: `~` looks for a text"),
        ("city ~ 5", "column 8: city: `~` looks for a text"),
        ("sum = 1 sum = 2", "column 9: `and` or `or` should stand here, not 'sum'"),
        ("(sum = 1", "column 9: `)`"),
        ("sum in (1, 2", "column 13: `)`"),
        ("sum in 1", "column 8: `(`"),
        ("sum 1", "column 5: a comparison"),
        ("sum is 1", "column 8: `empty`"),
        ("city = 'x", 'column 8: "\'x" is no part'),
        ("sum = 1; drop table lead", "column 8: '; drop"),
        ("due = 2026-02-30", "column 7: there is no day 2026-02-30"),
        ("due = 0001-01-01", "column 7: there is no day"),
        ("due < today - x", "column 15: a whole number of days"),
        ("due < today - -1", "column 15: a whole number of days"),
        ("due < today + 99999", "column 15: more than 36500 days"),
        ("sum = 12345678901234567", "column 7"),
        ("city = 'a\0b'", "column 8"),
        ("(" * (MAX_DEPTH + 1) + "sum = 1", f"nested deeper than {MAX_DEPTH}"),
        (f"sum in ({', '.join(['1'] * (MAX_VALUES + 1))})", f"more than {MAX_VALUES} values"),
        (f"city = '{'x' * 10_000}'", "longer than 10000"),
    ],
)
def test_mistakes_are_told_with_their_column(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(text, FIELDS)
    assert told in str(error.value)


def test_as_many_as_allowed_are_allowed() -> None:
    parse("(" * (MAX_DEPTH - 1) + "sum = 1" + ")" * (MAX_DEPTH - 1), FIELDS)
    parse(f"sum in ({', '.join(['1'] * MAX_VALUES)})", FIELDS)
    parse("due < today - 36500", FIELDS)


# Letters whose case is one letter in every database, and what breaks a badly built statement.
NASTY = st.sampled_from(
    ["'", '"', "''", "\\", ";--", "' or '1'='1", "%", "_", ":x", "%(a)s", "$1", "/*", "\n"]
)
PIECES = st.one_of(NASTY, st.text("абвАБВёЁabAB 01", max_size=3))
TEXTS = st.lists(PIECES, max_size=3).map("".join)
NUMBERS = st.one_of(st.integers(-1000, 1000), st.integers(-4000, 4000).map(lambda n: n / 4))
DAYS = st.one_of(
    st.integers(-40, 40).map(Today), st.integers(-40, 40).map(lambda n: TODAY + timedelta(days=n))
)
VALUES = {"city": TEXTS, "name": TEXTS, "sum": NUMBERS, "days": st.integers(-50, 50), "due": DAYS}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """One condition that fits its field."""
    field = draw(st.sampled_from(sorted(VALUES)))
    ops = set(Op) - (set() if field in ("city", "name") else {Op.HAS})
    op = draw(st.sampled_from(sorted(ops)))
    count = {Op.EMPTY: (0, 0), Op.BETWEEN: (2, 2), Op.IN: (1, 4)}.get(op, (1, 1))
    values = draw(st.lists(VALUES[field], min_size=count[0], max_size=count[1]))
    return Condition(field, op, tuple(values))


def joined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), several.map(And), several.map(Or))


TREES: st.SearchStrategy[Node] = st.recursive(conditions(), joined, max_leaves=6)


@given(TREES)
def test_what_is_written_is_read_and_stored_as_the_same_tree(tree: Node) -> None:
    assert parse(write(tree), FIELDS) == tree
    assert from_json(to_json(tree)) == tree


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_a_usage_error(text: str) -> None:
    try:
        tree = parse(text, FIELDS)
    except UsageError:
        return
    assert parse(write(tree), FIELDS) == tree


def holds(node: Node, row: dict[str, Any]) -> bool:
    """The oracle: what a condition means, in plain Python over one row."""
    if isinstance(node, Not):
        return not holds(node.term, row)
    if isinstance(node, And):
        return all(holds(term, row) for term in node.terms)
    if isinstance(node, Or):
        return any(holds(term, row) for term in node.terms)
    value = row[node.field]
    if node.op is Op.EMPTY:
        return value is None or value == ""
    if value is None:
        return False
    wanted: list[Any] = [day(one, TODAY) if isinstance(one, date | Today) else one for one in node.values]
    match node.op:
        case Op.IN:
            return value in wanted
        case Op.BETWEEN:
            return bool(wanted[0] <= value <= wanted[1])
        case Op.HAS:
            return wanted[0].lower() in value.lower()
    compared = {
        Op.EQUAL: value == wanted[0],
        Op.LESS: value < wanted[0],
        Op.AT_MOST: value <= wanted[0],
        Op.MORE: value > wanted[0],
        Op.AT_LEAST: value >= wanted[0],
    }
    return bool(compared[node.op])


DEBTS = Table(
    "debts",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("city", String(collation="C").with_variant(String(), "sqlite")),
    Column("name", String(collation="C").with_variant(String(), "sqlite")),
    Column("sum", Numeric(10, 2)),
    Column("days", Integer),
    Column("due", Date),
)
ROWS = st.fixed_dictionaries(
    {
        "city": st.one_of(st.none(), TEXTS),
        "name": st.one_of(st.none(), TEXTS),
        "sum": st.one_of(st.none(), st.integers(-4000, 4000).map(lambda n: n / 4)),
        "days": st.one_of(st.none(), st.integers(-50, 50)),
        "due": st.one_of(st.none(), st.integers(-40, 40).map(lambda n: TODAY + timedelta(days=n))),
    }
)


@pytest.fixture
def erp_engine(database_url: str) -> Any:
    """A client's database with an empty table."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:"))
    DEBTS.create(engine)
    yield engine
    engine.dispose()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, rows=st.lists(ROWS, min_size=1, max_size=6))
def test_a_database_finds_what_python_finds(
    erp_engine: Engine, tree: Node, rows: list[dict[str, Any]]
) -> None:
    with erp_engine.begin() as connection:
        connection.execute(DEBTS.delete())
        connection.execute(DEBTS.insert(), [{"id": n, **row} for n, row in enumerate(rows)])
    source = source_of(erp_engine)
    found = sorted(row[0] for row in source.rows(compiled(parse(write(tree), FIELDS), source, TODAY), ["id"]))
    assert found == [n for n, row in enumerate(rows) if holds(tree, row)]
    with erp_engine.connect() as connection:
        assert len(list(connection.execute(select(DEBTS)))) == len(rows)


def source_of(engine: Engine, **changes: Any) -> Erp:
    url = engine.url.render_as_string(hide_password=False)
    columns = {name: name for name in ("id", "city", "name", "sum", "days", "due")}
    return Erp(Source(**{"name": "erp", "url": url, "table": "debts", "columns": columns} | changes))


def test_the_cases_of_cyrillic_letters_are_one(erp_engine: Engine) -> None:
    with erp_engine.begin() as connection:
        connection.execute(DEBTS.insert(), [{"id": 1, "name": "ИВАНОВА Ёлка"}, {"id": 2, "name": "Пётр"}])
    source = source_of(erp_engine)
    for text in ("name ~ 'иванов'", "name ~ 'ЁЛКА'", "not name ~ 'ПЁТР'"):
        where = compiled(parse(text, FIELDS), source, TODAY)
        assert list(source.rows(where, ["id"])) == [(1,)]


def test_moments_are_compared_by_whole_days(tmp_path: Path, postgres_url: str) -> None:
    moments = ["2026-01-20 23:59:59", "2026-01-21 00:00:00", "2026-01-21 23:59:59", "2026-01-22 00:00:00"]
    cases = {
        "at = today": [1, 2],
        "at <= today": [0, 1, 2],
        "at < today": [0],
        "at > today": [3],
        "at >= 2026-01-21": [1, 2, 3],
        "at between 2026-01-20 and 2026-01-21": [0, 1, 2],
        "at in (2026-01-20, today + 1)": [0, 3],
        "at != today": [0, 3],
    }
    for url in (f"sqlite:///{tmp_path / 'erp.db'}", postgres_url):
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE visits (id INTEGER, at TIMESTAMP)")
            for number, moment in enumerate(moments):
                connection.exec_driver_sql(f"INSERT INTO visits VALUES ({number}, '{moment}')")  # noqa: S608  (own text)
        for table, query in (("visits", ""), ("", "SELECT * FROM visits")):
            source = source_of(engine, table=table, query=query, columns={"id": "id", "at": "at"})
            kinds = {name: field.kind for name, field in source.fields.items()}
            assert kinds["at"] == (FieldKind.DATE if table else FieldKind.UNKNOWN)
            for text, ids in cases.items():
                where = compiled(parse(text, kinds), source, TODAY)
                assert sorted(row[0] for row in source.rows(where, ["id"])) == ids, (url, text)
        engine.dispose()


def test_a_field_that_the_source_has_no_more_is_told(erp_engine: Engine) -> None:
    source = source_of(erp_engine)
    with pytest.raises(UsageError, match="no field 'gone'"):
        compiled(Condition("gone", Op.EMPTY), source, TODAY)
    with pytest.raises(UsageError, match="sum: it is a number"):
        compiled(Condition("sum", Op.EQUAL, ("a",)), source, TODAY)

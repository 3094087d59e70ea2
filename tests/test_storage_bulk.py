"""Many rows at a time come out of the database as they went in."""

from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, after, ban, rows_of
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from storage import blacklist, bulk, contact
from storage.db import is_down, new_id, open_engine, reading, writing

EMPTY = dict.fromkeys(("name", "city", "region", "address", "timezone"), "")


def a_person(key: str, **changes: Any) -> dict[str, Any]:
    row = {"id": new_id(), "key": key, **EMPTY, "lat": None, "lon": None, "groups": [], "created_at": NOON}
    return row | changes


def add(engine: Engine, *people: dict[str, Any]) -> None:
    with writing(engine) as connection, bulk.Sender(connection) as send:
        send.insert(contact.person, bulk.PERSON, ([row[name] for name in bulk.PERSON] for row in people))


def people(engine: Engine) -> list[dict[str, Any]]:
    return [row._asdict() for row in rows_of(engine, contact.person)]


ODD = [
    "",
    "NULL",
    "\\N",
    "\\.",
    "a\n\\.\nb",
    '"',
    '""',
    ",",
    "\t",
    "\r\n",
    "it's",
    "a\\nb",
    " ",
    "ё",
    "\x01",
    "😀",
]


@pytest.mark.parametrize("value", ODD)
def test_every_text_comes_back_as_it_was(engine: Engine, value: str) -> None:
    one = a_person(f"id:{value}", name=value, city=value, groups=[value], lat=-0.1, lon=1e-9)
    add(engine, one, a_person("id:other"))
    assert one in people(engine)


anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(anything, st.lists(anything, max_size=3)), max_size=20))
@hypothesis(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_texts_and_lists_come_back_as_they_were(
    engine: Engine, found: list[tuple[str, list[str]]]
) -> None:
    rows = [a_person(str(n), name=name, groups=groups) for n, (name, groups) in enumerate(found)]
    add(engine, *rows)
    assert sorted(people(engine), key=lambda row: int(row["key"])) == rows
    with writing(engine) as connection:
        connection.execute(contact.person.delete())


def test_more_rows_than_the_driver_takes_at_a_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PART", 100)
    rows = [a_person(f"id:{n}", name="ё") for n in range(1001)]
    add(engine, *rows)
    assert len(people(engine)) == len(rows)
    with reading(engine) as connection:
        keys = {row["key"] for row in rows[::2]} | {"id:x"}
        assert bulk.people_known(connection, keys) == {row["key"]: row for row in rows[::2]}


def test_a_row_that_breaks_a_key_takes_all_with_it(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)unique"):
        add(engine, a_person("id:1"), a_person("id:2"), a_person("id:1"))
    assert people(engine) == []


def test_writes_come_in_the_order_given_and_the_first_error_is_told(engine: Engine) -> None:
    one = a_person("id:1")
    number = (one["id"], new_id(), PHONE, 1, "mobile", "", "", None)
    with writing(engine) as connection, bulk.Sender(connection) as send:
        send.insert(contact.person, bulk.PERSON, [[one[name] for name in bulk.PERSON]])
        send.save_people([one | {"name": "Яна"}])
        send.insert(contact.phone, bulk.PHONE, iter([number]))
        send.insert(contact.phone, bulk.PHONE, [])
    assert [row["name"] for row in people(engine)] == ["Яна"]
    with (
        pytest.raises(Exception, match=r"(?i)foreign key"),
        writing(engine) as connection,
        bulk.Sender(connection) as send,
    ):
        send.insert(contact.phone, bulk.PHONE, [(new_id(), *number[1:])])
        send.insert(contact.person, bulk.PERSON, [list(a_person("id:2").values())])
    assert len(people(engine)) == len(rows_of(engine, contact.phone)) == 1


def test_what_is_known_is_told_and_the_rest_not(engine: Engine) -> None:
    campaign, other = add_campaign(engine), add_campaign(engine, "winter")
    mine, odd = add_lead(engine, campaign, key="a'b"), add_lead(engine, campaign, "+79211230000", key="ё,}")
    add_lead(engine, other, "+79211230001", key="c")
    with reading(engine) as connection:
        assert bulk.leads_known(connection, campaign.id, {"a'b", "ё,}", "c", ""}) == {"a'b", "ё,}"}
        assert bulk.leads_known(connection, campaign.id, set()) == set()
        assert bulk.phones_known(connection, {f"id:{mine['person_id']}", "id:x"}) == {
            (mine["person_id"], PHONE): mine["phone_id"]
        }
        assert bulk.people_known(connection, {f"id:{odd['person_id']}"}).keys() == {f"id:{odd['person_id']}"}


def test_known_people_are_changed_all_but_their_key(engine: Engine) -> None:
    rows = [a_person(f"id:{n}", city="Омск", lat=1.0, lon=2.0, groups=["a"]) for n in range(3)]
    add(engine, *rows)
    changed = [row | {"city": "Уфа", "lat": None, "groups": ["b", "c"]} for row in rows[:2]]
    with writing(engine) as connection, bulk.Sender(connection) as send:
        send.save_people([row | {"created_at": after(1)} for row in changed])
        send.save_people([])
    assert sorted(people(engine), key=lambda row: row["key"]) == [*changed, rows[2]]


def test_bans_that_stand_for_good_here_the_global_one_first(engine: Engine) -> None:
    with writing(engine) as connection:

        def add_ban(key: str, **more: Any) -> Any:
            return ban(connection, key, reason="test", at=NOON, actor="me", **more)

        add_ban("number:+71", scope="autumn")
        everywhere = add_ban("number:+71")
        here = add_ban("prefix:+7921", scope="autumn")
        add_ban("prefix:+792111", scope="winter")
        add_ban("person:id:1", until=after(60))
        gone = add_ban("prefix:+79")
        removed = blacklist.blacklist.update().where(blacklist.blacklist.c.id == gone)
        connection.execute(removed.values(removed_at=NOON))
        keys = {"number:+71", "number:+72", "prefix:+7921", "prefix:+792111", "person:id:1", "prefix:+79"}
        found = bulk.bans(connection, "autumn", keys)
        assert {key: row.id for key, row in found.items()} == {"number:+71": everywhere, "prefix:+7921": here}
        assert bulk.prefix_lengths(connection) == {5, 7}


def test_a_lost_database_is_told_as_one(on_postgresql: Engine) -> None:
    """Also by the driver's own call, which SQLAlchemy does not see."""
    mine = open_engine(on_postgresql.url.render_as_string(hide_password=False))
    with pytest.raises(OperationalError) as error, mine.begin() as connection:
        pid = connection.execute(select(text("pg_backend_pid()"))).scalar_one()
        with on_postgresql.connect() as other:
            other.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)"))
        with bulk.Sender(connection) as send:
            send.insert(contact.person, bulk.PERSON, [list(a_person("id:1").values())])
    assert is_down(error.value)
    mine.dispose()

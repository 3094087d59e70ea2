"""People and their phones are kept once; the blacklist is asked before every call."""

from builders import NOON, PHONE, after, rows_of
from sqlalchemy import Engine

from storage import contact
from storage.db import new_id, reading, writing


def test_a_number_is_blacklisted_once_and_keeps_its_first_reason(engine: Engine) -> None:
    call = new_id()
    with writing(engine) as connection:
        assert contact.ban(connection, PHONE, reason="opt-out", at=NOON, attempt_id=call)
        assert not contact.ban(connection, PHONE, reason="complaint", at=after(1))
    (row,) = rows_of(engine, contact.blacklist)
    assert (row.e164, row.scope, row.reason, row.attempt_id) == (PHONE, "global", "opt-out", call)


def test_the_blacklist_is_asked_for_many_numbers_at_once(engine: Engine) -> None:
    numbers = [f"+7921{n:07}" for n in range(1300)]
    with writing(engine) as connection:
        for number in (numbers[0], numbers[700], numbers[-1]):
            contact.ban(connection, number, reason="test", at=NOON)
        assert contact.blacklisted(connection, numbers) == {numbers[0], numbers[700], numbers[-1]}
        assert contact.blacklisted(connection, []) == set()


def test_people_and_phones_are_known_again(engine: Engine) -> None:
    first, second = new_id(), new_id()
    with writing(engine) as connection:
        contact.add_people(connection, [{"id": first, "key": "id:1", "name": "Пётр", "created_at": NOON}])
        contact.add_people(connection, [{"id": second, "key": "id:1", "created_at": NOON}])  # too late
        contact.add_phones(connection, [(first, PHONE, 1), (first, "+79211230000", 2)])
        contact.add_phones(connection, [(first, PHONE, 9)])
    with reading(engine) as connection:
        assert contact.people(connection, ["id:1", "id:2"]) == {"id:1": first}
        phones = contact.phones_of(connection, [first, second])
    assert phones.keys() == {(first, PHONE), (first, "+79211230000")}
    assert sorted((row.e164, row.position) for row in rows_of(engine, contact.phone)) == [
        ("+79211230000", 2),
        (PHONE, 1),
    ]

"""People, their phones and their zones are kept once; who shares a number is known; who is held, is."""

import pytest
from builders import PHONE, ZONE, add_campaign, add_lead, add_phone
from sqlalchemy import Engine, text

from storage import contact
from storage.db import reading, writing


def test_a_set_of_zones_is_kept_once_and_known_again(engine: Engine) -> None:
    far = f"Asia/Vladivostok,{ZONE}"
    with writing(engine) as connection:
        first = contact.zone_ids(connection, {ZONE, ""})
        second = contact.zone_ids(connection, {ZONE, far})
        assert contact.zone_ids(connection, set()) == {}
        assert contact.zone_sets(connection) == {key: zones for zones, key in (first | second).items()}
    assert (first.keys(), second.keys()) == ({ZONE, ""}, {ZONE, far})
    assert first[ZONE] == second[ZONE]


def test_whoever_has_a_number_is_an_owner_of_it(engine: Engine) -> None:
    campaign = add_campaign(engine)
    his = add_lead(engine, campaign, PHONE, groups=["vip"])
    hers = add_lead(engine, campaign, PHONE)
    second = add_lead(engine, campaign, "+79211230000", of=his)
    wanted = {(row["person_id"], row["phone_id"]) for row in (his, second)}
    with reading(engine) as connection:
        lines = contact.lines(connection, wanted)
        owners = contact.owners(connection, PHONE)
        assert contact.lines(connection, []) == []
    assert {(line.phone_id, line.owner) for line in lines} == {
        (his["phone_id"], his["person_id"]),
        (his["phone_id"], hers["person_id"]),
        (second["phone_id"], his["person_id"]),
    }
    for line in lines:
        assert (line.person_id, line.key, line.groups) == (
            his["person_id"],
            f"id:{his['person_id']}",
            ["vip"],
        )
    assert {(line.phone_id, line.e164) for line in lines} == {
        (his["phone_id"], PHONE),
        (second["phone_id"], "+79211230000"),
    }
    assert {(row.person_id, row.phone_id, tuple(row.groups)) for row in owners} == {
        (his["person_id"], his["phone_id"], ("vip",)),
        (hers["person_id"], hers["phone_id"], ()),
    }


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_whom_another_dialer_holds_is_not_held_and_not_waited_for(engine: Engine) -> None:
    campaign = add_campaign(engine)
    one, two, three = (add_lead(engine, campaign)["person_id"] for _ in range(3))
    with writing(engine) as other, writing(engine) as connection:
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert contact.lock(other, {one, two}) == {one, two}
        assert contact.lock(connection, {two, three}) == {three}
        add_phone(connection, one, "+79211230000", 2)  # imports do not wait for dialers
    with writing(engine) as connection:
        assert contact.lock(connection, {one, two, three}) == {one, two, three}

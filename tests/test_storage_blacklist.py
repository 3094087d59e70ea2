"""Entries stand once under a key; whom they concern is taken out of campaigns, and comes back."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, after, ban, lead_now, rows_of
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select, text

from storage import barring, blacklist
from storage.blacklist import add_all, keys_for, standing
from storage.blacklist import blacklist as table
from storage.campaign import lead
from storage.contact import person
from storage.db import new_id, open_engine, writing
from storage.migrations import upgrade
from storage.vocab import BanKind, LeadState, Waits

KEY = f"number:{PHONE}"


def entry(key: str, scope: str = "global", until: datetime | None = None, **more: Any) -> dict[str, Any]:
    return {"key": key, "scope": scope, "until": until, "reason": "test", "actor": "me"} | more


def test_a_person_is_looked_up_under_everything_that_may_name_him() -> None:
    keys = keys_for("+79211234567", "id:5", ["vip", "staff"])
    prefixes = {key for key in keys if key.startswith("prefix:")}
    assert keys - prefixes == {"number:+79211234567", "person:id:5", "group:vip", "group:staff"}
    assert prefixes == {f"prefix:{'+79211234567'[:n]}" for n in range(2, 13)}


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_prefix_has_2_to_15_characters(e164: str) -> None:
    prefixes = {key.removeprefix("prefix:") for key in keys_for(e164, "", ()) if key.startswith("prefix:")}
    assert all(e164.startswith(prefix) for prefix in prefixes)
    assert sorted(map(len, prefixes)) == list(range(2, min(15, len(e164)) + 1))


def test_one_entry_stands_under_a_key_and_scope_until_its_date(engine: Engine) -> None:
    with writing(engine) as connection:
        first = ban(connection, KEY, reason="a", at=NOON, actor="me", until=after(60))
        assert ban(connection, KEY, reason="b", at=NOON, actor="me", until=after(60)) is None
        assert ban(connection, KEY, reason="c", at=NOON, actor="me", scope="autumn") is not None
        assert {row.reason for row in standing(connection, [KEY], after(59))} == {"a", "c"}
        assert [row.reason for row in standing(connection, [KEY], after(60))] == ["c"]
        second = ban(connection, KEY, reason="d", at=after(60), actor="me", until=after(99))
        assert second is not None
    removed = {row.id: (row.removed_at, row.removed_by) for row in rows_of(engine, table)}
    assert removed[first] == (after(60), "expired")
    assert removed[second] == (None, "")


@pytest.mark.parametrize("until", [after(61), None])
def test_an_entry_that_lasts_longer_replaces_one_that_lasts_less(
    engine: Engine, until: datetime | None
) -> None:
    with writing(engine) as connection:
        first = ban(connection, KEY, reason="soft", at=NOON, actor="automatic", until=after(60))
        second = ban(connection, KEY, reason="opt-out", at=after(1), actor="call", until=until)
        assert [row.id for row in standing(connection, [KEY], after(2))] == [second]
        assert ban(connection, KEY, reason="soft", at=after(2), actor="automatic", until=after(60)) is None
    assert {row.id: row.removed_by for row in rows_of(engine, table)} == {first: "replaced", second: ""}


def test_many_entries_at_once_are_added_once_each(engine: Engine) -> None:
    rows = [entry(f"number:+7921{n:07}") for n in range(1200)]
    twice = [entry(rows[0]["key"], until=after(5)), entry(rows[1]["key"], scope="autumn")]
    with writing(engine) as connection:
        ban(connection, rows[7]["key"], reason="before", at=NOON, actor="me")
        added = add_all(connection, [*rows, *twice], NOON)
        assert len(added) == 1200  # one was there, one is of another scope, one lasts less
        assert add_all(connection, rows, NOON) == []
        assert add_all(connection, [], NOON) == []
        assert len(standing(connection, [row["key"] for row in rows], NOON)) == 1201
        assert standing(connection, [], NOON) == []


def test_who_comes_second_with_the_same_entry_adds_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another was first between the look-up and the writing: the index knows of it."""
    with writing(engine) as connection:
        assert ban(connection, KEY, reason="first", at=NOON, actor="me") is not None
        monkeypatch.setattr(blacklist, "_kept", lambda *_: [])
        assert ban(connection, KEY, reason="second", at=NOON, actor="me") is None
    assert [row.reason for row in rows_of(engine, table)] == ["first"]


def test_what_is_removed_stands_no_more_but_its_row_stays(engine: Engine) -> None:
    with writing(engine) as connection:
        made = ban(connection, KEY, reason="a", at=NOON, actor="me")
        assert made is not None
        assert blacklist.remove(connection, [made], after(1), "boss") == 1
        assert blacklist.remove(connection, [made], after(2), "other") == 0
        assert standing(connection, [KEY], NOON) == []
        found = blacklist.entry(connection, made)
        assert found is not None and found.removed_at == after(1)
        assert blacklist.entry(connection, new_id()) is None
        assert ban(connection, KEY, reason="b", at=after(3), actor="me") is not None
    assert [row.removed_by for row in rows_of(engine, table)] == ["boss", ""]


def test_entries_are_listed_page_by_page_the_newest_first(engine: Engine) -> None:
    with writing(engine) as connection:
        made = [add_all(connection, [entry(f"number:+7921{n:07}")], NOON)[0]["id"] for n in range(5)]
        ban(connection, "group:number:", reason="", at=NOON, actor="me")
        blacklist.remove(connection, [made[3]], NOON, "me")
        kind = BanKind.NUMBER
        first = blacklist.entries(connection, 3, kind=kind)
        rest = blacklist.entries(connection, 3, kind=kind, before=first[-1].id)
        every = blacklist.entries(connection, 10, removed=True)
    assert [row.id for row in [*first, *rest]] == [made[n] for n in (4, 2, 1, 0)]
    assert len(every) == 6


def test_the_entries_of_an_import_are_found_removed_or_not(engine: Engine) -> None:
    with writing(engine) as connection:
        ban(connection, "group:before", reason="", at=NOON, actor="me")
        one, other = new_id(), new_id()
        rows = [entry(f"group:{n}", evidence={"import": str((one, other)[n % 2])}) for n in range(7)]
        ids = sorted(
            row["id"] for row in add_all(connection, rows, NOON) if row["evidence"]["import"] == str(one)
        )
        blacklist.remove(connection, ids[:1], NOON, "me")
        first = blacklist.of_import(connection, one, UUID(int=0), 3)
        rest = blacklist.of_import(connection, one, first[-1].id, 3)
    assert [row.id for row in [*first, *rest]] == ids
    assert len(ids) == 4


@pytest.fixture
def people(engine: Engine) -> dict[str, dict[str, Any]]:
    """Leads of two campaigns, each with a person of his own; some are not to be touched."""
    autumn, winter = add_campaign(engine), add_campaign(engine, "winter")
    found = {
        "his": add_lead(engine, autumn, PHONE),
        "same number": add_lead(engine, winter, PHONE, state=LeadState.NEW, clips=None),
        "same code": add_lead(engine, winter, "+79219999999"),
        "next code": add_lead(engine, winter, "+79220000000"),
        "flying": add_lead(engine, winter, PHONE, state=LeadState.IN_FLIGHT),
        "done": add_lead(engine, autumn, PHONE, state=LeadState.DONE),
    }
    with writing(engine) as connection:
        for name in ("his", "same code", "flying"):
            query = person.update().where(person.c.id == found[name]["person_id"])
            connection.execute(query.values(groups=["staff", "a\"b'", "%"]))
    return found


def key_of_person(row: dict[str, Any]) -> str:
    return f"person:id:{row['person_id']}"


CASES = {
    KEY: {"his", "same number"},
    "number:+7921": set(),
    "prefix:+7921": {"his", "same number", "same code"},
    "prefix:+79211234567": {"his", "same number"},
    "prefix:+792": {"his", "same number", "same code", "next code"},
    "person:his": {"his"},
    "group:staff": {"his", "same code"},
    "group:a\"b'": {"his", "same code"},
    "group:%": {"his", "same code"},
    "group:staf": set(),
}


@pytest.mark.parametrize("key", CASES)
@pytest.mark.parametrize("scope", ["global", "winter"])
def test_the_leads_an_entry_concerns_are_blocked_and_come_back(
    engine: Engine, people: dict[str, dict[str, Any]], key: str, scope: str
) -> None:
    wanted = CASES[key] - ({"his"} if scope == "winter" else set())
    key = key_of_person(people["his"]) if key == "person:his" else key
    with writing(engine) as connection:
        added = add_all(connection, [entry(key, scope), entry("group:nobody")], NOON)
        assert barring.bar(connection, added) == len(wanted)
        assert barring.bar(connection, added) == 0
    (made,) = [row["id"] for row in added if row["key"] == key]
    now = {name: lead_now(engine, row) for name, row in people.items()}
    assert {name for name, row in now.items() if row.state == "blocked"} == wanted
    assert {now[name].why for name in wanted} <= {f"blacklisted:{made}"}
    with writing(engine) as connection:
        assert barring.barred(connection, [made, new_id()]) == len(wanted)
        blacklist.remove(connection, [made], after(1), "me")
        assert barring.restore(connection, [made], after(2)) == (len(wanted), len(wanted))
        assert barring.restore(connection, [made], after(2)) == (0, 0)
    for name, row in people.items():
        now_ = lead_now(engine, row)
        assert (now_.state, now_.why) == (row["state"], "")
        assert now_.due_at == (after(2) if name in wanted else NOON)


def test_a_lead_that_another_entry_concerns_stays_out_under_that(
    engine: Engine, people: dict[str, dict[str, Any]]
) -> None:
    with writing(engine) as connection:
        (first,) = add_all(connection, [entry(KEY)], NOON)
        barring.bar(connection, [first])
        (other,) = add_all(connection, [entry("group:staff", "autumn")], NOON)
        add_all(connection, [entry("prefix:+7921", until=after(99)), entry("prefix:+792", "none")], NOON)
        blacklist.remove(connection, [first["id"]], NOON, "me")
        assert barring.restore(connection, [first["id"]], NOON) == (2, 1)
    his = lead_now(engine, people["his"])
    assert (his.state, his.why) == ("blocked", f"blacklisted:{other['id']}")
    assert lead_now(engine, people["same number"]).state == "new"


def test_an_entry_with_a_date_blocks_nothing_and_wakes_what_it_put_off(engine: Engine) -> None:
    campaign = add_campaign(engine)
    put_off = add_lead(engine, campaign, PHONE, waits=Waits.BLACKLIST, due_at=after(99))
    other = add_lead(engine, campaign, PHONE, waits=Waits.LIMIT, due_at=after(99))
    with writing(engine) as connection:
        dated = add_all(connection, [entry(KEY, until=after(99)), entry("prefix:+7921")], NOON)
        assert barring.bar(connection, [row for row in dated if row["until"]]) == 0
        assert barring.wake(connection, [row for row in dated if not row["until"]], NOON) == 0
        assert barring.wake(connection, dated, after(1)) == 1
    now = lead_now(engine, put_off)
    assert (now.due_at, now.waits) == (after(1), "")
    assert lead_now(engine, other).due_at == after(99)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_lead_that_a_dialer_holds_is_left_to_it(engine: Engine) -> None:
    campaign = add_campaign(engine)
    held, idle = (add_lead(engine, campaign, PHONE) for _ in range(2))
    with writing(engine) as dialer, writing(engine) as connection:
        dialer.execute(select(lead).where(lead.c.id == held["id"]).with_for_update())
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert barring.bar(connection, add_all(connection, [entry(KEY)], NOON)) == 1
    assert [lead_now(engine, row).state for row in (held, idle)] == ["pending", "blocked"]


@pytest.fixture
def plan(postgres_url: str) -> Iterator[Callable[[int], str]]:
    """How PostgreSQL looks keys up among so many entries."""
    engine = open_engine(postgres_url)
    upgrade(engine)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "blacklist.key = any" in statement:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement, parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    def looked_up(entries: int) -> str:
        with writing(engine) as connection:
            connection.execute(
                text(
                    "INSERT INTO blacklist (id, key, scope, reason, evidence, actor, created_at, removed_by)"
                    " SELECT gen_random_uuid(), 'number:+79' || lpad(n::text, 9, '0'), 'global', '', '{}',"
                    " '', now(), '' FROM generate_series(1, :n) n"
                ),
                {"n": entries},
            )
            connection.execute(text("ANALYZE blacklist"))
            found = standing(connection, keys_for("+79000000007", "id:1", ["a"]), NOON)
        assert [row.key for row in found] == ["number:+79000000007"]
        return plans.pop()

    yield looked_up
    engine.dispose()


def test_a_check_among_many_entries_reads_the_index_only(plan: Callable[[int], str]) -> None:
    """15 keys: no more pages than the index is deep for each, of a table of some thousands."""
    read = plan(200_000)
    assert "ix_blacklist_standing" in read
    assert "Seq Scan" not in read
    (pages,) = re.findall(r"^Index Scan.*?Buffers: shared hit=(\d+)", read, re.DOTALL)
    assert int(pages) < 15 * 5

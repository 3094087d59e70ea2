"""The feed of results: whoever has read up to a position has missed nothing before it."""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from builders import add_attempt, add_campaign, add_lead, attempt_now, report
from sqlalchemy import Engine, select, update

from storage import calls, feed, talks
from storage.calls import attempt
from storage.db import reading, writing
from storage.vocab import AttemptState, Outcome


def store(engine: Engine, rows: list[dict[str, Any]], before_commit: Callable[[], None]) -> list[int]:
    """Results of these attempts, stored as the dialer does; their positions."""
    with writing(engine) as connection:
        calls.standing(connection, [row["id"] for row in rows])
        places = feed.places(connection, len(rows))
        for row, place in zip(rows, places, strict=True):
            query = update(attempt).where(attempt.c.id == row["id"])
            connection.execute(query.values(position=place, ended_at=row["prepared_at"]))
        before_commit()
    return list(places)


def attempts(engine: Engine, count: int) -> list[dict[str, Any]]:
    campaign = add_campaign(engine)
    return [add_attempt(engine, add_lead(engine, campaign)) for _ in range(count)]


def seen(engine: Engine, after: int = 0) -> list[int]:
    """Positions as a follower reads them."""
    with reading(engine) as connection:
        query = select(attempt.c.position).where(attempt.c.position > after)
        return list(connection.scalars(query.order_by(attempt.c.position)))


def test_positions_follow_one_another_over_all_transactions(engine: Engine) -> None:
    first, second, third = attempts(engine, 3)
    assert store(engine, [first, second], lambda: None) == [1, 2]
    assert store(engine, [third], lambda: None) == [3]
    with reading(engine) as connection:
        assert feed.last(connection) == 3
        assert feed.places(connection, 0) == range(0)


def test_who_comes_second_waits_so_that_a_reader_never_sees_a_gap_that_is_filled_later(
    engine: Engine,
) -> None:
    first, second = attempts(engine, 2)
    numbered, go = threading.Event(), threading.Event()

    def hold() -> None:
        numbered.set()
        assert go.wait(20)

    one = threading.Thread(target=store, args=(engine, [first], hold))
    two = threading.Thread(target=store, args=(engine, [second], lambda: None))
    one.start()
    assert numbered.wait(20)
    two.start()
    two.join(0.5)
    assert two.is_alive()  # else a reader would have read 2, and 1 would come behind its back
    assert seen(engine) == []
    go.set()
    for thread in (one, two):
        thread.join(20)
    assert seen(engine) == [1, 2]


def test_a_reader_beside_many_writers_misses_nothing(engine: Engine) -> None:
    rows, read = attempts(engine, 60), list[int]()
    writers = [rows[n::4] for n in range(4)]

    def write(mine: list[dict[str, Any]], chance: Random) -> None:
        while mine:
            some = mine[: chance.randint(1, 3)]
            try:
                store(engine, some, lambda: dawdle(chance))
            except ZeroDivisionError:
                continue  # rolled back: its positions are the next one's
            del mine[: len(some)]

    def dawdle(chance: Random) -> None:
        time.sleep(chance.random() / 100)
        if chance.random() < 0.2:
            raise ZeroDivisionError

    threads = [threading.Thread(target=write, args=(mine, Random(n))) for n, mine in enumerate(writers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        read += seen(engine, read[-1] if read else 0)
    read += seen(engine, read[-1] if read else 0)
    assert read == list(range(1, 61))


def test_what_a_conversation_tells_too_late_is_told_again_at_a_new_position(engine: Engine) -> None:
    (row,) = attempts(engine, 1)
    report(engine, row, Outcome.ANSWERED_PARTIAL)
    assert attempt_now(engine, row["id"]).position is None  # the dialer will tell of it
    store(engine, [row], lambda: None)
    report(engine, row, Outcome.ANSWERED_HEARD)
    now = attempt_now(engine, row["id"])
    assert (now.outcome, now.state, now.position) == (Outcome.ANSWERED_HEARD, AttemptState.ENDED, 2)
    with writing(engine) as connection:
        talks.save_joined(connection, row["id"])
    now = attempt_now(engine, row["id"])
    assert (now.outcome, now.position) == (Outcome.ANSWERED_OPERATOR, 3)

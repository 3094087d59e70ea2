"""How soon a masked call is resolved, and how soon a binding holds, with 200,000 orders under way.

On PostgreSQL: `resolve` (what a call asks before its first word) while other processes bind 400 orders a
second; beside it, in the same run, the bare look-up of the same primary key by psycopg2. Then POST over HTTP
to a real `zvonar serve web`, and the time from the request until a look-up by another process finds it.
Then calls, by a load that plays Asterisk to a real `zvonar serve fastagi`: from connect to `EXEC Dial`, and
how long who takes a call waits; beside it the least server that looks up and writes before it dials.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import requests
from sqlalchemy import text

from engine.access.service import Keys
from engine.masking.binding import Wanted
from engine.masking.pool import Numbers
from engine.masking.service import Bindings
from engine.settings import Settings
from lab.ports import Ports
from lab.postgres import Postgres
from lab.process import Process
from lab.shell import ZVONAR
from storage.db import open_engine, writing
from storage.migrations import upgrade
from storage.vocab import MaskMode, Scope

COMPANY = "+78120000001"
MASKED = Path(__file__).with_name("_masked.py")
FILL = """
INSERT INTO mask_order (id, version, digest, mode, driver, client, record, driver_dials, client_dials,
                        fallback, effective_at, closes_at, grace_until, ended)
SELECT 'O-' || n, 1, '', 'replace', 'd' || n, '', false, :did, :did, false, now(), now() + interval '1 day',
       now() + interval '1 day', '' FROM generate_series(1, :size) n;
INSERT INTO mask_route (did, caller, order_id, role, mode, version, peers, show, record, bound_at, closes_at,
                        grace_until)
SELECT :did, '+79' || side || lpad(n::text, 8, '0'), 'O-' || n, role, 'replace', 1,
       jsonb_build_array('+79' || (1 - side) || lpad(n::text, 8, '0')), :did, false, now(),
       now() + interval '1 day', now() + interval '1 day'
FROM generate_series(1, :size) n, (VALUES (0, 'driver'), (1, 'client')) AS sides (side, role);
INSERT INTO mask_code (did, code, order_id, role, hold_until)
SELECT :did, side || lpad(n::text, 7, '0'), 'O-' || n, role, now() + interval '2 days'
FROM generate_series(1, :size) n, (VALUES (0, 'driver'), (1, 'client')) AS sides (side, role);
"""
BARE = "SELECT * FROM mask_route WHERE did = %s AND caller = %s"
BINDERS = 4
Row = dict[str, Any]


def main() -> None:
    """Fill, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=200_000)
    options.add_argument("--binds", type=float, default=400, help="a second, beside the look-ups")
    options.add_argument("--seconds", type=float, default=15)
    options.add_argument("--posts", type=int, default=500)
    options.add_argument("--calls", type=float, default=100, help="a second")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    with Postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        url = postgres.database()
        settings = Settings(database_url=url, data_dir=folder)
        fill(url, given.orders, settings)
        rows = look_ups(settings, given.orders, given.binds, given.seconds)
        rows += posts(settings, Path(folder), url, given.posts)
        rows += calls(Path(folder), url, given.calls, given.seconds, given.orders)
    print(f"{'':34}{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}{'a second':>10}")
    for row in rows:
        print(
            f"{row['what']:34}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}{row['p999_ms']:10.2f}{row['rate']:10.0f}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows))


def fill(url: str, orders: int, settings: Settings) -> None:
    """So many orders under way on the company's number."""
    engine = open_engine(url)
    upgrade(engine)
    Numbers(engine, settings).add(COMPANY, "bench", shared=True)
    with writing(engine) as connection:
        for statement in FILL.strip().rstrip(";").split(";"):
            connection.execute(text(statement), {"did": COMPANY, "size": orders})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def look_ups(settings: Settings, orders: int, binds: float, seconds: float) -> list[Row]:
    """Calls resolved one after another, ours and bare, while others bind."""
    chance = random.Random(1)

    def caller() -> str:
        return f"+79{chance.randint(0, 1)}{chance.randint(1, orders):08}"

    bindings = Bindings(open_engine(settings.database_url.get_secret_value()), settings)
    bare = psycopg2.connect(settings.database_url.get_secret_value())
    bare.autocommit = True
    cursor = bare.cursor()

    def ours() -> bool:
        return bindings.resolve(COMPANY, caller()).route is not None

    def plainly() -> bool:
        cursor.execute(BARE, (COMPANY, caller()))
        return bool(cursor.fetchall())

    with binding(settings, binds) as bound:
        found = [
            timed("resolve beside binds", ours, seconds),
            timed("bare look-up beside binds", plainly, seconds),
        ]
    found.append(told("bind", list(bound), 2 * seconds))
    bare.close()
    return found


def timed(what: str, act: Callable[[], bool], seconds: float) -> Row:
    """Act again and again; each has to succeed."""
    times, ends = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        assert act(), what
        times.append(time.perf_counter() - began)
    return told(what, times, seconds)


def told(what: str, times: list[float], seconds: float) -> Row:
    """A row: percentiles in ms, and how many a second."""
    each = statistics.quantiles(sorted(times), n=1000, method="inclusive")
    p50, p99, p999 = (round(each[place] * 1000, 3) for place in (499, 989, 998))
    return {
        "what": what,
        "p50_ms": p50,
        "p99_ms": p99,
        "p999_ms": p999,
        "rate": round(len(times) / seconds, 1),
    }


@contextmanager
def binding(settings: Settings, rate: float) -> Iterator[list[float]]:
    """Processes that bind so many orders a second; their times, when it is over."""
    context = multiprocessing.get_context("spawn")
    times: Any = context.Queue()
    over = context.Event()
    binders = [
        context.Process(target=bind, args=(settings, rate / BINDERS, number, over, times))
        for number in range(BINDERS)
    ]
    for one in binders:
        one.start()
    time.sleep(3)  # until they are at it
    found: list[float] = []
    try:
        yield found
    finally:
        over.set()
        for _ in binders:
            found += times.get(timeout=30)
        for one in binders:
            one.join()


def bind(settings: Settings, rate: float, number: int, over: Any, times: Any) -> None:
    """One of those processes: new orders, evenly spaced."""
    bindings = Bindings(open_engine(settings.database_url.get_secret_value()), settings)
    taken, began, done = [], time.perf_counter(), 0
    while not over.is_set():
        time.sleep(max(0.0, began + done / rate - time.perf_counter()))
        done += 1
        start = time.perf_counter()
        bindings.bind(order(f"B{number}-{done}", number * 1_000_000 + done), "bench")
        taken.append(time.perf_counter() - start)
    times.put(taken)


def order(name: str, number: int) -> Wanted:
    """An order of phones that nobody else has."""
    driver, client = f"+795{number:08}", f"+796{number:08}"
    return Wanted(name, 1, "d", (driver,), "", (client,), MaskMode.REPLACE, 3600, record=False)


def posts(settings: Settings, folder: Path, url: str, count: int) -> list[Row]:
    """From POST to a look-up that finds it, over real HTTP."""
    engine = open_engine(url)
    key = Keys(engine, settings).add("bench", list(Scope), "bench")
    bindings, port = Bindings(engine, settings), Ports(1).take()
    config = folder / "zvonar.toml"
    config.write_text(f'data_dir = "{folder}"\ndatabase_url = "{url}"\nweb.bind = "127.0.0.1:{port}"\n')
    web = Process([ZVONAR, "--config", str(config), "serve", "web"], folder / "web.log")
    with requests.Session() as client:
        client.headers["Authorization"] = f"Bearer {key}"
        await_web(client, port)
        answered: list[float] = []
        held: list[float] = []
        for number in range(count):
            wanted = replace(order(f"P-{number}", 9_000_000 + number))
            seen = threading.Thread(target=until_held, args=(bindings, wanted, held, time.perf_counter()))
            began = time.perf_counter()
            seen.start()
            answer = client.post(f"http://127.0.0.1:{port}/v1/bindings", json=body(wanted), timeout=10)
            answered.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
            seen.join()
    web.stop(10)
    return [
        told("POST answered", answered, sum(answered)),
        told("POST to the call that sees it", held, sum(held)),
    ]


def body(wanted: Wanted) -> dict[str, Any]:
    """A request for it."""
    return {
        "order": wanted.order,
        "version": wanted.version,
        "driver": {"id": wanted.driver, "phones": list(wanted.driver_phones)},
        "client": {"name": wanted.client, "phones": list(wanted.client_phones)},
    }


def until_held(bindings: Bindings, wanted: Wanted, held: list[float], began: float) -> None:
    """Look it up as a call would, until it is there."""
    while bindings.resolve(COMPANY, wanted.driver_phones[0]).route is None:
        pass
    held.append(time.perf_counter() - began)


def calls(folder: Path, url: str, rate: float, seconds: float, orders: int) -> list[Row]:
    """From connect to Dial, ours and the floor."""
    port = Ports(1).take()
    config = folder / "agi.toml"
    config.write_text(
        f'data_dir = "{folder}"\ndatabase_url = "{url}"\nfastagi.bind = "127.0.0.1:{port}"\n'
        "masking.calls_hour = 1000\nmasking.calls_at_once = 20\n"
    )
    ours = Process([ZVONAR, "--config", str(config), "serve", "fastagi"], folder / "agi.log")
    ours.wait_for(lambda: "phrases" in (folder / "agi.log").read_text(), 120, "zvonar serve fastagi")
    found = load(port, rate, seconds, orders)
    ours.stop(10)
    command = [sys.executable, str(MASKED), "floor", url, COMPANY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as floor:
        assert floor.stdout is not None
        bare = load(int(floor.stdout.readline()), rate, seconds, orders)
        floor.kill()
    return [
        told("call: connect to Dial", found["dialled"], seconds),
        told("call: taken to talk", found["taken"], seconds),
        told("floor: connect to Dial", bare["dialled"], seconds),
    ]


def load(port: int, rate: float, seconds: float, orders: int) -> dict[str, Any]:
    """What the calls saw; not one may be lost."""
    command = [sys.executable, str(MASKED), "load", *map(str, (port, rate, seconds, orders)), COMPANY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["lost"] == 0, f"{seen['lost']} calls were lost"
    return seen


def await_web(client: requests.Session, port: int) -> None:
    """The server answers."""
    for _ in range(200):
        try:
            if client.get(f"http://127.0.0.1:{port}/livez", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit("zvonar serve web did not start")


if __name__ == "__main__":
    main()

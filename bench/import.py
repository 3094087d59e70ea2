"""How long Zvonar takes to import a list of leads, beside a bare COPY of the same file into text columns.

The list has people of ten regions, phones in six spellings, 3 % duplicates and 1 % broken rows. Bare: one
COPY on the same PostgreSQL. Zvonar: `zvonar campaign import` as an operator runs it, with its people, phones,
leads, zones and refused rows; the counts are checked. Then the same on SQLite with a smaller list.
"""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from lab.postgres import Postgres

PLACES = (
    *(("Москва", "Москва"), ("Санкт-Петербург", "Санкт-Петербург"), ("Омск", "Омская область")),
    *(("Казань", "Республика Татарстан"), ("Якутск", "Республика Саха (Якутия)"), ("Самара", "")),
    *(("", "Приморский край"), ("Екатеринбург", "Свердловская область"), ("", ""), ("Калининград", "")),
)
NAMES = ("Анна Сергеевна", "Пётр Ильич", "Мария Ивановна", "Ольга Петровна", "Иван Кузьмич")
SPELLINGS = ("+7{}{}{}", "8{}{}{}", "7{}{}{}", "{}{}{}", "8 ({}) {}-{}", "+7 {} {} {}")
CODES = ("900", "903", "911", "916", "921", "926", "950", "962", "981", "999")
DUPLICATE, BROKEN = 0.03, 0.01
COLUMNS = ("external_id", "person_id", "phone", "name", "city", "region", "sum")
TEMPLATE = '[[fragment]]\ntext = "{name}, ваш долг {sum} рублей."\n'


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a list."""

    rows: int
    imported: int
    duplicates: int
    rejected: int


def write_list(file: Path, rows: int) -> Expected:
    """A list of so many rows, the same each time."""
    chance = random.Random(3)
    duplicates = rejected = 0
    numbers = chance.sample(range(10 * 10**7), rows)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(COLUMNS)
        row: list[Any] = []
        for serial, number in enumerate(numbers):
            dice = chance.random()
            if row and dice < DUPLICATE:
                duplicates += 1
            else:
                row = [f"d-{serial}", f"p-{serial}", _phone(chance, number), chance.choice(NAMES)]
                row += [*chance.choice(PLACES), chance.randrange(100, 100_000)]
            if dice > 1 - BROKEN:
                rejected += 1
                writer.writerow([*row[:2], "8 (921) 12", *row[3:]])
                row = []
            else:
                writer.writerow(row)
    return Expected(rows, rows - duplicates - rejected, duplicates, rejected)


def _phone(chance: random.Random, number: int) -> str:
    code, rest = CODES[number // 10**7], f"{number % 10**7:07}"
    return chance.choice(SPELLINGS).format(code, rest[:3], rest[3:])


def bare_copy(url: str, file: Path) -> float:
    """Seconds of a COPY into text columns, committed."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in COLUMNS)})")
        begin = time.perf_counter()
        with file.open(encoding="utf-8") as source:
            cursor.copy_expert("COPY bare FROM STDIN (FORMAT csv, HEADER, DELIMITER ';')", source)
        connection.commit()
        seconds = time.perf_counter() - begin
        cursor.execute("DROP TABLE bare")
        connection.commit()
    return seconds


def zvonar(folder: Path, url: str, *words: str) -> tuple[str, float, int]:
    """Run a command: its standard output, seconds, peak RSS in MB."""
    environment = os.environ | {"ZVONAR_DATABASE_URL": url, "ZVONAR_DATA_DIR": str(folder)}
    environment |= {"ZVONAR_ASTERISK__SECRET": "not-asked-here"}
    begin = time.perf_counter()
    command = [str(Path(sys.executable).with_name("zvonar")), *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    out = process.stdout.read()
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"zvonar {' '.join(words)} ended with {process.returncode}")
    return out, time.perf_counter() - begin, used.ru_maxrss // 1024


def ours(folder: Path, url: str, file: Path, register: Path | None, expected: Expected) -> tuple[float, int]:
    """Seconds and peak RSS in MB of an import into an empty database."""
    (folder / "debt.toml").write_text(TEMPLATE, encoding="utf-8")
    zvonar(folder, url, "db", "upgrade")
    if register:
        zvonar(folder, url, "contact", "numbering", "load", str(register))
    zvonar(folder, url, "template", "set", "debt", str(folder / "debt.toml"))
    zvonar(folder, url, "campaign", "create", "bench", "--template", "debt", "--trunk", "trunk")
    out, seconds, memory = zvonar(folder, url, "campaign", "import", "bench", str(file), "--format", "json")
    found = json.loads(out)
    for name in Expected.__slots__:
        if found[name] != getattr(expected, name):
            raise SystemExit(f"{name}: {found[name]}, expected {getattr(expected, name)}")
    return seconds, memory


def measure(folder: Path, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Bare and ours on PostgreSQL, ours on SQLite."""
    file = folder / "list.csv"
    expected = write_list(file, given.rows)
    size = file.stat().st_size // 2**20
    print(f"{given.rows} rows, {size} MB: {expected}", flush=True)
    with Postgres() as postgres:
        url = postgres.database()
        bare = bare_copy(url, file)
        yield row("bare copy", given.rows, bare)
        seconds, memory = ours(folder, url, file, given.register, expected)
        yield row("postgresql", given.rows, seconds) | {"rss_mb": memory, "ratio": round(seconds / bare, 1)}
    expected = write_list(file, given.sqlite_rows)
    seconds, memory = ours(folder, f"sqlite:///{folder / 'bench.db'}", file, given.register, expected)
    yield row("sqlite", given.sqlite_rows, seconds) | {"rss_mb": memory}


def row(what: str, rows: int, seconds: float) -> dict[str, Any]:
    """One measure."""
    return {
        "bench": "import",
        "what": what,
        "rows": rows,
        "seconds": round(seconds, 1),
        "rows_s": round(rows / seconds),
    }


def main() -> None:
    """All of it, the table, the rows."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, default=1_000_000, help="of the list for PostgreSQL")
    options.add_argument("--sqlite-rows", type=int, default=100_000, help="of the list for SQLite")
    options.add_argument("--register", type=Path, help="a numbering register to load before")
    options.add_argument("--json", type=Path, help="write the rows to this file")
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="zvonar-bench-"))
    rows = []
    try:
        for found in measure(folder, given):
            rows.append(found)
            print("  " + ", ".join(f"{name} {value}" for name, value in found.items()), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()

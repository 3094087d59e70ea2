"""What the audio of a campaign costs: 100,000 leads, 20,000 names, 1,000 cities, sums to 100,000 roubles.

Three runs of `Preparer` on PostgreSQL with the real voice (espeak-ng in `speech.workers` processes):

| run | what is known before |
|---|---|
| first | nothing |
| warm | all names and cities; the sums are new: another campaign of the same people |
| naive | nothing is shared: each whole message is a text of its own (a sample of messages) |

Told: distinct texts that the voice read, ms a lead all included, files and bytes on disk, the most memory of
this process and its voices while it ran, beside that after its first step. Exit 1 when a lead of the warm run
needed the voice, or is not ready.
"""

import argparse
import json
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

from _meter import family, memory_mb
from builders import add_campaign, add_template
from sqlalchemy import Engine, func, select, text

from engine.campaign.preparing import Preparer
from engine.gateways.tts import voice_for
from engine.settings import Settings
from engine.speech import sound
from engine.speech.atoms import needed
from engine.speech.message import message_of
from engine.speech.pool import Pool
from engine.speech.service import Speech, cache_of
from engine.speech.template import parse
from lab.postgres import Postgres
from storage import campaign as campaigns
from storage import migrations, speech
from storage.db import open_engine, reading, writing
from storage.vocab import LeadState

TEMPLATE = """
lang = "ru"
[[fragment]]
name = "hello"
text = "Здравствуйте, {name}!"
[[fragment]]
name = "debt"
text = "Вас беспокоят из города {city}. Ваш долг {sum:rub}. Оплатите его до {due:day:genitive}."
[[fragment]]
name = "end"
text = "Нажмите один, чтобы поговорить с оператором."
"""
LARGEST = 10_000_000  # kopecks
LOOK_S = 0.25
FILL = """
INSERT INTO person (id, key, name, city, region, address, timezone, groups, created_at)
SELECT {person}, '{name}:' || n, '', '', '', '', '', '[]', now() FROM generate_series(1, {size}) n;
INSERT INTO phone (person_id, id, e164, position, kind, operator, region)
SELECT {person}, {phone}, '+79' || lpad(n::text, 9, '0'), 1, 'mobile', '', ''
FROM generate_series(1, {size}) n;
INSERT INTO lead (person_id, id, campaign_id, key, phone_id, role, variables, clips, state, why, due_at,
                  waits, zone_id, by_number, attempts, outcome, priority, control, avoids, lang)
SELECT {person}, {lead}, '{campaign}', n::text, {phone}, 'debtor',
       jsonb_build_object('name', (:names)::jsonb ->> (mod(n, {names})),
                          'city', (:cities)::jsonb ->> (mod(n, {cities})),
                          'sum', (floor(random() * {largest}) + 1)::int::text,
                          'due', to_char(date '2026-01-01' + mod(n, 28), 'YYYY-MM-DD')),
       null, 'new', '', now() - interval '1 day', '', 0, true, 0, '', 0, false, '', ''
FROM generate_series(1, {size}) n;
"""
SYLLABLES = ("ба", "ве", "ги", "до", "жу", "за", "ки", "ло", "ма", "ни", "по", "ра", "со", "ту", "фе", "ха")


def words(count: int, seed: int) -> list[str]:
    """So many made-up names, the same each time."""
    chance, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        found["".join(chance.choices(SYLLABLES, k=4)).capitalize()] = None
    return list(found)


def ours() -> list[int]:
    """This process, its voice processes and what they run."""
    return [os.getpid(), *(pid for child in active_children() if child.pid for pid in family(child.pid))]


class Peak:
    """The most memory that this process and its children use while it is entered, and how it began."""

    def __enter__(self) -> "Peak":
        self.begin = self.most = memory_mb(ours())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self.most = max(self.most, memory_mb(ours()))

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Bench:
    """A database, an audio folder, a preparer."""

    def __init__(self, folder: Path, url: str, workers: int) -> None:
        self.engine: Engine = open_engine(url)
        migrations.upgrade(self.engine)
        self.settings = Settings(data_dir=folder, database_url=url, speech={"workers": workers})
        self.pool = Pool(self.settings.speech, cache_of(self.settings))
        self.speech = Speech(self.engine, self.settings, self.pool)
        self.template = add_template(self.engine, "bench", TEMPLATE)
        self.speech.phrases("debtor", "ru", parse(TEMPLATE).keys)  # what every campaign says is there

    def campaign(self, name: str, size: int, names: list[str], cities: list[str]) -> campaigns.CampaignRow:
        """A campaign of so many new leads, whose sums are random."""
        row = add_campaign(self.engine, name, template_id=self.template, phrases={})
        values: dict[str, Any] = {"size": size, "campaign": row.id, "name": name, "largest": LARGEST}
        values |= {"names": len(names), "cities": len(cities)}
        for column in ("person", "phone", "lead"):
            values[column] = f"md5('{name}{column}' || n)::uuid"
        given = {"names": json.dumps(names), "cities": json.dumps(cities)}
        with writing(self.engine) as connection:
            for statement in FILL.strip().split(";\n"):
                own = {key: value for key, value in given.items() if f":{key}" in statement}
                connection.execute(text(statement.format(**values).rstrip(";")), own)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        return row

    def prepare(self, row: campaigns.CampaignRow, size: int) -> dict[str, Any]:
        """All its leads; the row without its name."""
        preparer, before, began = (
            Preparer(self.engine, self.speech, self.settings),
            self.spoken(),
            time.monotonic(),
        )
        with Peak() as peak:
            self.speech.atoms(needed(parse(TEMPLATE)), "ru")
            preparer.step(row)
            early = memory_mb(ours())
            while preparer.step(row):
                pass
        spent = time.monotonic() - began
        files, size_ = self.disk()
        return {
            "leads": size,
            "synthesised": self.spoken() - before,
            "ms_lead": round(spent * 1000 / size, 2),
            "seconds": round(spent, 1),
            "ready": self.ready(row),
            "files": files,
            "mb": round(size_ / 1e6, 1),
            "memory_mb": round(peak.most),
            "memory_first_mb": round(early),
        }

    def spoken(self) -> int:
        """Texts that the voice has read so far."""
        with reading(self.engine) as connection:
            return connection.scalar(select(func.coalesce(func.sum(speech.cost.c.requests), 0))) or 0

    def ready(self, row: campaigns.CampaignRow) -> int:
        """Leads that may be dialled."""
        with reading(self.engine) as connection:
            return campaigns.lead_counts(connection, row.id).get(LeadState.PENDING, 0)

    def disk(self) -> tuple[int, int]:
        """Files and bytes of the audio folder."""
        sizes = [found.size for _digits, entries in self.speech.cache.folders() for found in entries]
        return len(sizes), sum(sizes)

    def naive(self, row: campaigns.CampaignRow, sample: int) -> dict[str, Any]:
        """Whole messages, each spoken and finished as one text by one process."""
        with reading(self.engine) as connection:
            query = (
                select(campaigns.lead.c.variables).where(campaigns.lead.c.campaign_id == row.id).limit(sample)
            )
            people = list(connection.scalars(query))
            message = message_of(speech.template_of(connection, self.template))
        voice, size, began = voice_for(self.settings.speech, "ru"), 0, time.monotonic()
        for values in people:
            whole = " ".join(piece.text for piece in message.pieces(values))
            size += len(sound.finish(voice.speak(whole), self.settings.speech.format))
        spent = time.monotonic() - began
        found = {"leads": sample, "synthesised": sample, "ms_lead": round(spent * 1000 / sample, 2)}
        return found | {"seconds": round(spent, 1), "files": sample, "mb": round(size / 1e6, 1)}


def measure(folder: Path, postgres: Postgres, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows of the three runs."""
    url = postgres.database()
    bench = Bench(folder, url, given.workers)
    names, cities = words(given.names, 1), words(given.cities, 2)
    try:
        first = bench.campaign("first", given.leads, names, cities)
        yield {"bench": "speech", "what": "first", **bench.prepare(first, given.leads)}
        warm = bench.campaign("warm", given.leads, names, cities)
        yield {"bench": "speech", "what": "warm", **bench.prepare(warm, given.leads)}
        yield {"bench": "speech", "what": "naive", **bench.naive(warm, given.sample)}
    finally:
        bench.pool.close()
        bench.engine.dispose()
        postgres.drop(url)


def main() -> None:
    """Measure, and print; exit 1 when something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--names", type=int, default=20_000)
    parser.add_argument("--cities", type=int, default=1_000)
    parser.add_argument("--sample", type=int, default=200, help="messages that are spoken whole")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    rows, folder = [], Path(tempfile.mkdtemp(prefix="zvonar-bench-"))
    try:
        with Postgres() as postgres:
            for row in measure(folder, postgres, given):
                rows.append(row)
                print(
                    "  " + "  ".join(f"{name} {value}" for name, value in row.items() if name != "bench"),
                    flush=True,
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    wrong = [row["what"] for row in rows if row.get("ready", row["leads"]) != row["leads"]]
    if wrong or rows[1]["synthesised"]:
        raise SystemExit("leads are not ready, or known people needed the voice")


if __name__ == "__main__":
    main()

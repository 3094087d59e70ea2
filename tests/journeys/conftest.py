"""What the journeys share: a stand with the demo's message, and a person at the shell."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from journeys.taxi import CENTRE, Taxi
from voice import speak

from engine.sections import Company, Masking, Trunk, Webhook
from engine.settings import share
from engine.speech.shipped import spoken
from lab.kinds import number
from lab.postgres import Postgres
from lab.shell import Shell
from lab.stand import Stand

TEMPLATE = str(share("etc/demo") / "debt.toml")
QUICK = {"dial_timeout_s": 12, "max_call_s": 60}
# What a carrier fails is tried again later, for hours; here each number is called once.
ONCE = ("--retry", "congestion=never", "--retry", "trunk-fault=never")
NOON = datetime(2026, 1, 21, 9, tzinfo=UTC)  # in Moscow, a Wednesday: by day in every zone of our people


def people(kinds: Iterable[tuple[str, int]], first: int = 0) -> list[dict[str, str]]:
    """One person for each (kind, seconds), each with a name, a city and a sum of his own."""
    names, cities = ("Анна", "Борис", "Вера", "Глеб", "Дарья"), ("Казань", "Омск", "Тверь")
    return [
        {
            "external_id": f"{kind}-{serial}",
            "phone": number(kind, serial, seconds),
            "name": names[serial % len(names)],
            "city": cities[serial % len(cities)],
            "sum": str(100 + 37 * serial),
        }
        for serial, (kind, seconds) in enumerate(kinds, first)
    ]


def listed(rows: list[dict[str, str]], file: Path) -> str:
    """The people as a file that can be imported."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


def campaign(shell: Shell, rows: list[dict[str, str]], name: str = "c", **options: Any) -> None:
    """A campaign filled with these people and running."""
    flags = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    shell.zvonar("campaign", "create", name, "--template", "debt", "--trunk", "lab", *flags, *ONCE)
    shell.zvonar("campaign", "import", name, listed(rows, shell.folder / f"{name}.csv"))
    shell.zvonar("campaign", "start", name)


def outcomes(shell: Shell, name: str = "c") -> dict[str, str]:
    """external id -> outcome of the last attempt, as the report's file tells."""
    file = shell.folder / f"{name}-report.csv"
    shell.zvonar("--lang", "en", "report", "campaign", name, "-o", str(file))
    with file.open(encoding="utf-8-sig", newline="") as rows:
        return {row["external id"]: row["outcome"] for row in csv.DictReader(rows, delimiter=";")}


@pytest.fixture
def opened(tmp_path: Path, fallback: Path, notice: Path) -> Iterator[Callable[..., Shell]]:
    """Open a stand with its own Asterisk and a shell beside it, the schema and the template in place.

    It is noon there, whenever the tests run: campaigns are under the law that they are under by default.
    """
    with ExitStack() as stack:

        def open_shell(
            database_url: str = "", environment: dict[str, str] | None = None, **options: Any
        ) -> Shell:
            shift = {"clock_shift_s": int((NOON - datetime.now(UTC)).total_seconds())}
            given = {"dialer": QUICK, "contact": shift, **options}
            sounds = {"ru/fallback.wav": fallback, "ru/notice.wav": notice}
            stand = Stand(tmp_path / "stand", sounds=sounds, **given)
            stack.enter_context(stand)
            url = database_url or f"sqlite:///{stand.run_dir / 'zvonar.db'}"
            shell = stack.enter_context(Shell(stand, url))
            shell.zvonar("db", "upgrade")
            shell.zvonar("template", "set", "debt", TEMPLATE)
            return shell

        yield open_shell


@contextmanager
def in_business(folder: Path, url: str, *, dispatch: Webhook | None = None, **masking: Any) -> Iterator[Taxi]:
    """A taxi company whose talks are short and whose patience is, on a database of its own; its dispatch is
    told by this webhook.
    """
    texts = spoken("common", "ru", Company().name)
    sounds = {
        f"ru/{name}.wav": speak(texts[name], folder / f"{name}.wav") for name in ("centre", "soon-over")
    }
    usual = {"call_centre": CENTRE, "ring_s": 5, "max_talk_s": 12, "warn_s": 6, "calls_hour": 6}
    trunk = Trunk(name="lab", endpoint="lab", cps=50, channels=100, inbound="mask")
    given = {"masking": Masking(**usual | masking)} | ({"webhook": [dispatch]} if dispatch else {})
    with (
        Stand(folder / "stand", sounds=sounds, trunk=trunk, **given) as stand,
        Shell(stand, url) as shell,
    ):
        shell.zvonar("db", "upgrade")
        yield Taxi(shell, sounds)


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Taxi]:
    """One that has all it needs, for a module's tests: each of them has orders and phones of its own."""
    url = postgres.database()
    with in_business(tmp_path_factory.mktemp("taxi"), url) as company:
        yield company
    postgres.drop(url)

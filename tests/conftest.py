"""What tests of real things share: a lab of Asterisk and carrier, a PostgreSQL, a database of either kind."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
import uvloop
from ami_line import LONG_S
from builders import SOURCE, add_campaign, add_lead
from hypothesis import Phase
from hypothesis import settings as hypothesis
from masked_office import Clock, Office, opened
from sqlalchemy import Engine
from voice import speak

from engine.settings import Settings
from lab.postgres import Postgres
from lab.stand import Stand
from storage.db import metadata, open_engine, writing
from storage.migrations import upgrade

# How long an example takes is told by the machine, not by the code.
hypothesis.register_profile("zvonar", deadline=None)
# `make mutate` asks whether a change is noticed, not for its simplest example.
hypothesis.register_profile("mutate", deadline=None, phases=[Phase.explicit, Phase.generate], max_examples=40)
hypothesis.load_profile("zvonar")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What lasts longest begins first, so that at the end no process waits for another's last journey."""
    items.sort(key=lambda item: "journeys" not in item.path.parts and not item.get_closest_marker("real"))


@pytest.fixture(scope="session")
def fallback(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prompt that is played when our server is not there."""
    return speak("Извините, мы перезвоним позже.", tmp_path_factory.mktemp("prompts") / "fallback.wav")


@pytest.fixture(scope="session")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a stranger who calls us hears."""
    return speak("Это автоматическая линия. До свидания.", tmp_path_factory.mktemp("prompts") / "notice.wav")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, fallback: Path) -> Iterator[Stand]:
    """A running Asterisk with a carrier of callees of every kind and an ear; one for a module's tests."""
    with Stand(tmp_path_factory.mktemp("stand"), sounds={"ru/fallback.wav": fallback}) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL of the tests' own."""
    with Postgres() as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'zvonar.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def _migrated(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A SQLite database with today's schema, for all tests; to be left empty."""
    yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'zvonar.db'}")


@pytest.fixture(scope="session")
def on_postgresql(postgres: Postgres) -> Iterator[Engine]:
    """A PostgreSQL database with today's schema, for all tests; to be left empty."""
    yield from _migrated(postgres.database())


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database with today's schema; the test runs once on each kind."""
    found: Engine = request.getfixturevalue(f"on_{request.param}")
    yield found
    with writing(found) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that all settings go by, to be set."""
    clock = Clock()
    monkeypatch.setattr(Settings, "now", lambda _: clock.now)
    return clock


@pytest.fixture
def masks(engine: Engine, tmp_path: Path, clock: Clock) -> Iterator[Office]:
    """Masking on an empty database of either kind: the company's number and four of a pool."""
    found = opened(engine, tmp_path, clock)
    yield found
    found.calls.close()


@pytest.fixture
def logging_kept() -> Iterator[None]:
    """What a command line sets up for logging is undone: it writes to a standard error of this test's."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logging_kept: None) -> Path:
    """An empty folder to work in, with a database of its own."""
    for name in list(os.environ):
        if name.startswith("ZVONAR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZVONAR_DATABASE_URL", f"sqlite:///{tmp_path / 'zvonar.db'}")
    monkeypatch.setenv("ZVONAR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ZVONAR_ASTERISK__SECRET", "long-enough")
    (tmp_path / "debt.toml").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def ready(home: Path) -> Path:
    """The same, with a template, a running campaign of one lead, and a draft."""
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    upgrade(engine)
    add_lead(engine, add_campaign(engine))
    add_campaign(engine, "draft", state="draft")
    engine.dispose()
    return home


@pytest.fixture(params=["asyncio", "uvloop"])
def on_each_loop(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    """Run a scenario on either event loop, bounded in time."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(scenario: Awaitable[None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(LONG_S):
                await scenario

        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(bounded())

    return runner

"""`zvonar serve`: the daemons. One process may run one of them or all.

Each part is an asynchronous context: entered, it serves; left, it drains. They are entered in the order
web, webhooks, fastagi, recordings, dialer and left in reverse, so that calls under way keep their
conversations to the end. SIGTERM and Ctrl-C begin the end; the second one cuts it short. SIGHUP reads the
settings anew: the dialer takes in changed nodes and trunks; all else waits for a restart.
"""

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from cli.output import settings_of
from engine.errors import SettingsError, ZvonarError
from engine.settings import Settings


@dataclass(slots=True)
class Serving:
    """What the parts of one process know of each other: is Asterisk there, who takes in settings that were
    read anew, and by when all must be over.
    """

    connected: Callable[[], bool] = lambda: True
    reload: Callable[[Settings], None] = lambda _settings: None
    until: float = 0.0

    @property
    def left_s(self) -> float:
        """Seconds that calls under way are still given."""
        return max(0.0, self.until - asyncio.get_running_loop().time())


Part = Callable[[Settings, Serving], AbstractAsyncContextManager[asyncio.Future[None] | None]]
RELOADED = ("asterisk", "trunk")
METRICS = click.option("--metrics", metavar="HOST:PORT", help="Serve Prometheus metrics there.")


@click.group()
def command() -> None:
    """Run the daemons."""


@command.command()
@METRICS
@click.pass_context
def fastagi(ctx: click.Context, metrics: str | None) -> None:
    """Hold the conversations; Asterisk connects here."""
    _run(ctx, [_fastagi], metrics)


@command.command()
@METRICS
@click.pass_context
def dialer(ctx: click.Context, metrics: str | None) -> None:
    """Dial the running campaigns; one process for each dialer.name."""
    _run(ctx, [_recordings, _dialer], metrics)


@command.command()
@click.pass_context
def web(ctx: click.Context) -> None:
    """Health, metrics and API over HTTP; results and events to webhooks."""
    _run(ctx, [_web, _webhooks], None)


@command.command()
@click.pass_context
def speech(ctx: click.Context) -> None:
    """Render audio for dialers elsewhere: a Celery worker of speech.workers processes."""
    from sdnotify import SystemdNotifier

    from engine.wiring import speech_worker

    worker, notify = speech_worker(settings_of(ctx)), SystemdNotifier().notify
    notify("READY=1")
    threading.Thread(target=lambda: asyncio.run(_live(notify)), daemon=True).start()
    worker.start()


@command.command("all")
@click.pass_context
def all_(ctx: click.Context) -> None:
    """Everything in one process: enough for tens of calls a second."""
    _run(ctx, [_web, _webhooks, _fastagi, _recordings, _dialer], None)


def _run(ctx: click.Context, parts: list[Part], metrics: str | None) -> None:
    import uvloop

    from engine import telemetry

    settings = settings_of(ctx)
    telemetry.setup(settings.log.level)
    if metrics:
        from prometheus_client import start_http_server

        host, port = _address(metrics)
        start_http_server(port, host)
    uvloop.run(_serve(settings, parts, partial(reread, settings, ctx.find_root().obj["config"])))


async def _serve(settings: Settings, parts: list[Part], anew: Callable[[], Settings | None]) -> None:
    """Enter the parts, wait for the signal or for one to break, leave them."""
    from sdnotify import SystemdNotifier

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    systemd, serving = SystemdNotifier(), Serving()

    def reload() -> None:
        if changed := anew():
            serving.reload(changed)

    loop.add_signal_handler(signal.SIGHUP, reload)
    async with AsyncExitStack() as entered:
        living = asyncio.create_task(_live(systemd.notify))
        entered.callback(living.cancel)  # the last to go: calls may take a minute to their end
        watched: list[asyncio.Future[Any]] = [asyncio.create_task(stop.wait())]
        for part in parts:
            running = await entered.enter_async_context(part(settings, serving))
            watched += [running] if running else []
        # What is loaded by now stays: a collection need not walk it, which is a tenth of a call's CPU.
        gc.collect()
        gc.freeze()
        systemd.notify("READY=1")
        done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        serving.until = loop.time() + settings.fastagi.drain_s
        systemd.notify("STOPPING=1")
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(name)
        for one in done:
            one.result()  # a part that broke takes the process with it, and says why


def reread(settings: Settings, config: str | None) -> Settings | None:
    """The settings with the nodes and trunks that the file and the environment name now; None, and an error
    in the log, when these are wrong: the old ones stay in force.
    """
    from engine import telemetry
    from engine.settings import load

    log = telemetry.logger("serve")
    try:
        found = load(config)
        if found.contact.clock_shift_s != settings.contact.clock_shift_s:  # trunks are checked against it
            raise SettingsError("contact.clock_shift_s changes with a restart only")
    except ZvonarError as error:
        log.error("settings are wrong; the old ones stay in force", reason=str(error))
        return None
    changed = settings.model_copy(update={name: getattr(found, name) for name in RELOADED})
    others = [name for name in Settings.model_fields if getattr(found, name) != getattr(changed, name)]
    if others:
        log.warning("these settings changed too, and need a restart", settings=sorted(others))
    return changed


async def _live(notify: Callable[[str], None]) -> None:
    """Tell systemd that this process is not frozen, as often as it wants to hear it (WatchdogSec).

    Frozen, it would hold its calls in silence: Asterisk waits for a server that has accepted, and has no time
    limit of its own. Killed, it leads them to the fallback, and new ones go to the next server.
    """
    every_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 3
    while every_s:
        notify("WATCHDOG=1")
        await asyncio.sleep(every_s)


@asynccontextmanager
async def _fastagi(settings: Settings, serving: Serving) -> AsyncIterator[asyncio.Future[None] | None]:
    from engine.wiring import mask_calls, mask_rounds, talks
    from fastagi.scripts import routes
    from fastagi.server import Server
    from fastagi.session import Studio

    dirs = settings.audio_dir_in_asterisk, settings.recordings_dir_in_asterisk
    studio = Studio(dirs[0], settings.dialer.max_call_s, dirs[1])
    keeping, masking, rounds = talks(settings), mask_calls(settings), mask_rounds(settings)
    server = Server(settings.fastagi, routes(keeping, masking), studio)
    await server.start()
    rounds.start()
    yield None
    await server.drain(serving.left_s)
    await asyncio.to_thread(rounds.stop)
    await asyncio.to_thread(keeping.close)
    await asyncio.to_thread(masking.close)


@asynccontextmanager
async def _dialer(settings: Settings, serving: Serving) -> AsyncIterator[asyncio.Future[None] | None]:
    from engine import wiring

    dialling = wiring.dialer(settings)
    serving.connected, serving.reload = lambda: dialling.connected, dialling.reload
    running = asyncio.create_task(dialling.run())
    yield running
    dialling.stop()
    try:
        async with asyncio.timeout(serving.left_s):
            await running
    except TimeoutError:
        pass  # calls that last longer are taken over by the next start
    except asyncio.CancelledError:
        running.cancel()
        raise


@asynccontextmanager
async def _recordings(settings: Settings, serving: Serving) -> AsyncIterator[asyncio.Future[None] | None]:
    from engine.wiring import recordings_watch

    watching = recordings_watch(settings)
    watching.start()
    yield None
    await asyncio.to_thread(watching.stop)


@asynccontextmanager
async def _web(settings: Settings, serving: Serving) -> AsyncIterator[asyncio.Future[None] | None]:
    import uvicorn

    from engine.wiring import bindings, call_backs, cards, database, keys, mask_recordings
    from storage.db import reading
    from web import bindings as bound
    from web import masked
    from web import recordings as recorded
    from web.app import create

    engine = database(settings, 2)

    def ask() -> bool:
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT 1")
        return True

    async def database_answers() -> bool:
        return await asyncio.to_thread(ask)

    async def asterisk_answers() -> bool:
        return serving.connected()

    class Server(uvicorn.Server):
        """Leaves the signals to us."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    checks: Mapping[str, Any] = {"database": database_answers, "asterisk": asterisk_answers}
    doors = keys(settings)
    parts = [
        bound.routes(bindings(settings), doors),
        masked.routes(call_backs(settings), cards(settings), doors),
        recorded.routes(mask_recordings(settings), doors),
    ]
    config = uvicorn.Config(create(checks, parts), log_level="warning", access_log=False)
    server = Server(config)
    running = asyncio.create_task(server.serve([_listen(settings.web.bind)]))
    yield running
    server.should_exit = True
    await running


@asynccontextmanager
async def _webhooks(settings: Settings, _: Serving) -> AsyncIterator[asyncio.Future[None] | None]:
    if not settings.webhooks:
        yield None
        return
    from engine.wiring import deliveries

    delivering = deliveries(settings)
    delivering.start()
    yield None
    await asyncio.to_thread(delivering.stop)


def _listen(bind: str) -> socket.socket:
    """A socket at HOST:PORT; SettingsError when it cannot be had."""
    try:
        return socket.create_server(_address(bind))
    except OSError as error:
        raise SettingsError(f"web.bind: {bind}: {error.strerror}") from None


def _address(text: str) -> tuple[str, int]:
    """HOST:PORT -> (host, port)."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{text!r}: an address is written HOST:PORT")
    return host.strip("[]"), int(port)

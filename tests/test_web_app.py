"""Health and metrics over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from engine import telemetry
from web import app as module
from web.app import create


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def breaks() -> bool:
    raise RuntimeError("the database is away")


async def hangs() -> bool:
    await asyncio.sleep(60)
    return True


def get(path: str, **checks: Callable[[], Awaitable[bool]]) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create(checks))
        async with httpx.AsyncClient(transport=transport, base_url="http://zvonar") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_a_process_that_answers_is_alive_whatever_its_neighbours_do() -> None:
    answer = get("/livez", database=breaks)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "check, status, holds", [(yes, 200, True), (no, 503, False), (breaks, 503, False), (hangs, 503, False)]
)
def test_it_is_ready_when_every_neighbour_is(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], Awaitable[bool]], status: int, holds: bool
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    answer = get("/readyz", database=yes, asterisk=check)
    assert answer.status_code == status
    assert answer.json() == {
        "status": "ok" if holds else "unready",
        "checks": {"database": True, "asterisk": holds},
    }


def test_metrics_are_prometheus_text() -> None:
    telemetry.calls.labels("busy").inc()
    answer = get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'zvonar_calls_total{outcome="busy"}' in answer.text


@pytest.mark.parametrize("path", ["/redoc", "/nothing"])
def test_nothing_else_is_served(path: str) -> None:
    assert get(path).status_code == 404

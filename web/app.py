"""The HTTP side: health, metrics, and what the parts have to offer.

| path | says |
|---|---|
| /livez | 200 while the process turns its event loop |
| /readyz | 200 when every neighbour answers, else 503; each check by name |
| /metrics | Prometheus text |
| /v1/… | see the module of each part; `doors` lets in |
| /openapi.json, /docs | all of it for programs, and for people; nothing is loaded from elsewhere |
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from engine import __version__
from web.doors import guard

CHECK_S = 3
Check = Callable[[], Awaitable[bool]]


def create(checks: Mapping[str, Check], parts: Sequence[APIRouter] = ()) -> FastAPI:
    """The application; `checks` are what /readyz asks."""
    app = FastAPIOffline(redoc_url=None, title="Zvonar", version=__version__)
    guard(app)
    for part in parts:
        app.include_router(part)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Every neighbour answers."""
        names = list(checks)
        answers = await asyncio.gather(*(_holds(checks[name]) for name in names))
        found = dict(zip(names, answers, strict=True))
        ready = all(answers)
        body = {"status": "ok" if ready else "unready", "checks": found}
        return JSONResponse(body, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _holds(check: Check) -> bool:
    """A check's answer; one that fails or takes too long is a no."""
    try:
        return await asyncio.wait_for(check(), CHECK_S)
    except Exception:
        return False

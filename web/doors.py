"""What every request passes: its key, its signature, and the form in which errors are told.

`Authorization: Bearer KEY`; `Zvonar-Signature` where the key asks for it or the client wants it.
With an `Idempotency-Key` a request that is sent again is answered as the first one was. Every error is
`{"error", "message", "details"}`; `error` is the code of `engine.errors`.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from engine import telemetry
from engine.access.service import Client, Keys
from engine.access.signature import Request as Asked
from engine.errors import NoKey, NoNumber, UsageError, ZvonarError
from storage.db import is_down
from storage.vocab import Scope

MAX_BODY = 1_000_000
BEARER = re.compile(r"Bearer ([\x21-\x7e]{1,200})", re.ASCII)
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
CODES = {400: "usage", 404: "not-found", 405: "usage"}

log = telemetry.logger("web")


class Door:
    """Lets requests in for one scope: a dependency of FastAPI."""

    def __init__(self, keys: Keys, scope: Scope) -> None:
        self._keys, self._scope = keys, scope

    async def __call__(self, request: Request) -> "Visit":
        """Who asks; NoKey, Denied."""
        found = BEARER.fullmatch(request.headers.get("authorization", ""))
        if not found:
            raise NoKey("send Authorization: Bearer KEY")
        body = await request.body()
        if len(body) > MAX_BODY:
            raise UsageError(f"the body is longer than {MAX_BODY} bytes")
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        asked = Asked(request.method, path, body)
        signature = request.headers.get("zvonar-signature", "")
        client = await run_in_threadpool(self._keys.client, found[1], self._scope, asked, signature)
        name = request.headers.get("idempotency-key", "")
        if name and not IDEMPOTENCY_KEY.fullmatch(name):
            raise UsageError("Idempotency-Key: 1 to 64 visible ASCII characters")
        return Visit(self._keys, client, asked, name)


class Visit:
    """A request that was let in."""

    def __init__(self, keys: Keys, client: Client, asked: Asked, name: str) -> None:
        self._keys, self._asked, self._name = keys, asked, name
        self.actor = client.name
        self._client = client

    async def answer(self, act: Callable[[], Any]) -> Response:
        """What `act` returns, as JSON; blocking, so in a thread."""

        def told() -> tuple[int, str]:
            try:
                return 200, _json(act())
            except ZvonarError as error:
                return error.http_status, _json(_told(error))

        if not self._name:
            status, body = await run_in_threadpool(told)
        else:
            status, body = await run_in_threadpool(self._once, told)
        return Response(body, status, media_type="application/json")

    def _once(self, act: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        return self._keys.once(self._client, self._name, self._asked, act)


def guard(app: FastAPI) -> None:
    """Have an application tell errors as the contract says, and never more than it should."""

    @app.exception_handler(ZvonarError)
    async def ours(_: Request, error: ZvonarError) -> Response:
        headers = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else None
        return JSONResponse(_told(error), error.http_status, headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        each = [
            {"field": ".".join(map(str, one["loc"][1:])), "message": one["msg"]} for one in error.errors()
        ]
        return JSONResponse({"error": "usage", "message": "the request cannot be read", "details": each}, 422)

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> Response:
        told = {
            "error": CODES.get(error.status_code, "failed"),
            "message": str(error.detail),
            "details": None,
        }
        return JSONResponse(told, error.status_code, error.headers)

    @app.middleware("http")
    async def unforeseen(request: Request, go: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await go(request)
        except Exception as error:
            if is_down(error):
                told = {"error": "database-unreachable", "message": "the database is away", "details": None}
                return JSONResponse(told, 503)
            log.error(
                "a request broke",
                path=request.scope["route"].path if "route" in request.scope else "",
                exc_info=error,
            )
            return JSONResponse({"error": "failed", "message": "internal error", "details": None}, 500)


def _told(error: ZvonarError) -> dict[str, Any]:
    fallback = error.fallback if isinstance(error, NoNumber) else None
    return {"error": error.code, "message": str(error), "details": jsonable_encoder(fallback)}


def _json(value: Any) -> str:
    return json.dumps(jsonable_encoder(value), ensure_ascii=False)

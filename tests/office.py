"""The HTTP interface on a database of its own, as a client meets it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from builders import settings
from sqlalchemy import Engine

from engine.access.service import Keys
from engine.masking.back import CallBacks
from engine.masking.card import Cards
from engine.masking.pool import Numbers
from engine.masking.recordings import MaskRecordings
from engine.masking.service import Bindings
from storage.vocab import Scope
from web import bindings, masked, recordings
from web.app import create

COMPANY = "+78120000001"


class Office:
    """The application on a database, with a key for all."""

    def __init__(self, engine: Engine, folder: Path, **given_: Any) -> None:
        self.engine, given = engine, settings(folder, **given_)
        self.bindings, self.keys = Bindings(engine, given), Keys(engine, given)
        self.now = given.now
        self.key = self.keys.add("dispatch", list(Scope), "anna")
        Numbers(engine, given).add(COMPANY, "anna", shared=True)
        self.recordings, self.backs = MaskRecordings(engine, given), CallBacks(engine, given)
        parts = [bindings.routes(self.bindings, self.keys), recordings.routes(self.recordings, self.keys)]
        parts += [masked.routes(self.backs, Cards(engine, given), self.keys)]
        self.app = create({}, parts)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://zvonar") as client:
                return await client.request(method, path, content=content, headers=given)

        return asyncio.run(go())

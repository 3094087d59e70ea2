"""Bindings over HTTP: the dispatch says who reaches whom, and it holds with the next call.

| call | does |
|---|---|
| POST /v1/bindings, PUT /v1/bindings/{order} | bind; the same version and body again: the same answer |
| POST /v1/bindings/batch | bind up to 500, each by itself |
| DELETE /v1/bindings/{order}?grace_s=&cancelled= | close; again: nothing changes |
| GET /v1/bindings/{order} | read |
| GET /v1/bindings/explain?from=&to= | where a call would go, by which rule, and why in a sentence |
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.access.service import Keys
from engine.errors import NoNumber, UsageError, ZvonarError
from engine.masking.service import Bindings
from engine.reports.words_mask import why
from storage.vocab import MaskMode, Scope
from web.doors import Door, Visit

MOST = 500


class Given(BaseModel):
    """A part of a request; a field that is none of it is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Driver(Given):
    """Who drives."""

    id: str = Field("", max_length=64)
    phones: list[str] = Field(
        min_length=1, max_length=5, description="in any spelling; the first is called first"
    )


class Client(Given):
    """Who ordered."""

    name: str = Field("", max_length=64)
    phones: list[str] = Field(
        min_length=1, max_length=5, description="in any spelling; the first is called first"
    )


class Binding(Given):
    """An order as it is from now on."""

    order: str = Field(min_length=1, max_length=64, description="the dispatch's own name of it")
    version: int = Field(ge=1, le=2**31 - 1, description="only grows")
    driver: Driver
    client: Client
    mode: MaskMode | None = Field(
        None, strict=False, description="one phone with two orders; else masking.mode"
    )
    ttl_s: int | None = Field(None, ge=60, le=2_592_000, description="seconds until it closes by itself")
    record: bool | None = Field(None, description="record talks, and tell both so; else masking.record")


class Batch(Given):
    """Several orders at once."""

    bindings: list[Binding] = Field(min_length=1, max_length=MOST)


def routes(bindings: Bindings, keys: Keys) -> APIRouter:
    """The part of the application that the dispatch talks to."""
    router = APIRouter(prefix="/v1/bindings", tags=["bindings"])
    writing = Annotated[Visit, Depends(Door(keys, Scope.BINDINGS_WRITE))]
    reading = Annotated[Visit, Depends(Door(keys, Scope.BINDINGS_READ))]
    named = Annotated[str, Path(pattern=r"^[\w.:-]{1,64}$")]

    @router.post("")
    async def bind(visit: writing, body: Binding) -> Response:
        """Bind an order."""
        return await visit.answer(lambda: bindings.ask(_body(body), visit.actor))

    @router.put("/{order}")
    async def rebind(visit: writing, order: named, body: Binding) -> Response:
        """Bind this order."""
        if body.order != order:
            raise UsageError("order: the path names another")
        return await visit.answer(lambda: bindings.ask(_body(body), visit.actor))

    @router.post("/batch")
    async def several(visit: writing, body: Batch) -> Response:
        """Bind several orders, each by itself: what one is refused for does not hold up the others."""
        return await visit.answer(lambda: [_each(bindings, one, visit.actor) for one in body.bindings])

    @router.delete("/{order}")
    async def close(
        visit: writing,
        order: named,
        grace_s: Annotated[int | None, Query(ge=0, le=604_800)] = None,
        cancelled: bool = False,
    ) -> Response:
        """Close an order; its client still reaches the driver for `grace_s`, not if it was cancelled."""
        return await visit.answer(lambda: bindings.close(order, visit.actor, grace_s, cancelled=cancelled))

    @router.get("/explain")
    async def explain(visit: reading, to: str, caller: Annotated[str, Query(alias="from")] = "") -> Response:
        """Where a call would go now, and why."""

        def told() -> dict[str, Any]:
            record = bindings.explain(caller, to)
            return record | {"why": why(record, bindings.lang)}

        return await visit.answer(told)

    @router.get("/{order}")
    async def read(visit: reading, order: named) -> Response:
        """An order as it stands."""
        return await visit.answer(lambda: bindings.read(order))

    return router


def _body(given: Binding) -> dict[str, Any]:
    return given.model_dump(mode="json", exclude_none=True)


def _each(bindings: Bindings, one: Binding, actor: str) -> dict[str, Any]:
    """One of several: bound, or why not."""
    try:
        return bindings.ask(_body(one), actor)
    except ZvonarError as error:
        fallback = error.fallback if isinstance(error, NoNumber) else None
        return {"order": one.order, "error": error.code, "message": str(error), "details": fallback}

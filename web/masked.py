"""Masked calls over HTTP.

| call | does |
|---|---|
| POST /v1/bindings/{order}/call | ring one side of an order; who presses 1 is led to the other |
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from engine.access.service import Keys
from engine.masking.back import CallBacks
from storage.vocab import MaskRole, Scope
from web.bindings import Given
from web.doors import Door, Visit


class Wish(Given):
    """Who is rung first."""

    side: MaskRole = Field(strict=False, alias="from", description="the side of the order that is rung first")


def routes(backs: CallBacks, keys: Keys) -> APIRouter:
    """The part of the application that has calls begun."""
    router = APIRouter(prefix="/v1", tags=["masked calls"])
    calling = Annotated[Visit, Depends(Door(keys, Scope.CALLS_WRITE))]
    named = Annotated[str, Path(pattern=r"^[\w.:-]{1,64}$")]

    @router.post("/bindings/{order}/call")
    async def call(visit: calling, order: named, body: Wish) -> Response:
        """Ring one side of an order, once; it sees the number that it dials itself."""
        return await visit.answer(lambda: backs.call(order, body.side, visit.actor))

    return router

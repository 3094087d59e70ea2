"""Masked calls over HTTP: one that is to be begun, one that an operator takes.

| call | does |
|---|---|
| POST /v1/bindings/{order}/call | ring one side of an order; who presses 1 is led to the other |
| GET /v1/cards/{call} | who calls, about which order, and why he came to the call centre |
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from engine.access.service import Keys
from engine.masking.back import CallBacks
from engine.masking.card import Cards
from engine.reports.words_mask import why
from storage.vocab import MaskRole, Scope
from web.bindings import Given
from web.doors import Door, Visit


class Wish(Given):
    """Who is rung first."""

    side: MaskRole = Field(strict=False, alias="from", description="the side of the order that is rung first")


def routes(backs: CallBacks, cards: Cards, keys: Keys) -> APIRouter:
    """The part of the application for who begins calls, and for the call centre."""
    router = APIRouter(prefix="/v1", tags=["masked calls"])
    calling = Annotated[Visit, Depends(Door(keys, Scope.CALLS_WRITE))]
    reading = Annotated[Visit, Depends(Door(keys, Scope.BINDINGS_READ))]
    named = Annotated[str, Path(pattern=r"^[\w.:-]{1,64}$")]

    @router.post("/bindings/{order}/call")
    async def call(visit: calling, order: named, body: Wish) -> Response:
        """Ring one side of an order, once; it sees the number that it dials itself."""
        return await visit.answer(lambda: backs.call(order, body.side, visit.actor))

    @router.get("/cards/{call_id}")
    async def card(visit: reading, call_id: UUID) -> Response:
        """The card of a call, by the id in `X-Zvonar-Card` and in the event CardOffer."""

        def told() -> dict[str, Any]:
            record = cards.read(call_id)
            return record | {"why": why(record, cards.lang)}

        return await visit.answer(told)

    return router

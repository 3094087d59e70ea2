"""Masked calls over HTTP: which there were of an order, and what was said in them.

| call | does |
|---|---|
| GET /v1/calls?order= | an order's calls, the newest first, with what became of their recordings |
| GET /v1/recordings/{call} | the talk, as a WAV file; who asked for it stands in the audit |
"""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from engine.access.service import Keys
from engine.masking.recordings import PATH, Heard, MaskRecordings
from engine.recording.sound import wav, wav_size
from storage.vocab import Scope
from web.doors import Door, Visit

WAV = "audio/wav"


def routes(recordings: MaskRecordings, keys: Keys) -> APIRouter:
    """The part of the application that tells of calls."""
    router = APIRouter(tags=["calls"])
    reading = Annotated[Visit, Depends(Door(keys, Scope.BINDINGS_READ))]
    hearing = Annotated[Visit, Depends(Door(keys, Scope.RECORDINGS_READ))]
    named = Annotated[str, Query(pattern=r"^[\w.:-]{1,64}$")]

    @router.get("/v1/calls")
    async def calls(visit: reading, order: named) -> Response:
        """The calls of an order."""
        return await visit.answer(lambda: recordings.calls(order))

    sound = {"content": {WAV: {"schema": {"type": "string", "format": "binary"}}}}

    @router.get(PATH + "/{call}", response_class=Response, responses={200: sound})
    async def hear(visit: hearing, call: UUID) -> Response:
        """A recording. ETag is the SHA-256 of what Asterisk wrote, as the event `recording-ready` told it."""
        heard = await run_in_threadpool(recordings.hear, call, visit.actor)
        headers = {
            "Content-Length": str(wav_size(heard.size)),
            "Content-Disposition": f'attachment; filename="{call}.wav"',
            "Cache-Control": "no-store",
            "ETag": f'"{heard.sha256}"',
        }
        return StreamingResponse(_pieces(heard), media_type=WAV, headers=headers)

    return router


def _pieces(heard: Heard) -> Iterator[bytes]:
    """The file's sound; read as fast as it is taken."""
    with heard.file as file:
        file.seek(0)
        yield from wav(file, heard.size)

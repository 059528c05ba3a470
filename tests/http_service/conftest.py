"""A small service with every habit, in this process and as a program of its own."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response, WebSocket
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from http_service import JsonRoute, Problem, counts_as_stream, create_app, exact_response, read_json_body

MAX_BODY_BYTES = 1000


class Offer(BaseModel):
    """A body with something to get wrong."""

    amount: Annotated[float, Field(gt=0)]
    price: float


router = APIRouter(route_class=JsonRoute)


@router.post("/offers")
async def offers(offer: Offer) -> dict[str, float]:
    """Take a declared body."""
    return {"amount": offer.amount}


@router.post("/many")
async def many(numbers: list[int]) -> int:
    """Take a body with any number of mistakes."""
    return len(numbers)


@router.post("/raw")
async def raw(request: Request) -> Any:
    """Take the raw request."""
    return await read_json_body(request)


@router.get("/wait")
async def wait(seconds: Annotated[int, Field(ge=0, le=60)]) -> int:
    """Take a parameter."""
    return seconds


@router.get("/exact")
async def exact() -> Response:
    """Answer a number no float can carry."""
    return exact_response({"amount": Decimal("0.12345678901234567890")})


@router.get("/shortfall")
async def shortfall() -> None:
    """Fail with a member of its own."""
    raise Problem(
        422, "INFEASIBLE", "Too little.", headers={"Retry-After": "7"}, extensions={"shortfall": Decimal("0.1000")}
    )


@router.get("/defect")
async def defect() -> None:
    """Fail as nobody foresaw."""
    raise ZeroDivisionError("nobody foresaw this")


@router.get("/stopping")
async def stopping(request: Request) -> str:
    """Wait until the server is asked to stop, as an event stream does."""
    await asyncio.wait_for(request.app.state.stopping.wait(), 60)
    return "the stream ended"


@router.get("/endless", dependencies=[Depends(counts_as_stream)])
async def endless() -> StreamingResponse:
    """Stream without end."""
    return StreamingResponse(_repeated(b"beat"))


@router.get("/flood", dependencies=[Depends(counts_as_stream)])
async def flood() -> StreamingResponse:
    """Stream without end, and so much that the buffers of who does not read are soon full."""
    return StreamingResponse(_repeated(b"beat" * 4_000))


@router.get("/large")
async def large() -> StreamingResponse:
    """Answer a request with more than any kernel keeps for who does not read."""
    return StreamingResponse(_repeated(b"beat" * 4_000))


async def _repeated(chunk: bytes) -> AsyncIterator[bytes]:
    while True:
        yield chunk
        await asyncio.sleep(0)


@router.websocket("/socket")
async def socket(websocket: WebSocket, friend: bool = False) -> None:
    """Refuse strangers at the door, and quarrel with friends inside."""
    if friend:
        await websocket.accept()
    raise Problem(422, "INVALID_CURSOR", "There is no such event.")


@router.websocket("/quiet")
async def quiet(websocket: WebSocket) -> None:
    """Say nothing, and listen to nothing."""
    await websocket.accept()
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def always_ready() -> str | None:
    """Tell that nothing is missing."""
    return None


def make_app() -> FastAPI:
    """Make the small service."""
    app = create_app(
        title="Small", version="1", description="Small.", ready=always_ready, max_body_bytes=MAX_BODY_BYTES
    )
    app.include_router(router)
    return app


@pytest.fixture
def app() -> FastAPI:
    """Return the small service."""
    return make_app()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the small service, in this process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client

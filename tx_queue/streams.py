"""GET /events: the market's events as Server-Sent Events or, with an Upgrade, over a WebSocket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, WebSocket, WebSocketDisconnect
from sse_starlette.event import ServerSentEvent
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketState

from energy_market_chaincode import LedgerId as IdOfLedger
from energy_market_chaincode import exact_json
from http_service import FieldError, Problem, counts_as_stream, goes_on, problem_document
from ledger import Cursor, InvalidCursor, LedgerReplaced
from tx_queue.event_hub import BEFORE_ALL, Interest, StreamedEvent, first_of
from tx_queue.node import Node
from tx_queue.problems import ledger_replaced

RECONNECT_MS = 1000
GOING_AWAY = 1001
_STILL_HERE = ServerSentEvent(comment="still here").encode()
REPLACED = 4409
"""Why a WebSocket is closed when another ledger stands where its events came from."""

_NAME = "[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"  # an Identifier
_NAMES = f"^{_NAME}(,{_NAME})*$"

router = APIRouter(tags=["events"], dependencies=[Depends(counts_as_stream)])

From = Annotated[
    str | None,
    Query(
        alias="from",
        description="A cursor `block.tx.index`: go on after that event. `0` or nothing: from the very first. "
        "`now`: from now on.",
        examples=["now", "12.0.3"],
    ),
]
LastEventId = Annotated[
    str | None,
    Header(description="The cursor of the last event seen; goes before `from`, so that a browser can reconnect."),
]
LedgerId = Annotated[
    IdOfLedger | None,
    Query(description="The id of the ledger that the cursor is of: on another one it is refused."),
]


async def _place(node: Node, from_: From = None, last_event_id: LastEventId = None, ledger: LedgerId = None) -> Cursor:
    """Return the cursor to go on after.

    Raises
    ------
    Problem
        422 ``INVALID_CURSOR`` if it is no cursor or lies beyond the ledger's end.
    LedgerReplaced
        If it is another ledger's.
    LedgerUnavailable
    """
    field, text = ("Last-Event-ID", last_event_id) if last_event_id else ("from", from_)
    if text in (None, "", "0"):
        return BEFORE_ALL
    if text == "now":
        return await node.hub.end()
    try:
        cursor = Cursor.parse(text)
        await node.hub.check(cursor, ledger)
    except InvalidCursor as error:
        raise Problem(422, "INVALID_CURSOR", f"{error}.", errors=[FieldError(field, str(error))]) from None
    return cursor


async def _interest(
    game: Annotated[str | None, Query(description="Only the events of this game.")] = None,
    prosumer: Annotated[
        str | None,
        Query(description="Only what concerns this prosumer, or one of several: `P1,P2`.", pattern=_NAMES),
    ] = None,
) -> Interest:
    """Return what is to be sent."""
    return Interest(game, frozenset(prosumer.split(",")) if prosumer is not None else None)


Place = Annotated[Cursor, Depends(_place)]
Wanted = Annotated[Interest, Depends(_interest)]


class EventStream(Response):
    """Server-Sent Events, with a sign of life now and then.

    sse-starlette's own response takes four times the memory for each reader, and a thousand may read.
    """

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes, None], keep_alive_s: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._frames = frames
        self._keep_alive_s = keep_alive_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin to stream."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        goes_on(scope, self._stream)

    async def _stream(self, receive: Receive, send: Send) -> None:
        """Stream until the reader goes or the events end."""
        sending = asyncio.create_task(self._send_all(send))
        try:
            while not sending.done():
                try:
                    async with asyncio.timeout(self._keep_alive_s):
                        if (await receive())["type"] == "http.disconnect":  # also once all is sent
                            break
                except TimeoutError:
                    await send({"type": "http.response.body", "body": _STILL_HERE, "more_body": not sending.done()})
        finally:
            sending.cancel()
            await asyncio.wait((sending,))
        if not sending.cancelled():
            sending.result()

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._frames):
            async for frame in self._frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@router.get(
    "/events",
    status_code=200,  # which FastAPI looks for in a class's parameters if it is not said
    response_class=EventStream,
    responses={
        200: {
            "description": "`id:` the cursor, `event:` the name, `data:` the event as JSON; without end. Should "
            "another ledger take this one's place, the last message is a `problem` with the code `LEDGER_REPLACED`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def server_sent_events(node: Node, after: Place, wanted: Wanted) -> EventStream:
    """Stream the market's events, from a cursor on, without gap or repeat."""

    async def frames() -> AsyncGenerator[bytes, None]:
        # Who is cut off before its first event resumes from here, too: a browser remembers an id without an event.
        place = str(after) if after != BEFORE_ALL else "0"
        yield ServerSentEvent(comment="the market's events", retry=RECONNECT_MS, id=place).encode()
        with node.metrics.streams.labels("sse").track_inprogress():
            try:
                async for page in node.hub.follow(after, wanted):
                    yield b"".join(event.frame for event in page)
            except LedgerReplaced as error:
                document = exact_json(problem_document(ledger_replaced(error))).decode()
                # without an id: what a browser remembers of the old ledger must not be where it resumes
                yield ServerSentEvent(document, event="problem", id="").encode()

    return EventStream(frames(), node.settings.queue_keep_alive_seconds)


@router.websocket("/events")
async def websocket_events(websocket: WebSocket, node: Node, after: Place, wanted: Wanted) -> None:
    """Send the same events, one JSON text per message; what the client says is not listened to."""
    await websocket.accept()
    end = (GOING_AWAY, "the queue is being stopped; resume with from=")
    with node.metrics.streams.labels("websocket").track_inprogress():
        try:
            await first_of(_send_events(websocket, node.hub.follow(after, wanted)), _until_disconnected(websocket))
        except LedgerReplaced as error:
            end = (REPLACED, f"{error.code}: begin anew, this ledger's cursors mean other events")
    if websocket.client_state is WebSocketState.CONNECTED:
        await websocket.close(*end)


async def _send_events(websocket: WebSocket, pages: AsyncGenerator[list[StreamedEvent], None]) -> None:
    with suppress(WebSocketDisconnect):
        async for page in pages:
            for event in page:
                await websocket.send_text(event.text)


async def _until_disconnected(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass

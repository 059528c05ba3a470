"""GET /events over a real socket: Server-Sent Events and WebSocket, resumed without gap or repeat."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import httpx_sse
import pytest
import simplejson
import websockets

from energy_market_chaincode import iso

Event = dict[str, Any]


@pytest.fixture
async def queue(running: Any, operator: Any) -> AsyncIterator[Any]:
    async with running(over_tcp=True, queue_keep_alive_seconds=1, queue_events_kept=3) as queue:
        await queue.do(operator.command("setTopology", edges=[["a", "b"]]))
        yield queue


async def publish(queue: Any, operator: Any, *names: str) -> None:
    """Make events, each in a transaction of its own."""
    for name in names:
        await queue.do(operator.publish_game(name))


@asynccontextmanager
async def stream(queue: Any, transport: str, cursor: str | None = None, **params: str) -> AsyncIterator[Any]:
    """Open a stream of events, resumed after a cursor in the transport's way."""
    if transport == "sse":
        headers = {} if cursor is None else {"Last-Event-ID": cursor}
        async with httpx_sse.aconnect_sse(queue.http, "GET", "/events", params=params, headers=headers) as source:
            yield _sse_events(source)
    else:
        query = httpx.QueryParams(params if cursor is None else {**params, "from": cursor})
        url = str(queue.http.base_url).replace("http", "ws", 1)
        async with websockets.connect(f"{url}/events?{query}") as connection:
            yield _websocket_events(connection)


async def _sse_events(source: Any) -> AsyncGenerator[Event, None]:
    async with aclosing(source.aiter_sse()) as frames:
        async for frame in frames:
            if frame.event == "message" and not frame.data:
                continue  # only sets the time to reconnect
            event = simplejson.loads(frame.data)
            assert frame.event != "problem", event["code"]
            assert (frame.id, frame.event) == (event["cursor"], event["name"])
            yield event


async def _websocket_events(connection: Any) -> AsyncGenerator[Event, None]:
    async for message in connection:
        yield simplejson.loads(message)


async def games(events: Any, count: int) -> list[str]:
    return [(await anext(events))["game"] for _ in range(count)]


both = pytest.mark.parametrize("transport", ["sse", "websocket"])


@both
async def test_a_stream_begins_with_the_first_event_and_goes_on_with_new_ones(
    queue: Any, operator: Any, transport: str
) -> None:
    await publish(queue, operator, "G1", "G2")
    async with stream(queue, transport) as events:
        assert await games(events, 2) == ["G1", "G2"]
        await publish(queue, operator, "G3")
        event = await anext(events)
    assert (event["name"], event["game"], event["gameID"]) == ("GameInitEvent", "G3", "G3")
    assert event["cursor"].count(".") == 2
    assert event["at"].endswith("Z")


@both
async def test_a_stream_that_broke_is_resumed_without_gap_or_repeat(queue: Any, operator: Any, transport: str) -> None:
    names = [f"G{number}" for number in range(12)]
    await publish(queue, operator, *names[:5])
    seen: list[Event] = []
    for count in (2, 1, 4):
        async with stream(queue, transport, seen[-1]["cursor"] if seen else None) as events:
            if len(seen) == 3:
                await publish(queue, operator, *names[5:9])
            seen += [await anext(events) for _ in range(count)]
    await publish(queue, operator, *names[9:])
    async with stream(queue, transport, seen[-1]["cursor"]) as events:
        seen += [await anext(events) for _ in range(5)]
    assert [event["game"] for event in seen] == names
    assert len({event["cursor"] for event in seen}) == len(names)


@both
async def test_from_zero_is_the_first_event_and_from_now_none_of_the_past(
    queue: Any, operator: Any, transport: str
) -> None:
    await publish(queue, operator, "past")
    async with stream(queue, transport, **{"from": "0"}) as events:
        assert await games(events, 1) == ["past"]
    async with stream(queue, transport, **{"from": "now"}) as events:
        await publish(queue, operator, "present")
        assert await games(events, 1) == ["present"]


@both
async def test_a_stream_of_one_game_holds_no_other(queue: Any, operator: Any, transport: str) -> None:
    await publish(queue, operator, "G1", "G2")
    async with stream(queue, transport, game="G2") as events:
        await publish(queue, operator, "G3")
        await queue.do(operator.command("resetMarket"))
        await publish(queue, operator, "G2")
        assert await games(events, 2) == ["G2", "G2"]


@both
async def test_a_break_between_queue_and_ledger_is_not_seen_by_who_follows(
    queue: Any, operator: Any, transport: str
) -> None:
    async with stream(queue, transport) as events:
        await publish(queue, operator, "G1")
        assert await games(events, 1) == ["G1"]
        queue.ledger.breaks.set()
        await publish(queue, operator, "G2", "G3")
        assert await games(events, 2) == ["G2", "G3"]
    assert not queue.ledger.breaks.is_set()


@both
async def test_streams_end_when_the_service_stops(running: Any, operator: Any, transport: str) -> None:
    async with running(over_tcp=True) as queue:
        await queue.do(operator.command("setTopology", edges=[["a", "b"]]))
        await publish(queue, operator, "G1")
        async with stream(queue, transport) as events:
            assert await games(events, 1) == ["G1"]
            queue.app.state.stopping.set()
            assert [event async for event in events] == []


@both
async def test_many_streams_get_the_same_events(queue: Any, operator: Any, transport: str) -> None:
    async def follow() -> list[str]:
        async with stream(queue, transport) as events:
            opened.release()
            return await games(events, 6)

    opened = asyncio.Semaphore(0)
    following = [asyncio.create_task(follow()) for _ in range(10)]
    for _ in following:
        await opened.acquire()
    names = [f"G{number}" for number in range(6)]
    await publish(queue, operator, *names)
    assert await asyncio.gather(*following) == [names] * 10


async def test_the_last_event_id_goes_before_from_so_that_browsers_resume(queue: Any, operator: Any) -> None:
    await publish(queue, operator, "G1", "G2", "G3")
    async with stream(queue, "sse") as events:
        cursor = (await anext(events))["cursor"]
    async with stream(queue, "sse", cursor, **{"from": "0"}) as events:
        assert await games(events, 2) == ["G2", "G3"]


async def test_a_quiet_stream_is_kept_alive(queue: Any) -> None:
    async with queue.http.stream("GET", "/events", params={"from": "now"}) as answer:
        lines = answer.aiter_lines()
        while await anext(lines) != ": still here":
            pass


def inside(task: asyncio.Task[Any]) -> list[str]:
    """Return the functions a task is in, from its first to the innermost."""
    names: list[str] = []
    coroutine: Any = task.get_coro()
    while hasattr(coroutine, "cr_await"):
        names.append(coroutine.cr_code.co_qualname)
        coroutine = coroutine.cr_await
    return names


async def test_a_stream_that_lasts_has_left_routing_and_body_behind(queue: Any, operator: Any) -> None:
    await publish(queue, operator, "G1")
    async with stream(queue, "sse") as events:
        await games(events, 1)
        (streaming,) = [names for task in asyncio.all_tasks() if "EventStream._stream" in (names := inside(task))]
        assert "RequestAdmission.__call__" in streaming
        assert not {"RequestAdmission._with_body", "EventStream.__call__"} & set(streaming)
        assert not [name for name in streaming if "rout" in name.lower()]


async def test_streams_are_counted(queue: Any, operator: Any, until: Any) -> None:
    async def open_streams() -> list[str]:
        metrics = (await queue.http.get("/metrics")).text
        return [line for line in metrics.splitlines() if line.startswith("event_streams{")]

    async def none_is_open() -> bool:
        return await open_streams() == [
            'event_streams{transport="sse"} 0.0',
            'event_streams{transport="websocket"} 0.0',
        ]

    await publish(queue, operator, "G1")
    async with stream(queue, "sse") as sse, stream(queue, "websocket") as websocket:
        await games(sse, 1)
        await games(websocket, 1)
        assert await open_streams() == [
            'event_streams{transport="sse"} 1.0',
            'event_streams{transport="websocket"} 1.0',
        ]
    await until(none_is_open)
    metrics = (await queue.http.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/events",status="200"} 1.0' in metrics


BAD_CURSORS = [
    "yesterday",
    "1.2",
    "1.2.3.4",
    "-1.0.0",
    "1.0.x",
    "999999.0.0",
    "9" * 100 + ".0.0",
    "\u0663.0.0",
    "1.0.0\n",
]


@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_a_bad_cursor_is_refused_over_sse(queue: Any, cursor: str) -> None:
    answer = await queue.http.get("/events", params={"from": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CURSOR")
    assert answer.json()["errors"][0]["field"] == "from"


async def test_a_bad_last_event_id_is_refused(queue: Any) -> None:
    answer = await queue.http.get("/events", headers={"Last-Event-ID": "999999.0.0"})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_CURSOR")
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


@pytest.mark.parametrize("cursor", BAD_CURSORS)
async def test_a_bad_cursor_refuses_the_websocket(queue: Any, cursor: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with stream(queue, "websocket", cursor):
            pass
    assert refusal.value.response.status_code == 422
    assert simplejson.loads(refusal.value.response.body.decode())["code"] == "INVALID_CURSOR"


async def test_without_a_ledger_new_streams_from_now_are_told_to_come_again(queue: Any) -> None:
    queue.ledger.is_away = True
    answer = await queue.http.get("/events", params={"from": "now"})
    assert (answer.status_code, answer.json()["code"]) == (503, "LEDGER_UNAVAILABLE")


async def test_what_a_websocket_client_says_is_not_listened_to(queue: Any, operator: Any) -> None:
    url = str(queue.http.base_url).replace("http", "ws", 1)
    async with websockets.connect(f"{url}/events") as connection:
        await connection.send("DROP TABLE")
        await connection.send(b"\x00" * 1000)
        await publish(queue, operator, "G1")
        assert simplejson.loads(await connection.recv())["game"] == "G1"


async def test_a_reader_that_falls_far_behind_reads_on_where_it_was(queue: Any, operator: Any) -> None:
    names = [f"G{number}" for number in range(15)]
    async with stream(queue, "websocket") as slow:
        await publish(queue, operator, *names[:1])
        assert await games(slow, 1) == names[:1]
        await publish(queue, operator, *names[1:])  # far more than the three events that are kept in memory
        assert await games(slow, 14) == names[1:]


@both
async def test_a_stream_of_prosumers_holds_what_concerns_them_and_not_a_message_more(
    queue: Any, operator: Any, signer: Any, transport: str
) -> None:
    alice, bob, carol = (signer(name) for name in ("alice", "bob", "carol"))
    await queue.do(*(operator.register(each) for each in (alice, bob, carol)))
    await queue.do(operator.command("setTopology", edges=[["alice", "bob"], ["bob", "carol"]]))
    await publish(queue, operator, "G1")
    for each in (alice, bob, carol):  # none of them can pay: each is told so
        (receipt,) = (await queue.post([each.command("publishDemand", game="G1", amount="1")])).json()
        assert (await queue.result(receipt["id"]))["error"]["code"] == "INSUFFICIENT_FUNDS"
    await publish(queue, operator, "G2")

    async def told(*prosumers: str) -> list[tuple[str, str | None]]:
        """What a stream of some prosumers says, up to the game that everybody is told of at the end."""
        said: list[tuple[str, str | None]] = []
        async with stream(queue, transport, **({"prosumer": ",".join(prosumers)} if prosumers else {})) as events:
            while not said or said[-1] != ("GameInitEvent", "G2"):
                event = await anext(events)
                said.append((event["name"], event.get("prosumer", event["game"])))
        return said

    games_of_all = [("GameInitEvent", "G1"), ("GameInitEvent", "G2")]
    short = {name: ("AccountTopUpRequired", name) for name in ("alice", "bob", "carol")}
    assert await told("alice") == [games_of_all[0], short["alice"], games_of_all[1]]
    assert await told("bob", "carol") == [games_of_all[0], short["bob"], short["carol"], games_of_all[1]]
    assert await told("nobody") == games_of_all
    assert len(await told()) == 5


async def test_a_cursor_of_another_ledger_is_refused(queue: Any, operator: Any) -> None:
    await publish(queue, operator, "G1", "G2")
    ledger = (await queue.http.get("/market")).json()["ledger"]
    async with stream(queue, "sse") as events:
        cursor = (await anext(events))["cursor"]
    async with stream(queue, "sse", cursor, ledger=ledger) as events:
        assert await games(events, 1) == ["G2"]
    answer = await queue.http.get("/events", params={"from": cursor, "ledger": "another"})
    assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_REPLACED")


@both
async def test_readers_are_told_when_another_ledger_takes_the_place_of_theirs(
    queue: Any, operator: Any, new_ledger: Any, transport: str
) -> None:
    await publish(queue, operator, "G1")
    async with stream(queue, transport) as events:
        cursor = (await anext(events))["cursor"]
        other = await new_ledger()
        old, queue.ledger.ledger = queue.ledger.ledger, other.ledger
        queue.ledger.breaks.set()
        await old.submit([simplejson.dumps(operator.publish_game("G2"))])  # lost with the stream that breaks at it
        if transport == "sse":
            with pytest.raises(AssertionError, match="LEDGER_REPLACED"):
                await anext(events)
        else:
            with pytest.raises(websockets.ConnectionClosedError, match="LEDGER_REPLACED"):
                await anext(events)
    answer = await queue.http.get("/events", params={"from": cursor})
    assert (answer.status_code, answer.json()["code"]) == (409, "LEDGER_REPLACED")
    await old.close()


@both
async def test_a_new_epoch_is_told_and_known_at_the_door_and_streams_go_on_over_it(
    queue: Any, operator: Any, transport: str
) -> None:
    old, now = (await queue.http.get("/market")).json()["ledger"], datetime.now(UTC)
    await queue.do(operator.top_up())
    times = {"oldTime": iso(now + timedelta(days=400)), "newTime": iso(now)}
    async with stream(queue, transport, ledger=old, **{"from": "now"}) as events:
        await queue.do(operator.command("setLedgerTime", **times))
        told = await anext(events)
        assert (told["name"], told["ledger"]) == ("LedgerTimeSetEvent", f"{old}.1")
        late = operator.top_up()
        late["payload"]["ledger"] = old
        assert (await queue.post(operator.signed(late))).json()["code"] == "LEDGER_DIFFERS"
        await publish(queue, operator, "G1")
        assert await games(events, 1) == ["G1"]
    async with stream(queue, transport, told["cursor"], ledger=old) as events:
        assert await games(events, 1) == ["G1"]

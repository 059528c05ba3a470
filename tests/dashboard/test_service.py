"""The page's service: the built page, kept free of strangers' code, and the way to the market's services."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dashboard import DashboardSettings, make_app
from http_service import ServiceSettings

NOBODY = "http://127.0.0.1:9"


def small_queue() -> FastAPI:
    """Make a service that says what it was asked, and streams without end until its reader goes."""
    app = FastAPI()

    @app.get("/events")
    async def events(request: Request) -> Response:
        async def frames() -> AsyncIterator[bytes]:
            yield f"data: after {request.headers.get('last-event-id')}\n\n".encode()
            await asyncio.Event().wait()

        return StreamingResponse(frames(), media_type="text/event-stream")

    @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
    async def echo(request: Request, path: str) -> Response:
        said = {
            "method": request.method,
            "path": path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        }
        return JSONResponse(said, 202 if request.method == "POST" else 200, {"Location": "/queue/1", "X-Secret": "no"})

    return app


@pytest.fixture
async def queue_url() -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(small_queue(), log_config=None, timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def page(queue_url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(DashboardSettings(queue_url=queue_url, optimizer_url=NOBODY, clock_url=NOBODY))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app=app)
        yield await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://localhost"))


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/static/page.css", "/static/icon.svg"])
async def test_the_page_runs_no_script_but_its_own(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("path", ["/", "/static/page.css", "/docs/files/swagger-ui.css"])
async def test_a_file_takes_no_parameters(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path, params={"gmae": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")
    assert [error["field"] for error in answer.json()["errors"]] == ["gmae"]


def test_the_pages_readers_leave_most_of_the_queues_streams_to_others_and_each_takes_two_files() -> None:
    page, service = DashboardSettings(), ServiceSettings()
    assert page.limits.streams < service.limits.streams / 3
    passed_on = page.limits.streams + page.limits.requests
    assert page.open_files - page.limits.connections == service.open_files - service.limits.connections + passed_on
    assert DashboardSettings(max_streams=7).limits.streams == 7


async def test_the_page_is_not_sent_twice(page: httpx.AsyncClient) -> None:
    first = await page.get("/static/page.js")
    again = await page.get("/static/page.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


async def test_a_question_reaches_its_service_as_it_was_asked(page: httpx.AsyncClient) -> None:
    answer = await page.get("/api/queue/blocks/7?limit=3&from=2")
    said = answer.json()
    assert (said["method"], said["path"], said["query"]) == ("GET", "blocks/7", "limit=3&from=2")


async def test_a_command_reaches_the_queue_to_the_byte(page: httpx.AsyncClient) -> None:
    body = '{"amount": "0.1000"}'
    answer = await page.post("/api/queue/queue", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202
    assert answer.json()["body"] == body
    assert answer.headers["location"] == "/queue/1"


async def test_nothing_of_the_browser_goes_on_but_what_the_question_is(page: httpx.AsyncClient) -> None:
    headers = {"Cookie": "a=b", "Origin": "http://localhost", "Authorization": "Basic x", "Last-Event-ID": "3.0.1"}
    answer = await page.get("/api/queue/market", headers=headers)
    passed = answer.json()["headers"]
    assert passed["last-event-id"] == "3.0.1"
    assert not {"cookie", "origin", "authorization"} & passed.keys()
    assert "x-secret" not in answer.headers


async def test_a_service_that_is_away_is_named(page: httpx.AsyncClient) -> None:
    answer = await page.get("/api/clock/schedule")
    assert answer.status_code == 502
    assert answer.json()["code"] == "SERVICE_UNREACHABLE"
    assert "clock" in answer.json()["detail"]


async def test_there_are_three_services_and_no_way_further(page: httpx.AsyncClient) -> None:
    answer = await page.get("/api/elsewhere/secret")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_it_is_ready_while_the_queue_answers(page: httpx.AsyncClient) -> None:
    assert (await page.get("/ready")).status_code == 200


async def test_it_is_not_ready_without_the_queue() -> None:
    app = make_app(DashboardSettings(queue_url=NOBODY, optimizer_url=NOBODY, clock_url=NOBODY))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client,
    ):
        answer = await client.get("/ready")
    assert answer.status_code == 503
    assert "queue" in answer.json()["detail"]

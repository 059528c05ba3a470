"""Only known names are answered, and no page of somebody else's reads or changes anything."""

import json

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from http_service.admission import KnownNames
from tests.http_service.program import connection, served

PAGE = "http://localhost:8083"


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:1", "[::1]", "[::1]:8080"),
        *("market.example", "market.example:443", "10.0.0.7"),
    ],
)
async def test_a_service_answers_for_its_names(app: FastAPI, client: httpx.AsyncClient, host: str) -> None:
    app.state.known_names = KnownNames.of("10.0.0.7", "Market.Example., x", "")
    assert (await client.get("/exact", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["rebind.example", "localhost.rebind.example", "127.0.0.2", "[::]", "[::2]"])
@pytest.mark.parametrize("path", ["/exact", "/health", "/docs", "/nowhere"])
async def test_it_does_not_for_others(app: FastAPI, client: httpx.AsyncClient, host: str, path: str) -> None:
    app.state.known_names = KnownNames.of("0.0.0.0", "", "")  # noqa: S104  what a container listens on
    answer = await client.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "UNKNOWN_HOST")


@pytest.mark.parametrize(
    "hosts", [[], [""], ["localhost", "localhost"], ["localhost", "rebind.example"], ["a b"], ["["], ["localhost,x"]]
)
async def test_there_is_one_host(hosts: list[str]) -> None:
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    async with served() as url, connection(url, f"GET /exact HTTP/1.1\r\n{lines}\r\n".encode()) as (reader, _):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["code"] == "MALFORMED_HOST"


@pytest.mark.parametrize("origin", ["http://rebind.example", "null", "", "http://localhost:8084", "file://"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_foreign_page_is_refused(app: FastAPI, client: httpx.AsyncClient, method: str, origin: str) -> None:
    app.state.known_names = KnownNames.of("", "", PAGE)
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await client.request(method, "/offers", headers=asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")
    assert "access-control-allow-origin" not in answer.headers


async def test_a_known_page_reads_posts_and_follows_and_may_read_the_problems(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.known_names = KnownNames.of("", "", f"{PAGE}, https://market.example/")
    for origin in (PAGE, "https://market.example"):
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,last-event-id",
        }
        allowed = await client.options("/offers", headers={"Origin": origin, **asked})
        assert allowed.status_code == 200
        assert "POST" in allowed.headers["access-control-allow-methods"]
        for path, status in (("/exact", 200), ("/nowhere", 404)):
            answer = await client.get(path, headers={"Origin": origin})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == origin
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
            assert "Origin" in answer.headers["vary"]


async def test_its_own_page_may_ask(client: httpx.AsyncClient) -> None:
    asked = {"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}
    assert (await client.get("/exact", headers=asked)).status_code == 200


async def test_a_websocket_of_a_foreign_page_or_name_is_refused() -> None:
    async with served("--origins", PAGE) as url:
        address = f"{url}/quiet".replace("http:", "ws:")
        async with connect(address, origin=PAGE):  # type: ignore[arg-type]  # a NewType of str
            pass
        with pytest.raises(InvalidStatus) as foreign:
            await connect(address, origin="http://rebind.example")  # type: ignore[arg-type]  # a NewType of str
        with pytest.raises(InvalidStatus) as unknown:
            await connect("ws://rebind.example/quiet", host="127.0.0.1", port=int(url.rpartition(":")[2]))
    codes = [json.loads(found.value.response.body or b"")["code"] for found in (foreign, unknown)]
    assert codes == ["FOREIGN_ORIGIN", "UNKNOWN_HOST"]


async def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "'self'" in page.headers["content-security-policy"]
    for file in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"/docs/files/{file}" in page.text
        assert (await client.get(f"/docs/files/{file}")).status_code == 200
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "Small"
    assert (await client.get("/openapi.json?x")).status_code == 422


async def test_a_post_as_plain_text_does_nothing(client: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = await client.post("/offers", content=b"{}", headers={"Content-Type": content_type})
        assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")

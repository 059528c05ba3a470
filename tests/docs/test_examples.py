"""Every example is played on a market (the client without our library by its tutorial)."""

import json
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.docs.pages import ROOT, Block
from tests.docs.reader import Reader

STREET = """
name: street
game: {game: evening}
sellers: {S001: {capacity: 40, price: 0.07, total_production: 100}}
buyers: {P100: {demand: 12, total_production: 80, total_consumption: 100}}
graph: [[S001, P100]]
"""
PLAY = """
energy-market prosumers add S001 --production 100 --balance 100
energy-market prosumers add P100 --production 80 --consumption 100 --balance 100
python -m prosumer_client --id S001 --role seller --capacity 40 --price 0.07 > S001.log 2>&1 &
python "$PROJECT/examples/strategy.py" P100 12 > P100.log 2>&1 &
energy-market games publish --scenario street.yaml
energy-market games wait evening
kill $(jobs -p)
"""
TOP_UP = """
energy-market prosumers add P200 > added.txt
bash "$PROJECT/examples/curl.sh" P200 12.5
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader in whose first terminal a market is open."""
    reader = Reader(tmp_path_factory.mktemp("reader"), knows_the_way=True)
    with reader.first_terminal("energy-market up\n"):
        yield reader


def typed(text: str, title: str | None = None) -> Block:
    return Block(ROOT / "examples", 0, "sh", title, text)


@pytest.mark.acceptance
def test_the_strategy_buys_in_its_own_street(reader: Reader) -> None:
    said = reader.types([typed(STREET, "street.yaml"), typed(PLAY)])
    assert "equilibrium" in said
    assert "P100" in said


@pytest.mark.acceptance
def test_curl_posts_what_the_command_line_signed(reader: Reader) -> None:
    status, account = map(json.loads, reader.types([typed(TOP_UP)]).splitlines())
    assert status["status"] == "committed"
    assert account["accountBalance"] == 12.5


EVENTS: list[dict[str, Any]] = [
    {"name": "GameInitEvent", "game": "archived"},
    {"name": "GameInitEvent", "game": "removed"},
    {"name": "GameInitEvent", "game": "over"},
    {"name": "GameInitEvent", "game": "new"},
    {"name": "GameStopEvent", "game": "new", "reason": "equilibrium"},
    {"name": "MarketClosedEvent", "game": "new"},
]
GAMES = {"archived": httpx.Response(410), "removed": httpx.Response(404)}
GAMES |= {f"over{number}": httpx.Response(200, json={"phase": "closed"}) for number in ("", *range(2000))}
GAMES |= {"new": httpx.Response(200, json={"phase": "registration"})}


class LargeMarket:
    """A market of 2,002 games, of which the last is open and has 2,000 transfers, of which the last is of B2.

    Its stream breaks in the middle, and whatever it is asked for it is too busy first.
    """

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self._asked: dict[str, int] = {}
        lines = [f"data: {json.dumps({**event, 'cursor': f'{place}.0'})}\n\n" for place, event in enumerate(EVENTS, 1)]
        self._streams = {"0": "".join(lines[:4]), "4.0": "".join(lines[4:])}

    def busy_or_answer(self, request: httpx.Request) -> httpx.Response:
        """Refuse what is asked for the first time."""
        times = self._asked[str(request.url)] = self._asked.get(str(request.url), 0) + 1
        return httpx.Response(503, json={"code": "TOO_BUSY"}) if times == 1 else self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.split("/")[1:]:
            case ["events"]:
                return httpx.Response(200, text=self._streams[request.url.params["from"]])
            case ["queue"]:
                command = json.loads(request.content)
                self.said[command["topic"]] = command["payload"]["data"]
                return httpx.Response(202, json={"href": "/queue/1?prosumer=B2"})
            case ["queue", _]:
                return httpx.Response(200, json={"status": "committed", "result": {}})
            case ["games"]:
                known = [{"game": name, **each.json()} for name, each in GAMES.items() if each.is_success]
                return httpx.Response(200, json={"games": page(request, known)})
            case ["games", name]:
                return GAMES[name]
            case ["games", "new", "transfers"]:
                transfers = [{"buyer": "B1", "energy": 3}] * 1999 + [{"buyer": "B2", "energy": 0.1}]
                return httpx.Response(200, json={"transfers": page(request, transfers)})
            case _:
                return httpx.Response(200, json={"ledger": "L"})


def page(request: httpx.Request, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = int(request.url.params.get("from", 0))
    return items[first : first + min(1000, int(request.url.params.get("limit", 1000)))]


@pytest.fixture(scope="module")
def plain_client() -> Any:
    """The example as a module."""
    spec = spec_from_file_location("plain_client", ROOT / "examples" / "plain_client.py")
    assert spec is not None
    assert spec.loader is not None
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def test_the_client_without_our_library_plays_on_a_busy_market_where_there_is_more_than_a_page_of_everything(
    plain_client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    market = LargeMarket()
    monkeypatch.setattr("time.sleep", lambda _: None)
    with httpx.Client(transport=httpx.MockTransport(market.busy_or_answer), base_url="http://market") as http:
        plain_client.play(http, Ed25519PrivateKey.generate(), "B2", "12")
    assert market.said["publishDemand"] == {"game": "new", "amount": "12"}
    assert market.said["publishMeterReading"]["inEnergy"] == "12"
    assert "took 12 kWh, 11.9 of them from the grid" in capsys.readouterr().out


SELLERS = [
    {"seller": "far", "hops": 2, "price": 0.1, "capacity": 5, "othersLoad": 0},
    {"seller": "near", "hops": 1, "price": 0.2, "capacity": 6, "othersLoad": 2},
    {"seller": "sold out", "hops": 1, "price": 0.1, "capacity": 3, "othersLoad": 3},
]


@pytest.mark.parametrize(
    ("demand", "sellers", "bid"),
    [
        (7, SELLERS, {"near": "4", "far": "3"}),
        (12, SELLERS, {"near": "4", "far": "5"}),
        (12, SELLERS[2:], None),
    ],
    ids=["all of it", "what there is", "nothing"],
)
def test_the_client_without_our_library_takes_what_there_is_from_the_nearest(
    plain_client: Any, demand: int, sellers: list[dict[str, Any]], bid: dict[str, str] | None
) -> None:
    assert plain_client.nearest_first({"demand": demand, "sellers": sellers}) == bid


def test_every_example_is_one_of_these() -> None:
    assert {file.name for file in (ROOT / "examples").iterdir() if file.is_file()} == {
        "curl.sh",
        "plain_client.py",
        "strategy.py",
    }

"""A market of 1,500 prosumers as the page reads it: made-up answers, and events as often as one wants.

``python -m benchmarks.synthetic_market`` runs it; ``POST /rate/50`` lets 50 turns a second happen.
"""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from dashboard import STATIC
from energy_market_chaincode import exact_json, market_views, views
from http_service import ServiceSettings, create_app, parse_arguments, serve
from market_log import configure_logs

GAME = "Game-2026-06-23T12:00:00.000Z"
SELLERS = [f"S{number:04}" for number in range(450)]
BUYERS = [f"B{number:04}" for number in range(1050)]
BOUGHT_FROM = 8
AT = "2026-06-23T12:00:00.000Z"


def _game(hops: Mapping[str, Mapping[str, int]]) -> bytes:
    """Return a game in which everybody plays."""
    durations = dict.fromkeys(("registrationDurationMs", "turnDeadlineMs", "deliveryDurationMs"), 60_000)
    windows = {"meteringWindowMs": 3_600_000, "correctionWindowMs": 86_400_000, "metering": "meters"}
    tariffs = {"retailTariff": "0.2869", "feedInTariff": "0.1231", "feePerHop": "0.002", "imbalancePenalty": 0}
    limits = {"roundLimit": 200, "tolerance": "0.000001"}
    unlimited = dict.fromkeys(
        ("priceFloor", "priceCap", "expectedParticipants", "slotDurationMs", "clearingDurationMs")
    )
    offer = {"capacity": 20, "price": "0.08", "load": "9.3333", "frozen": 0}
    demand = {"demand": 4, "contributionMetric": "0.5", "frozen": 2}
    return _answer(
        views.GameView,
        _summary()
        | {
            "parameters": durations | windows | tariffs | limits | unlimited,
            "sellers": [{"seller": name, **offer} for name in SELLERS],
            "buyers": [{"buyer": name, **demand} for name in BUYERS],
            "hops": hops,
            **dict.fromkeys(("deadline", "readingsAwaited", "stop", "settlement")),
        },
    )


def _answer(kind: type[views.View], data: Mapping[str, Any]) -> bytes:
    """Write an answer of the rule book's types, so that no field is missing that the page relies on."""
    return exact_json(kind.model_validate(data))


def _summary() -> dict[str, Any]:
    counts = {"nrSellers": len(SELLERS), "nrBuyers": len(BUYERS), "round": 3, "left": None}
    game = {"game": GAME, "phase": "playing", "deliverySlot": AT, "mechanism": "sequential-best-response"}
    no_times = dict.fromkeys(("clearingEndsAt", "deliveryStartsAt", "deliveryEndsAt", "meteringEndsAt", "finalAt"))
    return game | counts | no_times | {"buyerInTurn": BUYERS[0], "publishedAt": AT, "registrationEndsAt": AT}


def _bids(seed: int) -> list[dict[str, Any]]:
    """Return bids in which each buyer buys from a few sellers."""
    drawn = random.Random(seed)  # noqa: S311 - nothing is secret about them
    return [
        {
            "buyer": buyer,
            "demand": 4,
            "amounts": dict.fromkeys(drawn.sample(SELLERS, BOUGHT_FROM), "0.5"),
            "round": 3,
            "cost": "0.7",
            "regret": None,
        }
        for buyer in BUYERS
    ]


def _whole(bid: dict[str, Any]) -> dict[str, Any]:
    """Return a bid as a whole read has it: it names all sellers."""
    return bid | {"amounts": dict.fromkeys(SELLERS, 0) | bid["amounts"]}


def _prosumer(name: str) -> dict[str, Any]:
    amounts = dict.fromkeys(("accountBalance", "frozenFunds", "debt", "totalProduction", "totalConsumption"), "12.5")
    known = {"prosumer": name, "role": "prosumer", "publicKey": "", "registeredAt": AT, "contributionMetric": None}
    return known | amounts


class SyntheticMarket:
    """The answers, made once; the bids are others each time they are read."""

    def __init__(self) -> None:
        self._pause_s = 1.0
        self._has_rate = asyncio.Event()
        everybody = sorted(SELLERS + BUYERS)
        queue = {"depth": 0, "capacity": 100_000, "oldestAgeMs": 0, "ledgerHeight": 1000, "trouble": None}
        money = {"money": 0, "frozenFunds": 0, "accounts": {"grid-operator": 0, "network-operator": 0}}
        market = {"ledger": "x", "epoch": None, "operators": [], "initialisedAt": AT, "topology": True, **money}
        schedule = {"now": AT, "paused": False, "speed": 1, "entries": [], "games": []}
        places = [[name, everybody[place // 3]] for place, name in enumerate(everybody)][1:]
        self._answers = {
            "queue/market": _answer(market_views.MarketView, market),
            "queue/games": _answer(views.Games, {"games": [_summary()]}),
            f"queue/games/{GAME}": _game({}),
            f"whole/games/{GAME}": _game({buyer: dict.fromkeys(SELLERS, 3) for buyer in BUYERS}),
            f"queue/games/{GAME}/transfers": _answer(views.Transfers, {"transfers": []}),
            "queue/topology": _answer(market_views.TopologyView, {"edges": places}),
            "queue/queue": _answer(views.QueueState, queue),
            "clock/schedule": exact_json(schedule),
        }
        self._people = [_prosumer(name) for name in everybody]
        bids = [_bids(seed) for seed in (1, 2)]
        self._answers[f"whole/games/{GAME}/bids"] = _answer(views.Bids, {"bids": [_whole(bid) for bid in bids[0]]})
        self._bids = itertools.cycle([self._pages(each) for each in bids])
        self._read = next(self._bids)

    @staticmethod
    def _pages(bids: list[dict[str, Any]]) -> list[bytes]:
        return [_answer(views.Bids, {"bids": bids[first : first + 1000]}) for first in (0, 1000)]

    def answer(self, path: str, first: int) -> bytes:
        """Return what stands at a path from an item on; a game and its bids in brief, as the page asks for them.

        ``whole/games/...`` instead of ``queue/games/...`` has them with all hops and the amounts of zero.
        """
        if path == f"queue/games/{GAME}/bids":
            if first == 0:
                self._read = next(self._bids)
            return self._read[first // 1000]
        if path == "queue/prosumers":
            return _answer(market_views.Prosumers, {"prosumers": self._people[first : first + 1000]})
        return self._answers.get(path, b'{"status": "ready"}')

    def at_rate(self, rate: float) -> None:
        """Let so many events happen each second, from now on."""
        if rate == 0:
            self._has_rate.clear()
        else:
            self._pause_s = 1 / rate
            self._has_rate.set()

    async def events(self) -> AsyncIterator[str]:
        """Let turn follow turn, as often as one said."""
        yield "retry: 1000\n\n"
        for number in itertools.count():
            await self._has_rate.wait()
            await asyncio.sleep(self._pause_s)
            turn = {"name": "BuyBidEvent", "game": GAME, "at": AT, "round": 3, "cursor": f"{number}.0.0"}
            data = json.dumps(turn | {"buyerInTurn": BUYERS[number % len(BUYERS)], "sellers": []})
            yield f"id: {number}.0.0\nevent: BuyBidEvent\ndata: {data}\n\n"


async def _ready() -> str | None:
    return None


def synthetic_app() -> FastAPI:
    """Make the application: the page, and behind it the synthetic market."""
    app = create_app(title="synthetic", version="1", description="Made up.", ready=_ready, max_body_bytes=1000)
    market = SyntheticMarket()

    async def events(_request: Request) -> Response:
        return StreamingResponse(market.events(), media_type="text/event-stream")

    async def read(request: Request) -> Response:
        first = int(request.query_params.get("from", "0"))
        return Response(market.answer(request.path_params["path"], first), media_type="application/json")

    # Plain routes: which parameters the page sends is not looked at.
    app.router.routes += [Route("/api/queue/events", events), Route("/api/{path:path}", read)]

    @app.post("/rate/{rate}")
    async def at_rate(rate: float) -> Response:
        market.at_rate(rate)
        return Response(status_code=204)

    @app.get("/")
    async def page() -> Response:
        return FileResponse(STATIC / "index.html")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


if __name__ == "__main__":
    settings = parse_arguments(ServiceSettings, "A market that is made up.")
    configure_logs("synthetic")
    serve(synthetic_app(), settings)

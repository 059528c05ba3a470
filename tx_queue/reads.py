"""What stands on the ledger: market, games, bids, transfers, prosumers and blocks."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from energy_market_chaincode import (
    Identifier,
    Instant,
    block_views,
    iso,
    market_views,
    milliseconds,
    moment,
    read_exact_json,
    views,
)
from http_service import Problem, exact_response
from ledger import Block, Ledger, UnknownBlock
from tx_queue.node import Node

_Found = TypeVar("_Found")

router = APIRouter(tags=["ledger"])

MAX_ITEMS = 1000
"""Of a list in one answer, unless fewer are asked for."""
MAX_LINES = 3000
"""Of a statement in one answer: a month of quarter-hours."""
LAST_MS = milliseconds(datetime.max.replace(tzinfo=UTC))
MAX_BLOCKS = 100
BLOCKS_READ_AT_ONCE = 8

GameId = Annotated[Identifier, Path(description="A game's id.")]
ProsumerId = Annotated[Identifier, Path(description="A prosumer's or an operator's id.")]


class StatementForm(StrEnum):
    """In what form a statement is wanted."""

    JSON = "json"
    CSV = "csv"


async def _period(
    begins: Annotated[
        Instant, Query(alias="from", ge=0, description="From when on, ISO 8601 with an offset (its + is %2B here).")
    ] = 0,
    ends: Annotated[Instant, Query(alias="to", ge=0, description="Until when.")] = LAST_MS,
) -> tuple[str, str]:
    """Return a period as the contract wants to hear it."""
    return str(begins), str(ends)


async def _page(
    first: Annotated[int, Query(alias="from", ge=0, lt=2**53, description="Number of the first, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ITEMS, description="How many at most.")] = MAX_ITEMS,
) -> tuple[str, str]:
    """Return which items of a list are wanted, as the contract wants to hear it."""
    return str(first), str(limit)


Paged = Annotated[tuple[str, str], Depends(_page)]
Brief = Annotated[
    bool, Query(description="Leave out hops and amounts of zero, which is most of what a large game has.")
]
BlockNumber = Annotated[int, Path(ge=0, lt=2**53, description="From 0.")]


@router.get("/market", responses={200: {"model": market_views.MarketView}})
async def market(node: Node) -> Response:
    """Return the market as a whole: its operators, its money, the two operators' accounts."""
    return exact_response(await node.ledger.query("market"))


@router.get("/topology", responses={200: {"model": market_views.TopologyView}})
async def topology(node: Node) -> Response:
    """Return the network's graph, one hop an edge."""
    return exact_response(await node.ledger.query("topology"))


@router.get("/tariffs", responses={200: {"model": market_views.TariffTableView}})
async def tariffs(node: Node) -> Response:
    """Return the grid's tariffs by time; a game keeps those that it was published with."""
    return exact_response(await node.ledger.query("tariffs"))


@router.get("/games", responses={200: {"model": views.Games}})
async def games(node: Node, page: Paged) -> Response:
    """Return games, oldest first."""
    return exact_response(await node.ledger.query("games", *page))


@router.get("/games/{game}", responses={200: {"model": views.GameView}})
async def game(node: Node, game: GameId, brief: Brief = False) -> Response:
    """Return one game; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("game", game, *_in_brief(brief)))


@router.get("/games/{game}/topology", responses={200: {"model": market_views.TopologyView}})
async def topology_of_game(node: Node, game: GameId) -> Response:
    """Return the graph that the hops of a large game follow from, null of others; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("game-topology", game))


@router.get("/games/{game}/bids", responses={200: {"model": views.Bids}})
async def bids(node: Node, game: GameId, page: Paged, brief: Brief = False) -> Response:
    """Return a game's standing bids in turn order; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("bids", game, *page, *_in_brief(brief)))


@router.get("/games/{game}/transfers", responses={200: {"model": views.Transfers}})
async def transfers(node: Node, game: GameId, page: Paged) -> Response:
    """Return a game's transfers; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("transfers", game, *page))


@router.get("/games/{game}/lines", responses={200: {"model": market_views.SlotLines}})
async def lines(node: Node, game: GameId, page: Paged) -> Response:
    """Return what a settled slot came to for each participant, by name; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("lines", game, *page))


@router.get("/games/{game}/balance", responses={200: {"model": market_views.SlotBalance}})
async def balance(node: Node, game: GameId) -> Response:
    """Return a slot's balance over all meters, to be held against that of the feeder; 404 UNKNOWN_GAME."""
    return exact_response(await node.ledger.query("balance", game))


@router.get("/meters", responses={200: {"model": market_views.Meters}})
async def meters(node: Node, page: Paged) -> Response:
    """Return the meters in service, by their prosumers."""
    return exact_response(await node.ledger.query("meters", *page))


@router.get("/prosumers", responses={200: {"model": market_views.Prosumers}})
async def prosumers(node: Node, page: Paged) -> Response:
    """Return registered identities with their accounts, by name."""
    return exact_response(await node.ledger.query("prosumers", *page))


@router.get("/prosumers/{prosumer}", responses={200: {"model": market_views.ProsumerView}})
async def prosumer(node: Node, prosumer: ProsumerId) -> Response:
    """Return one identity; 404 UNKNOWN_PROSUMER."""
    return exact_response(await node.ledger.query("prosumer", prosumer))


@router.get(
    "/prosumers/{prosumer}/statement",
    responses={200: {"model": market_views.Statement, "content": {"text/csv": {}}}},
)
async def statement(
    node: Node,
    request: Request,
    prosumer: ProsumerId,
    period: Annotated[tuple[str, str], Depends(_period)],
    limit: Annotated[int, Query(ge=1, le=MAX_LINES, description="How many lines at most.")] = MAX_LINES,
    form: Annotated[StatementForm | None, Query(alias="format", description="Default: by Accept, else JSON.")] = None,
) -> Response:
    """Return what happened in a prosumer's account, slot by slot; 404 UNKNOWN_PROSUMER.

    Where there is more than one answer takes, ``next`` (as CSV the header Link) says from when on to ask.
    """
    found = await node.ledger.query("statement", prosumer, *period, str(limit))
    if form is StatementForm.JSON or (form is None and "text/csv" not in request.headers.get("accept", "")):
        return exact_response(found)
    part = market_views.Statement.model_validate(read_exact_json(found))
    headers = {"Content-Disposition": f'attachment; filename="statement-{prosumer}.csv"'}
    if part.next is not None:
        following = request.url.include_query_params(**{"from": iso(part.next)})
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Response(part.as_csv(), headers=headers, media_type="text/csv")


@router.get("/blocks", responses={200: {"model": block_views.Blocks}})
async def blocks(
    node: Node,
    first: Annotated[
        int | None, Query(alias="from", ge=0, lt=2**53, description="Number of the first; else the newest ones.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_BLOCKS)] = 20,
) -> Response:
    """Return some blocks in their order."""
    height = await node.ledger.height()
    if first is None:
        first = max(0, height - limit)
    numbers = range(first, min(first + limit, height))
    found = await _read_blocks(node.ledger, numbers)
    return exact_response(block_views.Blocks(height=height, blocks=[_summary(block) for block in found]))


@router.get("/blocks/{number}", responses={200: {"model": block_views.BlockView}})
async def block(node: Node, number: BlockNumber) -> Response:
    """Return one block with its transactions; 404 UNKNOWN_BLOCK."""
    found = await _of_block(number, node.ledger.block(number))
    return exact_response(block_views.BlockView(**dict(_summary(found)), transactions=_transactions(found)))


@router.get("/blocks/{number}/evidence", responses={200: {"model": block_views.BlockEvidence}})
async def evidence(node: Node, number: BlockNumber) -> Response:
    """Return what the block proves by itself: the bytes that its hash covers, and who signed it; 404 UNKNOWN_BLOCK."""
    return exact_response(await _of_block(number, node.ledger.evidence(number)))


def _in_brief(brief: bool) -> list[str]:
    return ["brief"] if brief else []


async def _of_block(number: int, asked: Awaitable[_Found]) -> _Found:
    try:
        return await asked
    except UnknownBlock:
        raise Problem(404, "UNKNOWN_BLOCK", f"The ledger has no block {number}.") from None


async def _read_blocks(ledger: Ledger, numbers: range) -> list[Block]:
    found: list[Block] = []
    for start in range(0, len(numbers), BLOCKS_READ_AT_ONCE):
        some = numbers[start : start + BLOCKS_READ_AT_ONCE]
        found += await asyncio.gather(*(ledger.block(number) for number in some))
    return found


def _summary(block: Block) -> block_views.BlockSummary:
    return block_views.BlockSummary(
        number=block.number,
        hash=block.hash,
        previous_hash=block.previous_hash,
        at=moment(max(each.at_ms for each in block.transactions)) if block.transactions else None,
        nr_transactions=len(block.transactions),
    )


def _transactions(block: Block) -> list[block_views.TransactionView]:
    return [
        block_views.TransactionView(
            id=transaction.id,
            at=moment(transaction.at_ms),
            commands=transaction.commands,
            results=transaction.results,
            events=transaction.events,
        )
        for transaction in block.transactions
    ]

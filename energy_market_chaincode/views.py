"""Questions to the contract: what stands on the ledger, in decimals and ISO times (see docs/reference/protocol.md)."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any

from energy_market_chaincode import events, units
from energy_market_chaincode.canonical import read_exact_json
from energy_market_chaincode.commands import Role
from energy_market_chaincode.context import Context
from energy_market_chaincode.entities import (
    GRID_OPERATOR,
    NETWORK_OPERATOR,
    Account,
    Arena,
    Bid,
    Demand,
    Game,
    MeterTotals,
    Offer,
    Outcome,
    Phase,
    Play,
    Prosumer,
    Purchases,
    Remembered,
    Settlement,
    Transfer,
)
from energy_market_chaincode.errors import MalformedArguments, NotInitialised, UnknownGame, UnknownProsumer
from energy_market_chaincode.game import bid_cost, seller_order, turn_order
from energy_market_chaincode.market import Market
from energy_market_chaincode.playing import supplies_of
from energy_market_chaincode.savepoint import Workspace
from energy_market_chaincode.topology import Layout
from energy_market_chaincode.units import Energy, Money

View = dict[str, Any]


async def answer(state: Workspace, function: str, args: Sequence[str]) -> Any:
    """Answer a question of :data:`QUERIES`.

    Raises
    ------
    MalformedArguments, UnknownGame, UnknownProsumer, NotInitialised
    """
    query, names = QUERIES[function]
    if len(args) != len(names):
        raise MalformedArguments(function=function, problems=f"needs {', '.join(names) or 'no argument'}")
    return await query(Context(state=state, now_ms=0, place=0, signer=""), *args)


async def _market(context: Context) -> View:
    market = await context.find(Market, Market.KEY)
    if market is None:
        raise NotInitialised()
    prosumers = await context.load_all(Prosumer, "prosumer/")
    accounts = await context.load_all(Account, "account/")
    institutions = await context.find_many(Account, [Account.key(GRID_OPERATOR), Account.key(NETWORK_OPERATOR)])
    grid, network = (account.free if account is not None else 0 for account in institutions)
    return {
        "ledger": market.ledger,
        "operators": [prosumer.id for prosumer in prosumers if prosumer.role is Role.OPERATOR],
        "initialisedAt": events.iso_time(market.initialised_at_ms),
        "money": units.currency(sum(account.free + account.frozen for account in accounts)),
        "frozenFunds": units.currency(sum(account.frozen for account in accounts)),
        "accounts": {GRID_OPERATOR: units.currency(grid), NETWORK_OPERATOR: units.currency(network)},
        "topology": await context.exists(Layout.KEY),
    }


async def _prosumers(context: Context) -> View:
    records = await context.load_all(Prosumer, "prosumer/")
    return {"prosumers": await _prosumer_views(context, records)}


async def _prosumer(context: Context, prosumer: str) -> View:
    record = await context.find(Prosumer, Prosumer.key(prosumer))
    if record is None:
        raise UnknownProsumer(id=prosumer)
    return (await _prosumer_views(context, [record]))[0]


async def _prosumer_views(context: Context, prosumers: Sequence[Prosumer]) -> list[View]:
    accounts = await context.find_many(Account, [Account.key(prosumer.id) for prosumer in prosumers])
    meters = await context.find_many(MeterTotals, [MeterTotals.key(prosumer.id) for prosumer in prosumers])
    views = []
    for prosumer, account, meter in zip(prosumers, accounts, meters, strict=True):
        account = account or Account(free=Money(0), frozen=Money(0))
        meter = meter or MeterTotals(production=Energy(0), consumption=Energy(0))
        views.append(
            {
                "prosumer": prosumer.id,
                "role": prosumer.role.value,
                "publicKey": prosumer.public_key,
                "registeredAt": events.iso_time(prosumer.registered_at_ms),
                "accountBalance": units.currency(account.free),
                "frozenFunds": units.currency(account.frozen),
                "debt": units.currency(account.debt),
                "totalProduction": units.kwh(meter.production),
                "totalConsumption": units.kwh(meter.consumption),
                "contributionMetric": _metric(meter.production, meter.consumption),
            }
        )
    return views


def _metric(production: Energy, consumption: Energy) -> Decimal | None:
    """Return production / consumption to six decimals, for people; the turn order uses the exact quotient."""
    if consumption == 0:
        return None
    return units.currency(units.divide_half_even(production * 10**units.MONEY_DECIMALS, consumption))


async def _games(context: Context) -> View:
    games = sorted(await context.load_all(Game, "game/"), key=lambda game: (game.published_at_ms, game.id))
    return {"games": [await _summary(context, game) for game in games]}


async def _summary(context: Context, game: Game) -> View:
    arena, play, outcome = await _course(context, game)
    buyer = arena.buyers[play.turn].buyer if arena and play and game.phase is Phase.PLAYING else None
    sellers, buyers = await _participants(context, game, arena)
    return {
        "game": game.id,
        "phase": game.phase.value,
        "deliverySlot": game.slot,
        "mechanism": game.mechanism.value,
        "nrSellers": len(sellers),
        "nrBuyers": len(buyers),
        "round": outcome.rounds if outcome is not None else play.round if play is not None else 0,
        "buyerInTurn": buyer,
        "publishedAt": events.iso_time(game.published_at_ms),
    }


async def _course(context: Context, game: Game) -> tuple[Arena | None, Play | None, Outcome | None]:
    return (
        await context.find(Arena, Arena.key(game.id)),
        await context.find(Play, Play.key(game.id)),
        await context.find(Outcome, Outcome.key(game.id)),
    )


async def _participants(context: Context, game: Game, arena: Arena | None) -> tuple[list[Offer], list[Demand]]:
    if arena is not None:
        return arena.sellers, arena.buyers
    offers = await context.load_all(Offer, f"{Offer.PREFIX}{game.id}/")
    demands = await context.load_all(Demand, f"{Demand.PREFIX}{game.id}/")
    return seller_order(offers), turn_order(demands)


async def _find_game(context: Context, name: str) -> Game:
    game = await context.find(Game, Game.key(name))
    if game is None:
        raise UnknownGame(game=name)
    return game


async def _game(context: Context, name: str) -> View:
    game = await _find_game(context, name)
    arena, play, outcome = await _course(context, game)
    sellers, buyers = await _participants(context, game, arena)
    loads = play.loads if play is not None else [Energy(0)] * len(sellers)
    settlement = await context.find(Settlement, Settlement.key(game.id))
    return {
        **await _summary(context, game),
        "parameters": events.parameters_view(game.parameters),
        "registrationEndsAt": events.iso_time(game.registration_ends_ms),
        "sellers": [
            {
                "seller": offer.seller,
                "capacity": units.kwh(offer.capacity),
                "price": units.currency_per_kwh(offer.price),
                "load": units.kwh(load),
            }
            for offer, load in zip(sellers, loads, strict=True)
        ],
        "buyers": [
            {
                "buyer": demand.buyer,
                "demand": units.kwh(demand.demand),
                "contributionMetric": _metric(demand.production, demand.consumption),
            }
            for demand in buyers
        ],
        "hops": _hops_view(arena),
        "deadline": events.iso_time(play.deadline_ms) if play and game.phase is Phase.PLAYING else None,
        "deliveryEndsAt": events.iso_time(game.delivery_ends_ms) if game.delivery_ends_ms is not None else None,
        "stop": _stop_view(buyers, outcome),
        "settlement": events.settlement_view(settlement) if settlement is not None else None,
    }


def _hops_view(arena: Arena | None) -> dict[str, dict[str, int]]:
    if arena is None:
        return {}
    return {
        demand.buyer: {offer.seller: hops for offer, hops in zip(arena.sellers, row, strict=True)}
        for demand, row in zip(arena.buyers, arena.hops, strict=True)
    }


def _stop_view(buyers: Sequence[Demand], outcome: Outcome | None) -> View | None:
    if outcome is None:
        return None
    names = [demand.buyer for demand in buyers] if outcome.regrets else []
    return {
        "rounds": outcome.rounds,
        **events.stop_view(names, outcome),
        "regrets": {name: units.currency(saving) for name, saving in zip(names, outcome.regrets, strict=True)},
    }


async def _bids(context: Context, name: str) -> View:
    game = await _find_game(context, name)
    arena, play, outcome = await _course(context, game)
    if arena is None or play is None:
        return {"bids": []}
    bids = await context.find_many(Bid, [Bid.key(game.id, demand.buyer) for demand in arena.buyers])
    views = []
    for i, (demand, bid) in enumerate(zip(arena.buyers, bids, strict=True)):
        cost = bid_cost(bid.amounts, supplies_of(game, arena, i, play.loads, bid)) if bid is not None else None
        views.append(
            {
                "buyer": demand.buyer,
                "demand": units.kwh(demand.demand),
                "amounts": events.amounts_view(arena, bid),
                "round": bid.round if bid is not None else None,
                "cost": units.currency(cost) if cost is not None else None,
                "regret": units.currency(outcome.regrets[i]) if outcome is not None else None,
            }
        )
    return {"bids": views}


async def _transfers(context: Context, name: str) -> View:
    game = await _find_game(context, name)
    arena = await context.find(Arena, Arena.key(game.id))
    buyers = [demand.buyer for demand in arena.buyers] if arena is not None else []
    purchases = await context.find_many(Purchases, [Purchases.key(game.id, buyer) for buyer in buyers])
    return {"transfers": [_transfer_view(t) for p in purchases if p is not None for t in p.transfers]}


def _transfer_view(transfer: Transfer) -> View:
    return {
        "seller": transfer.seller,
        "buyer": transfer.buyer,
        "energy": units.kwh(transfer.energy),
        "energyCost": units.currency(transfer.energy_cost),
        "transmissionFee": units.currency(transfer.transmission_fee),
        "delivered": units.kwh(transfer.delivered),
        "isFulfilled": transfer.is_fulfilled,
    }


async def _command(context: Context, prosumer: str, command: str) -> View | None:
    remembered = await context.find(Remembered, Remembered.key(prosumer, command))
    return None if remembered is None else read_exact_json(remembered.result)


async def _state(context: Context, prefix: str) -> View:
    return {key: value.decode() for key, value in await context.state.range(prefix)}


QUERIES: dict[str, tuple[Callable[..., Awaitable[Any]], tuple[str, ...]]] = {
    "market": (_market, ()),
    "prosumers": (_prosumers, ()),
    "prosumer": (_prosumer, ("a prosumer's id",)),
    "games": (_games, ()),
    "game": (_game, ("a game's id",)),
    "bids": (_bids, ("a game's id",)),
    "transfers": (_transfers, ("a game's id",)),
    "command": (_command, ("a prosumer's id", "a command's id")),
    "state": (_state, ("a prefix of keys",)),
}
"""The contract's questions, each with what it needs to know."""

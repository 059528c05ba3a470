"""Rules of orders: who may offer or ask for energy in a game, and what is set aside for it.

An offer or a demand alone enters a game once. Orders for many games replace what the prosumer had in them, until each
game's gate closes; of what is frozen only the difference moves.
"""

from typing import Literal

from energy_market_chaincode.commands import (
    DemandedEnergy,
    OfferedEnergy,
    Order,
    PublishDemand,
    PublishOffer,
    PublishOrders,
)
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import hold, worst_of_mechanism
from energy_market_chaincode.cover import connection_deposit, demand_deposit, offer_bond
from energy_market_chaincode.errors import (
    AlreadyRegistered,
    DebtUnpaid,
    NoMeter,
    OrderBeyondConnection,
    OrderRepeated,
    PriceOutOfBounds,
    RegistrationOver,
    Rejection,
)
from energy_market_chaincode.prefetch import registration_keys
from energy_market_chaincode.records import (
    Account,
    Connection,
    Escrow,
    Game,
    HopsColumn,
    HopsRow,
    MeterTotals,
    StandingDemand,
    StandingOffer,
)
from energy_market_chaincode.settlement import energy_limit
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.topology import require_place
from energy_market_chaincode.units import Energy, Money, Price, currency, currency_per_kwh, kwh
from energy_market_chaincode.views import GameResult, View
from energy_market_chaincode.vocabulary import Metering, Phase


class PlacedOrder(View):
    """What the prosumer is in a game by its order; null: nothing."""

    game: str
    role: Literal["seller", "buyer"] | None


class OrdersPlaced(View):
    """Of publishOrders: what the prosumer is now in each of the games."""

    prosumer: str
    orders: list[PlacedOrder]


@rule
async def publish_offer(context: Context, data: PublishOffer) -> GameResult:
    """Take a seller in and freeze what it would owe if it delivered nothing."""
    game = await context.game(data, Phase.REGISTRATION)
    await _require_new(context, game)
    await hold(context, context.signer, {game.id: await _offer(context, game, data)})
    return GameResult(game=game.id)


@rule
async def publish_demand(context: Context, data: PublishDemand) -> GameResult:
    """Take a buyer in and freeze what its demand would cost from the grid, and what it would owe if it took nothing."""
    game = await context.game(data, Phase.REGISTRATION)
    await _require_new(context, game)
    await hold(context, context.signer, {game.id: await _demand(context, game, data)})
    return GameResult(game=game.id)


@rule
async def publish_orders(context: Context, data: PublishOrders) -> OrdersPlaced:
    """Let orders stand in the place of earlier ones, all of them or none."""
    games = await context.games_of("orders", data.orders)
    await context.state.prefetch(key for game in games for key in registration_keys(game.id, context.signer))
    required: dict[str, Escrow | None] = {}
    for place, (game, order) in enumerate(zip(games, data.orders, strict=True)):
        try:
            if game.id in required:
                raise OrderRepeated(game=game.id)
            required[game.id] = await _replace(context, game, order)
        except Rejection as rejection:
            raise rejection.at(f"orders.{place}") from None
    await hold(context, context.signer, required)
    placed = [
        PlacedOrder(game=game.id, role="seller" if order.offer else "buyer" if order.demand else None)
        for game, order in zip(games, data.orders, strict=True)
    ]
    return OrdersPlaced(prosumer=context.signer, orders=placed)


async def _replace(context: Context, game: Game, order: Order) -> Escrow | None:
    """Let an order stand in the place of what its signer had in a game; return what is frozen for it from now on."""
    context.require_phase(game, Phase.REGISTRATION, PublishOrders.topic)
    _require_gate_open(context, game)
    for kind in (StandingOffer, StandingDemand):
        if await context.exists(kind, game.id, context.signer):
            context.delete(kind, game.id, context.signer)
    if order.offer is not None:
        return await _offer(context, game, order.offer)
    if order.demand is not None:
        return await _demand(context, game, order.demand)
    return None


async def _offer(context: Context, game: Game, said: OfferedEnergy) -> Escrow:
    """Let an offer stand; return what is frozen for it."""
    await _require_trusted(context, game)
    _require_price(game, said.price)
    await require_place(context, "seller", HopsColumn)
    limit = await _limit_of_orders(context, game, said.amount)
    offer = StandingOffer(seller=context.signer, capacity=said.amount, price=said.price, arrived=context.arrived)
    context.save(offer, game.id, context.signer)
    bond = offer_bond(said.amount, said.price, game.parameters)
    deposit = connection_deposit(limit, game.parameters) if limit is not None else Money(0)
    return Escrow(deposit=Money(bond + deposit))


async def _demand(context: Context, game: Game, said: DemandedEnergy) -> Escrow:
    """Let a demand stand; return what is frozen for it."""
    await _require_trusted(context, game)
    buyer = context.signer
    await require_place(context, "buyer", HopsRow)
    limit, rules = await _limit_of_orders(context, game, said.amount), game.parameters
    totals = await context.load(MeterTotals, buyer)
    demand = StandingDemand(
        buyer=buyer,
        demand=said.amount,
        production=totals.production,
        consumption=totals.consumption,
        arrived=context.arrived,
    )
    context.save(demand, game.id, buyer)
    deposit = connection_deposit(limit, rules) if limit is not None else demand_deposit(said.amount, rules)
    return Escrow(amount=worst_of_mechanism(game, said.amount), deposit=deposit)


def _require_gate_open(context: Context, game: Game) -> None:
    if context.now_ms >= game.registration_ends_ms:
        raise RegistrationOver(game=game.id, ended=iso_time(game.registration_ends_ms))


async def _require_new(context: Context, game: Game) -> None:
    """Refuse whoever comes after the gate closed, or takes part already."""
    _require_gate_open(context, game)
    signer = context.signer
    if await context.exists(StandingOffer, game.id, signer) or await context.exists(StandingDemand, game.id, signer):
        raise AlreadyRegistered(prosumer=signer, game=game.id)


async def _require_trusted(context: Context, game: Game) -> None:
    """Refuse the orders of whoever is not metered, or owes something from earlier slots."""
    signer = context.signer
    if game.parameters.metering is Metering.METERS and not await context.exists(Connection, signer):
        raise NoMeter(prosumer=signer, game=game.id)
    account = await context.find(Account, signer)
    if account is not None and account.debt:
        raise DebtUnpaid(prosumer=signer, debt=currency(account.debt))


def _require_price(game: Game, price: Price) -> None:
    """Refuse a base price outside of the game's bounds."""
    floor, cap = game.parameters.price_floor or Price(0), game.parameters.price_cap
    if price < floor or (cap is not None and price > cap):
        raise PriceOutOfBounds(
            game=game.id,
            floor=currency_per_kwh(floor),
            cap="any" if cap is None else currency_per_kwh(cap),
            price=currency_per_kwh(price),
        )


async def _limit_of_orders(context: Context, game: Game, amount: Energy) -> Energy | None:
    """Return what the signer's connection can carry in the slot, None where prosumers meter themselves.

    Raises
    ------
    OrderBeyondConnection
        If the order is for more than that: it could not be kept, and its cover would not be that of its connection.
    """
    if game.parameters.metering is Metering.SELF:
        return None
    connection = await context.load(Connection, context.signer)
    limit = energy_limit(connection.meters[-1], game)
    if amount > limit:
        raise OrderBeyondConnection(prosumer=context.signer, game=game.id, amount=kwh(amount), limit=kwh(limit))
    return limit

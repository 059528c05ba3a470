"""Rules of registration: a game is published, sellers offer, buyers ask, and the operator stops it in time."""

from typing import Any

from energy_market_chaincode import presentation
from energy_market_chaincode.commands import AboutGame, PublishDemand, PublishGame, PublishOffer, StopGameRegistration
from energy_market_chaincode.context import Context
from energy_market_chaincode.contracting import freeze_more, has_delivery_begun, stop, worst_of_mechanism
from energy_market_chaincode.cover import connection_deposit, demand_deposit, offer_bond, usual_penalty
from energy_market_chaincode.errors import (
    AlreadyRegistered,
    DebtUnpaid,
    GameExists,
    NoMeter,
    OrderBeyondConnection,
    PriceOutOfBounds,
    RegistrationOpen,
    RegistrationOver,
    SlotTaken,
    TopologyMissing,
)
from energy_market_chaincode.game import seller_order, turn_order
from energy_market_chaincode.mechanisms import MECHANISMS
from energy_market_chaincode.records import (
    Account,
    Arena,
    Connection,
    Demand,
    Escrow,
    Game,
    HopsColumn,
    HopsRow,
    Layout,
    MeteredMarket,
    MeterTotals,
    Parameters,
    Play,
    Slot,
    StandingOffer,
)
from energy_market_chaincode.rules import rule
from energy_market_chaincode.settlement import energy_limit
from energy_market_chaincode.slots import CORRECTION_WINDOW_MS, durations_of_name, slot_durations
from energy_market_chaincode.tariffs import tariffs_of
from energy_market_chaincode.times import instant_ms, iso_time
from energy_market_chaincode.topology import hop_distances, require_place
from energy_market_chaincode.units import Energy, Money, Price, currency, currency_per_kwh, kwh
from energy_market_chaincode.views import GameResult, RegistrationStopped
from energy_market_chaincode.vocabulary import Metering, Phase, StopReason


@rule
async def publish_game(context: Context, data: PublishGame) -> GameResult:
    """Open a game for a delivery slot that has none."""
    slot = data.delivery_slot or iso_time(context.now_ms)
    name = data.game or f"Game-{slot}"[:64]
    if await context.exists(Game, name):
        raise GameExists(game=name)
    taken = await context.find(Slot, slot)
    if taken is not None:
        raise SlotTaken(slot=slot, game=taken.game)
    if not await context.exists(Layout):
        raise TopologyMissing()
    game = await _scheduled(context, data, slot, name)
    context.save(Slot(game=name), slot)
    context.emit(presentation.game_init(game))
    if game.has_slot_time and context.now_ms >= game.registration_ends_ms:
        await _close_gate(context, game, [], [])
    else:
        context.save(game, name)
    return GameResult(game=name)


async def _scheduled(context: Context, data: PublishGame, slot: str, name: str) -> Game:
    """Fix a game's parameters and, as far as its slot's time tells them, when its phases begin and end."""
    starts_ms = instant_ms(data.delivery_slot) if data.delivery_slot is not None else None
    durations = slot_durations(data, starts_ms, context.now_ms) if starts_ms is not None else durations_of_name(data)
    tariffs = await tariffs_of(context, data, context.now_ms if starts_ms is None else starts_ms)
    stated = data.model_dump(include=set(Parameters.model_fields))
    if data.imbalance_penalty is None:
        stated["imbalance_penalty"] = usual_penalty(tariffs["retail_tariff"], tariffs["feed_in_tariff"])
    parameters = Parameters.model_validate(stated | durations | tariffs | await _metered(context, data))
    game = Game(
        id=name,
        slot=slot,
        mechanism=data.mechanism,
        parameters=parameters,
        published_at_ms=context.now_ms,
        registration_ends_ms=context.now_ms + parameters.registration_duration_ms,
    )
    return game.delivered_from(starts_ms) if starts_ms is not None else game


async def _metered(context: Context, data: PublishGame) -> dict[str, Any]:
    """Return who meters a game, and how long its settlement may be corrected, by the names of its parameters."""
    metering = data.metering
    if metering is None:
        metering = Metering.METERS if await context.exists(MeteredMarket) else Metering.SELF
    window_ms = data.correction_window_ms
    if window_ms is None:
        has_time = data.delivery_slot is not None and instant_ms(data.delivery_slot) is not None
        window_ms = CORRECTION_WINDOW_MS if has_time and metering is Metering.METERS else 0
    return {"metering": metering, "correction_window_ms": window_ms}


@rule
async def publish_offer(context: Context, data: PublishOffer) -> GameResult:
    """Take a seller in and freeze what it would owe if it delivered nothing."""
    game = await _open_for(context, data)
    _require_price(game, data.price)
    await require_place(context, "seller", HopsColumn)
    limit = await _limit_of_orders(context, game, data.amount)
    bond = offer_bond(data.amount, data.price, game.parameters)
    deposit = connection_deposit(limit, game.parameters) if limit is not None else Money(0)
    await freeze_more(context, game.id, context.signer, Escrow(deposit=Money(bond + deposit)))
    offer = StandingOffer(seller=context.signer, capacity=data.amount, price=data.price, arrived=context.arrived)
    context.save(offer, game.id, context.signer)
    return GameResult(game=game.id)


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


@rule
async def publish_demand(context: Context, data: PublishDemand) -> GameResult:
    """Take a buyer in and freeze what its demand would cost from the grid, and what it would owe if it took nothing."""
    game = await _open_for(context, data)
    buyer = context.signer
    await require_place(context, "buyer", HopsRow)
    limit, rules = await _limit_of_orders(context, game, data.amount), game.parameters
    deposit = connection_deposit(limit, rules) if limit is not None else demand_deposit(data.amount, rules)
    escrow = Escrow(amount=worst_of_mechanism(game, data.amount), deposit=deposit)
    await freeze_more(context, game.id, buyer, escrow)
    totals = await context.load(MeterTotals, buyer)
    demand = Demand(
        buyer=buyer,
        demand=data.amount,
        production=totals.production,
        consumption=totals.consumption,
        arrived=context.arrived,
    )
    context.save(demand, game.id, buyer)
    return GameResult(game=game.id)


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


async def _open_for(context: Context, command: AboutGame) -> Game:
    """Load a game that the signer may still register for."""
    game = await context.game(command, Phase.REGISTRATION)
    if context.now_ms >= game.registration_ends_ms:
        raise RegistrationOver(game=game.id, ended=iso_time(game.registration_ends_ms))
    signer = context.signer
    if await context.exists(StandingOffer, game.id, signer) or await context.exists(Demand, game.id, signer):
        raise AlreadyRegistered(prosumer=signer, game=game.id)
    if game.parameters.metering is Metering.METERS and not await context.exists(Connection, signer):
        raise NoMeter(prosumer=signer, game=game.id)
    account = await context.find(Account, signer)
    if account is not None and account.debt:
        raise DebtUnpaid(prosumer=signer, debt=currency(account.debt))
    return game


@rule
async def stop_game_registration(context: Context, data: StopGameRegistration) -> RegistrationStopped:
    """Close the gate: fix sellers, buyers and hops, and begin the clearing if there is something to trade."""
    game = await context.game(data, Phase.REGISTRATION)
    offers = seller_order(await context.load_all(StandingOffer, game.id))
    demands = turn_order(await context.load_all(Demand, game.id))
    _require_complete(context, game, len(offers) + len(demands))
    phase = await _close_gate(context, game, offers, demands)
    return RegistrationStopped(game=game.id, phase=phase)


async def _close_gate(context: Context, game: Game, offers: list[StandingOffer], demands: list[Demand]) -> Phase:
    """Begin the clearing, or at once the delivery: without sellers or buyers, or when its time has come."""
    is_traded = bool(offers and demands)
    names = [demand.buyer for demand in demands]
    distances = (
        await hop_distances(context, names, [offer.seller for offer in offers]) if is_traded else [[]] * len(names)
    )
    arena = Arena(sellers=offers, buyers=demands, hops=distances)
    context.save(arena, game.id)
    if is_traded and not has_delivery_begun(context, game):
        context.save(game.but(phase=Phase.PLAYING), game.id)
        MECHANISMS[game.mechanism](context, game, arena)
        return Phase.PLAYING
    now_ms = context.now_since(game.published_at_ms)
    nothing = Play(round=0, turn=0, deadline_ms=now_ms, began_at_ms=now_ms, passes=0, loads=[Energy(0)] * len(offers))
    await stop(context, game, arena, nothing, StopReason.DEADLINE if is_traded else StopReason.NO_TRADE)
    return Phase.DELIVERY


def _require_complete(context: Context, game: Game, present: int) -> None:
    """Refuse to stop before the time unless all expected participants are in."""
    expected = game.parameters.expected_participants
    if context.now_ms < game.registration_ends_ms and (expected is None or present < expected):
        raise RegistrationOpen(
            game=game.id,
            ends=iso_time(game.registration_ends_ms),
            present=present,
            expected="any number of" if expected is None else expected,
        )

"""Rules of registration: the grid's tariffs, a game's publication, who offers or asks for energy, and gate closure.

A moment's energy is traded and metered in one slot only, or it would be billed twice. The ledger keeps, for each day of
UTC, the times that slots take of it, those that touch as one. So a slot is compared with the days that it touches,
however many slots there are: one record, if it is shorter than a day.

An offer or a demand alone enters a game once. Orders for many games replace what the prosumer had in them, until each
game's gate closes; of what is frozen only the difference moves.
"""

from bisect import bisect_right, insort
from itertools import pairwise
from typing import Any

from energy_market_chaincode import errors, presentation, topology
from energy_market_chaincode.commands import (
    CLEARING_MS,
    CORRECTION_WINDOW_MS,
    METERING_WINDOW_MS,
    MINUTE_MS,
    SLOT_MS,
    USUAL_FEED_IN_TARIFF,
    USUAL_RETAIL_TARIFF,
    DemandedEnergy,
    OfferedEnergy,
    Order,
    PublishDemand,
    PublishGame,
    PublishOffer,
    PublishOrders,
    SetTariffs,
    StopGameRegistration,
)
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import (
    connection_deposit,
    demand_deposit,
    has_delivery_begun,
    hold,
    offer_bond,
    usual_penalty,
    worst_of_mechanism,
)
from energy_market_chaincode.game import seller_order, turn_order
from energy_market_chaincode.lines import Archive
from energy_market_chaincode.market_views import TariffsSet
from energy_market_chaincode.mechanisms import MECHANISMS
from energy_market_chaincode.prefetch import registration_keys
from energy_market_chaincode.records import (
    Account,
    Arena,
    Booked,
    Connection,
    Emptying,
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
    StandingDemand,
    StandingOffer,
    Tariffs,
    TariffTable,
)
from energy_market_chaincode.stopping import stop
from energy_market_chaincode.times import instant_ms, iso_time
from energy_market_chaincode.units import Energy, Money, Price, currency, currency_per_kwh, kwh
from energy_market_chaincode.views import GameResult, OrdersPlaced, PlacedOrder, RegistrationStopped
from energy_market_chaincode.vocabulary import Metering, Phase, StopReason

_DAY_MS = 24 * 60 * MINUTE_MS


@rule
async def set_tariffs(context: Context, data: SetTariffs) -> TariffsSet:
    """Replace the table."""
    entries = sorted(data.tariffs, key=lambda entry: entry.from_ms)
    table = TariffTable(tariffs=[Tariffs.model_validate(entry.model_dump()) for entry in entries])
    context.save(table)
    return TariffsSet(tariffs=len(entries))


def in_force(table: TariffTable | None, at_ms: int) -> tuple[Price, Price]:
    """Return the retail and the feed-in tariff of a moment."""
    entries = table.tariffs if table is not None else []
    place = bisect_right(entries, at_ms, key=lambda entry: entry.from_ms)
    return (
        (entries[place - 1].retail, entries[place - 1].feed_in)
        if place
        else (USUAL_RETAIL_TARIFF, USUAL_FEED_IN_TARIFF)
    )


async def tariffs_of(context: Context, data: PublishGame, at_ms: int) -> dict[str, Price]:
    """Return a game's tariffs, by the names of its parameters: what is stated, else what is in force at a moment.

    Raises
    ------
    TariffsCrossed
    """
    retail, feed_in = in_force(await context.find(TariffTable), at_ms)
    retail = retail if data.retail_tariff is None else data.retail_tariff
    feed_in = feed_in if data.feed_in_tariff is None else data.feed_in_tariff
    if retail < feed_in:
        raise errors.TariffsCrossed(retail=currency_per_kwh(retail), feed_in=currency_per_kwh(feed_in))
    return {"retail_tariff": retail, "feed_in_tariff": feed_in}


@rule
async def publish_game(context: Context, data: PublishGame) -> GameResult:
    """Open a game for a delivery slot that has none."""
    slot = data.delivery_slot or iso_time(context.now_ms)
    name = data.game or f"Game-{slot}"[:64]
    if await context.exists(Game, name) or await context.exists(Archive, name):
        raise errors.GameExists(game=name)
    taken = await context.find(Slot, slot)
    if taken is not None:
        raise errors.SlotTaken(slot=slot, game=taken.game)
    if not await context.exists(Layout):
        raise errors.TopologyMissing()
    if await context.exists(Emptying):
        raise errors.MarketEmptying()
    game = await _scheduled(context, data, slot, name)
    if game.delivery_starts_ms is not None:
        await book(context, game.delivery_starts_ms, game.parameters.delivery_duration_ms)
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
    if starts_ms is not None:
        durations = slot_durations(data, starts_ms, context.now_ms, context.least_ms)
    else:
        durations = durations_of_name(data, context.least_ms)
    tariffs = await tariffs_of(context, data, context.now_ms if starts_ms is None else starts_ms)
    stated = data.model_dump(include=set(Parameters.model_fields))
    stated["turn_deadline_ms"] = max(data.turn_deadline_ms, context.least_ms)
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
    return {"metering": metering, "correction_window_ms": window_ms and max(window_ms, context.least_ms)}


def slot_durations(data: PublishGame, starts_ms: int, now_ms: int, least_ms: int) -> dict[str, int | None]:
    """Return the durations of a game whose slot starts at a time, by the names of its parameters.

    Registration never outlasts the slot's start; a slot that began already has none. The clearing and the metering
    window are no shorter than ``least_ms``, but that the clearing has to do with half of what is left.

    Raises
    ------
    DurationUnfit
    """
    if data.delivery_duration_ms is not None:
        raise errors.DurationUnfit(field="deliveryDurationMs", slots="a name, not a time", instead="slotDurationMs")
    left_ms = max(starts_ms - now_ms, 0)
    clearing_ms = max(data.clearing_duration_ms or CLEARING_MS, least_ms)
    if data.registration_duration_ms is not None:
        clearing_ms = max(left_ms - data.registration_duration_ms, least_ms)
    open_ms = left_ms - clearing_ms if left_ms > clearing_ms else left_ms // 2
    slot_ms = data.slot_duration_ms or SLOT_MS
    return {
        "slot_duration_ms": slot_ms,
        "delivery_duration_ms": slot_ms,
        "registration_duration_ms": open_ms,
        "clearing_duration_ms": left_ms - open_ms,
        "metering_window_ms": max(
            METERING_WINDOW_MS if data.metering_window_ms is None else data.metering_window_ms, least_ms
        ),
        "correction_window_ms": data.correction_window_ms or 0,
    }


def durations_of_name(data: PublishGame, least_ms: int) -> dict[str, int | None]:
    """Return the durations of a game whose slot is only a name; raises DurationUnfit.

    But for the delivery none in which somebody has to post something is shorter than ``least_ms``.
    """
    for field in ("slot_duration_ms", "clearing_duration_ms"):
        if getattr(data, field) is not None:
            name = type(data).model_fields[field].alias
            raise errors.DurationUnfit(field=name, slots="a time, not only a name", instead="deliveryDurationMs")
    return {
        "slot_duration_ms": None,
        "delivery_duration_ms": data.delivery_duration_ms or MINUTE_MS,
        "registration_duration_ms": max(data.registration_duration_ms or MINUTE_MS, least_ms),
        "clearing_duration_ms": None,
        "metering_window_ms": max(data.metering_window_ms or 0, least_ms),
        "correction_window_ms": data.correction_window_ms or 0,
    }


async def book(context: Context, starts_ms: int, duration_ms: int) -> None:
    """Take a slot's time, which has no game yet; raises SlotOverlaps."""
    ends_ms = starts_ms + duration_ms
    days = range(starts_ms // _DAY_MS, (ends_ms - 1) // _DAY_MS + 1)
    for day, known in zip(days, await context.find_each(Booked, names=map(str, days)), strict=True):
        span = max(starts_ms, day * _DAY_MS), min(ends_ms, (day + 1) * _DAY_MS)
        context.save(Booked(spans=with_span(list(known.spans) if known is not None else [], span)), str(day))


def with_span(spans: list[tuple[int, int]], span: tuple[int, int]) -> list[tuple[int, int]]:
    """Return spans, which are apart and in order, and one more, with those that touch as one; raises SlotOverlaps."""
    insort(spans, span)
    apart = spans[:1]
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            taken = before if after == span else after
            raise errors.SlotOverlaps(starts=iso_time(taken[0]), ends=iso_time(taken[1]))
        if after[0] == before[1]:
            apart[-1] = apart[-1][0], after[1]
        else:
            apart.append(after)
    return apart


@rule
async def publish_offer(context: Context, data: PublishOffer) -> GameResult:
    """Take a seller in and freeze what it would owe if it delivered nothing."""
    return await _enter(context, data)


@rule
async def publish_demand(context: Context, data: PublishDemand) -> GameResult:
    """Take a buyer in and freeze what its demand would cost from the grid, and what it would owe if it took nothing."""
    return await _enter(context, data)


async def _enter(context: Context, data: PublishOffer | PublishDemand) -> GameResult:
    """Take somebody in, but for whoever comes after the gate closed, or takes part already."""
    game = await context.game(data, Phase.REGISTRATION)
    _require_gate_open(context, game)
    for kind in (StandingOffer, StandingDemand):
        if await context.exists(kind, game.id, context.signer):
            raise errors.AlreadyRegistered(prosumer=context.signer, game=game.id)
    enter = _offer(context, game, data) if isinstance(data, PublishOffer) else _demand(context, game, data)
    await hold(context, context.signer, {game.id: await enter})
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
                raise errors.OrderRepeated(game=game.id)
            required[game.id] = await _replace(context, game, order)
        except errors.Rejection as rejection:
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
    await topology.require_place(context, "seller", HopsColumn)
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
    await topology.require_place(context, "buyer", HopsRow)
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
        raise errors.RegistrationOver(game=game.id, ended=iso_time(game.registration_ends_ms))


async def _require_trusted(context: Context, game: Game) -> None:
    """Refuse the orders of whoever is not metered, or owes something from earlier slots."""
    signer = context.signer
    if game.parameters.metering is Metering.METERS and not await context.exists(Connection, signer):
        raise errors.NoMeter(prosumer=signer, game=game.id)
    account = await context.find(Account, signer)
    if account is not None and account.debt:
        raise errors.DebtUnpaid(prosumer=signer, debt=currency(account.debt))


def _require_price(game: Game, price: Price) -> None:
    """Refuse a base price outside of the game's bounds."""
    floor, cap = game.parameters.price_floor or Price(0), game.parameters.price_cap
    if price < floor or (cap is not None and price > cap):
        raise errors.PriceOutOfBounds(
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
    limit = connection.meters[-1].limit(game.parameters.delivery_duration_ms)
    if amount > limit:
        raise errors.OrderBeyondConnection(prosumer=context.signer, game=game.id, amount=kwh(amount), limit=kwh(limit))
    return limit


@rule
async def stop_game_registration(context: Context, data: StopGameRegistration) -> RegistrationStopped:
    """Close the gate: fix sellers, buyers and hops, and begin the clearing if there is something to trade."""
    game = await context.game(data, Phase.REGISTRATION)
    offers = seller_order(await context.load_all(StandingOffer, game.id))
    demands = turn_order(await context.load_all(StandingDemand, game.id))
    _require_complete(context, game, len(offers) + len(demands))
    phase = await _close_gate(context, game, offers, demands)
    return RegistrationStopped(game=game.id, phase=phase)


async def _close_gate(
    context: Context, game: Game, offers: list[StandingOffer], demands: list[StandingDemand]
) -> Phase:
    """Begin the clearing, or at once the delivery: without sellers or buyers, or when its time has come."""
    is_traded = bool(offers and demands)
    if is_traded:
        arena = await topology.fixed_arena(context, offers, demands)
    else:
        arena = Arena(sellers=offers, buyers=demands, hops=[[] for _ in demands])
    context.save(arena, game.id)
    if is_traded and not has_delivery_begun(context, game):
        context.save(game.but(phase=Phase.PLAYING), game.id)
        await MECHANISMS[game.mechanism](context, game)
        return Phase.PLAYING
    arena = await context.arena(game)
    now_ms = context.now_since(game.published_at_ms)
    nothing = Play(round=0, turn=0, deadline_ms=now_ms, began_at_ms=now_ms, passes=0, loads=[Energy(0)] * len(offers))
    return await stop(context, game, arena, nothing, StopReason.DEADLINE if is_traded else StopReason.NO_TRADE)


def _require_complete(context: Context, game: Game, present: int) -> None:
    """Refuse to stop before the time unless all expected participants are in."""
    expected = game.parameters.expected_participants
    if context.now_ms < game.registration_ends_ms and (expected is None or present < expected):
        raise errors.RegistrationOpen(
            game=game.id,
            ends=iso_time(game.registration_ends_ms),
            present=present,
            expected="any number of" if expected is None else expected,
        )

"""Rules of registration: a game is published, and when its gate closes its clearing begins."""

from typing import Any

from energy_market_chaincode import presentation
from energy_market_chaincode.commands import PublishGame, StopGameRegistration
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import has_delivery_begun
from energy_market_chaincode.cover import usual_penalty
from energy_market_chaincode.errors import GameExists, MarketEmptying, RegistrationOpen, SlotTaken, TopologyMissing
from energy_market_chaincode.game import seller_order, turn_order
from energy_market_chaincode.lines import Archive
from energy_market_chaincode.mechanisms import MECHANISMS
from energy_market_chaincode.records import (
    Arena,
    Emptying,
    Game,
    Layout,
    MeteredMarket,
    Parameters,
    Play,
    Slot,
    StandingDemand,
    StandingOffer,
)
from energy_market_chaincode.slots import CORRECTION_WINDOW_MS, book, durations_of_name, slot_durations
from energy_market_chaincode.stopping import stop
from energy_market_chaincode.tariffs import tariffs_of
from energy_market_chaincode.times import instant_ms, iso_time
from energy_market_chaincode.topology import fixed_arena
from energy_market_chaincode.units import Energy
from energy_market_chaincode.views import GameResult, RegistrationStopped
from energy_market_chaincode.vocabulary import Metering, Phase, StopReason


@rule
async def publish_game(context: Context, data: PublishGame) -> GameResult:
    """Open a game for a delivery slot that has none."""
    slot = data.delivery_slot or iso_time(context.now_ms)
    name = data.game or f"Game-{slot}"[:64]
    if await context.exists(Game, name) or await context.exists(Archive, name):
        raise GameExists(game=name)
    taken = await context.find(Slot, slot)
    if taken is not None:
        raise SlotTaken(slot=slot, game=taken.game)
    if not await context.exists(Layout):
        raise TopologyMissing()
    if await context.exists(Emptying):
        raise MarketEmptying()
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
        arena = await fixed_arena(context, offers, demands)
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
        raise RegistrationOpen(
            game=game.id,
            ends=iso_time(game.registration_ends_ms),
            present=present,
            expected="any number of" if expected is None else expected,
        )

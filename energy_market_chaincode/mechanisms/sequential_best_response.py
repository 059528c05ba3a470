"""The paper's mechanism: the buyer in turn bids or passes, until all pass in one round or the rounds are over."""

from energy_market_chaincode import errors, presentation, stopping
from energy_market_chaincode.commands import AboutGame, PublishBuyBid, SkipTurn
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import freeze_more, has_delivery_begun, nothing, supplies_of
from energy_market_chaincode.game import bill, is_more_than_nothing, worst_bill
from energy_market_chaincode.records import Arena, ClearingState, Escrow, Game, Play, StandingBid
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import Energy, kwh
from energy_market_chaincode.views import BidResult, GameResult
from energy_market_chaincode.vocabulary import SEQUENTIAL_BEST_RESPONSE, Fallback, Phase, StopReason

NAME = SEQUENTIAL_BEST_RESPONSE


async def begin(context: Context, game: Game) -> None:
    """Give the first buyer its turn."""
    arena = await context.arena(game)
    began_ms = context.now_since(game.published_at_ms)
    play = Play(
        round=1,
        turn=0,
        deadline_ms=_deadline_ms(game, began_ms),
        began_at_ms=began_ms,
        passes=0,
        loads=[Energy(0)] * len(arena.sellers),
    )
    context.save(play, game.id)
    context.emit(presentation.buy_bid(game, arena, play, None))


def _deadline_ms(game: Game, began_ms: int) -> int:
    """Return until when a turn lasts: at the latest until the slot starts."""
    deadline_ms = began_ms + game.parameters.turn_deadline_ms
    if game.has_slot_time and game.delivery_starts_ms is not None:
        return min(deadline_ms, game.delivery_starts_ms)
    return deadline_ms


async def _in_play(context: Context, command: AboutGame) -> tuple[Game, Arena, Play]:
    """Load the game that a command is about, which must be played by this mechanism, or have fallen back to it."""
    game = await context.game(command, Phase.PLAYING)
    clearing = None if game.mechanism == NAME else await context.find(ClearingState, game.id)
    if game.mechanism != NAME and (clearing is None or clearing.fallback is not Fallback.TURNS):
        raise errors.OtherMechanism(topic=command.topic, game=game.id, mechanism=game.mechanism)
    await stopping.require_played(context, game)
    return game, await context.arena(game), await context.load(Play, game.id)


@rule
async def publish_buy_bid(context: Context, data: PublishBuyBid) -> BidResult:
    """Take the bid of the buyer in turn, or its pass, and give the next buyer its turn."""
    game, arena, play = await _in_play(context, data)
    buyer = context.signer
    if buyer not in [demand.buyer for demand in arena.buyers]:
        raise errors.NotRegistered(prosumer=buyer, game=game.id, role="buyer")
    in_turn = arena.buyers[play.turn].buyer
    if buyer != in_turn:
        raise errors.NotYourTurn(turn=in_turn, round=play.round, game=game.id, prosumer=buyer)
    if data.round not in (None, play.round):
        raise errors.TurnOver(buyer=buyer, round=data.round, game=game.id)
    if has_delivery_begun(context, game):
        raise errors.DeliveryBegun(game=game.id, began=iso_time(game.delivery_starts_ms or 0))
    loads = None if data.bid_amounts is None else await _take_bid(context, game, arena, play, data.bid_amounts)
    passed = loads is None
    play = play.but(passes=play.passes + 1) if passed else play.but(loads=loads)
    await _advance(context, game, arena, play)
    return BidResult(game=game.id, passed=passed)


@rule
async def skip_turn(context: Context, data: SkipTurn) -> GameResult:
    """Pass over a buyer that missed its deadline: its bid stands, or it has none. The slot's start stops the game."""
    game, arena, play = await _in_play(context, data)
    if (data.buyer, data.round) != (arena.buyers[play.turn].buyer, play.round):
        raise errors.TurnOver(buyer=data.buyer, round=data.round, game=game.id)
    if context.now_ms < play.deadline_ms:
        raise errors.DeadlineNotPassed(buyer=data.buyer, deadline=iso_time(play.deadline_ms))
    if has_delivery_begun(context, game):
        await stopping.stop(context, game, arena, play, StopReason.DEADLINE)
    else:
        await _advance(context, game, arena, play.but(passes=play.passes + 1))
    return GameResult(game=game.id)


async def _take_bid(
    context: Context, game: Game, arena: Arena, play: Play, by_seller: dict[str, Energy]
) -> list[Energy] | None:
    """Check a bid against demand, room and funds, and let it replace the earlier one.

    Returns
    -------
    The sellers' loads; None if it saves nothing worth the name. Then it counts as a pass: the earlier one stands, and
    nobody plays in circles.
    """
    demand = arena.buyers[play.turn]
    unknown = sorted(set(by_seller) - {offer.seller for offer in arena.sellers})
    if unknown:
        raise errors.UnknownSeller(sellers=", ".join(unknown[:5]), game=game.id)
    amounts = [by_seller.get(offer.seller, Energy(0)) for offer in arena.sellers]
    if sum(amounts) > demand.demand:
        raise errors.DemandExceeded(total=kwh(sum(amounts)), prosumer=demand.buyer, demand=kwh(demand.demand))
    standing = await context.find(StandingBid, game.id, demand.buyer)
    own = standing.amounts if standing is not None else nothing(arena)
    supplies = supplies_of(game, arena, play.turn, play.loads, own)
    for offer, supply, energy in zip(arena.sellers, supplies, amounts, strict=True):
        if energy > supply.room:
            raise errors.CapacityExceeded(amount=kwh(energy), seller=offer.seller, room=kwh(supply.room))
    tariff = game.parameters.retail_tariff
    present = bill(own, demand.demand, supplies, tariff)
    saving = present - bill(amounts, demand.demand, supplies, tariff)
    if standing is not None and not is_more_than_nothing(saving, present, game.parameters.tolerance):
        return None
    escrow = Escrow(amount=worst_bill(amounts, demand.demand, supplies, tariff))
    await freeze_more(context, game.id, demand.buyer, escrow)
    context.save(StandingBid(amounts=amounts, round=play.round), game.id, demand.buyer)
    return [Energy(supply.others_load + energy) for supply, energy in zip(supplies, amounts, strict=True)]


async def _advance(context: Context, game: Game, arena: Arena, play: Play) -> None:
    """Give the next buyer its turn, or stop the game at the end of a round."""
    if play.turn + 1 < len(arena.buyers):
        play = play.but(turn=play.turn + 1)
    elif play.passes == len(arena.buyers) or play.round >= game.parameters.round_limit:
        await stopping.stop(context, game, arena, play)
        return
    else:
        play = play.but(turn=0, round=play.round + 1, passes=0)
    began_ms = context.now_since(play.began_ms(game.parameters))
    play = play.but(deadline_ms=_deadline_ms(game, began_ms), began_at_ms=began_ms)
    context.save(play, game.id)
    standing = await context.find(StandingBid, game.id, arena.buyers[play.turn].buyer)
    context.emit(presentation.buy_bid(game, arena, play, standing))

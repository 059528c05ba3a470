"""Rules of playing: the buyer in turn bids or passes, until all pass in one round or the rounds are over."""

from collections.abc import Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.commands import PublishBuyBid, SkipTurn
from energy_market_chaincode.context import Context
from energy_market_chaincode.entities import (
    Arena,
    Bid,
    Customers,
    Escrow,
    Game,
    Outcome,
    Play,
    Purchases,
    Transfer,
)
from energy_market_chaincode.errors import (
    CapacityExceeded,
    DeadlineNotPassed,
    DemandNotMet,
    InsufficientFunds,
    NotRegistered,
    NotYourTurn,
    TurnOver,
    UnknownSeller,
)
from energy_market_chaincode.game import Supply, bid_cost, grid_cost, regret, worst_cost
from energy_market_chaincode.settlement import contracted_transfers
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import SHARE_DECIMALS, Energy, Money, Price, kwh
from energy_market_chaincode.views import GameResult
from energy_market_chaincode.vocabulary import Phase, StopReason, Topic


def begin(context: Context, game: Game, arena: Arena) -> None:
    """Give the first buyer its turn."""
    play = Play(
        round=1,
        turn=0,
        deadline_ms=context.now_ms + game.parameters.turn_deadline_ms,
        passes=0,
        loads=[Energy(0)] * len(arena.sellers),
    )
    context.save(Play.key(game.id), play)
    context.emit(presentation.buy_bid(game, arena, play, None))


async def publish_buy_bid(context: Context, data: PublishBuyBid) -> GameResult:
    """Take the bid of the buyer in turn, or its pass, and give the next buyer its turn."""
    game = await context.game(data.game, Topic.PUBLISH_BUY_BID, Phase.PLAYING)
    arena = await context.arena(game)
    play = await context.load(Play, Play.key(game.id))
    buyer = context.signer
    if arena.buyer_index(buyer) is None:
        raise NotRegistered(prosumer=buyer, game=game.id, role="buyer")
    in_turn = arena.buyers[play.turn].buyer
    if buyer != in_turn:
        raise NotYourTurn(turn=in_turn, round=play.round, game=game.id, prosumer=buyer)
    if data.round not in (None, play.round):
        raise TurnOver(buyer=buyer, round=data.round, game=game.id)
    if data.bid_amounts is None:
        play = play.but(passes=play.passes + 1)
    else:
        play = await _take_bid(context, game, arena, play, data.bid_amounts)
    await _advance(context, game, arena, play)
    return GameResult(game=game.id)


async def skip_turn(context: Context, data: SkipTurn) -> GameResult:
    """Pass over a buyer that missed its deadline: its bid stands, or it has none."""
    game = await context.game(data.game, Topic.SKIP_TURN, Phase.PLAYING)
    arena = await context.arena(game)
    play = await context.load(Play, Play.key(game.id))
    if (data.buyer, data.round) != (arena.buyers[play.turn].buyer, play.round):
        raise TurnOver(buyer=data.buyer, round=data.round, game=game.id)
    if context.now_ms < play.deadline_ms:
        raise DeadlineNotPassed(buyer=data.buyer, deadline=iso_time(play.deadline_ms))
    await _advance(context, game, arena, play.but(passes=play.passes + 1))
    return GameResult(game=game.id)


async def _take_bid(context: Context, game: Game, arena: Arena, play: Play, by_seller: dict[str, Energy]) -> Play:
    """Check a bid against demand, room and funds, and let it replace the earlier one."""
    demand = arena.buyers[play.turn]
    unknown = sorted(set(by_seller) - {offer.seller for offer in arena.sellers})
    if unknown:
        raise UnknownSeller(sellers=", ".join(unknown[:5]), game=game.id)
    amounts = [by_seller.get(offer.seller, Energy(0)) for offer in arena.sellers]
    if sum(amounts) != demand.demand:
        raise DemandNotMet(total=kwh(sum(amounts)), prosumer=demand.buyer, demand=kwh(demand.demand))
    standing = await context.find(Bid, Bid.key(game.id, demand.buyer))
    supplies = supplies_of(game, arena, play.turn, play.loads, standing)
    for offer, supply, energy in zip(arena.sellers, supplies, amounts, strict=True):
        if energy > supply.room:
            raise CapacityExceeded(amount=kwh(energy), seller=offer.seller, room=kwh(supply.room))
    await freeze_more(context, game.id, demand.buyer, worst_cost(amounts, supplies))
    context.save(Bid.key(game.id, demand.buyer), Bid(amounts=amounts, round=play.round))
    loads = [supply.others_load + energy for supply, energy in zip(supplies, amounts, strict=True)]
    return play.but(loads=loads)


def supplies_of(game: Game, arena: Arena, buyer: int, loads: Sequence[Energy], bid: Bid | None) -> list[Supply]:
    """Return the sellers as one buyer sees them, its own bid taken out of the loads."""
    own = bid.amounts if bid is not None else [Energy(0)] * len(arena.sellers)
    return [
        Supply(
            capacity=offer.capacity,
            price=offer.price,
            others_load=Energy(load - energy),
            fee=Price(game.parameters.fee_per_hop * hops),
        )
        for offer, load, energy, hops in zip(arena.sellers, loads, own, arena.hops[buyer], strict=True)
    ]


async def freeze_more(context: Context, game: str, buyer: str, required: Money) -> None:
    """Raise a buyer's escrow for a game to what is required, if it is less; an escrow of nothing is one, too.

    Raises
    ------
    InsufficientFunds
        With AccountTopUpRequired as its announcement.
    """
    escrow = await context.find(Escrow, Escrow.key(game, buyer))
    if escrow is not None and escrow.amount >= required:
        return
    missing = Money(required - escrow.amount) if escrow is not None else required
    books = await context.books([buyer])
    try:
        books.freeze(buyer, missing)
    except InsufficientFunds as rejection:
        rejection.announcement = presentation.account_top_up_required(game, buyer, missing, books.free(buyer))
        raise
    context.close_books(books)
    context.save(Escrow.key(game, buyer), Escrow(amount=required))


async def _advance(context: Context, game: Game, arena: Arena, play: Play) -> None:
    """Give the next buyer its turn, or stop the game at the end of a round."""
    if play.turn + 1 < len(arena.buyers):
        play = play.but(turn=play.turn + 1)
    elif play.passes == len(arena.buyers) or play.round >= game.parameters.round_limit:
        await _stop(context, game, arena, play)
        return
    else:
        play = play.but(turn=0, round=play.round + 1, passes=0)
    play = play.but(deadline_ms=context.now_ms + game.parameters.turn_deadline_ms)
    context.save(Play.key(game.id), play)
    standing = await context.find(Bid, Bid.key(game.id, arena.buyers[play.turn].buyer))
    context.emit(presentation.buy_bid(game, arena, play, standing))


async def _stop(context: Context, game: Game, arena: Arena, play: Play) -> None:
    """Turn the standing bids into transfers, true up the escrows and certify the outcome."""
    bids = await context.find_many(Bid, [Bid.key(game.id, demand.buyer) for demand in arena.buyers])
    outcome = _outcome(game, arena, play, bids)
    amounts = [bid.amounts if bid is not None else None for bid in bids]
    purchases = contracted_transfers(arena, amounts, play.loads, game.parameters.fee_per_hop)
    await _true_up(context, game, arena, purchases)
    _save_transfers(context, game, arena, purchases)
    ends = context.now_ms + game.parameters.delivery_duration_ms
    context.save(Game.key(game.id), game.but(phase=Phase.DELIVERY, delivery_ends_ms=ends))
    context.save(Play.key(game.id), play)
    context.save(Outcome.key(game.id), outcome)
    context.emit(presentation.game_stop(game.id, [demand.buyer for demand in arena.buyers], outcome))


def _outcome(game: Game, arena: Arena, play: Play, bids: Sequence[Bid | None]) -> Outcome:
    """Compute every buyer's cost and regret, and from them why the game stopped."""
    tariff = game.parameters.retail_tariff
    costs, regrets = [], []
    for i, (demand, bid) in enumerate(zip(arena.buyers, bids, strict=True)):
        supplies = supplies_of(game, arena, i, play.loads, bid)
        amounts = bid.amounts if bid is not None else None
        costs.append(grid_cost(demand.demand, tariff) if amounts is None else bid_cost(amounts, supplies))
        regrets.append(regret(amounts, demand.demand, supplies, tariff))
    if play.passes < len(arena.buyers):
        reason = StopReason.ROUND_LIMIT
    elif all(
        saving * 10**SHARE_DECIMALS <= game.parameters.tolerance * cost
        for saving, cost in zip(regrets, costs, strict=True)
    ):
        reason = StopReason.EQUILIBRIUM
    else:
        reason = StopReason.ALL_PASSED
    return Outcome(reason=reason, rounds=play.round, costs=costs, regrets=regrets)


async def _true_up(context: Context, game: Game, arena: Arena, purchases: Sequence[Sequence[Transfer]]) -> None:
    """Thaw what was frozen beyond the transfers' cost; who has no bid keeps frozen what the grid will take."""
    books = await context.books(demand.buyer for demand in arena.buyers)
    for demand, transfers in zip(arena.buyers, purchases, strict=True):
        key = Escrow.key(game.id, demand.buyer)
        escrow = await context.load(Escrow, key)
        owed = Money(sum(transfer.energy_cost + transfer.transmission_fee for transfer in transfers))
        if transfers:
            books.thaw(demand.buyer, Money(escrow.amount - owed))
            context.save(key, Escrow(amount=owed))
    context.close_books(books)


def _save_transfers(context: Context, game: Game, arena: Arena, purchases: Sequence[list[Transfer]]) -> None:
    customers: dict[str, list[str]] = {offer.seller: [] for offer in arena.sellers}
    for demand, transfers in zip(arena.buyers, purchases, strict=True):
        context.save(Purchases.key(game.id, demand.buyer), Purchases(transfers=transfers))
        for transfer in transfers:
            customers[transfer.seller].append(demand.buyer)
    for seller, buyers in customers.items():
        context.save(Customers.key(game.id, seller), Customers(buyers=buyers))

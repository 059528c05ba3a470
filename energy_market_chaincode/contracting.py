"""What bids come to, whatever the mechanism: they are covered, and when the game stops they become transfers."""

from collections.abc import Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import InsufficientFunds
from energy_market_chaincode.game import Supply, bid_cost, grid_cost, regret
from energy_market_chaincode.records import (
    Arena,
    Customers,
    Escrow,
    Game,
    Outcome,
    Play,
    Purchases,
    StandingBid,
    Transfer,
)
from energy_market_chaincode.settlement import contracted_transfers
from energy_market_chaincode.units import SHARE_DECIMALS, Energy, Money, Price
from energy_market_chaincode.vocabulary import Phase, StopReason


def supplies_of(game: Game, arena: Arena, buyer: int, loads: Sequence[Energy], bid: StandingBid | None) -> list[Supply]:
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
    escrow = await context.find(Escrow, game, buyer)
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
    context.save(Escrow(amount=required), game, buyer)


async def stop(context: Context, game: Game, arena: Arena, play: Play) -> None:
    """Turn the standing bids into transfers, true up the escrows and certify the outcome."""
    bids = await context.find_each(StandingBid, game.id, names=[demand.buyer for demand in arena.buyers])
    outcome = _outcome(game, arena, play, bids)
    amounts = [bid.amounts if bid is not None else None for bid in bids]
    purchases = contracted_transfers(arena, amounts, play.loads, game.parameters.fee_per_hop)
    await _true_up(context, game, arena, purchases)
    _save_transfers(context, game, arena, purchases)
    ends = context.now_since(play.began_ms(game.parameters)) + game.parameters.delivery_duration_ms
    context.save(game.but(phase=Phase.DELIVERY, delivery_ends_ms=ends), game.id)
    context.save(play, game.id)
    context.save(outcome, game.id)
    context.emit(presentation.game_stop(game.id, [demand.buyer for demand in arena.buyers], outcome))


def _outcome(game: Game, arena: Arena, play: Play, bids: Sequence[StandingBid | None]) -> Outcome:
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
        escrow = await context.load(Escrow, game.id, demand.buyer)
        owed = Money(sum(transfer.energy_cost + transfer.transmission_fee for transfer in transfers))
        if transfers:
            books.thaw(demand.buyer, Money(escrow.amount - owed))
            context.save(Escrow(amount=owed), game.id, demand.buyer)
    context.close_books(books)


def _save_transfers(context: Context, game: Game, arena: Arena, purchases: Sequence[list[Transfer]]) -> None:
    customers: dict[str, list[str]] = {offer.seller: [] for offer in arena.sellers}
    for demand, transfers in zip(arena.buyers, purchases, strict=True):
        context.save(Purchases(transfers=transfers), game.id, demand.buyer)
        for transfer in transfers:
            customers[transfer.seller].append(demand.buyer)
    for seller, buyers in customers.items():
        context.save(Customers(buyers=buyers), game.id, seller)

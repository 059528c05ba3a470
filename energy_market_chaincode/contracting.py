"""What bids come to, whatever the mechanism: they are covered, and when the game stops they become transfers."""

from collections.abc import Iterable, Mapping, Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.allocation import sparse
from energy_market_chaincode.books import Books
from energy_market_chaincode.context import Context
from energy_market_chaincode.cover import offer_bond
from energy_market_chaincode.errors import InsufficientFunds
from energy_market_chaincode.game import Supply, bill, grid_cost, hand_back, is_more_than_nothing, regret
from energy_market_chaincode.matching import contracted_transfers
from energy_market_chaincode.records import (
    Account,
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
from energy_market_chaincode.units import Energy, Money, Price
from energy_market_chaincode.vocabulary import CERTIFIED, GRID_OPERATOR, Phase, StopReason

ROUNDED_TRANSFERS = Money(1_000)
"""For so many transfers a buyer in a certified game has money frozen that rounding may take."""


def nothing(arena: Arena) -> list[Energy]:
    """Return the bid of who has none: it buys all from the grid."""
    return [Energy(0)] * len(arena.sellers)


def supplies_of(game: Game, arena: Arena, buyer: int, loads: Sequence[Energy], own: Sequence[Energy]) -> list[Supply]:
    """Return the sellers as one buyer sees them, its own bid taken out of the loads."""
    return [
        Supply(
            capacity=offer.capacity,
            price=offer.price,
            others_load=Energy(load - energy),
            fee=Price(game.parameters.fee_per_hop * hops),
        )
        for offer, load, energy, hops in zip(arena.sellers, loads, own, arena.hops[buyer], strict=True)
    ]


def worst_of_mechanism(game: Game, demand: Energy) -> Money:
    """Return what a demand can come to cost without a bid of its buyer.

    No clearing costs anybody more than the grid alone but for the rounding of its transfers, half a unit of money for
    energy and fee each.
    """
    rounding = ROUNDED_TRANSFERS if game.mechanism == CERTIFIED else 0
    return Money(max(0, grid_cost(demand, game.parameters.retail_tariff)) + rounding)


async def freeze_more(context: Context, game: str, owner: str, required: Escrow) -> None:
    """Raise a participant's escrow for a game to what is required, if it is less; an escrow of nothing is one, too.

    Raises
    ------
    InsufficientFunds
        With AccountTopUpRequired as its announcement.
    """
    held = await context.find(Escrow, game, owner)
    before = held or Escrow()
    escrow = Escrow(amount=max(before.amount, required.amount), deposit=max(before.deposit, required.deposit))
    if escrow != held:
        await hold(context, owner, {game: escrow})


async def hold(context: Context, owner: str, escrows: Mapping[str, Escrow | None]) -> None:
    """Let somebody's escrows be such from now on, by game; None: there is none. Only the difference moves.

    What it releases pays the owner's debt.

    Raises
    ------
    InsufficientFunds
        With AccountTopUpRequired as its announcement; of several games it names the first one.
    """
    held = [await context.find(Escrow, game, owner) for game in escrows]
    missing = sum(each.frozen for each in escrows.values() if each) - sum(each.frozen for each in held if each)
    account = await context.find(Account, owner)
    books = await context.books([owner, GRID_OPERATOR] if account is not None and account.debt else [owner])
    try:
        books.freeze(owner, Money(max(missing, 0)))
    except InsufficientFunds as rejection:
        game = next(iter(escrows))
        rejection.announcement = presentation.account_top_up_required(game, owner, Money(missing), books.free(owner))
        raise
    if missing < 0:
        books.thaw(owner, Money(-missing))
        books.repay_debts()
    context.close_books(books)
    for (game, escrow), before in zip(escrows.items(), held, strict=True):
        if escrow is not None:
            context.save(escrow, game, owner)
        elif before is not None:
            context.delete(Escrow, game, owner)


async def release_escrows(context: Context, books: Books, game: str, owners: Iterable[str]) -> None:
    """Thaw all that is frozen for a game."""
    names = list(owners)
    for owner, escrow in zip(names, await context.find_each(Escrow, game, names=names), strict=True):
        if escrow is not None:
            books.thaw(owner, escrow.frozen)
            context.delete(Escrow, game, owner)


def has_delivery_begun(context: Context, game: Game) -> bool:
    """Tell whether a slot with a time has begun, so that nobody can play any more."""
    return game.has_slot_time and game.delivery_starts_ms is not None and context.now_ms >= game.delivery_starts_ms


async def stop(context: Context, game: Game, arena: Arena, play: Play, reason: StopReason | None = None) -> None:
    """Turn the standing bids into transfers, true up the escrows and certify the outcome.

    Parameters
    ----------
    reason
        Why it stops; None: because of what was played, see :func:`_outcome`.
    """
    standing = await context.find_each(StandingBid, game.id, names=[demand.buyer for demand in arena.buyers])
    bids = [bid.amounts if bid is not None else nothing(arena) for bid in standing]
    outcome = _outcome(game, arena, play, bids)
    if reason is not None:
        outcome = outcome.but(reason=reason)
    if outcome.reason not in (StopReason.EQUILIBRIUM, StopReason.NO_TRADE):
        bids = hand_back(arena, bids, game.parameters.fee_per_hop, game.parameters.retail_tariff)
        loads = [Energy(sum(column)) for column in zip(*bids, strict=True)]
        costs, regrets = _bills(game, arena, loads, bids)
        outcome = outcome.but(costs=costs, regrets=regrets, handed_back=sum(play.loads) - sum(loads))
        play = play.but(loads=loads)
        for demand, bid, kept in zip(arena.buyers, standing, bids, strict=True):
            if bid is not None and bid.amounts != kept:
                context.save(bid.but(amounts=kept), game.id, demand.buyer)
    purchases = contracted_transfers(arena, list(map(sparse, bids)), play.loads, game.parameters.fee_per_hop)
    _save_transfers(context, game, arena, purchases)
    await contract(context, game, arena, play, purchases, outcome)


async def contract(
    context: Context,
    game: Game,
    arena: Arena,
    play: Play,
    purchases: Sequence[list[Transfer]],
    outcome: Outcome,
) -> None:
    """Let transfers, a list for each buyer, count from now on, and begin the delivery."""
    await _true_up(context, game, arena, purchases)
    if not game.has_slot_time:
        game = game.delivered_from(context.now_since(play.began_ms(game.parameters)))
    context.save(game.but(phase=Phase.DELIVERY), game.id)
    context.save(play, game.id)
    context.save(outcome, game.id)
    context.emit(presentation.game_stop(game.id, [demand.buyer for demand in arena.buyers], outcome))


def _bills(
    game: Game, arena: Arena, loads: Sequence[Energy], bids: Sequence[Sequence[Energy]]
) -> tuple[list[Money], list[Money]]:
    """Return every buyer's cost and regret."""
    tariff = game.parameters.retail_tariff
    costs, regrets = [], []
    for i, (demand, bid) in enumerate(zip(arena.buyers, bids, strict=True)):
        supplies = supplies_of(game, arena, i, loads, bid)
        costs.append(bill(bid, demand.demand, supplies, tariff))
        regrets.append(regret(bid, demand.demand, supplies, tariff))
    return costs, regrets


def _outcome(game: Game, arena: Arena, play: Play, bids: Sequence[Sequence[Energy]]) -> Outcome:
    """Compute every buyer's cost and regret, and from them why the game stopped."""
    costs, regrets = _bills(game, arena, play.loads, bids)
    tolerance = game.parameters.tolerance
    if play.passes < len(arena.buyers):
        reason = StopReason.ROUND_LIMIT
    elif any(is_more_than_nothing(saving, cost, tolerance) for saving, cost in zip(regrets, costs, strict=True)):
        reason = StopReason.ALL_PASSED
    else:
        reason = StopReason.EQUILIBRIUM
    return Outcome(reason=reason, rounds=play.round, costs=costs, regrets=regrets)


async def _true_up(context: Context, game: Game, arena: Arena, purchases: Sequence[Sequence[Transfer]]) -> None:
    """Thaw what was frozen beyond the transfers' cost and what the grid will take for the rest.

    What stays unsold needs no bond any more.
    """
    buyers, sellers = [demand.buyer for demand in arena.buyers], [offer.seller for offer in arena.sellers]
    books = await context.books([*buyers, *sellers])
    sold = dict.fromkeys(sellers, 0)
    for transfer in (each for transfers in purchases for each in transfers):
        sold[transfer.seller] += transfer.energy
    for offer in arena.sellers:
        kept = offer_bond(Energy(sold[offer.seller]), offer.price, game.parameters)
        spare = Money(offer_bond(offer.capacity, offer.price, game.parameters) - kept)
        escrow = await context.load(Escrow, game.id, offer.seller)
        books.thaw(offer.seller, spare)
        context.save(escrow.but(deposit=Money(escrow.deposit - spare)), game.id, offer.seller)
    for demand, transfers in zip(arena.buyers, purchases, strict=True):
        escrow = await context.load(Escrow, game.id, demand.buyer)
        rest = demand.demand - sum(transfer.energy for transfer in transfers)
        from_grid = Money(max(0, grid_cost(rest, game.parameters.retail_tariff)))
        owed = Money(sum(transfer.energy_cost + transfer.transmission_fee for transfer in transfers) + from_grid)
        if owed > escrow.amount:
            books.freeze(demand.buyer, Money(owed - escrow.amount))
        else:
            books.thaw(demand.buyer, Money(escrow.amount - owed))
        context.save(escrow.but(amount=owed), game.id, demand.buyer)
    context.close_books(books)


def _save_transfers(context: Context, game: Game, arena: Arena, purchases: Sequence[list[Transfer]]) -> None:
    customers: dict[str, list[str]] = {offer.seller: [] for offer in arena.sellers}
    for demand, transfers in zip(arena.buyers, purchases, strict=True):
        context.save(Purchases(transfers=transfers), game.id, demand.buyer)
        for transfer in transfers:
            customers[transfer.seller].append(demand.buyer)
    for seller, buyers in customers.items():
        context.save(Customers(buyers=buyers), game.id, seller)

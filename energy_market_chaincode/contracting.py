"""What bids may come to cost, whatever the mechanism: it is frozen until it is owed or not."""

from collections.abc import Iterable, Mapping, Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.books import Books
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import InsufficientFunds
from energy_market_chaincode.game import Supply, grid_cost
from energy_market_chaincode.records import (
    Account,
    Arena,
    Escrow,
    Game,
)
from energy_market_chaincode.units import Energy, Money, Price
from energy_market_chaincode.vocabulary import CERTIFIED, GRID_OPERATOR

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

"""Escrow: what bids may come to cost, whatever the mechanism, is frozen until it is owed or not; and so is their cover.

Cover is what an order may come to owe beyond its bids. It is set aside beforehand.

=============================  ==================================================  ===========================
who                            may owe, per kWh                                    of how much
=============================  ==================================================  ===========================
a seller that does not         what the buyer's grid costs more than the           what it offers, and after
deliver                        contract, at most retail - base price, and the      the stop what it sold
                               imbalance penalty
a buyer that does not take     the imbalance penalty, and what a negative feed-in  what it asks for
what it asked for, or is       tariff costs; the bid itself is covered by its
silent                         escrow
whoever has a meter, in a      what it takes at the retail tariff, the penalty,    what its connection can
market of meters               and twice what a negative feed-in tariff costs:     take or feed in within
                               what its silence would cost it                      the slot
=============================  ==================================================  ===========================

So nothing that a participant does to others within its order can become somebody else's loss.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from energy_market_chaincode import errors, presentation
from energy_market_chaincode.context import Books, Context
from energy_market_chaincode.game import Supply, grid_cost
from energy_market_chaincode.records import (
    Account,
    Arena,
    Escrow,
    Game,
)
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, Price
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


class Prices(Protocol):
    """What cover depends on: of a game's parameters, or of what is to become a game."""

    @property
    def retail_tariff(self) -> Price:
        """What the grid takes for a kWh."""

    @property
    def feed_in_tariff(self) -> Price:
        """What the grid gives for a kWh."""

    @property
    def imbalance_penalty(self) -> Price:
        """What whoever causes an imbalance pays the grid per kWh."""


def usual_penalty(retail_tariff: Price, feed_in_tariff: Price) -> Price:
    """Return the imbalance penalty of a game that states none: twice what the grid takes more than it gives for a kWh.

    So nobody gains by booking energy that it does not take: a rival's price rises by that gap at most.
    """
    return Price(2 * max(0, retail_tariff - feed_in_tariff))


def offer_bond(energy: Energy, base_price: Price, rules: Prices) -> Money:
    """Return the most that a seller may owe for energy that it offered or sold and did not deliver."""
    return _rounded_up(energy, max(0, rules.retail_tariff - base_price) + rules.imbalance_penalty)


def demand_deposit(energy: Energy, rules: Prices) -> Money:
    """Return the most that a buyer may owe beyond its bid for energy that it asked for and did not take."""
    return _rounded_up(energy, rules.imbalance_penalty + max(0, -rules.feed_in_tariff))


def connection_deposit(limit: Energy, rules: Prices) -> Money:
    """Return the most that a connection may owe in a slot beyond its bid and its bond, whatever its meter says or not.

    See :func:`energy_market_chaincode.bills.metered_silence`, which no truth is costlier than.

    Parameters
    ----------
    limit
        What the connection can take, and feed in, in the slot.
    """
    per_kwh = max(0, rules.retail_tariff) + rules.imbalance_penalty + 2 * max(0, -rules.feed_in_tariff)
    return _rounded_up(limit, per_kwh)


def _rounded_up(energy: int, price: int) -> Money:
    return Money(-(-energy * price // ENERGY_TIMES_PRICE_PER_MONEY))


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
    except errors.InsufficientFunds as rejection:
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

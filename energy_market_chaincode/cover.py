"""Cover: what an order may come to owe beyond its bids is set aside beforehand. Pure functions, exact integers.

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

from typing import Protocol

from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, Price


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

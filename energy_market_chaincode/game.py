"""The game: what a bid costs, the best response to the others, regret and the order of turns. Exact integers only.

Source: N. Yaagoubi and H. T. Mouftah, "A distributed game theoretic approach to energy trading in the smart grid".
Buyer i takes x_ij from seller j (capacity C_j, base price p_j, h_ij hops away), L_j = sum_i x_ij, and minimises

    c_i = sum_j x_ij (p_j (1 + L_j / C_j) + tau h_ij) + R (d_i - sum_j x_ij)
    subject to  sum_j x_ij <= d_i  and  0 <= x_ij <= C_j - sum_(k != i) x_kj.

Beyond the paper, where sum_j x_ij = d_i, the grid is in the game: what a bid does not cover is bought at the retail
tariff R. Where no marginal cost reaches R, as in the original's game, that is the paper's game.

On the ledger x, C and L are integers of 0.1 Wh, so the best response is the best of finitely many bids.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING

from energy_market_chaincode.units import (
    ENERGY_TIMES_PRICE_PER_MONEY,
    MAX_ENERGY,
    SHARE_DECIMALS,
    Energy,
    Money,
    Price,
    Share,
    divide_half_even,
)

if TYPE_CHECKING:  # a prosumer computes with the game and reads no record
    from energy_market_chaincode.records import Arena, StandingDemand, StandingOffer

STEPS_PER_PRICE = MAX_ENERGY**2
"""How finely marginal prices are compared. They are fractions with capacities as denominators, so no two that differ
become equal, and one step is worth less than one unit of any seller."""


_SHARES: int = 10**SHARE_DECIMALS


@dataclass(frozen=True, slots=True)
class Supply:
    """A seller as one buyer sees it: capacity C, base price p, the others' load u, transmission fee tau h per kWh."""

    capacity: Energy
    price: Price
    others_load: Energy
    fee: Price

    @property
    def room(self) -> Energy:
        """What the others leave."""
        return Energy(self.capacity - self.others_load)

    def energy_cost(self, energy: int) -> Money:
        """Money for ``energy`` at the unit price p (1 + L / C), L the others' load and ``energy``."""
        return energy_cost(energy, self.price, self.others_load + energy, self.capacity)

    def transmission_fee(self, energy: int) -> Money:
        """Money for carrying ``energy`` over the hops."""
        return Money(divide_half_even(energy * self.fee, ENERGY_TIMES_PRICE_PER_MONEY))

    def marginal(self, units: int) -> int:
        """Return what the next unit (0.1 Wh) after ``units`` costs, in steps of :data:`STEPS_PER_PRICE`, rounded up.

        With cost f(x) = x (p (C + u + x) / C + tau h), that is f(x + 1) - f(x) = p (C + u + 2 x + 1) / C + tau h.
        """
        rise = self.price * (self.capacity + self.others_load + 2 * units + 1) * STEPS_PER_PRICE
        return self.fee * STEPS_PER_PRICE - (-rise // self.capacity)

    def units_up_to(self, marginal: int) -> int:
        """Count the units that cost at most ``marginal`` one after the other."""
        rise = self.price * STEPS_PER_PRICE
        slack = (marginal - self.fee * STEPS_PER_PRICE) * self.capacity
        units = (slack - rise * (self.capacity + self.others_load + 1)) // (2 * rise) + 1
        return min(max(units, 0), self.room)


def energy_cost(energy: int, price: int, load: int, capacity: int) -> Money:
    """Money for ``energy`` at the unit price p (1 + L / C), rounded once, half to even."""
    return Money(divide_half_even(energy * price * (capacity + load), capacity * ENERGY_TIMES_PRICE_PER_MONEY))


def bill(amounts: Sequence[int], demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> Money:
    """Cost c_i of a bid: what its transfers would cost, and what it leaves to the grid."""
    return Money(bid_cost(amounts, supplies) + grid_cost(demand - sum(amounts), retail_tariff))


def bid_cost(amounts: Sequence[int], supplies: Sequence[Supply]) -> Money:
    """Return what a bid's transfers would cost, each in whole money units."""
    return Money(
        sum(
            supply.energy_cost(energy) + supply.transmission_fee(energy)
            for energy, supply in zip(amounts, supplies, strict=True)
            if energy
        )
    )


def best_response_with_grid(demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> list[Energy]:
    """Split a demand between sellers and the grid at the least cost c_i, the others' bids given.

    Returns
    -------
    Energy per seller: the cheapest units, each strictly cheaper than the grid's. The grid gives the rest.
    """
    return _cheapest_units(local_part(demand, supplies, retail_tariff), supplies)


def local_part(demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> Energy:
    """Return how much of a demand is bought locally in the best response: as many units as cost less than the grid's.

    Marginal costs are fractions; those below the tariff, a whole number of steps, are at least one step below it.
    """
    return Energy(min(demand, sum(supply.units_up_to(retail_tariff * STEPS_PER_PRICE - 1) for supply in supplies)))


def best_response(demand: int, supplies: Sequence[Supply]) -> list[Energy] | None:
    """Split a demand between sellers alone at the least cost, the others' bids given.

    Returns
    -------
    Energy per seller, adding up to the demand exactly; None if the room left is smaller than the demand.
    """
    if demand > sum(supply.room for supply in supplies):
        return None
    return _cheapest_units(demand, supplies)


def _cheapest_units(demand: int, supplies: Sequence[Supply]) -> list[Energy]:
    """Split a demand that fits at the least cost; units that cost the same are taken from earlier sellers first.

    Water-filling: every seller is filled up to a common marginal price at which the demand is met but for a few units;
    these then go one by one where they cost least. O(S log S) for S sellers.
    """
    price = _price_just_short(demand, supplies)
    amounts = [supply.units_up_to(price) for supply in supplies]
    next_units = [(s.marginal(amounts[j]), j) for j, s in enumerate(supplies) if amounts[j] < s.room]
    heapify(next_units)
    for _ in range(demand - sum(amounts)):
        _, j = next_units[0]
        amounts[j] += 1
        if amounts[j] < supplies[j].room:
            heapreplace(next_units, (supplies[j].marginal(amounts[j]), j))
        else:
            heappop(next_units)
    return [Energy(amount) for amount in amounts]


def _price_just_short(demand: int, supplies: Sequence[Supply]) -> int:
    """Return a marginal price at which the sellers together give the demand less a few units for each of them.

    Between two neighbours of the prices at which a seller begins to give or is exhausted, what all give is a straight
    line but for the rounding to units, less than one for each seller. So one interpolation is enough.
    """

    def given(price: int) -> int:
        return sum(supply.units_up_to(price) for supply in supplies)

    usable = [supply for supply in supplies if supply.room > 0]
    bends = sorted({bend for s in usable for bend in (s.marginal(0) - 1, s.marginal(0), s.marginal(s.room - 1))})
    first_enough = bisect_left(bends, demand, key=given)
    if first_enough == 0:  # nothing is asked for
        return 0
    low, high = bends[first_enough - 1], bends[first_enough]
    given_low, given_high = given(low), given(high)
    wanted = max(demand - len(usable), given_low)
    return low + (high - low) * (wanted - given_low) // (given_high - given_low)


def regret(amounts: Sequence[int], demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> Money:
    """Return what a buyer could still save by changing its bid alone; without a bid it buys all from the grid."""
    best = best_response_with_grid(demand, supplies, retail_tariff)
    present = bill(amounts, demand, supplies, retail_tariff)
    return Money(max(0, present - bill(best, demand, supplies, retail_tariff)))


def is_more_than_nothing(saving: int, cost: int, tolerance: Share) -> bool:
    """Tell whether a saving is more than the share of a cost that a game takes for nothing."""
    return saving * _SHARES > tolerance * abs(cost)


def kept_of(
    arena: "Arena", buyer: int, bid: Sequence[Energy], loads: list[int], fee_per_hop: Price, retail_tariff: Price
) -> list[Energy]:
    """Return what a buyer keeps of its bid that is not dearer than the grid, and take the rest out of the loads.

    The unit price p (1 + L / C) + tau h is at most the retail tariff R while L <= C (R - tau h - p) / p, and it only
    falls. So each buyer gives back, seller by seller, just what brings L down to that, or all it has.
    """
    kept = list(bid)
    for j, (offer, distance) in enumerate(zip(arena.sellers, arena.hops[buyer], strict=True)):
        spare = retail_tariff - fee_per_hop * distance - offer.price
        given = min(max(loads[j] - offer.capacity * spare // offer.price, 0), kept[j])
        kept[j] = Energy(kept[j] - given)
        loads[j] -= given
    return kept


def grid_cost(energy: int, tariff: Price) -> Money:
    """Money for energy from or to the grid."""
    return Money(divide_half_even(energy * tariff, ENERGY_TIMES_PRICE_PER_MONEY))


def worst_bill(amounts: Sequence[int], demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> Money:
    """Return the most that a bid can come to cost, whatever the others do and whatever is handed back.

    The unit price is never above 2 p + tau h. Rounding up covers that a transfer is rounded twice.
    """
    rest = demand - sum(amounts)
    worst = -(-rest * max(retail_tariff, 0) // ENERGY_TIMES_PRICE_PER_MONEY)
    for supply, energy in zip(supplies, amounts, strict=True):
        if energy:
            worst += 1 - (-energy * (2 * supply.price + supply.fee) // ENERGY_TIMES_PRICE_PER_MONEY)
    return Money(worst)


def turn_order(demands: Sequence["StandingDemand"]) -> list["StandingDemand"]:
    """Order buyers by contribution metric (production / consumption), highest first; ties by who registered first.

    Somebody who consumed nothing contributes most if it produced anything, and least if it did not.
    """

    def place(demand: "StandingDemand") -> tuple[bool, Fraction, tuple[int, int], str]:
        unbounded = demand.consumption == 0 and demand.production > 0
        metric = Fraction(demand.production, demand.consumption) if demand.consumption else Fraction(0)
        return not unbounded, -metric, demand.arrived, demand.buyer

    return sorted(demands, key=place)


def seller_order(offers: Sequence["StandingOffer"]) -> list["StandingOffer"]:
    """Order sellers by arrival."""
    return sorted(offers, key=lambda offer: (offer.arrived, offer.seller))

"""The game: what a bid costs, the best response to the others, regret and the order of turns. Exact integers only.

Source: N. Yaagoubi and H. T. Mouftah, "A distributed game theoretic approach to energy trading in the smart grid".
Buyer i takes x_ij from seller j (capacity C_j, base price p_j, h_ij hops away), L_j = sum_i x_ij, and minimises

    c_i = sum_j x_ij (p_j (1 + L_j / C_j) + tau h_ij)
    subject to  sum_j x_ij = d_i  and  0 <= x_ij <= C_j - sum_(k != i) x_kj.

On the ledger x, C and L are integers of 0.1 Wh, so the best response is the best of finitely many bids.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from energy_market_chaincode.entities import Demand, Offer
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, Price, divide_half_even


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

    def units_up_to(self, marginal: int) -> int:
        """Count the units (0.1 Wh each) that cost at most ``marginal`` (a price) one after the other.

        With cost f(x) = x (p (C + u + x) / C + tau h), the (x + 1)-th unit costs f(x + 1) - f(x) =
        (p (C + u + 2 x + 1) + tau h C) / C.
        """
        slack = (marginal - self.fee) * self.capacity - self.price * (self.capacity + self.others_load + 1)
        return min(max(slack // (2 * self.price) + 1, 0), self.room)

    def marginal(self, units: int) -> int:
        """Return the lowest price at which ``units_up_to`` counts more than ``units``, room permitting."""
        rise = self.price * (self.capacity + self.others_load + 2 * units + 1)
        return self.fee - (-rise // self.capacity)


def energy_cost(energy: int, price: int, load: int, capacity: int) -> Money:
    """Money for ``energy`` at the unit price p (1 + L / C), rounded once, half to even."""
    return Money(divide_half_even(energy * price * (capacity + load), capacity * ENERGY_TIMES_PRICE_PER_MONEY))


def bid_cost(amounts: Sequence[int], supplies: Sequence[Supply]) -> Money:
    """Cost c_i of a bid: what its transfers would cost, each in whole money units."""
    return Money(
        sum(
            supply.energy_cost(energy) + supply.transmission_fee(energy)
            for energy, supply in zip(amounts, supplies, strict=True)
            if energy
        )
    )


def best_response(demand: int, supplies: Sequence[Supply]) -> list[Energy] | None:
    """Split a demand at the least cost, the others' bids given.

    Water-filling: every seller is filled up to one common marginal price. That price is found by bisection over the
    sellers' first and last marginal prices, then by interpolation between two of them, where the amount is all but
    linear in the price.

    Returns
    -------
    Energy per seller, adding up to the demand exactly; None if the room left is smaller than the demand. Units that
    cost the same (to the ledger's smallest price unit) are taken from earlier sellers first.
    """
    if demand > sum(supply.room for supply in supplies):
        return None
    price = _clearing_price(demand, supplies)
    amounts = [supply.units_up_to(price) for supply in supplies]
    surplus = sum(amounts) - demand
    for j in range(len(supplies) - 1, -1, -1):
        given_back = min(surplus, amounts[j] - supplies[j].units_up_to(price - 1))
        amounts[j] -= given_back
        surplus -= given_back
    return [Energy(amount) for amount in amounts]


def _clearing_price(demand: int, supplies: Sequence[Supply]) -> int:
    """Return the lowest marginal price at which the sellers together give the demand."""

    def given(price: int) -> int:
        return sum(supply.units_up_to(price) for supply in supplies)

    usable = [supply for supply in supplies if supply.room > 0]
    corners = sorted({corner for s in usable for corner in (s.marginal(0) - 1, s.marginal(s.room - 1))})
    low, high = _bracket(corners, demand, given)
    given_low, given_high = given(low), given(high)
    while high - low > 1:
        step = (high - low) * (demand - given_low) // (given_high - given_low)
        # Interpolation lands on the price or beside it; a step to the middle now and then bounds the worst case.
        for guess in (low + step, low + step + 1, (low + high) // 2):
            guess = min(max(guess, low + 1), high - 1)
            amount = given(guess)
            if amount >= demand:
                high, given_high = guess, amount
            else:
                low, given_low = guess, amount
            if high - low <= 1:
                break
    return high


def _bracket(corners: Sequence[int], demand: int, given: Callable[[int], int]) -> tuple[int, int]:
    """Return neighbouring corners (low, high) with given(low) < demand <= given(high)."""
    first, last = 0, len(corners) - 1
    while last - first > 1:
        middle = (first + last) // 2
        if given(corners[middle]) >= demand:
            last = middle
        else:
            first = middle
    return corners[first], corners[last]


def regret(amounts: Sequence[int] | None, demand: int, supplies: Sequence[Supply], retail_tariff: Price) -> Money:
    """Return what a buyer could still save by changing its bid alone.

    Parameters
    ----------
    amounts
        Its bid; None if it has none and will buy its demand from the grid at the retail tariff.
    """
    best = best_response(demand, supplies)
    if best is None:
        return Money(0)
    present = grid_cost(demand, retail_tariff) if amounts is None else bid_cost(amounts, supplies)
    return Money(max(0, present - bid_cost(best, supplies)))


def grid_cost(energy: int, tariff: Price) -> Money:
    """Money for energy from or to the grid."""
    return Money(divide_half_even(energy * tariff, ENERGY_TIMES_PRICE_PER_MONEY))


def worst_cost(amounts: Sequence[int], supplies: Sequence[Supply]) -> Money:
    """Return the most a bid can come to cost, whatever the others do: the unit price is never above 2 p + tau h."""
    return Money(
        sum(
            divide_half_even(energy * (2 * supply.price + supply.fee), ENERGY_TIMES_PRICE_PER_MONEY) + 1
            for energy, supply in zip(amounts, supplies, strict=True)
            if energy
        )
    )


def turn_order(demands: Sequence[Demand]) -> list[Demand]:
    """Order buyers by contribution metric (production / consumption), highest first; ties by who registered first.

    Somebody who consumed nothing contributes most if it produced anything, and least if it did not.
    """

    def place(demand: Demand) -> tuple[bool, Fraction, tuple[int, int], str]:
        unbounded = demand.consumption == 0 and demand.production > 0
        metric = Fraction(demand.production, demand.consumption) if demand.consumption else Fraction(0)
        return not unbounded, -metric, demand.arrived, demand.buyer

    return sorted(demands, key=place)


def seller_order(offers: Sequence[Offer]) -> list[Offer]:
    """Order sellers by arrival."""
    return sorted(offers, key=lambda offer: (offer.arrived, offer.seller))

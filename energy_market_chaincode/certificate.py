"""A clearing that proves itself: prices from anybody, and integers alone that tell whether they are the equilibrium's.

The variational equilibrium with the grid in the game is the one minimum of the potential

    Phi(x) = sum_ij (P_j + F h_ij) x_ij + R sum_i g_i + sum_j P_j (L_j^2 + Q_j) / (2 C_j)

over x_ij, g_i >= 0, sum_j x_ij + g_i = d_i, L_j <= C_j, where L_j = sum_i x_ij, Q_j = sum_i x_ij^2, R is the retail
tariff and g_i what buyer i takes from the grid. Posted is how much a seller's energy is worth above its base price,
pi_j >= 0, q_j = P_j + pi_j. From that follow everybody's level lambda_i <= R and purchases, by water-filling. It is
checked that

(A) purchases are whole units, add up to the demands, and exceed no capacity;
(B) the duality gap G = U - D is at most a share of U and an allowance for the grid of 0.1 Wh, where U >= Phi(x) and

    D = sum_i [lambda_i d_i - sum_j ceil((lambda_i - q_j - F h_ij)_+^2 C_j / (2 P_j))] - sum_j W_j,
    W_j = ceil(pi_j^2 C_j / (2 P_j)) if pi_j <= P_j, else pi_j C_j - floor(P_j C_j / 2);

(C) no buyer could save more than a tiny share of its bill by changing its purchases alone.

Why that is proof: D is the Lagrangian's minimum with multipliers pi and lambda, whatever these are, so D <= Phi(y) for
every feasible y, and 0 <= Phi(x) - Phi* <= G. If one buyer changes its purchases, Phi changes by what its cost does, so
nobody's regret exceeds G. And x is near the equilibrium x*: sum_j P_j / C_j [(L_j - L*_j)^2 + sum_i (x_ij - x*_ij)^2]
<= 2 G. Wrong prices only lower D: they can only be refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from energy_market_chaincode.game import Supply, best_response_with_grid
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Price

GAP_SHARE = 10**8
"""One part in so many of U the gap may be."""
REGRET_SHARE = 10**6
"""One part in so many of its bill a buyer may save."""
Distances = list[int] | bytes
"""How far sellers are, in hops or by any other number of a class of fees."""
_FINE = 96
"""Bits behind the point of a unit of energy while purchases are worked out."""
_HALF = 1 << (_FINE - 1)
_MOST_RESTS = 100
"""So many sellers' rests one buyer takes: each is a transfer, which is rounded."""
_ORDERED_PER_LOOK = 50
"""So many sellers are put in order in the time in which a buyer fills up at one."""


@dataclass(frozen=True, slots=True)
class SlotGame:
    """A slot with the grid in the game, in the ledger's integers; B buyers, S sellers, K different rows of distances.

    Attributes
    ----------
    demands, capacities
        d (B,) and C (S,), 0.1 Wh, > 0.
    prices
        P (S,), > 0.
    distances, row
        h for each seller, (K, S), and which row is a buyer's, (B,).
    fees
        F h by h.
    retail_tariff
        R.
    """

    demands: Sequence[Energy]
    capacities: Sequence[Energy]
    prices: Sequence[Price]
    distances: Sequence[Distances]
    fees: Sequence[Price]
    row: Sequence[int]
    retail_tariff: Price

    def fees_of(self, buyer: int) -> list[Price]:
        """Return F h for each seller."""
        return [self.fees[each] for each in self.distances[self.row[buyer]]]


@dataclass(frozen=True, slots=True)
class Purchases:
    """Who buys how much from whom.

    Attributes
    ----------
    from_sellers
        {seller: 0.1 Wh} for each buyer; sellers by number, none of zero.
    from_grid
        0.1 Wh for each buyer.
    levels
        lambda for each buyer: what a little more would cost it. Anything at most R proves something.
    """

    from_sellers: list[dict[int, int]]
    from_grid: list[int]
    levels: list[int]

    def of(self, buyer: int) -> "Purchase":
        """Return one buyer's."""
        return Purchase(self.from_sellers[buyer], self.from_grid[buyer], self.levels[buyer])


class Purchase(NamedTuple):
    """What one buyer buys of sellers, by their numbers, and of the grid, and its level; see :class:`Purchases`."""

    bought: dict[int, int]
    grid: int
    level: int

    def corrected(self, row: Mapping[int, int]) -> "Purchase":
        """Put what a row says in the place of what it concerns; the grid gives the rest."""
        bought = {seller: energy for seller, energy in (self.bought | dict(row)).items() if energy}
        return Purchase(bought, self.grid + sum(self.bought.values()) - sum(bought.values()), self.level)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. Costs are energy times price: 10^16 are one unit of money.

    Attributes
    ----------
    fits
        (A).
    upper, lower
        U and D.
    allowance
        By how much the best purchases in whole units may be above the least potential.
    regretful
        The first buyer that could save too much, or None.
    """

    fits: bool
    upper: int = 0
    lower: int = 0
    allowance: int = 0
    regretful: int | None = None

    @property
    def gap(self) -> int:
        """Return G."""
        return self.upper - self.lower

    @property
    def is_small(self) -> bool:
        """Tell whether (B) holds."""
        return (self.gap - self.allowance) * GAP_SHARE <= abs(self.upper)

    @property
    def is_accepted(self) -> bool:
        """Tell whether (A), (B) and (C) hold."""
        return self.fits and self.is_small and self.regretful is None


class _MeritOrder:
    """Sellers below the tariff by their q_j + F h for one row of distances, the cheapest first: (q_j + F h, j).

    They are put in order as far as somebody looks: most buyers look at a few of a thousand.

    Parameters
    ----------
    by_worth
        (q_j, j) of all sellers, the least first.
    in_order
        Their distances, in the same order.
    """

    def __init__(
        self, by_worth: Sequence[tuple[int, int]], in_order: Distances, fees: Sequence[Price], tariff: int
    ) -> None:
        equally_far = (_equally_far(by_worth, in_order, each, fees[each]) for each in sorted(set(in_order)))
        self._found: list[tuple[int, int]] = []
        self._more: Iterator[tuple[int, int]] = merge(*equally_far)
        self._tariff = tariff

    def __iter__(self) -> Iterator[tuple[int, int]]:
        yield from self._found
        for each in self._more:
            if each[0] >= self._tariff:
                self._more = iter(())
                return
            self._found.append(each)
            yield each


def _equally_far(
    by_worth: Sequence[tuple[int, int]], distances: Distances, distance: int, fee: int
) -> Iterator[tuple[int, int]]:
    """Find the sellers at one distance one after the other, in the order of their worth."""
    place = -1
    while True:
        try:
            place = distances.index(distance, place + 1)
        except ValueError:
            return
        worth, seller = by_worth[place]
        yield worth + fee, seller


def _picker(places: Sequence[int]) -> Callable[[Distances], Iterable[int]]:
    """Return what picks the elements at some places; an itemgetter is fast, and gives a lone element bare."""
    return itemgetter(*places) if len(places) > 1 else lambda values: [values[place] for place in places]


class FillingUp:
    """How far buyers have filled up at prices q = P + pi, one after the other.

    Sellers up to a level give (level - q_j - F h_ij) C_j / P_j. What is left over when that is rounded down goes, unit
    by unit, to those of a buyer's sellers that lost most by rounding so far; for buyers at the tariff purchases are
    rounded so that nothing gets lost on the way, and the grid gives the rest. Nobody takes more than what the buyers
    before it left. At last what rounding left of sellers that are worth more than a full one costs is sold, a unit to
    each who lacks it and has it cheaper than from the grid, which needs to know what all buyers left: of thousands of
    sellers such units are worth more to somebody than (C) allows.

    Attributes
    ----------
    room
        What each seller has left.
    carry
        What each seller lost by rounding, finer by 2^96.
    looks
        How many sellers have been looked at.
    """

    def __init__(
        self,
        game: SlotGame,
        scarcity: Sequence[int],
        room: Sequence[int] | None = None,
        carry: Sequence[int] | None = None,
    ) -> None:
        self._game, self._scarcity = game, scarcity
        self.room = [int(capacity) for capacity in game.capacities] if room is None else list(room)
        self.carry = [0] * len(self.room) if carry is None else list(carry)
        self._by_worth = sorted(
            (price + pi, j) for j, (price, pi) in enumerate(zip(game.prices, scarcity, strict=True))
        )
        self._in_order = _picker([seller for _, seller in self._by_worth])
        self._orders: dict[int, _MeritOrder] = {}
        self.looks = 0
        self._widths = [
            (capacity << _FINE) // price for capacity, price in zip(game.capacities, game.prices, strict=True)
        ]

    def merit_order(self, buyer: int) -> Iterable[tuple[int, int]]:
        """Return the sellers below the tariff as a buyer sees them, the cheapest first: (q_j + F h, j)."""
        row = self._game.row[buyer]
        if row not in self._orders:
            self.looks += len(self.room) // _ORDERED_PER_LOOK
            distances = self._game.distances[row]
            in_order = type(distances)(self._in_order(distances))
            self._orders[row] = _MeritOrder(self._by_worth, in_order, self._game.fees, self._game.retail_tariff)
        return self._orders[row]

    def fill(self, buyer: int) -> Purchase:
        """Let the next buyer fill up."""
        tariff, demand, room, carry = self._game.retail_tariff, self._game.demands[buyer], self.room, self.carry
        level, sellers = _level(demand << _FINE, self.merit_order(buyer), self._widths, tariff)
        bought: dict[int, int] = {}
        self.looks += 1 + len(sellers)
        left = int(demand)
        for start, seller in sellers:
            exact = (level - start) * self._widths[seller]
            wanted = exact + (carry[seller] + _HALF if level == tariff else 0)
            bought[seller] = max(min(wanted >> _FINE, room[seller], left), 0)
            carry[seller] += exact - (bought[seller] << _FINE)
            left -= bought[seller]
            room[seller] -= bought[seller]
        if level < tariff:
            for seller in sorted(bought, key=lambda seller: (-carry[seller], seller)):
                given = min(1, left, room[seller])
                bought[seller] += given
                carry[seller] -= given << _FINE
                room[seller] -= given
                left -= given
        return Purchase({seller: energy for seller, energy in bought.items() if energy}, left, level)

    def scarce_rests(self) -> dict[int, int]:
        """Return what is left of sellers that are worth more than a full one costs, once all buyers have filled up."""
        each = enumerate(zip(self._scarcity, self._game.prices, self.room, strict=True))
        return {j: room for j, (pi, price, room) in each if pi > price and room}

    def with_rests(self, buyer: int, purchase: Purchase, rests: dict[int, int]) -> Purchase:
        """Sell the next buyer that lacks something a unit of each rest that is worth it, and take it out of these."""
        if not (rests and purchase.grid):
            return purchase
        far, bought, grid = self._game.distances[self._game.row[buyer]], dict(purchase.bought), purchase.grid
        costs = sorted((2 * self._game.prices[j] + self._game.fees[far[j]], j) for j in rests)
        for cost, seller in costs[:_MOST_RESTS]:
            if cost >= purchase.level or not grid:
                break
            bought[seller] = bought.get(seller, 0) + 1
            grid -= 1
            rests[seller] -= 1
            if not rests[seller]:
                del rests[seller]
        return Purchase(bought, grid, purchase.level)


def purchases_at(game: SlotGame, scarcity: Sequence[int]) -> Purchases:
    """Let every buyer fill up at prices q = P + pi, see :class:`FillingUp`.

    Parameters
    ----------
    scarcity
        pi (S,), >= 0.

    Examples
    --------
    >>> fees = [Price(0), Price(2)]
    >>> game = SlotGame([Energy(4), Energy(6)], [Energy(8)], [Price(10)], [[1]], fees, [0, 0], Price(20))
    >>> found = purchases_at(game, [4])
    >>> found.from_sellers, found.from_grid, found.levels
    ([{0: 3}, {0: 3}], [1, 3], [20, 20])
    """
    filling = FillingUp(game, scarcity)
    filled = [filling.fill(buyer) for buyer in range(len(game.demands))]
    rests = filling.scarce_rests()
    each = [filling.with_rests(buyer, purchase, rests) for buyer, purchase in enumerate(filled)]
    return Purchases([one.bought for one in each], [one.grid for one in each], [one.level for one in each])


def _level(
    demand: int, merit_order: Iterable[tuple[int, int]], widths: Sequence[int], tariff: int
) -> tuple[int, list[tuple[int, int]]]:
    """Return the level at which sellers meet a demand, or the tariff, and the sellers below it."""
    weighted, width = demand, 0
    below: list[tuple[int, int]] = []
    for start, seller in merit_order:
        if width and weighted <= start * width:
            return weighted // width, below
        weighted += start * widths[seller]
        width += widths[seller]
        below.append((start, seller))
    return min(weighted // width, tariff) if width else tariff, below


def verify(game: SlotGame, scarcity: Sequence[int], purchases: Purchases) -> Verdict:
    """Check (A), (B) and (C); the purchases and levels may come from anywhere."""
    if not _fit(game, scarcity, purchases):
        return Verdict(fits=False)
    sums, lower, filling = Sums.nothing(game), lower_of_sellers(game, scarcity), FillingUp(game, scarcity)
    for buyer in range(len(game.demands)):
        sums.add(game, buyer, purchases.of(buyer))
        lower += lower_of_buyer(game, buyer, purchases.levels[buyer], filling)
    verdict = Verdict(fits=True, upper=sums.upper(game), lower=lower, allowance=allowance(game, scarcity))
    if not verdict.is_small:
        return verdict
    regretful = _regretful(game, purchases, sums.loads, spread(game, scarcity), verdict.gap)
    return Verdict(True, verdict.upper, verdict.lower, verdict.allowance, regretful)


def _regretful(game: SlotGame, purchases: Purchases, loads: Sequence[int], worst: int, gap: int) -> int | None:
    """Return the first buyer for which (C) does not hold.

    Parameters
    ----------
    worst
        See :func:`spread`.
    """
    rest = unsold(game, loads)
    for buyer in range(len(game.demands)):
        purchase = purchases.of(buyer)
        if (
            gap > (most := bearable(game, buyer, purchase, loads, worst))
            and most_regret(game, buyer, purchase, loads, rest) > most
            and regret(game, buyer, purchase, loads) > most
        ):
            return buyer
    return None


@dataclass(slots=True)
class Sums:
    """What purchases come to, added up buyer by buyer.

    Attributes
    ----------
    loads, squares
        L and Q (S,).
    linear
        What of the potential is linear in the purchases.
    """

    loads: list[int]
    squares: list[int]
    linear: int = 0

    @classmethod
    def nothing(cls, game: SlotGame) -> "Sums":
        """Begin."""
        return cls([0] * len(game.prices), [0] * len(game.prices))

    def add(self, game: SlotGame, buyer: int, purchase: Purchase) -> None:
        """Add a buyer's purchases."""
        far = game.distances[game.row[buyer]]
        self.linear += game.retail_tariff * purchase.grid
        for seller, energy in purchase.bought.items():
            self.loads[seller] += energy
            self.squares[seller] += energy * energy
            self.linear += (game.prices[seller] + game.fees[far[seller]]) * energy

    def upper(self, game: SlotGame) -> int:
        """Return U."""
        rows = zip(game.prices, game.capacities, self.loads, self.squares, strict=True)
        return self.linear + sum(
            _up(price * (load * load + square), 2 * capacity) for price, capacity, load, square in rows
        )


def loads_of(game: SlotGame, purchases: Purchases) -> list[int]:
    """Return L."""
    return [sum(bought.get(seller, 0) for bought in purchases.from_sellers) for seller in range(len(game.prices))]


def _fit(game: SlotGame, scarcity: Sequence[int], purchases: Purchases) -> bool:
    """Tell whether (A) holds, prices are not negative and no level is above the tariff."""
    sellers = range(len(game.prices))
    loads = [0] * len(game.prices)
    count = len(game.demands)
    if not len(purchases.from_sellers) == len(purchases.from_grid) == len(purchases.levels) == count:
        return False
    for demand, bought, grid in zip(game.demands, purchases.from_sellers, purchases.from_grid, strict=True):
        if grid < 0 or sum(bought.values()) + grid != demand:
            return False
        for seller, energy in bought.items():
            if seller not in sellers or energy < 0:
                return False
            loads[seller] += energy
    return (
        all(load <= capacity for load, capacity in zip(loads, game.capacities, strict=True))
        and len(scarcity) == len(sellers)
        and all(each >= 0 for each in scarcity)
        and all(level <= game.retail_tariff for level in purchases.levels)
    )


def lower_of_buyer(game: SlotGame, buyer: int, level: int, filling: FillingUp) -> int:
    """Return what a buyer adds to D, by the sellers' merit order."""
    lower = level * game.demands[buyer]
    for start, seller in filling.merit_order(buyer):
        if start >= level:
            break
        lower -= _up((level - start) ** 2 * game.capacities[seller], 2 * game.prices[seller])
    return lower


def lower_of_sellers(game: SlotGame, scarcity: Sequence[int]) -> int:
    """Return what the sellers add to D: less than nothing."""
    lower = 0
    for price, capacity, pi in zip(game.prices, game.capacities, scarcity, strict=True):
        if pi <= price:
            lower -= _up(pi * pi * capacity, 2 * price)
        else:
            lower -= pi * capacity - price * capacity // 2
    return lower


def allowance(game: SlotGame, scarcity: Sequence[int]) -> int:
    """Return A: a unit too much or too little of every pair, and a stray unit of every seller."""
    steps = sum(_up(price, capacity) for price, capacity in zip(game.prices, game.capacities, strict=True))
    return len(game.demands) * steps + len(game.prices) * spread(game, scarcity)


def spread(game: SlotGame, scarcity: Sequence[int]) -> int:
    """Return by how much a unit at the wrong seller, from the grid, or unsold though scarce, may be dearer."""
    worth = [price + pi for price, pi in zip(game.prices, scarcity, strict=True)]
    fees = [game.fees[each] for each in set[int]().union(*game.distances)]
    return max(max(worth) + max(fees), game.retail_tariff) - min(game.prices) - min(fees)


def bearable(game: SlotGame, buyer: int, purchase: Purchase, loads: Sequence[int], worst: int) -> int:
    """Return what a buyer may save: a share of its bill, a unit of each of its sellers and the grid, or the least."""
    bill = _bill(game, buyer, purchase.bought, purchase.grid, loads)
    used = len(purchase.bought) + (purchase.grid > 0)
    return max(abs(bill) // REGRET_SHARE, used * worst, int(ENERGY_TIMES_PRICE_PER_MONEY))


def unsold(game: SlotGame, loads: Sequence[int]) -> list[tuple[int, int]]:
    """Return the sellers that have something left, each with what a little more of it costs but for the fee: (g, j).

    The cheapest stand first; g is rounded down.
    """
    each = enumerate(zip(game.prices, game.capacities, loads, strict=True))
    return sorted((price + price * load // capacity, j) for j, (price, capacity, load) in each if load < capacity)


def most_regret(
    game: SlotGame, buyer: int, purchase: Purchase, loads: Sequence[int], rest: Sequence[tuple[int, int]]
) -> int:
    """Return what a buyer's regret is at most: rho, by its level l as the multiplier.

    A bill is convex in its purchases, so it falls by no more than its slopes g tell, rounded up where energy is given
    back and down where it is taken: sum_j (g_ij - l) x_ij + (l - g_ij)_+ (C_j - L_j + x_ij), the grid's likewise.

    Parameters
    ----------
    rest
        See :func:`unsold`.
    """
    (bought, grid, level), far, least = purchase, game.distances[game.row[buyer]], min(game.fees)
    rho = (game.retail_tariff - level) * grid
    for seller, own in bought.items():
        price, capacity, load = game.prices[seller], game.capacities[seller], loads[seller]
        steep, flat = price * (load + own), price + game.fees[far[seller]] - level
        rho += (flat + _up(steep, capacity)) * own + max(0, -flat - steep // capacity) * (capacity - load + own)
    for cost, seller in rest:
        if cost + least >= level:
            break
        if seller not in bought:
            rho += max(0, level - cost - game.fees[far[seller]]) * (game.capacities[seller] - loads[seller])
    return rho


def regret(game: SlotGame, buyer: int, purchase: Purchase, loads: Sequence[int]) -> int:
    """Return what a buyer could save by changing its purchases alone."""
    bought, fees = purchase.bought, game.fees_of(buyer)
    others = [load - bought.get(seller, 0) for seller, load in enumerate(loads)]
    supplies = [
        Supply(capacity, price, Energy(load), fee)
        for capacity, price, load, fee in zip(game.capacities, game.prices, others, fees, strict=True)
    ]
    best = best_response_with_grid(game.demands[buyer], supplies, game.retail_tariff)
    best_grid = game.demands[buyer] - sum(best)
    best_loads = [load + energy for load, energy in zip(others, best, strict=True)]
    bill = _bill(game, buyer, bought, purchase.grid, loads)
    return bill - _bill(game, buyer, dict(enumerate(best)), best_grid, best_loads)


def _bill(game: SlotGame, buyer: int, bought: dict[int, int], grid: int, loads: Sequence[int]) -> int:
    """Return what purchases cost at these loads, rounded up."""
    cost, far = game.retail_tariff * grid, game.distances[game.row[buyer]]
    for seller, energy in bought.items():
        price, capacity = game.prices[seller], game.capacities[seller]
        cost += (price + game.fees[far[seller]]) * energy + _up(price * loads[seller] * energy, capacity)
    return cost


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)

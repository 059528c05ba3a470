"""A second opinion on a certified clearing, from what the ledger shows alone.

It shares nothing with the solver, nor with the contract's own check: that counts in integers and rounds against the
poster, this calculates in decimals of 80 digits, with the levels and responses that are best and not those that were
posted. The formulas are those of docs/explanation/certified-clearing.md.
"""

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import cached_property

from energy_market_chaincode import GameView, views

GAP_SHARE = Decimal("1e-8")
DIGITS = Context(prec=80)
ZERO = Decimal(0)


@dataclass(frozen=True)
class ProvenSeller:
    """A seller as the audit sees it: kWh, currency per kWh; ``worth`` is its price in the certificate."""

    name: str
    capacity: Decimal
    price: Decimal
    worth: Decimal
    load: Decimal

    @cached_property
    def slope(self) -> Decimal:
        """By how much a kWh more makes its energy dearer, P / C."""
        return self.price / self.capacity

    @cached_property
    def full(self) -> Decimal:
        """What a first kWh costs whoever buys none of it, at its load."""
        return self.price + self.slope * self.load

    @cached_property
    def half_width(self) -> Decimal:
        """How many kWh more one buyer takes per unit of price."""
        return 1 / (2 * self.slope)


@dataclass(frozen=True, slots=True)
class ProvenBuyer:
    """A buyer as the audit sees it: kWh, its fee for each seller in their order, and what it buys of which number."""

    demand: Decimal
    fees: Sequence[Decimal]
    amounts: Mapping[int, Decimal]

    @property
    def from_grid(self) -> Decimal:
        """What it takes from the grid."""
        return self.demand - sum(self.amounts.values(), ZERO)


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a buyer may take energy: from which price on, how many kWh per unit of price more, at most how many."""

    starts_at: Decimal
    width: Decimal
    room: Decimal | None = None

    def taken_at(self, level: Decimal) -> Decimal:
        """Return what is taken of it at a price level."""
        wanted = max(level - self.starts_at, ZERO) * self.width
        return wanted if self.room is None else min(wanted, self.room)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found; currency and kWh.

    Attributes
    ----------
    problems
        What is not as the ledger claims.
    potential, bound
        Phi of the purchases, and what no purchases can go below.
    regrets
        {buyer: what it could still save at most by changing its purchases alone}
    distance
        No purchase and no seller's load is further than so many kWh from the equilibrium's.
    """

    problems: list[str]
    potential: Decimal
    bound: Decimal
    regrets: dict[str, Decimal]
    distance: Decimal

    @property
    def gap(self) -> Decimal:
        """By how much the potential is above its minimum, at most."""
        return self.potential - self.bound


def audit(game: GameView, bids: Sequence[views.BidView], edges: Sequence[Sequence[str]] | None = None) -> AuditReport:
    """Judge a game that was cleared by a certificate.

    Parameters
    ----------
    edges
        The graph that the hops of a large game follow from.

    Raises
    ------
    ValueError
        If it was not.
    """
    clearing = game.clearing
    if clearing is None or clearing.certificate is None:
        raise ValueError(f"{game.game} was not cleared by a certificate")
    proof = clearing.certificate
    with localcontext(DIGITS):
        sellers, buyers = _sellers(game, proof), _buyers(game, bids, edges or [])
        potential = _potential(sellers, buyers.values(), game.parameters.retail_tariff)
        bound = _bound(sellers, buyers.values(), game.parameters.retail_tariff)
        gap = max(potential - bound, ZERO)
        regrets = {
            name: min(_regret(sellers, buyer, game.parameters.retail_tariff), gap) for name, buyer in buyers.items()
        }
        distance = max((2 * gap / seller.slope).sqrt() for seller in sellers)
        claims = _false_claims(game, clearing, proof, gap, potential)
        problems = [*_misfits(sellers, buyers), *_other_layout(game, edges), *claims]
        return AuditReport(problems, potential, bound, regrets, distance)


def _sellers(game: GameView, proof: views.CertificateView) -> list[ProvenSeller]:
    return [
        ProvenSeller(each.seller, each.capacity, each.price, proof.prices[each.seller], each.load)
        for each in game.sellers
    ]


def _buyers(game: GameView, bids: Sequence[views.BidView], edges: Sequence[Sequence[str]]) -> dict[str, ProvenBuyer]:
    place = {each.seller: j for j, each in enumerate(game.sellers)}
    rows = _counted(game, edges) if game.layout is not None else _shown(game)
    fees = {hops: game.parameters.fee_per_hop * hops for hops in {each for row in rows.values() for each in row}}
    known: dict[int, list[Decimal]] = {}
    for row in rows.values():
        known.setdefault(id(row), [fees[hops] for hops in row])
    return {
        bid.buyer: ProvenBuyer(
            bid.demand,
            known[id(rows[bid.buyer])],
            {place[seller]: amount for seller, amount in (bid.amounts or {}).items() if amount},
        )
        for bid in bids
    }


def _shown(game: GameView) -> dict[str, list[int]]:
    """Return each buyer's hops to the sellers in their order, as the game shows them."""
    return {buyer: [row[each.seller] for each in game.sellers] for buyer, row in game.hops.items()}


def _counted(game: GameView, edges: Sequence[Sequence[str]]) -> dict[str, list[int]]:
    """Return each buyer's hops to the sellers in their order, counted on the graph.

    Who hangs at one node sees everybody from there, a hop farther.
    """
    around: dict[str, list[str]] = defaultdict(list)
    for one, other in edges:
        around[one].append(other)
        around[other].append(one)
    sellers, rows = [each.seller for each in game.sellers], dict[str, list[int]]()
    for buyer in (each.buyer for each in game.buyers):
        hangs_at = around[buyer][0] if len(set(around[buyer])) == 1 else buyer
        key = f"behind {hangs_at}" if hangs_at != buyer else f"at {buyer}"
        if key not in rows:
            away = _distances(around, hangs_at)
            rows[key] = [away[seller] + (hangs_at != buyer) for seller in sellers]
        rows[f"of {buyer}"] = rows[key]
    return {each.buyer: rows[f"of {each.buyer}"] for each in game.buyers}


def _distances(around: Mapping[str, Sequence[str]], start: str) -> dict[str, int]:
    away, waiting = {start: 0}, deque([start])
    while waiting:
        node = waiting.popleft()
        for other in around[node]:
            if other not in away:
                away[other] = away[node] + 1
                waiting.append(other)
    return away


def _potential(sellers: Sequence[ProvenSeller], buyers: Iterable[ProvenBuyer], tariff: Decimal) -> Decimal:
    """Return Phi = sum_ij (P_j + F h_ij) x_ij + R sum_i g_i + sum_j P_j / (2 C_j) (L_j^2 + sum_i x_ij^2)."""
    total = sum((seller.slope * seller.load**2 / 2 for seller in sellers), ZERO)
    for buyer in buyers:
        total += tariff * buyer.from_grid
        for j, amount in buyer.amounts.items():
            seller = sellers[j]
            total += (seller.price + buyer.fees[j]) * amount + seller.slope * amount**2 / 2
    return total


def _bound(sellers: Sequence[ProvenSeller], buyers: Iterable[ProvenBuyer], tariff: Decimal) -> Decimal:
    """Return the Lagrangian's minimum at the certificate's prices, with each buyer's best multiplier."""
    total = ZERO
    for seller in sellers:
        pi = seller.worth - seller.price
        served = min(pi / seller.slope, seller.capacity)
        total -= pi * served - seller.slope * served**2 / 2
    worth, width = [seller.worth for seller in sellers], [1 / seller.slope for seller in sellers]
    for buyer in buyers:
        starts = [price + fee for price, fee in zip(worth, buyer.fees, strict=True)]
        used = {j: Outlet(starts[j], width[j]) for j in buyer.amounts}
        options = _within_reach(starts, width, used, buyer, tariff)
        level = _level(list(options.values()), buyer.demand, tariff)
        total += level * buyer.demand
        total -= sum((max(level - o.starts_at, ZERO) ** 2 * o.width / 2 for o in options.values()), ZERO)
    return total


def _within_reach(
    starts: Sequence[Decimal],
    widths: Sequence[Decimal],
    used: Mapping[int, Outlet],
    buyer: ProvenBuyer,
    tariff: Decimal,
) -> dict[int, Outlet]:
    """Return the sellers that a buyer may take energy of: those below a price at which its demand is surely met.

    Parameters
    ----------
    starts, widths
        Of sellers that it takes nothing of now.
    used
        Those that it takes something of.
    """
    most = max((outlet.starts_at + buyer.amounts[j] / outlet.width for j, outlet in used.items()), default=tariff)
    if most > tariff or sum((each.taken_at(most) for each in used.values()), ZERO) < buyer.demand:
        most = tariff
    others = {
        j: Outlet(s, w) for j, (s, w) in enumerate(zip(starts, widths, strict=True)) if s < most and j not in used
    }
    return {**others, **used}


def _regret(sellers: Sequence[ProvenSeller], buyer: ProvenBuyer, tariff: Decimal) -> Decimal:
    """Return what a buyer could save by its best response to the others, in amounts of any fineness."""
    others = {j: sellers[j].load - amount for j, amount in buyer.amounts.items()}
    starts = [seller.full + fee for seller, fee in zip(sellers, buyer.fees, strict=True)]
    used = {
        j: Outlet(
            sellers[j].price + sellers[j].slope * others[j] + buyer.fees[j],
            1 / (2 * sellers[j].slope),
            sellers[j].capacity - others[j],
        )
        for j in buyer.amounts
    }
    widths = [seller.half_width for seller in sellers]
    reach = _within_reach(starts, widths, used, buyer, tariff)
    options = {
        j: each if j in used else Outlet(each.starts_at, each.width, sellers[j].capacity - sellers[j].load)
        for j, each in reach.items()
    }
    level = _level(list(options.values()), buyer.demand, tariff)
    best = {j: option.taken_at(level) for j, option in options.items()}
    return _bill(sellers, buyer, buyer.amounts, tariff) - _bill(sellers, buyer, best, tariff)


def _bill(
    sellers: Sequence[ProvenSeller], buyer: ProvenBuyer, amounts: Mapping[int, Decimal], tariff: Decimal
) -> Decimal:
    """Return what a buyer pays for these amounts instead of its own."""
    total = tariff * (buyer.demand - sum(amounts.values(), ZERO))
    for j, amount in amounts.items():
        seller = sellers[j]
        load = seller.load - buyer.amounts.get(j, ZERO) + amount
        total += amount * (seller.price + seller.slope * load + buyer.fees[j])
    return total


def _level(options: Sequence[Outlet], demand: Decimal, tariff: Decimal) -> Decimal:
    """Return the price level, at most the tariff, at which the options together meet a demand."""
    bends = [(option.starts_at, option.width) for option in options]
    bends += [(o.starts_at + o.room / o.width, -o.width) for o in options if o.room is not None]
    level, width, met = ZERO, ZERO, ZERO
    for bend, change in sorted(bends):
        if width and met + width * (bend - level) >= demand:
            break
        met += width * (bend - level)
        level, width = bend, width + change
    if width <= 0:
        return tariff
    return min(level + (demand - met) / width, tariff)


def _misfits(sellers: Sequence[ProvenSeller], buyers: Mapping[str, ProvenBuyer]) -> list[str]:
    """Tell what cannot be: more than a demand, more than a capacity, loads that are not the sums of purchases."""
    problems = [f"{name} buys more than its demand" for name, buyer in buyers.items() if buyer.from_grid < 0]
    loads = [ZERO] * len(sellers)
    for buyer in buyers.values():
        for j, amount in buyer.amounts.items():
            loads[j] += amount
    for load, seller in zip(loads, sellers, strict=True):
        if load != seller.load:
            problems.append(f"the load of {seller.name} is {seller.load}, and its buyers take {load}")
        if seller.load > seller.capacity:
            problems.append(f"{seller.name} sells more than its capacity")
        if seller.worth < seller.price:
            problems.append(f"the certificate's price for {seller.name} is below its base price")
    return problems


def _other_layout(game: GameView, edges: Sequence[Sequence[str]] | None) -> list[str]:
    """Tell whether a graph is another one than the game names."""
    if game.layout is None:
        return []
    found = hashlib.sha256(json.dumps([list(edge) for edge in edges or []], separators=(",", ":")).encode()).hexdigest()
    return [] if found == game.layout else [f"the graph's hash is {found}, not {game.layout}"]


def _false_claims(
    game: GameView, clearing: views.ClearingView, proof: views.CertificateView, gap: Decimal, potential: Decimal
) -> list[str]:
    """Tell what the ledger claims and is not so."""
    problems = []
    if (found := arena_hash(game)) != clearing.arena:
        problems.append(f"the arena's hash is {found}, not {clearing.arena}")
    if gap > proof.gap:
        problems.append(f"the gap is {gap}, not at most {proof.gap}")
    if gap - proof.allowance > GAP_SHARE * abs(potential):
        problems.append(f"the gap of {gap} is too large at a potential of {potential}")
    return problems


def arena_hash(game: GameView) -> str:
    """Return the SHA-256 of what was fixed at gate closure, in the ledger's integers, as the protocol describes it."""
    if game.layout is None:
        shown = _shown(game)
        network: dict[str, object] = {"hops": [shown[buyer.buyer] for buyer in game.buyers]}
    else:
        network = {"layout": game.layout}
    fixed = {
        "game": game.game,
        "retailTariff": _integer(game.parameters.retail_tariff, 18),
        "feePerHop": _integer(game.parameters.fee_per_hop, 18),
        "sellers": [[each.seller, _integer(each.capacity, 4), _integer(each.price, 18)] for each in game.sellers],
        "buyers": [[each.buyer, _integer(each.demand, 4)] for each in game.buyers],
        **network,
    }
    return hashlib.sha256(json.dumps(fixed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _integer(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals, DIGITS))

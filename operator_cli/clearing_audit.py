"""A second opinion on a certified clearing, from what the ledger shows alone.

It shares nothing with the solver, nor with the contract's own check: that counts in integers and rounds against the
poster, this calculates in decimals of 80 digits, with the levels and responses that are best and not those that were
posted. The formulas are those of docs/explanation/certified-clearing.md.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from energy_market_chaincode import GameView, views

GAP_SHARE = Decimal("1e-8")
DIGITS = Context(prec=80)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ProvenSeller:
    """A seller as the audit sees it: kWh, currency per kWh; ``worth`` is its price in the certificate."""

    capacity: Decimal
    price: Decimal
    worth: Decimal
    load: Decimal

    @property
    def slope(self) -> Decimal:
        """By how much a kWh more makes its energy dearer, P / C."""
        return self.price / self.capacity


@dataclass(frozen=True, slots=True)
class ProvenBuyer:
    """A buyer as the audit sees it: kWh, and its fees and purchases for each seller."""

    demand: Decimal
    fees: Mapping[str, Decimal]
    amounts: Mapping[str, Decimal]

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


def audit(game: GameView, bids: Sequence[views.BidView]) -> AuditReport:
    """Judge a game that was cleared by a certificate.

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
        sellers, buyers = _sellers(game, proof), _buyers(game, bids)
        potential = _potential(sellers, buyers.values(), game.parameters.retail_tariff)
        bound = _bound(sellers, buyers.values(), game.parameters.retail_tariff)
        gap = max(potential - bound, ZERO)
        regrets = {
            name: min(_regret(sellers, buyer, game.parameters.retail_tariff), gap) for name, buyer in buyers.items()
        }
        distance = max((2 * gap / seller.slope).sqrt() for seller in sellers.values())
        problems = [*_misfits(sellers, buyers), *_false_claims(game, clearing, proof, gap, potential)]
        return AuditReport(problems, potential, bound, regrets, distance)


def _sellers(game: GameView, proof: views.CertificateView) -> dict[str, ProvenSeller]:
    return {
        each.seller: ProvenSeller(each.capacity, each.price, proof.prices[each.seller], each.load)
        for each in game.sellers
    }


def _buyers(game: GameView, bids: Sequence[views.BidView]) -> dict[str, ProvenBuyer]:
    fee = game.parameters.fee_per_hop
    return {
        bid.buyer: ProvenBuyer(
            bid.demand,
            {seller: fee * hops for seller, hops in game.hops[bid.buyer].items()},
            {seller: amount for seller, amount in (bid.amounts or {}).items() if amount},
        )
        for bid in bids
    }


def _potential(sellers: Mapping[str, ProvenSeller], buyers: Iterable[ProvenBuyer], tariff: Decimal) -> Decimal:
    """Return Phi = sum_ij (P_j + F h_ij) x_ij + R sum_i g_i + sum_j P_j / (2 C_j) (L_j^2 + sum_i x_ij^2)."""
    total = sum((seller.slope * seller.load**2 / 2 for seller in sellers.values()), ZERO)
    for buyer in buyers:
        total += tariff * buyer.from_grid
        for name, amount in buyer.amounts.items():
            seller = sellers[name]
            total += (seller.price + buyer.fees[name]) * amount + seller.slope * amount**2 / 2
    return total


def _bound(sellers: Mapping[str, ProvenSeller], buyers: Iterable[ProvenBuyer], tariff: Decimal) -> Decimal:
    """Return the Lagrangian's minimum at the certificate's prices, with each buyer's best multiplier."""
    total = ZERO
    for seller in sellers.values():
        pi = seller.worth - seller.price
        served = min(pi / seller.slope, seller.capacity)
        total -= pi * served - seller.slope * served**2 / 2
    for buyer in buyers:
        options = [Outlet(seller.worth + buyer.fees[name], 1 / seller.slope) for name, seller in sellers.items()]
        level = _level(options, buyer.demand, tariff)
        total += level * buyer.demand
        total -= sum((max(level - o.starts_at, ZERO) ** 2 * o.width / 2 for o in options), ZERO)
    return total


def _regret(sellers: Mapping[str, ProvenSeller], buyer: ProvenBuyer, tariff: Decimal) -> Decimal:
    """Return what a buyer could save by its best response to the others, in amounts of any fineness."""
    others = {name: seller.load - buyer.amounts.get(name, ZERO) for name, seller in sellers.items()}
    options = {
        name: Outlet(
            seller.price + seller.slope * others[name] + buyer.fees[name],
            1 / (2 * seller.slope),
            seller.capacity - others[name],
        )
        for name, seller in sellers.items()
    }
    level = _level(list(options.values()), buyer.demand, tariff)
    best = {name: option.taken_at(level) for name, option in options.items()}
    return _bill(sellers, buyer, others, buyer.amounts, tariff) - _bill(sellers, buyer, others, best, tariff)


def _bill(
    sellers: Mapping[str, ProvenSeller],
    buyer: ProvenBuyer,
    others: Mapping[str, Decimal],
    amounts: Mapping[str, Decimal],
    tariff: Decimal,
) -> Decimal:
    total = tariff * (buyer.demand - sum(amounts.values(), ZERO))
    for name, amount in amounts.items():
        seller = sellers[name]
        total += amount * (seller.price + seller.slope * (others[name] + amount) + buyer.fees[name])
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


def _misfits(sellers: Mapping[str, ProvenSeller], buyers: Mapping[str, ProvenBuyer]) -> list[str]:
    """Tell what cannot be: more than a demand, more than a capacity, loads that are not the sums of purchases."""
    problems = [f"{name} buys more than its demand" for name, buyer in buyers.items() if buyer.from_grid < 0]
    loads = dict.fromkeys(sellers, ZERO)
    for buyer in buyers.values():
        for name, amount in buyer.amounts.items():
            loads[name] += amount
    for name, seller in sellers.items():
        if loads[name] != seller.load:
            problems.append(f"the load of {name} is {seller.load}, and its buyers take {loads[name]}")
        if seller.load > seller.capacity:
            problems.append(f"{name} sells more than its capacity")
        if seller.worth < seller.price:
            problems.append(f"the certificate's price for {name} is below its base price")
    return problems


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
    fixed = {
        "game": game.game,
        "retailTariff": _integer(game.parameters.retail_tariff, 18),
        "feePerHop": _integer(game.parameters.fee_per_hop, 18),
        "sellers": [[each.seller, _integer(each.capacity, 4), _integer(each.price, 18)] for each in game.sellers],
        "buyers": [[each.buyer, _integer(each.demand, 4)] for each in game.buyers],
        "hops": [[game.hops[buyer.buyer][seller.seller] for seller in game.sellers] for buyer in game.buyers],
    }
    return hashlib.sha256(json.dumps(fixed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _integer(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals, DIGITS))

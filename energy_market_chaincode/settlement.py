"""The settlement: who owes whom what, from the contracted bids and the meters. Pure functions, exact integers.

Transfers are matched in the buyers' turn order, and for each buyer in the sellers' order. What a transfer lacks in
the end was caused by one side, and that side makes the other whole:

- the seller delivered too little: the buyer took the energy from the grid at the retail tariff, and the seller owes it
  what that cost more than the contracted unit price;
- the buyer took too little: the seller fed the energy into the grid at the feed-in tariff, and the buyer owes it what
  that brought less than the contracted energy price;
- neither delivered nor taken: nothing happened, and nothing is owed.

Whoever caused an imbalance also pays the grid operator the game's imbalance penalty per kWh.

What goes beyond the transfers settles with the grid: what anybody took at the retail tariff, what a seller fed in, up
to what it offered, at the feed-in tariff.

Silence is presumed against whoever is silent: a seller whose meter never reported delivered nothing, and a buyer whose
meter never reported took its whole demand, and owes the imbalance penalty on it. So no silent buyer pays less than it
would have paid for telling what it took, whatever that was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from energy_market_chaincode.game import energy_cost, grid_cost
from energy_market_chaincode.records import Arena, Delivery, Parameters, Transfer
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, divide_half_even
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR

Deliveries = Mapping[str, Delivery]


@dataclass(frozen=True, slots=True)
class Meters:
    """What was metered for a game, and what is presumed where a meter was silent.

    Attributes
    ----------
    counted
        Everybody's energy.
    presumed
        The buyers, in turn order, whose meters never reported.
    """

    counted: Deliveries
    presumed: list[str]

    @classmethod
    def of(cls, arena: Arena, reported: Deliveries) -> "Meters":
        """Complete what meters reported by what is presumed of those that did not."""
        sellers = {offer.seller: Delivery() for offer in arena.sellers}
        buyers = {demand.buyer: Delivery(in_energy=demand.demand) for demand in arena.buyers}
        return cls({**sellers, **buyers, **reported}, [buyer for buyer in buyers if buyer not in reported])


class Purpose(StrEnum):
    """What a payment is for."""

    ENERGY = "energy"
    TRANSMISSION = "transmission"
    COMPENSATION = "compensation"
    PENALTY = "penalty"
    FROM_GRID = "from-grid"
    TO_GRID = "to-grid"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that one account owes another."""

    payer: str
    payee: str
    amount: Money
    purpose: Purpose


def contracted_transfers(
    arena: Arena, bids: Sequence[Sequence[Energy]], loads: Sequence[Energy], fee_per_hop: int
) -> list[list[Transfer]]:
    """Turn bids (in turn order) into transfers, a list for each buyer."""
    claimed = [0] * len(arena.sellers)
    purchases = []
    for demand, row, amounts in zip(arena.buyers, arena.hops, bids, strict=True):
        received = 0
        transfers = []
        for j, (offer, energy) in enumerate(zip(arena.sellers, amounts, strict=True)):
            if not energy:
                continue
            transfers.append(
                Transfer(
                    seller=offer.seller,
                    buyer=demand.buyer,
                    energy=energy,
                    capacity=offer.capacity,
                    price=offer.price,
                    load=loads[j],
                    hops=row[j],
                    claimed_before=Energy(claimed[j]),
                    received_before=Energy(received),
                    energy_cost=energy_cost(energy, offer.price, loads[j], offer.capacity),
                    transmission_fee=Money(
                        divide_half_even(energy * fee_per_hop * row[j], ENERGY_TIMES_PRICE_PER_MONEY)
                    ),
                )
            )
            claimed[j] += energy
            received += energy
        purchases.append(transfers)
    return purchases


def is_certain(transfer: Transfer, seller: Delivery, buyer: Delivery) -> bool:
    """Tell whether a transfer is fulfilled whatever the meters still report.

    It is once the seller delivered for all buyers up to this one and the buyer took from all sellers up to this one;
    for meters only count up, and the matching at close goes in the same order.
    """
    return (
        not transfer.is_fulfilled
        and seller.out_energy >= transfer.claimed_before + transfer.energy
        and buyer.in_energy >= transfer.received_before + transfer.energy
    )


def transfer_payments(transfer: Transfer, delivered: Energy, fee_per_hop: int) -> list[Payment]:
    """Return what a buyer owes the seller and the network operator for what was delivered of a transfer."""
    energy = energy_cost(delivered, transfer.price, transfer.load, transfer.capacity)
    fee = Money(divide_half_even(delivered * fee_per_hop * transfer.hops, ENERGY_TIMES_PRICE_PER_MONEY))
    return [
        Payment(transfer.buyer, transfer.seller, energy, Purpose.ENERGY),
        Payment(transfer.buyer, NETWORK_OPERATOR, fee, Purpose.TRANSMISSION),
    ]


def match(transfers: Sequence[Transfer], deliveries: Deliveries) -> list[Energy]:
    """Return what was delivered of each transfer; they are in turn order, and in the sellers' order for each buyer."""
    fed_in = {name: delivery.out_energy for name, delivery in deliveries.items()}
    taken = {name: delivery.in_energy for name, delivery in deliveries.items()}
    delivered = []
    for transfer in transfers:
        energy = Energy(min(transfer.energy, fed_in[transfer.seller], taken[transfer.buyer]))
        fed_in[transfer.seller] = Energy(fed_in[transfer.seller] - energy)
        taken[transfer.buyer] = Energy(taken[transfer.buyer] - energy)
        delivered.append(energy)
    return delivered


def closing_payments(
    arena: Arena, transfers: Sequence[Transfer], meters: Meters, parameters: Parameters
) -> tuple[list[Energy], list[Payment]]:
    """Settle all that is not paid yet.

    Returns
    -------
    What was delivered of each transfer, and the payments in the order in which they fall due: first for delivered
    energy, then by the grid to sellers, then compensations and penalties, then for energy from the grid. So everybody
    has its income before it pays for an imbalance.
    """
    delivered = match(transfers, meters.counted)
    payments = [
        payment
        for transfer, energy in zip(transfers, delivered, strict=True)
        if not transfer.is_fulfilled
        for payment in transfer_payments(transfer, energy, parameters.fee_per_hop)
    ]
    fed_in, taken = _left_over(arena, transfers, delivered, meters.counted)
    payments += [
        Payment(GRID_OPERATOR, seller, grid_cost(energy, parameters.feed_in_tariff), Purpose.TO_GRID)
        for seller, energy in fed_in.items()
    ]
    payments += _imbalances(transfers, delivered, fed_in.copy(), taken.copy(), parameters)
    payments += [
        Payment(demand.buyer, GRID_OPERATOR, grid_cost(demand.demand, parameters.imbalance_penalty), Purpose.PENALTY)
        for demand in arena.buyers
        if demand.buyer in meters.presumed
    ]
    payments += [
        Payment(name, GRID_OPERATOR, grid_cost(energy, parameters.retail_tariff), Purpose.FROM_GRID)
        for name, energy in taken.items()
    ]
    return delivered, [payment for payment in payments if payment.amount]


def _left_over(
    arena: Arena, transfers: Sequence[Transfer], delivered: Sequence[Energy], deliveries: Deliveries
) -> tuple[dict[str, int], dict[str, int]]:
    """Return what sellers fed in (up to what they offered) and everybody took beyond the transfers."""
    fed_in: dict[str, int] = {o.seller: min(deliveries[o.seller].out_energy, o.capacity) for o in arena.sellers}
    taken: dict[str, int] = {d.buyer: deliveries[d.buyer].in_energy for d in arena.buyers}
    taken |= {o.seller: deliveries[o.seller].in_energy for o in arena.sellers}
    for transfer, energy in zip(transfers, delivered, strict=True):
        fed_in[transfer.seller] -= energy
        taken[transfer.buyer] -= energy
    return fed_in, taken


def _imbalances(
    transfers: Sequence[Transfer],
    delivered: Sequence[Energy],
    fed_in: dict[str, int],
    taken: dict[str, int],
    parameters: Parameters,
) -> list[Payment]:
    """Return what whoever caused a shortage owes; after :func:`match` never both sides have energy left."""
    payments = []
    for transfer, energy in zip(transfers, delivered, strict=True):
        missing = transfer.energy - energy
        by_seller = min(missing, taken[transfer.buyer])
        by_buyer = min(missing, fed_in[transfer.seller])
        if by_seller:
            taken[transfer.buyer] -= by_seller
            payments += _owed_by_seller(transfer, by_seller, parameters)
        elif by_buyer:
            fed_in[transfer.seller] -= by_buyer
            payments += _owed_by_buyer(transfer, by_buyer, parameters)
    return payments


def _owed_by_seller(transfer: Transfer, energy: int, parameters: Parameters) -> list[Payment]:
    contracted = energy_cost(energy, transfer.price, transfer.load, transfer.capacity) + divide_half_even(
        energy * parameters.fee_per_hop * transfer.hops, ENERGY_TIMES_PRICE_PER_MONEY
    )
    difference = Money(max(0, grid_cost(energy, parameters.retail_tariff) - contracted))
    return [
        Payment(transfer.seller, transfer.buyer, difference, Purpose.COMPENSATION),
        Payment(transfer.seller, GRID_OPERATOR, grid_cost(energy, parameters.imbalance_penalty), Purpose.PENALTY),
    ]


def _owed_by_buyer(transfer: Transfer, energy: int, parameters: Parameters) -> list[Payment]:
    contracted = energy_cost(energy, transfer.price, transfer.load, transfer.capacity)
    difference = Money(max(0, contracted - grid_cost(energy, parameters.feed_in_tariff)))
    return [
        Payment(transfer.buyer, transfer.seller, difference, Purpose.COMPENSATION),
        Payment(transfer.buyer, GRID_OPERATOR, grid_cost(energy, parameters.imbalance_penalty), Purpose.PENALTY),
    ]

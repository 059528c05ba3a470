"""Matching: what the energy that meters counted makes of the contracts, and who caused what is missing. Pure functions.

Transfers are matched in the buyers' turn order, and for each buyer in the sellers' order. What a transfer lacks in the
end was caused by one side:

- by the seller, as far as the buyer took the energy all the same, from the grid;
- by the buyer, as far as the seller fed the energy in all the same, into the grid;
- what was neither delivered nor taken did not happen, and nothing is owed for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy_market_chaincode.game import energy_cost
from energy_market_chaincode.records import Arena, Delivery, Transfer
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, divide_half_even


def contracted_transfers(
    arena: Arena, rows: Sequence[Mapping[int, Energy]], loads: Sequence[Energy], fee_per_hop: int
) -> list[list[Transfer]]:
    """Turn everybody's purchases into transfers, a list for each buyer.

    Parameters
    ----------
    rows
        What each buyer takes of each seller, by the sellers' numbers, which rise; none of zero.
    """
    claimed = [Energy(0)] * len(arena.sellers)
    return [transfers_to(arena, buyer, row, loads, fee_per_hop, claimed) for buyer, row in enumerate(rows)]


def transfers_to(
    arena: Arena,
    buyer: int,
    row: Mapping[int, Energy],
    loads: Sequence[Energy],
    fee_per_hop: int,
    claimed: list[Energy],
) -> list[Transfer]:
    """Turn a buyer's purchases into transfers, and add them to what the buyers before it claim of each seller."""
    received = 0
    hops = arena.hops[buyer]
    transfers = []
    for j, energy in row.items():
        offer = arena.sellers[j]
        energy_cost, fee = _price_of(arena, j, energy, loads[j], fee_per_hop * hops[j])
        transfers.append(
            Transfer(
                seller=offer.seller,
                buyer=arena.buyers[buyer].buyer,
                energy=energy,
                capacity=offer.capacity,
                price=offer.price,
                load=loads[j],
                hops=hops[j],
                claimed_before=claimed[j],
                received_before=Energy(received),
                energy_cost=energy_cost,
                transmission_fee=fee,
            )
        )
        claimed[j] = Energy(claimed[j] + energy)
        received += energy
    return transfers


def cost_of(arena: Arena, buyer: int, row: Mapping[int, Energy], loads: Sequence[Energy], fee_per_hop: int) -> Money:
    """Return what the transfers come to that a buyer's purchases become."""
    hops = arena.hops[buyer]
    return Money(sum(sum(_price_of(arena, j, energy, loads[j], fee_per_hop * hops[j])) for j, energy in row.items()))


def _price_of(arena: Arena, seller: int, energy: Energy, load: Energy, fee: int) -> tuple[Money, Money]:
    """Return what energy of a seller costs, and its transmission."""
    offer = arena.sellers[seller]
    return (
        energy_cost(energy, offer.price, load, offer.capacity),
        Money(divide_half_even(energy * fee, ENERGY_TIMES_PRICE_PER_MONEY)),
    )


def is_certain(transfer: Transfer, seller: Delivery, buyer: Delivery) -> bool:
    """Tell whether a transfer is fulfilled whatever is still counted.

    It is once the seller delivered for all buyers up to this one and the buyer took from all sellers up to this one,
    where what was counted only grows; for the matching at close goes in the same order.
    """
    return (
        not transfer.is_fulfilled
        and seller.out_energy >= transfer.claimed_before + transfer.energy
        and buyer.in_energy >= transfer.received_before + transfer.energy
    )


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of a transfer.

    Attributes
    ----------
    delivered
        What the seller fed in and the buyer took.
    lacked
        What the seller did not feed in, and the buyer took from the grid.
    declined
        What the buyer did not take, and the seller fed into the grid.
    """

    transfer: Transfer
    delivered: Energy
    lacked: Energy
    declined: Energy


def give(transfers: Sequence[Transfer], taken: Energy, fed_in: dict[str, Energy]) -> list[Energy]:
    """Give one buyer what its sellers fed in; return how much of each transfer.

    Parameters
    ----------
    transfers
        In the sellers' order.
    taken
        What the buyer took.
    fed_in
        What sellers fed in and the buyers before it left of that. What it gets is taken out.
    """
    delivered = []
    for transfer in transfers:
        energy = Energy(min(transfer.energy, fed_in[transfer.seller], taken))
        fed_in[transfer.seller] = Energy(fed_in[transfer.seller] - energy)
        taken = Energy(taken - energy)
        delivered.append(energy)
    return delivered


def match(
    transfers: Sequence[Transfer], taken: Energy, fed_in: dict[str, Energy], rest: dict[str, Energy]
) -> list[Matched]:
    """Match one buyer's transfers with what was counted.

    Parameters
    ----------
    transfers, taken, fed_in
        See :func:`give`.
    rest
        What sellers fed in and all buyers leave of it, less what the buyers before it declined. What this one declines
        is taken out.
    """
    energies = give(transfers, taken, fed_in)
    left = taken - sum(energies)
    matched = []
    for transfer, energy in zip(transfers, energies, strict=True):  # only one side has energy left
        lacked = Energy(min(transfer.energy - energy, left))
        declined = Energy(0 if lacked else min(transfer.energy - energy, rest[transfer.seller]))
        left -= lacked
        rest[transfer.seller] = Energy(rest[transfer.seller] - declined)
        matched.append(Matched(transfer, energy, lacked, declined))
    return matched

"""Bills: who owes whom what for one slot, a line for each participant. Pure functions, exact integers.

Contracts come first, at the contracted unit price. Whoever caused what a contract lacks (see
:mod:`energy_market_chaincode.matching`) makes the other whole and pays the grid operator the imbalance penalty:

- a seller owes the buyer what the grid's energy cost more than the contract's;
- a buyer owes the seller what the grid gave less than the contract.

Both rests, what anybody took and fed in beyond the contracts, settle at the slot's retail and feed-in tariffs, for
everybody alike. A tariff may be negative: then whoever feeds in pays.

Silence is presumed against whoever is silent. Of a meter that did not report the costliest that its connection can
take counts, and a surcharge for all that it may hide, so that no truth costs more than silence. Where prosumers meter
themselves a silent seller fed in nothing, and a silent buyer took its demand and owes the penalty on it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from energy_market_chaincode.game import energy_cost, grid_cost
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import Matched, match
from energy_market_chaincode.records import Arena, Delivery, Parameters, Transfer
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, divide_half_even
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR


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
    """Money that one account owes another; below zero it is the other way round."""

    payer: str
    payee: str
    amount: Money
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Presumption:
    """What counts of a participant that was silent, and what it owes the grid operator beyond that."""

    counted: Delivery
    surcharge: Money


def self_metered_silence(arena: Arena, reported: Mapping[str, Delivery], rules: Parameters) -> dict[str, Presumption]:
    """Presume what those took and fed in that meter themselves and did not report."""
    presumed = {offer.seller: Presumption(Delivery(), Money(0)) for offer in arena.sellers}
    for demand in arena.buyers:
        surcharge = grid_cost(demand.demand, rules.imbalance_penalty)
        presumed[demand.buyer] = Presumption(Delivery(in_energy=demand.demand), surcharge)
    return {name: presumption for name, presumption in presumed.items() if name not in reported}


def metered_silence(
    limits: Mapping[str, Energy], transfers: Sequence[Transfer], reported: Mapping[str, Delivery], rules: Parameters
) -> dict[str, Presumption]:
    """Presume what the connections took and fed in whose meters did not report.

    Parameters
    ----------
    limits
        What each connection can take, and feed in, in the slot.
    """
    return {
        name: _costliest(limit, [t for t in transfers if t.buyer == name], rules)
        for name, limit in limits.items()
        if name not in reported
    }


def _costliest(limit: Energy, bought: Sequence[Transfer], rules: Parameters) -> Presumption:
    """Return the presumption that no truth within a connection's limit is costlier than.

    What is not fed in costs a seller most. A buyer's contracts are presumed taken, for it pays for them in either case,
    and if the grid takes money for energy all that the connection can take. What a truth may cost beyond that is, per
    kWh, the penalty for what was contracted and not taken, and what a negative feed-in tariff takes for what was fed
    in or declined; and half a unit of money for each of the payments that are rounded.
    """
    contracted = min(sum(transfer.energy for transfer in bought), limit)
    taken = limit if rules.retail_tariff > 0 else contracted
    feeding_in = max(0, -rules.feed_in_tariff)
    owed = limit * rules.imbalance_penalty + (limit + contracted) * feeding_in
    surcharge = -(-owed // ENERGY_TIMES_PRICE_PER_MONEY) + 4 * len(bought) + 4
    return Presumption(Delivery(in_energy=Energy(taken)), Money(surcharge))


@dataclass(slots=True)
class Bills:
    """What a slot comes to.

    Attributes
    ----------
    lines
        Of every participant.
    delivered
        Energy that went from sellers to buyers.
    totals
        Money by purpose.
    """

    matched: list[Matched]
    lines: dict[str, Line]
    delivered: Energy
    totals: dict[Purpose, Money] = field(default_factory=lambda: dict.fromkeys(Purpose, Money(0)))

    def nets(self) -> dict[str, Money]:
        """Return what each participant and the network operator gain; the grid operator bears the sum."""
        return {
            **{name: line.net for name, line in self.lines.items()},
            NETWORK_OPERATOR: self.totals[Purpose.TRANSMISSION],
        }


def bills(
    transfers: Sequence[Transfer],
    reported: Mapping[str, Delivery],
    presumed: Mapping[str, Presumption],
    rules: Parameters,
) -> Bills:
    """Settle a slot.

    Parameters
    ----------
    transfers
        In turn order, and for each buyer in the sellers' order.
    reported, presumed
        What meters counted, and what counts of those that were silent: together all participants.
    """
    counted = {**reported, **{name: presumption.counted for name, presumption in presumed.items()}}
    matched = match(transfers, counted)
    bought, sold = dict.fromkeys(counted, 0), dict.fromkeys(counted, 0)
    for each in matched:
        bought[each.transfer.buyer] += each.delivered
        sold[each.transfer.seller] += each.delivered
    lines = {
        name: Line(
            in_energy=reading.in_energy,
            out_energy=reading.out_energy,
            bought=Energy(bought[name]),
            sold=Energy(sold[name]),
            retail_tariff=rules.retail_tariff,
            feed_in_tariff=rules.feed_in_tariff,
            is_presumed=name in presumed,
        )
        for name, reading in counted.items()
    }
    result = Bills(matched, lines, Energy(sum(each.delivered for each in matched)))
    entered: dict[str, Counter[str]] = {name: Counter() for name in lines}
    for payment in _payments(result, presumed, rules):
        result.totals[payment.purpose] = Money(result.totals[payment.purpose] + payment.amount)
        _enter(entered, payment)
    for name, columns in entered.items():
        if columns:
            lines[name] = lines[name].but(**{column: Money(amount) for column, amount in columns.items()})
    return result


def _payments(slot: Bills, presumed: Mapping[str, Presumption], rules: Parameters) -> Iterator[Payment]:
    for each in slot.matched:
        yield from transfer_payments(each.transfer, each.delivered, rules.fee_per_hop)
        if each.lacked:
            yield from _owed_by_seller(each, rules)
        if each.declined:
            yield from _owed_by_buyer(each, rules)
    for name, line in slot.lines.items():
        yield Payment(GRID_OPERATOR, name, grid_cost(line.to_grid, rules.feed_in_tariff), Purpose.TO_GRID)
        yield Payment(name, GRID_OPERATOR, grid_cost(line.from_grid, rules.retail_tariff), Purpose.FROM_GRID)
    for name, presumption in presumed.items():
        yield Payment(name, GRID_OPERATOR, presumption.surcharge, Purpose.PENALTY)


def transfer_payments(transfer: Transfer, delivered: Energy, fee_per_hop: int) -> list[Payment]:
    """Return what a buyer owes the seller and the network operator for what was delivered of a transfer."""
    energy = energy_cost(delivered, transfer.price, transfer.load, transfer.capacity)
    return [
        Payment(transfer.buyer, transfer.seller, energy, Purpose.ENERGY),
        Payment(transfer.buyer, NETWORK_OPERATOR, _fee(transfer, delivered, fee_per_hop), Purpose.TRANSMISSION),
    ]


def _fee(transfer: Transfer, energy: Energy, fee_per_hop: int) -> Money:
    return Money(divide_half_even(energy * fee_per_hop * transfer.hops, ENERGY_TIMES_PRICE_PER_MONEY))


def _owed_by_seller(matched: Matched, rules: Parameters) -> list[Payment]:
    transfer, energy = matched.transfer, matched.lacked
    contracted = energy_cost(energy, transfer.price, transfer.load, transfer.capacity)
    contracted = Money(contracted + _fee(transfer, energy, rules.fee_per_hop))
    difference = Money(max(0, grid_cost(energy, rules.retail_tariff) - contracted))
    return [
        Payment(transfer.seller, transfer.buyer, difference, Purpose.COMPENSATION),
        Payment(transfer.seller, GRID_OPERATOR, grid_cost(energy, rules.imbalance_penalty), Purpose.PENALTY),
    ]


def _owed_by_buyer(matched: Matched, rules: Parameters) -> list[Payment]:
    transfer, energy = matched.transfer, matched.declined
    contracted = energy_cost(energy, transfer.price, transfer.load, transfer.capacity)
    difference = Money(max(0, contracted - grid_cost(energy, rules.feed_in_tariff)))
    return [
        Payment(transfer.buyer, transfer.seller, difference, Purpose.COMPENSATION),
        Payment(transfer.buyer, GRID_OPERATOR, grid_cost(energy, rules.imbalance_penalty), Purpose.PENALTY),
    ]


def _enter(entered: Mapping[str, Counter[str]], payment: Payment) -> None:
    """Enter a payment in both lines, which know by their tariffs what the grid is paid and pays."""
    for name, sign in ((payment.payer, -1), (payment.payee, 1)):
        column = _COLUMNS.get((payment.purpose, sign))
        if column is not None and name in entered:
            is_signed = payment.purpose is Purpose.COMPENSATION
            entered[name][column] += sign * payment.amount if is_signed else payment.amount


_COLUMNS = {
    (Purpose.ENERGY, -1): "bought_for",
    (Purpose.ENERGY, 1): "sold_for",
    (Purpose.TRANSMISSION, -1): "fees",
    (Purpose.COMPENSATION, -1): "compensation",
    (Purpose.COMPENSATION, 1): "compensation",
    (Purpose.PENALTY, -1): "penalties",
}
"""Where a payment stands in the line of its payer (-1) and of its payee (1)."""

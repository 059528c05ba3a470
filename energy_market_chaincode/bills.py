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

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from energy_market_chaincode.game import energy_cost, grid_cost
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import Matched
from energy_market_chaincode.records import Delivery, Parameters, Settlement, Transfer
from energy_market_chaincode.units import ENERGY_TIMES_PRICE_PER_MONEY, Energy, Money, divide_half_even
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR


class Purpose(StrEnum):
    """What a payment is for, by the field of a settlement that adds it up."""

    ENERGY = "paid_to_sellers"
    TRANSMISSION = "transmission_fees"
    COMPENSATION = "compensations"
    PENALTY = "penalties"
    FROM_GRID = "paid_to_grid"
    TO_GRID = "paid_by_grid"


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


def self_metered_silence(demand: Energy, rules: Parameters) -> Presumption:
    """Presume what somebody took that meters itself and did not report; a seller has no demand, and fed in nothing."""
    return Presumption(Delivery(in_energy=demand), grid_cost(demand, rules.imbalance_penalty))


def metered_silence(limit: Energy, bought: Sequence[Transfer], rules: Parameters) -> Presumption:
    """Presume of a connection whose meter did not report what no truth within its limit is costlier than.

    What is not fed in costs a seller most. A buyer's contracts are presumed taken, for it pays for them in either case,
    and if the grid takes money for energy all that the connection can take. What a truth may cost beyond that is, per
    kWh, the penalty for what was contracted and not taken, and what a negative feed-in tariff takes for what was fed
    in or declined; and half a unit of money for each of the payments that are rounded.

    Parameters
    ----------
    limit
        What it can take, and feed in, in the slot.
    """
    contracted = min(sum(transfer.energy for transfer in bought), limit)
    taken = limit if rules.retail_tariff > 0 else contracted
    feeding_in = max(0, -rules.feed_in_tariff)
    owed = limit * rules.imbalance_penalty + (limit + contracted) * feeding_in
    surcharge = -(-owed // ENERGY_TIMES_PRICE_PER_MONEY) + 4 * len(bought) + 4
    return Presumption(Delivery(in_energy=Energy(taken)), Money(surcharge))


class Bills:
    """What a slot comes to: buyers' contracts are added one buyer after the other, then whose all are has its line.

    Parameters
    ----------
    so_far
        What was added up before.

    Attributes
    ----------
    entered
        Of each participant that has no line yet what stands in it already, by the names of a line's fields.
    """

    def __init__(self, rules: Parameters, so_far: Settlement, entered: Mapping[str, Mapping[str, int]]) -> None:
        self._rules = rules
        self._so_far = so_far
        self._sums = Counter[str]()
        self._presumed = list(so_far.presumed)
        self.entered = defaultdict(Counter[str], {name: Counter(columns) for name, columns in entered.items()})

    def add(self, matched: Sequence[Matched]) -> None:
        """Add what became of a buyer's contracts."""
        for each in matched:
            self.entered[each.transfer.buyer]["bought"] += each.delivered
            self.entered[each.transfer.seller]["sold"] += each.delivered
            self._sums["delivered"] += each.delivered
            for payment in self._of_contract(each):
                self._enter(payment)

    def _of_contract(self, each: Matched) -> Iterator[Payment]:
        yield from transfer_payments(each.transfer, each.delivered, self._rules.fee_per_hop)
        if each.lacked:
            yield from _owed_by_seller(each, self._rules)
        if each.declined:
            yield from _owed_by_buyer(each, self._rules)

    def line(self, name: str, counted: Delivery, presumption: Presumption | None) -> Line:
        """Return what the slot comes to for a participant, all of whose contracts are added.

        Parameters
        ----------
        presumption
            If it was silent.
        """
        line = Line(
            in_energy=counted.in_energy,
            out_energy=counted.out_energy,
            retail_tariff=self._rules.retail_tariff,
            feed_in_tariff=self._rules.feed_in_tariff,
            is_presumed=presumption is not None,
        ).but(**self.entered[name])
        self._enter(Payment(GRID_OPERATOR, name, line.to_grid_for, Purpose.TO_GRID))
        self._enter(Payment(name, GRID_OPERATOR, line.from_grid_for, Purpose.FROM_GRID))
        if presumption is not None:
            self._enter(Payment(name, GRID_OPERATOR, presumption.surcharge, Purpose.PENALTY))
            self._presumed.append(name)
        self._sums.update(from_grid=line.from_grid, to_grid=line.to_grid)
        return line.but(**self.entered.pop(name))

    def _enter(self, payment: Payment) -> None:
        """Enter a payment in both lines, which know by their tariffs what the grid is paid and pays."""
        self._sums[payment.purpose] += payment.amount
        for name, sign in ((payment.payer, -1), (payment.payee, 1)):
            column = _COLUMNS.get((payment.purpose, sign))
            if column is not None and name not in (GRID_OPERATOR, NETWORK_OPERATOR):
                is_signed = payment.purpose is Purpose.COMPENSATION
                self.entered[name][column] += sign * payment.amount if is_signed else payment.amount

    def settlement(self) -> Settlement:
        """Return the sums of all that was added."""
        sums = {name: getattr(self._so_far, name) + amount for name, amount in self._sums.items()}
        return self._so_far.but(**sums, presumed=self._presumed)


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


_COLUMNS = {
    (Purpose.ENERGY, -1): "bought_for",
    (Purpose.ENERGY, 1): "sold_for",
    (Purpose.TRANSMISSION, -1): "fees",
    (Purpose.COMPENSATION, -1): "compensation",
    (Purpose.COMPENSATION, 1): "compensation",
    (Purpose.PENALTY, -1): "penalties",
}
"""Where a payment stands in the line of its payer (-1) and of its payee (1)."""

"""Bills: money is conserved, contracts come first, and no truth costs more than silence, whatever the tariffs."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.game import energy_cost
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import contracted_transfers
from energy_market_chaincode.records import Arena, Delivery, Parameters, StandingDemand, StandingOffer, Transfer
from energy_market_chaincode.units import MAX_ENERGY, MAX_MONEY, MAX_PRICE, Energy, Money, Price, Share
from tests.chaincode.whole_slot import settled

LIMIT = 120_000
ENERGY = st.integers(0, LIMIT)
TARIFF = st.integers(-(10**18), 10**18)


def rules(retail: int, feed_in: int, fee: int, penalty: int) -> Parameters:
    return Parameters(
        registration_duration_ms=1,
        expected_participants=None,
        turn_deadline_ms=1,
        round_limit=1,
        tolerance=Share(0),
        delivery_duration_ms=1,
        retail_tariff=Price(retail),
        feed_in_tariff=Price(feed_in),
        fee_per_hop=Price(fee),
        imbalance_penalty=Price(penalty),
    )


@dataclass
class Slot:
    arena: Arena
    transfers: list[Transfer]
    readings: dict[str, Delivery]
    limits: dict[str, Energy]
    parameters: Parameters


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    """Two sellers, three buyers that bought what they could, one who traded nothing; retail never below feed-in."""
    capacities = [draw(st.integers(1, LIMIT)) for _ in range(2)]
    prices = [draw(st.integers(1, 10**18)) for _ in range(2)]
    left = list(capacities)
    bids = []
    for _ in range(3):
        bid = [draw(st.integers(0, room // 2)) for room in left]
        left = [room - energy for room, energy in zip(left, bid, strict=True)]
        bids.append([Energy(energy) for energy in bid])
    offers = [
        StandingOffer(seller=f"S{j}", capacity=Energy(c), price=Price(p), arrived=(0, j))
        for j, (c, p) in enumerate(zip(capacities, prices, strict=True))
    ]
    demands = [
        StandingDemand(
            buyer=f"B{i}", demand=Energy(sum(b)), production=Energy(0), consumption=Energy(0), arrived=(0, i)
        )
        for i, b in enumerate(bids)
    ]
    arena = Arena(sellers=offers, buyers=demands, hops=[[1, 2], [0, 1], [3, 0]])
    loads = [Energy(sum(column)) for column in zip(*bids, strict=True)]
    feed_in, retail = sorted((draw(TARIFF), draw(TARIFF)))
    parameters = rules(retail, feed_in, draw(st.integers(0, 10**17)), draw(st.integers(0, 10**18)))
    rows = [{j: energy for j, energy in enumerate(bid) if energy} for bid in bids]
    transfers = [t for row in contracted_transfers(arena, rows, loads, parameters.fee_per_hop) for t in row]
    names = ["S0", "S1", "B0", "B1", "B2", "idle"]
    readings = {name: Delivery(in_energy=draw(ENERGY), out_energy=draw(ENERGY)) for name in names}
    return Slot(arena, transfers, readings, dict.fromkeys(names, Energy(LIMIT)), parameters)


@given(slots(), st.sets(st.sampled_from(["S0", "S1", "B0", "B1", "B2", "idle"])))
def test_what_anybody_gains_somebody_pays(slot: Slot, silent: set[str]) -> None:
    reported = {name: reading for name, reading in slot.readings.items() if name not in silent}
    result = settled(slot.transfers, reported, slot.parameters, slot.limits)
    sums = result.settlement
    grid = sums.paid_to_grid + sums.penalties - sums.paid_by_grid
    assert sum(line.net for line in result.lines.values()) + sums.transmission_fees + grid == 0
    assert set(sums.presumed) == silent
    assert set(result.lines) == set(slot.readings)
    for line in result.lines.values():
        assert min(line.bought, line.from_grid, line.sold, line.to_grid, line.paid, line.received) >= 0
        assert min(line.fees, line.penalties) >= 0
    assert sum(line.bought for line in result.lines.values()) == sum(line.sold for line in result.lines.values())
    assert {name for name, line in result.lines.items() if line.is_presumed} == silent


@given(slots())
def test_contracts_come_first_and_nobody_who_keeps_them_pays_for_others(slot: Slot) -> None:
    """Whoever takes and feeds in just what it contracted pays and gets what it contracted, or better."""
    contracted = dict.fromkeys(slot.readings, 0)
    for transfer in slot.transfers:
        contracted[transfer.buyer] += transfer.energy
        contracted[transfer.seller] += transfer.energy
    for name in ("S0", "S1", "B0", "B1", "B2"):
        kept = (
            Delivery(in_energy=Energy(contracted[name]))
            if name[0] == "B"
            else Delivery(out_energy=Energy(contracted[name]))
        )
        result = settled(slot.transfers, {**slot.readings, name: kept}, slot.parameters)
        agreed = sum(
            t.energy_cost if name == t.seller else -(t.energy_cost + t.transmission_fee)
            for t in slot.transfers
            if name in (t.seller, t.buyer)
        )
        own = [m for m in result.matched if name in (m.transfer.seller, m.transfer.buyer)]
        undone = [m for m in own if m.delivered + m.lacked + m.declined < m.transfer.energy]
        if not undone:
            assert result.lines[name].net >= agreed - 3 * len(own), "three roundings for each transfer"
        assert result.lines[name].penalties == 0


@given(slots(), st.sampled_from(["S0", "S1", "B0", "B1", "B2", "idle"]))
def test_no_plausible_truth_costs_more_than_silence(slot: Slot, name: str) -> None:
    """Whatever it took and fed in within its connection's power, whatever the others did, by whatever tariffs."""
    others = {other: reading for other, reading in slot.readings.items() if other != name}
    silent = settled(slot.transfers, others, slot.parameters, slot.limits).lines[name].net
    honest = settled(slot.transfers, slot.readings, slot.parameters).lines[name].net
    assert silent <= honest


@given(slots())
def test_both_rests_settle_at_the_tariffs_for_who_traded_nothing(slot: Slot) -> None:
    line = settled(slot.transfers, slot.readings, slot.parameters).lines["idle"]
    retail, feed_in = slot.parameters.retail_tariff, slot.parameters.feed_in_tariff
    exact = line.out_energy * feed_in - line.in_energy * retail
    assert abs(line.net * 10**16 - exact) <= 10**16


@pytest.mark.parametrize("traded", ["bought", "sold"])
def test_a_line_takes_no_more_than_200_bytes(traded: str) -> None:
    """Whoever buys in a game sells nothing in it."""
    most = Line(
        in_energy=MAX_ENERGY,
        out_energy=MAX_ENERGY,
        compensation=Money(-MAX_MONEY),
        fees=MAX_MONEY,
        penalties=MAX_MONEY,
        retail_tariff=Price(-MAX_PRICE + 1),
        feed_in_tariff=Price(-MAX_PRICE + 1),
        is_presumed=True,
    ).but(**{traded: MAX_ENERGY, f"{traded}_for": MAX_MONEY})
    assert len(most.to_bytes()) <= 200
    assert Line.from_bytes(most.to_bytes()) == most


def test_a_negative_feed_in_tariff_lets_who_feeds_in_pay() -> None:
    readings = {"S": Delivery(out_energy=Energy(40_000))}
    line = settled([], readings, rules(retail=10**17, feed_in=-12 * 10**15, fee=0, penalty=0)).lines["S"]
    assert (line.paid, line.received) == (Money(48_000), 0)


def test_the_unit_price_of_a_part_is_the_contracts() -> None:
    transfer = Transfer(
        seller="S",
        buyer="B",
        energy=Energy(60_000),
        capacity=Energy(100_000),
        price=Price(10**17),
        load=Energy(100_000),
        hops=1,
        claimed_before=Energy(0),
        received_before=Energy(0),
        energy_cost=energy_cost(60_000, 10**17, 100_000, 100_000),
        transmission_fee=Money(0),
    )
    readings = {"S": Delivery(out_energy=Energy(30_000)), "B": Delivery(in_energy=Energy(60_000))}
    lines = settled([transfer], readings, rules(287 * 10**15, 123 * 10**15, 0, 0)).lines
    # 3 kWh at 0.2; S makes up for the other 3, which cost 0.287 each instead of 0.2.
    assert (lines["S"].received, lines["S"].paid, lines["S"].net) == (600_000, 261_000, 339_000)
    assert lines["B"].net == -1_200_000

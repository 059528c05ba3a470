"""A whole slot's bills at once, as a settlement adds them up part by part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from energy_market_chaincode.bills import Bills, metered_silence
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import Matched, give, match
from energy_market_chaincode.records import Delivery, Parameters, Settlement, Transfer
from energy_market_chaincode.units import Energy


@dataclass
class Whole:
    matched: list[Matched]
    lines: dict[str, Line]
    settlement: Settlement


def settled(
    transfers: Sequence[Transfer],
    reported: Mapping[str, Delivery],
    rules: Parameters,
    limits: Mapping[str, Energy] | None = None,
) -> Whole:
    """Settle a metered slot; who has a limit and did not report is silent."""
    bought = {name: list(found) for name, found in groupby(transfers, key=lambda transfer: transfer.buyer)}
    presumed = {
        name: metered_silence(limit, bought.get(name, []), rules)
        for name, limit in (limits or {}).items()
        if name not in reported
    }
    counted = {**reported, **{name: each.counted for name, each in presumed.items()}}
    rest = {name: each.out_energy for name, each in counted.items()}
    fed_in = dict(rest)
    for name, found in bought.items():
        give(found, counted[name].in_energy, rest)
    bills, matched = Bills(rules, Settlement(closed_at_ms=0), {}), list[Matched]()
    for name, found in bought.items():
        matched += match(found, counted[name].in_energy, fed_in, rest)
    bills.add(matched)
    lines = {name: bills.line(name, each, presumed.get(name)) for name, each in counted.items()}
    return Whole(matched, lines, bills.settlement())

"""The variational equilibrium with the grid in the game, against solvers that others made, in one process."""

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from statistics import median
from typing import TypeVar

from benchmarks.referees import by_nashopt, by_piqp, demo_game, random_game, total_cost
from benchmarks.table import Table
from energy_market_chaincode import certificate, units
from market_solver import Floats, GridEquilibrium, GridGame, certified, equilibrium_with_grid

T = TypeVar("T")

OURS = (10, 60, 100, 1_000, 10_000)
ON_THE_DEMOS_NETWORK = (100, 1_000, 10_000)
REFEREES: tuple[tuple[str, Callable[[GridGame], Floats], tuple[int, ...]], ...] = (
    ("NashOpt", by_nashopt, (10, 60)),
    ("PIQP", by_piqp, (10, 60, 100, 1_000)),
)
REPETITIONS = 5


def tables() -> Iterator[Table]:
    """Measure, and return the table."""
    rows = [row("random hops", random_game(prosumers)) for prosumers in OURS]
    rows += [row("the demo's network", demo_game(prosumers)) for prosumers in ON_THE_DEMOS_NETWORK]
    yield Table(
        "The variational equilibrium with the grid in the game",
        (
            "game",
            "prosumers",
            "market_solver, ms",
            "steps",
            "solver's gap",
            "gap on the ledger",
            *(f"{name}, ms" for name, _, _ in REFEREES),
            *(f"times {name}" for name, _, _ in REFEREES),
            "cost differs by",
        ),
        rows,
        "30 % sellers, 1 to 9 hops at random; or on the demo's network, with the grid as one seller more and a tariff "
        f"twice as high, so that nearly all offers are sold out. Processor time; ours is the median of {REPETITIONS}, "
        "theirs with the making of their matrices. NashOpt: its qp_gnep. PIQP: at 1e-9. Gaps are shares of the "
        "potential: of the solver's amounts, and of the whole units of 0.1 Wh that the contract proves.",
    )


def row(name: str, game: GridGame) -> tuple[str, ...]:
    """Measure one line of the table."""
    prosumers = len(game.demand) + len(game.capacity)
    runs = [timed(solved, game) for _ in range(REPETITIONS)]
    ours = median(seconds for seconds, _ in runs)
    found, steps = runs[0][1]
    theirs = {
        referee: timed(solve, game)
        for referee, solve, sizes in REFEREES
        if prosumers in sizes and (referee != "NashOpt" or sys.platform == "linux")
    }
    differences = [abs(total_cost(game, rows) / found.total_cost - 1) for _, rows in theirs.values()]
    return (
        name,
        f"{prosumers:,}",
        f"{ours * 1e3:.1f}",
        str(steps),
        f"{found.relative_gap:.0e}",
        f"{gap_on_the_ledger(game, found):.1e}",
        *(f"{theirs[each][0] * 1e3:,.0f}" if each in theirs else "-" for each, _, _ in REFEREES),
        *(f"{theirs[each][0] / ours:,.0f}" if each in theirs else "-" for each, _, _ in REFEREES),
        f"{max(differences):.0e}" if differences else "-",
    )


def solved(game: GridGame) -> tuple[GridEquilibrium, int]:
    """Return the equilibrium and the number of steps."""
    for steps, nearer in enumerate(equilibrium_with_grid(game), 1):  # noqa: B007  the last ones are what is wanted
        point = nearer
    return certified(game, point), steps


def gap_on_the_ledger(game: GridGame, found: GridEquilibrium) -> float:
    """Return the share of the potential that the contract finds as the gap of the same equilibrium's prices."""
    slot = on_the_ledger(game)
    scarcity = found.exact_scarcity
    verdict = certificate.verify(slot, scarcity, certificate.purchases_at(slot, scarcity))
    if not verdict.is_accepted:
        raise RuntimeError(f"the contract would not take the clearing of {len(game.demand)} buyers: {verdict}")
    return float(Fraction(verdict.gap, verdict.upper))


def on_the_ledger(game: GridGame) -> certificate.SlotGame:
    """Return the same game in the ledger's integers; raises ValueError if these have not its numbers."""
    fee = units.price_from_currency_per_kwh(game.fee_per_hop)
    return certificate.SlotGame(
        demands=list(map(units.energy_from_kwh, game.demand.tolist())),
        capacities=list(map(units.energy_from_kwh, game.capacity.tolist())),
        prices=list(map(units.price_from_currency_per_kwh, game.price.tolist())),
        distances=[row.tobytes() for row in game.hops],
        fees=[units.Price(hops * fee) for hops in range(int(game.hops.max()) + 1)],
        row=game.place.tolist(),
        retail_tariff=units.price_from_currency_per_kwh(game.retail_tariff),
    )


def timed(call: Callable[[GridGame], T], game: GridGame) -> tuple[float, T]:
    """Return processor seconds and the result."""
    began = time.process_time()
    result = call(game)
    return time.process_time() - began, result

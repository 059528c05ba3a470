"""Scenarios of any size, made from a seed."""

import random
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from demo.scenario import Edge, Scenario, ScenarioBuyer, ScenarioSeller

GRID_SELLER = "GRID"
_GRID_PRICE = Decimal("0.14")
_GREATEST_DEPTH = 4
"""Of a prosumer in the grid's tree: two at the ends of its longest path are then 4 + 1 + 4 hops apart."""


class Generator(BaseModel):
    """How many prosumers a scenario has, and the seed that everything else follows from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: Annotated[int, Field(ge=2, le=10_000, strict=True)]
    seed: Annotated[int, Field(strict=True)]


def random_scenario(n: int, seed: int, **settings: Any) -> Scenario:
    """Make a scenario of n prosumers: floor(0.3 n) sellers, the grid as one more, and n - floor(0.3 n) - 1 buyers.

    Sellers offer 10 to 100 kWh at 0.05 to 0.09 per kWh, the grid twice what is demanded at 0.14; buyers demand 10 to
    50 kWh. The grid is a random tree with some chords; two prosumers are 1 to 9 hops apart.

    Parameters
    ----------
    n
        At least 2.
    seed
        The same n and seed give the same scenario.
    settings
        Fields of :class:`~demo.scenario.ScenarioSettings` to set otherwise than by default.
    """
    asked = Generator(n=n, seed=seed)
    chance = random.Random(asked.seed)  # noqa: S311 - a game to look at, no secret
    nr_sellers = 3 * asked.n // 10
    sellers = {f"S{number:03}": _seller(chance) for number in range(1, nr_sellers + 1)}
    buyers = {f"P{number:03}": _buyer(chance) for number in range(1, asked.n - nr_sellers)}
    demand = sum((buyer.demand for buyer in buyers.values()), Decimal(0))
    sellers[GRID_SELLER] = ScenarioSeller(capacity=2 * demand, price=_GRID_PRICE)
    prosumers = [*sellers, *buyers]
    chance.shuffle(prosumers)
    return Scenario(
        **{"name": f"random-{n}-{seed}"} | settings,
        sellers=sellers,
        buyers=buyers,
        graph=_graph(chance, prosumers),
    )


def _kwh(chance: random.Random, lowest: int, highest: int) -> Decimal:
    """Draw an energy between two whole kWh, to the 0.1 Wh."""
    return Decimal(chance.randint(lowest * 10_000, highest * 10_000)).scaleb(-4)


def _seller(chance: random.Random) -> ScenarioSeller:
    price = Decimal(chance.randint(500, 900)).scaleb(-4)
    return ScenarioSeller(capacity=_kwh(chance, 10, 100), price=price, total_production=_kwh(chance, 100, 1000))


def _buyer(chance: random.Random) -> ScenarioBuyer:
    return ScenarioBuyer(
        demand=_kwh(chance, 10, 50), total_production=_kwh(chance, 0, 500), total_consumption=_kwh(chance, 500, 1000)
    )


def _graph(chance: random.Random, prosumers: Sequence[str]) -> list[Edge]:
    """Grow a tree from two joined prosumers, never deeper than allowed, then add a chord for every fourth of them."""
    first, second = prosumers[:2]
    depth = {first: 0, second: 0}
    parents = [first, second]
    edges = {(first, second)}
    for prosumer in prosumers[2:]:
        parent = chance.choice(parents)
        edges.add((parent, prosumer))
        depth[prosumer] = depth[parent] + 1
        if depth[prosumer] < _GREATEST_DEPTH:
            parents.append(prosumer)
    chords = chance.sample(prosumers, k=len(prosumers) // 4)
    edges.update((one, other) for one, other in pairwise(chords) if (other, one) not in edges)
    return sorted(edges)

"""The same equilibrium by solvers that know nothing of ours, for tests and benchmarks.

Both are asked for the buyers' purchases alone; what is missing of a demand comes from the grid. x_ij has the index
i S + j.
"""

import numpy as np
import piqp
from scipy.sparse import csc_array, csc_matrix, diags_array, eye_array, hstack, kron

from demo import random_scenario
from market_solver import Floats, GridGame, hops_of_graph


def random_game(prosumers: int, seed: int = 1, retail_tariff: float = 0.14) -> GridGame:
    """Return 30 % sellers of 10 to 100 kWh at 0.05 to 0.09, buyers of 10 to 50 kWh, 1 to 9 hops at 0.02.

    In numbers that the ledger has: energy in 0.1 Wh, prices to 13 decimals.
    """
    random = np.random.default_rng(seed)
    sellers = 3 * prosumers // 10
    buyers = prosumers - sellers
    return GridGame(
        demand=random.uniform(10, 50, buyers).round(4),
        capacity=random.uniform(10, 100, sellers).round(4),
        price=random.uniform(0.05, 0.09, sellers).round(13),
        hops=random.integers(1, 10, (buyers, sellers), dtype=np.uint8),
        place=np.arange(buyers),
        fee_per_hop=0.02,
        retail_tariff=retail_tariff,
    )


def demo_game(prosumers: int, seed: int = 1) -> GridGame:
    """Return the game that the demo's certified mechanism clears: long ways, and demand for all that is offered."""
    scenario = random_scenario(prosumers, seed)
    offers, demands = scenario.sellers.values(), scenario.buyers.values()
    hops, place = hops_of_graph(list(scenario.buyers), list(scenario.sellers), scenario.graph or [])
    return GridGame(
        demand=np.array([float(buyer.demand) for buyer in demands]),
        capacity=np.array([float(offer.capacity) for offer in offers]),
        price=np.array([float(offer.price) for offer in offers]),
        hops=hops.astype(np.uint8),
        place=place,
        fee_per_hop=float(scenario.fee_per_hop),
        retail_tariff=0.2869,
    )


def total_cost(game: GridGame, rows: Floats) -> float:
    """Return what all buyers pay for rows (B, S), what they lack of their demand bought from the grid."""
    load = rows.sum(axis=0)
    bought = (rows * (game.price + game.fee_per_hop * game.hops[game.place])).sum()
    lacking = game.demand.sum() - rows.sum()
    return float(bought + (game.price / game.capacity) @ load**2 + game.retail_tariff * lacking)


def by_nashopt(game: GridGame) -> Floats:
    """Return the rows (B, S) of the variational equilibrium by NashOpt, a solver of linear-quadratic games."""
    from nashopt import GNEP_LQ  # it loads JAX, which takes seconds

    buyers, sellers = len(game.demand), len(game.capacity)
    slope, costs = game.price / game.capacity, _linear_costs(game)
    size = buyers * sellers
    quadratic, linear = [], []
    for buyer in range(buyers):
        own = np.arange(buyer * sellers, (buyer + 1) * sellers)
        of_buyer, cost = np.zeros((size, size)), np.zeros(size)
        for other in range(buyers):
            others = np.arange(other * sellers, (other + 1) * sellers)
            of_buyer[own, others] += slope
            of_buyer[others, own] += slope
        cost[own] = costs[own]
        quadratic.append(of_buyer)
        linear.append(cost)
    limits = np.vstack([np.tile(np.eye(sellers), buyers), np.kron(np.eye(buyers), np.ones(sellers))])
    solver = GNEP_LQ(
        [sellers] * buyers,
        quadratic,
        linear,
        lb=np.zeros(size),
        ub=np.full(size, np.inf),
        A=limits,
        b=np.concatenate([game.capacity, game.demand]),
        variational=True,
        solver="qp_gnep",
    )
    return np.asarray(solver.solve().x).reshape(buyers, sellers)


def by_piqp(game: GridGame) -> Floats:
    """Return the rows (B, S) that minimise the potential by PIQP, an interior-point method for quadratic programmes.

    The loads are variables of their own, so that its matrices are sparse.
    """
    buyers, sellers = len(game.demand), len(game.capacity)
    slope, size = game.price / game.capacity, buyers * sellers
    loads = hstack([kron(np.ones((1, buyers)), eye_array(sellers)), -eye_array(sellers)])
    purchases = hstack([kron(eye_array(buyers), np.ones((1, sellers))), csc_array((buyers, sellers))])
    solver = piqp.SparseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-9
    solver.setup(
        P=csc_matrix(diags_array(np.concatenate([np.tile(slope, buyers), slope]))),
        c=np.concatenate([_linear_costs(game), np.zeros(sellers)]),
        A=csc_matrix(loads),
        b=np.zeros(sellers),
        G=csc_matrix(purchases),
        h_u=game.demand,
        x_l=np.zeros(size + sellers),
        x_u=np.concatenate([np.full(size, np.inf), game.capacity]),
    )
    status = solver.solve()
    assert status == piqp.PIQP_SOLVED, status
    return np.asarray(solver.result.x[:size]).reshape(buyers, sellers)


def _linear_costs(game: GridGame) -> Floats:
    """Return what a kWh costs more than the grid's before loads raise it, (B S,)."""
    costs = game.price + game.fee_per_hop * game.hops[game.place] - game.retail_tariff
    return np.asarray(costs.ravel())

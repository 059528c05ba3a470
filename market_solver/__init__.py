"""The energy game's numerics: best response, equilibria, social optimum, and rounding to the ledger's grid of 0.1 Wh.

It knows no HTTP. Solvers calculate in kWh and currency per kWh; what they find is rounded to the ledger's units and
judged by the rule book's integers.

Model: N. Yaagoubi and H. T. Mouftah, "A distributed game theoretic approach to energy trading in the smart grid".
Seller j offers a capacity C_j at a base price p_j, buyer i with the demand d_i is h_ij hops away and takes x_ij; L_j
is what all take from j and tau the fee per kWh and hop. Buyer i minimises

    c_i = sum_j x_ij (p_j (1 + L_j / C_j) + tau h_ij),  sum_j x_ij = d_i,  0 <= x_ij <= C_j - sum_(k != i) x_kj.

Everywhere a_j = p_j / C_j is a seller's slope: by how much a kWh taken from it raises its price.

Examples
--------
>>> from energy_market_chaincode import Energy, Price
>>> game = ExactGame(
...     buyers=["P"],
...     demands=[Energy(30_000)],
...     sellers=["near", "far"],
...     capacities=[Energy(20_000), Energy(500_000)],
...     prices=[Price(10**17), Price(10**17)],
...     fees=[[Price(0), Price(2 * 10**16)]],
... )
>>> clearing = clear_by_variational_equilibrium(game)
>>> clearing.converged, clearing.allocation.energies.tolist()
(True, [[3077, 26923]])
"""

from market_solver.best_response import (
    ENERGIES_PER_KWH,
    Supplies,
    best_amounts,
    best_bid,
    original_bid,
)
from market_solver.clearing import (
    RELATIVE_GAP,
    Allocation,
    Clearing,
    OnStep,
    clear_by_best_response,
    clear_by_social_optimum,
    clear_by_variational_equilibrium,
)
from market_solver.congestion import TooManyPairs
from market_solver.game import ExactGame, GameInKwh
from market_solver.grid_game import (
    GridEquilibrium,
    GridGame,
    certified,
    equilibrium_with_grid,
    hops_of_graph,
    hops_of_table,
)
from market_solver.rounding import nearness, rounded
from market_solver.water_filling import Floats, fill

__all__ = [
    "ENERGIES_PER_KWH",
    "RELATIVE_GAP",
    "Allocation",
    "Clearing",
    "ExactGame",
    "Floats",
    "GameInKwh",
    "GridEquilibrium",
    "GridGame",
    "OnStep",
    "Supplies",
    "TooManyPairs",
    "best_amounts",
    "best_bid",
    "certified",
    "clear_by_best_response",
    "clear_by_social_optimum",
    "clear_by_variational_equilibrium",
    "equilibrium_with_grid",
    "fill",
    "hops_of_graph",
    "hops_of_table",
    "nearness",
    "original_bid",
    "rounded",
]

"""The energy game's numerics: best response, equilibria, social optimum, and rounding to the ledger's grid of 0.1 Wh.

It knows no HTTP. Solvers calculate in kWh and currency per kWh; what they find is rounded to the ledger's units and
judged by the rule book's integers. Modules are imported when they are first asked for: a bid among few sellers needs
no NumPy.

Model: N. Yaagoubi and H. T. Mouftah, "A distributed game theoretic approach to energy trading in the smart grid".
Seller j offers a capacity C_j at a base price p_j, buyer i with the demand d_i is h_ij hops away and takes x_ij; L_j
is what all take from j and tau the fee per kWh and hop. Buyer i minimises

    c_i = sum_j x_ij (p_j (1 + L_j / C_j) + tau h_ij),  sum_j x_ij = d_i,  0 <= x_ij <= C_j - sum_(k != i) x_kj.

Everywhere a_j = p_j / C_j is a seller's slope: by how much a kWh taken from it raises its price.

Examples
--------
>>> from energy_market_chaincode import Energy, Price
>>> from market_solver import ExactGame, clear_by_variational_equilibrium
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

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market_solver.best_response import Supplies, original_bid
    from market_solver.bid import ENERGIES_PER_KWH, best_amounts, best_bid
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

_MODULES = {
    "ENERGIES_PER_KWH": "bid",
    "RELATIVE_GAP": "clearing",
    "Allocation": "clearing",
    "Clearing": "clearing",
    "ExactGame": "game",
    "Floats": "water_filling",
    "GameInKwh": "game",
    "GridEquilibrium": "grid_game",
    "GridGame": "grid_game",
    "OnStep": "clearing",
    "Supplies": "best_response",
    "TooManyPairs": "congestion",
    "best_amounts": "bid",
    "best_bid": "bid",
    "certified": "grid_game",
    "clear_by_best_response": "clearing",
    "clear_by_social_optimum": "clearing",
    "clear_by_variational_equilibrium": "clearing",
    "equilibrium_with_grid": "grid_game",
    "fill": "water_filling",
    "hops_of_graph": "grid_game",
    "hops_of_table": "grid_game",
    "nearness": "rounding",
    "original_bid": "best_response",
    "rounded": "rounding",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

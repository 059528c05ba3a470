"""HTTP service for buyers and operators: best responses, equilibria and the social optimum of the energy game.

It is HTTP over :mod:`market_solver`: it reads questions in decimal kWh, asks the solver, and writes answers with
exactly the ledger's digits.
"""

from http_service import quick_start

with quick_start():
    from optimization_api.app import OptimizerSettings, make_app

__all__ = ["OptimizerSettings", "make_app"]

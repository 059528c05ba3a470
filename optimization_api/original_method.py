"""How the original system answered a buyer: SciPy's SLSQP, started at zero and stopped at a coarse tolerance.

It misses the best response, often by kWh. It is kept for the original's endpoint alone, so that this still gives old
clients the bids they know from their logs; everything else uses
:meth:`~optimization_api.supplies.Supplies.best_response`.
"""

import numpy as np

from optimization_api.arrays import Floats
from optimization_api.supplies import Supplies

TOLERANCE = 1e-3
LARGEST_MISS_KWH = 0.01
"""By how much the amounts may miss the demand; SLSQP itself is content with its tolerance."""


def original_bid(demand: float, supplies: Supplies) -> Floats | None:
    """Split a demand (kWh) as the original did; None if SLSQP fails.

    Returns
    -------
    (S,) kWh within the rooms, adding up to the demand but for at most 0.01 kWh.
    """
    from scipy.optimize import Bounds, LinearConstraint, minimize  # loading it takes longer than the rest of the start

    nothing = np.zeros_like(supplies.capacity)
    found = minimize(
        supplies.cost,
        nothing,
        jac=supplies.marginal_cost,
        bounds=Bounds(0.0, supplies.room),
        constraints=LinearConstraint(np.ones_like(nothing), demand, demand),
        method="SLSQP",
        options={"ftol": TOLERANCE},
    )
    amounts: Floats = np.clip(found.x, 0.0, supplies.room)
    if not found.success or abs(amounts.sum() - demand) > LARGEST_MISS_KWH:
        return None
    return amounts

"""The two kinds of arrays: kWh or currency as floats, and energy in the ledger's units of 0.1 Wh as integers."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from energy_market_chaincode import units

Floats: TypeAlias = NDArray[np.float64]
Energies: TypeAlias = NDArray[np.int64]

ENERGIES_PER_KWH = 10.0**units.ENERGY_DECIMALS
PRICES_PER_CURRENCY = 10.0**units.PRICE_DECIMALS
MONEY_PER_CURRENCY = 10.0**units.MONEY_DECIMALS

"""The optimization service: a buyer's best response or a whole slot's prices, computed elsewhere."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from prosumer_client.connection import Patience, ServiceClient
from prosumer_client.errors import UnexpectedAnswer
from prosumer_client.identity import wire_value
from prosumer_client.turn import Bid, Turn

TURN_PATIENCE = Patience(total_s=3.0, longest_delay_s=0.5)
"""Short: a turn has a deadline."""
LONGEST_SOLVING_S = 90
"""A slot of 10,000 takes some seconds, more where others calculate too."""


class Optimizer(ServiceClient):
    """A connection with optimization_api; an asynchronous context manager."""

    def __init__(self, url: str, *, patience: Patience = TURN_PATIENCE) -> None:
        super().__init__(url, patience)

    async def best_response(self, turn: Turn) -> Bid:
        """Return the cheapest bid at the others' present loads.

        Raises
        ------
        RequestRefused
            For instance when there are more sellers than the service takes.
        MarketUnavailable, UnexpectedAnswer
        """
        answer = await self._ask("/best-response", _question(turn))
        try:
            return Bid({seller: Decimal(amount) for seller, amount in answer["amounts"].items()})
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise UnexpectedAnswer(self._connection.url, f"sent what is no best response ({error!r})") from None

    async def clearing(self, question: Mapping[str, object]) -> dict[str, Decimal]:
        """Return the prices {seller: currency per kWh} that certify a slot's equilibrium.

        Parameters
        ----------
        question
            The body of POST /clearing.

        Raises
        ------
        RequestRefused
            For instance TOO_BUSY.
        MarketUnavailable, UnexpectedAnswer
        """
        answer = await self._ask("/clearing", question, LONGEST_SOLVING_S)
        try:
            return {seller: Decimal(price) for seller, price in answer["seller_prices"].items()}
        except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise UnexpectedAnswer(self._connection.url, f"sent what is no clearing ({error!r})") from None

    async def _ask(self, path: str, question: Mapping[str, object], wait_s: float = 0) -> Any:
        """Ask with decimals as strings, which keep their digits through every reader."""
        content = json.dumps(question, default=_written).encode()
        return await self._connection.exchange("POST", path, content=content, wait_s=wait_s)


def _written(value: object) -> Any:
    if isinstance(value, Decimal | Mapping):
        return wire_value(value)
    raise TypeError(f"{value!r} cannot stand in a question")


def _question(turn: Turn) -> dict[str, object]:
    """Return the body that asks about a turn."""
    asked = ("seller", "capacity", "price", "others_load", "hops")
    question: dict[str, object] = {
        "demand": turn.demand,
        "retail_tariff": turn.retail_tariff,
        "fee_per_hop": turn.fee_per_hop,
        "sellers": [{name: getattr(seller, name) for name in asked} for seller in turn.sellers],
    }
    if turn.standing_bid is not None:
        question["standing_bid"] = turn.standing_bid.amounts
    return question

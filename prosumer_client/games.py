"""Games as prosumers see them: the terms on which one is played, and where it stands on the ledger."""

from decimal import Decimal
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from energy_market_chaincode import Phase
from energy_market_chaincode.errors import UnknownGame
from prosumer_client.client import MarketClient
from prosumer_client.errors import RequestRefused


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Terms(_View):
    """On which terms a game is played.

    Attributes
    ----------
    registration_ends_at
        Also tells this game from one that had the same id before the market was reset.
    tolerance
        What share of its bill a buyer may still be able to save in an equilibrium.
    retail_tariff, feed_in_tariff, fee_per_hop, imbalance_penalty
        Currency per kWh; ``fee_per_hop`` for each hop.
    """

    game: str
    delivery_slot: str
    mechanism: str
    registration_ends_at: AwareDatetime
    expected_participants: int | None
    turn_deadline_ms: int
    round_limit: int
    tolerance: Decimal
    delivery_duration_ms: int
    retail_tariff: Decimal
    feed_in_tariff: Decimal
    fee_per_hop: Decimal
    imbalance_penalty: Decimal


class SellerInGame(_View):
    """What a seller offers (kWh, currency per kWh), and what it has sold so far (kWh)."""

    seller: str
    capacity: Decimal
    price: Decimal
    load: Decimal


class BuyerInGame(_View):
    """What a buyer asks for, kWh."""

    buyer: str
    demand: Decimal


class GameView(Terms):
    """Where a game stands on the ledger.

    Attributes
    ----------
    round, buyer_in_turn, deadline
        Whose turn it is and until when, while the game is played.
    hops
        {buyer: {seller: n}}, once the registration is over.
    """

    phase: Phase
    round: int
    buyer_in_turn: str | None
    deadline: AwareDatetime | None
    sellers: list[SellerInGame]
    buyers: list[BuyerInGame]
    hops: dict[str, dict[str, int]]

    @classmethod
    def read(cls, game: dict[str, Any]) -> Self:
        """Read what the market answers to the question for one game."""
        return cls.model_validate({**game["parameters"], **game})

    def demand_of(self, prosumer: str) -> Decimal | None:
        """Return what a buyer asks for, kWh; None if it is no buyer of this game."""
        return next((entry.demand for entry in self.buyers if entry.buyer == prosumer), None)

    def has_seller(self, prosumer: str) -> bool:
        """Tell whether somebody offers in this game."""
        return any(entry.seller == prosumer for entry in self.sellers)


async def open_games(market: MarketClient) -> list[GameView]:
    """Return the games in which something can still happen."""
    names = [game["game"] for game in await market.games() if game["phase"] not in (Phase.CLOSED, Phase.CANCELLED)]
    games = [await find_game(market, name) for name in names]
    return [game for game in games if game is not None]


async def find_game(market: MarketClient, game: str) -> GameView | None:
    """Return a game as it stands on the ledger; None if there is none, because the market was reset."""
    try:
        return GameView.read(await market.game(game))
    except RequestRefused as error:
        if error.code != UnknownGame.code:
            raise
        return None

"""What the clock reads of a game: GET /games/{id}, and how its transfers stand."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from energy_market_chaincode import Phase

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class GameParameters(_View):
    """Those of a game's parameters that the clock acts upon."""

    expected_participants: int | None


class GameView(_View):
    """A game as it stands on the ledger; times as the ledger states them.

    Attributes
    ----------
    deadline
        Of the buyer in turn, while the game is being played.
    transfers
        Number of transfers that are fulfilled, and of all; only known during delivery.
    """

    game: str
    phase: Phase
    parameters: GameParameters
    nr_sellers: int
    nr_buyers: int
    registration_ends_at: AwareDatetime
    round: int | None = None
    buyer_in_turn: str | None = None
    deadline: AwareDatetime | None = None
    delivery_ends_at: AwareDatetime | None = None
    transfers: tuple[int, int] | None = None

    @classmethod
    def read(cls, game: dict[str, Any], transfers: list[dict[str, Any]] | None) -> Self:
        """Read what the queue answers to GET /games/{id} and, during delivery, GET /games/{id}/transfers."""
        view = cls.model_validate(game)
        if transfers is None:
            return view
        fulfilled = sum(bool(transfer["isFulfilled"]) for transfer in transfers)
        return view.model_copy(update={"transfers": (fulfilled, len(transfers))})


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC, as the ledger counts time."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)

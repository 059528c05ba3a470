"""The commands by which a certified game is cleared, and a large game stopped."""

from typing import Annotated

from pydantic import Field

from energy_market_chaincode.amounts import EnergyKwh, PriceCurrencyPerKwh
from energy_market_chaincode.command_data import AboutGame
from energy_market_chaincode.vocabulary import Identifier, Role, Topic

MAX_CORRECTED_BUYERS = 1_000
"""Of a clearing."""

StepsLeft = Annotated[int, Field(ge=0, strict=True)]


class PublishClearing(AboutGame, topic=Topic.PUBLISH_CLEARING):
    """Clear a certified game by prices that prove themselves."""

    arena: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """The hash of what was fixed at gate closure, which the game's ``clearing`` states."""
    prices: Annotated[dict[Identifier, PriceCurrencyPerKwh], Field(min_length=1)]
    """What every seller's energy is worth, without the fee for the hops; at least its base price."""
    corrections: dict[Identifier, dict[Identifier, EnergyKwh]] = Field({}, max_length=MAX_CORRECTED_BUYERS)
    """{buyer: {seller: kWh}}: what it takes instead of what follows from the prices; the grid gives the rest."""


class FallBack(AboutGame, topic=Topic.FALL_BACK, by=Role.OPERATOR):
    """End the wait for a clearing whose time is over: the game is played in turns, or all is bought from the grid."""


class ProveClearing(AboutGame, topic=Topic.PROVE_CLEARING):
    """Go on with the proof of a clearing that is too large to be proved at once."""

    poster: Identifier
    """Who posted it."""
    left: StepsLeft | None = None
    """What the last part's answer said: then no part is done that somebody else did meanwhile."""


class StopGame(AboutGame, topic=Topic.STOP_GAME):
    """Go on with the stop of a game that is too large to be stopped at once."""

    left: StepsLeft | None = None
    """What the last part's answer said: then no part is done that somebody else did meanwhile."""

"""How a game is cleared and stopped, as the world sees it."""

from energy_market_chaincode.amounts import CurrencyPerKwh, ExactCurrency, ExactShare, Kwh
from energy_market_chaincode.times import Time
from energy_market_chaincode.view import View
from energy_market_chaincode.vocabulary import Fallback


class CertificateTotals(View):
    """A clearing that was accepted, and how good it proved to be.

    Attributes
    ----------
    poster
        Who posted it.
    certificate
        Its hash.
    gap
        By how much the potential may be above its minimum, and no buyer could save more: currency, exact.
    gap_share
        The gap as a share of the potential.
    allowance
        How much of the gap the grid of 0.1 Wh may take, currency.
    """

    poster: str
    certificate: str
    gap: ExactCurrency
    gap_share: ExactShare
    allowance: ExactCurrency


class CertificateView(CertificateTotals):
    """A certificate whole: everybody's purchases follow from it.

    Attributes
    ----------
    prices
        {seller: what its energy is worth, without the fee for the hops}
    corrections
        {buyer: {seller: kWh}}: what it takes instead of what follows from the prices.
    """

    prices: dict[str, CurrencyPerKwh]
    corrections: dict[str, dict[str, Kwh]]


class ClearingView(View):
    """Of a certified game: what is to be cleared, and what came of it.

    Attributes
    ----------
    arena
        The hash that a clearing has to state.
    ends_at
        Until then clearings are taken.
    fallback
        What the game came to instead if none was accepted in time.
    """

    arena: str
    ends_at: Time
    fallback: Fallback | None
    certificate: CertificateView | None


class ClearingAccepted(CertificateTotals):
    """Of publishClearing: what was proved."""

    game: str


class FellBack(View):
    """Of fallBack: to what."""

    game: str
    fallback: Fallback


class GameStopped(View):
    """Of stopGame: how many steps of the stop are left at most; the delivery begins when none is."""

    game: str
    left: int

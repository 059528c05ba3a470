"""How a game is cleared and stopped, as the world sees it."""

from energy_market_chaincode.amounts import Currency, CurrencyPerKwh, ExactCurrency, ExactShare, Kwh
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


class ProposalView(View):
    """A clearing that is being proved part by part.

    Attributes
    ----------
    bond
        What it costs its poster should it turn out wrong.
    left
        How many steps of its proof are left.
    """

    poster: str
    certificate: str
    posted_at: Time
    bond: Currency
    left: int


class ClearingView(View):
    """Of a certified game: what is to be cleared, and what came of it.

    Attributes
    ----------
    arena
        The hash that a clearing has to state.
    ends_at
        Until then clearings are taken.
    proofs_end_at
        Until then one that was posted in time may go on proving itself.
    proposals
        Those that are being proved.
    fallback
        What the game came to instead if none was accepted in time.
    """

    arena: str
    ends_at: Time
    proofs_end_at: Time
    proposals: list[ProposalView]
    fallback: Fallback | None
    certificate: CertificateView | None


class ClearingAccepted(CertificateTotals):
    """Of publishClearing: what was proved."""

    game: str


class ClearingProof(View):
    """Of proveClearing, and of publishClearing in a large game: how far the proof is.

    Attributes
    ----------
    left
        How many steps are left; none: the clearing is accepted, or refused.
    code, message
        Why it is refused; else null.
    """

    game: str
    poster: str
    certificate: str
    left: int
    code: str | None
    message: str | None


class FellBack(View):
    """Of fallBack: to what."""

    game: str
    fallback: Fallback


class GameStopped(View):
    """Of stopGame: how many steps of the stop are left at most; the delivery begins when none is."""

    game: str
    left: int

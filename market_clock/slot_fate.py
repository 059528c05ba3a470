"""What becomes of a slot for which no game was published: it is dealt with, or stays due until a later one comes."""

from energy_market_chaincode.errors import (
    BadSignature,
    CommandIdReused,
    GameExists,
    MalformedCommand,
    OperatorsOnly,
    SlotTaken,
    TopologyMissing,
    UnknownSigner,
)
from prosumer_client.errors import CommandRejected, MarketError, RequestRefused

TAKEN = frozenset({GameExists.code, SlotTaken.code})
"""Another clock, or another entry with the same slot, was faster."""

# What is about us stays due: the clock is admitted anew, with another key, or is started as another operator. After the
# first two the ledger hears the command again under its id; that of another operator has another id.
_ABOUT_US = frozenset({BadSignature.code, UnknownSigner.code, OperatorsOnly.code})
# What is about the ledger stays due: no transaction could take the command, say because the organisations run different
# contracts, so nothing was decided.
_ABOUT_THE_LEDGER = frozenset({"TRANSACTION_FAILED"})
_ABOUT_THE_SLOT = TAKEN | {
    # Somebody with our key said this for this slot in other words, for instance a clock of another version.
    CommandIdReused.code,
    # The market is not set up. Who sets it up does not expect that a game of an hour long past begins at that moment.
    TopologyMissing.code,
    # The entry's parameters are none for this contract: the entry has to be replaced.
    MalformedCommand.code,
}
_ABOUT_THE_CONTENT = frozenset({400, 409, 413, 422})
"""HTTP statuses of a request that is wrong in itself."""


def is_about_us(error: MarketError) -> bool:
    """Tell whether the clock was refused for its key or role, which the next admission may mend."""
    return error.code in _ABOUT_US


def stays_due(error: MarketError) -> bool:
    """Tell whether a slot stays due after this error.

    What a service refuses for another reason than its content, or what is no answer of the market at all, is about
    the way there. A rejection by a rule that is not named here is about the slot: the ledger would repeat it.
    """
    if is_about_us(error) or error.code in _ABOUT_THE_LEDGER:
        return True
    if error.code in _ABOUT_THE_SLOT or isinstance(error, CommandRejected):
        return False
    return not (isinstance(error, RequestRefused) and error.status in _ABOUT_THE_CONTENT)

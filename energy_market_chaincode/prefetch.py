"""The keys a command will surely read, so that a transaction of many asks the ledger for all of them at once.

Only speed hangs on this page: a key that is missing here is read when it is needed.
"""

from energy_market_chaincode.commands import (
    Command,
    PublishBuyBid,
    PublishClearing,
    PublishDemand,
    PublishMeterReading,
    PublishOffer,
    PublishReadings,
    RegisterMeter,
    RegisterProsumer,
    TopUpAccount,
)
from energy_market_chaincode.records import (
    AcceptedReading,
    Account,
    Arena,
    ClearingState,
    Connection,
    Delivery,
    Demand,
    Escrow,
    Game,
    HopsColumn,
    HopsRow,
    MetersProsumer,
    MeterTotals,
    NetworkNode,
    Play,
    Prosumer,
    Remembered,
    StandingBid,
    StandingOffer,
)


def keys_read_by(command: Command) -> list[str]:
    """Return the keys that deciding a command reads, as far as they are known beforehand."""
    signer = command.prosumer
    keys = [Prosumer.key(signer), Remembered.key(signer, command.id)]
    match command.data:
        case RegisterProsumer() as data:
            keys += [Prosumer.key(data.id)]
        case TopUpAccount() as data:
            keys += [Prosumer.key(data.prosumer), Account.key(data.prosumer)]
        case PublishOffer() as data:
            keys += [*_registration_keys(data.game, signer), HopsColumn.key(signer)]
        case PublishDemand() as data:
            keys += [*_registration_keys(data.game, signer), HopsRow.key(signer), MeterTotals.key(signer)]
        case PublishBuyBid() as data:
            keys += [Game.key(data.game), Arena.key(data.game), Play.key(data.game)]
            keys += [StandingBid.key(data.game, signer), Escrow.key(data.game, signer)]
        case PublishClearing() as data:
            keys += [kind.key(data.game) for kind in (Game, Arena, ClearingState, Play)]
        case PublishMeterReading() as data:
            keys += [Game.key(data.game), Arena.key(data.game), AcceptedReading.key(signer, str(data.sequence))]
            keys += [Delivery.key(data.game, signer), MeterTotals.key(signer)]
        case RegisterMeter() as data:
            keys += [Prosumer.key(data.id), Prosumer.key(data.prosumer), Connection.key(data.prosumer)]
        case PublishReadings():
            keys += [MetersProsumer.key(signer)]
        case _:
            pass
    return keys


def _registration_keys(game: str, signer: str) -> list[str]:
    return [
        *(Game.key(game), StandingOffer.key(game, signer), Demand.key(game, signer)),
        *(NetworkNode.key(signer), Account.key(signer), Escrow.key(game, signer)),
    ]

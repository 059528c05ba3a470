"""The keys a command will surely read, so that a transaction of many asks the ledger for all of them at once.

Only speed hangs on this page: a key that is missing here is read when it is needed.
"""

from energy_market_chaincode.commands import (
    AboutSlot,
    ProveClearing,
    PublishBuyBid,
    PublishClearing,
    PublishDemand,
    PublishMeterReading,
    PublishOffer,
    PublishOrders,
    PublishReadings,
    RegisterMeter,
    RegisterProsumer,
    StopGame,
    TopUpAccount,
)
from energy_market_chaincode.context import Workspace
from energy_market_chaincode.lines import Movement
from energy_market_chaincode.records import (
    AcceptedReading,
    Account,
    Arena,
    ClearingState,
    Connection,
    Delivery,
    Escrow,
    Game,
    HopsColumn,
    HopsRow,
    MetersProsumer,
    MeterTotals,
    NetworkNode,
    Play,
    Prosumer,
    Record,
    Remembered,
    Slot,
    StandingBid,
    StandingDemand,
    StandingOffer,
)
from energy_market_chaincode.signed_commands import Command
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.unfinished import Proposals, Stopping
from energy_market_chaincode.vocabulary import EntryKind


def keys_read_by(command: Command) -> list[str]:
    """Return the keys that deciding a command reads, as far as they are known beforehand."""
    signer = command.prosumer
    keys = [Prosumer.key(signer), Remembered.key(signer, command.id)]
    match command.data:
        case RegisterProsumer() as data:
            keys += [Prosumer.key(data.id)]
        case TopUpAccount() as data:
            keys += [Prosumer.key(data.prosumer), Account.key(data.prosumer)]
        case PublishOffer() | PublishDemand() | PublishOrders() as data:
            keys += _order_keys(data, signer)
        case PublishBuyBid() as data:
            keys += [kind.key(data.game) for kind in (Game, Arena, Play, Stopping)]
            keys += [StandingBid.key(data.game, signer), Escrow.key(data.game, signer), Account.key(signer)]
        case PublishClearing() | ProveClearing() | StopGame() as data:
            keys += [kind.key(data.game) for kind in (Game, Arena, ClearingState, Play, Proposals, Stopping)]
        case PublishMeterReading() as data:
            keys += [Game.key(data.game), AcceptedReading.key(signer, str(data.sequence))]
            keys += [kind.key(data.game, signer) for kind in (StandingOffer, StandingDemand)]
            keys += [Delivery.key(data.game, signer), MeterTotals.key(signer)]
        case RegisterMeter() as data:
            keys += [Prosumer.key(data.id), Prosumer.key(data.prosumer), Connection.key(data.prosumer)]
        case PublishReadings():
            keys += [MetersProsumer.key(signer)]
    return keys


async def keys_that_follow(command: Command, state: Workspace, now_ms: int) -> list[str]:
    """Return the keys that follow from the market's time or from what :func:`keys_read_by` had read."""
    match command.data:
        case TopUpAccount() as data:
            return [Movement.key(data.prosumer, iso_time(now_ms), EntryKind.TOP_UP.value)]
        case PublishReadings():
            meter = await state.get(MetersProsumer.key(command.prosumer))
            return [] if meter is None else [Connection.key(MetersProsumer.from_bytes(meter).prosumer)]
    return []


def _order_keys(data: PublishOffer | PublishDemand | PublishOrders, signer: str) -> list[str]:
    kinds: list[type[Record]] = [NetworkNode, Account, Connection]
    match data:
        case PublishOffer():
            kinds, slots = [*kinds, HopsColumn], registration_keys(data.game, signer)
        case PublishDemand():
            kinds, slots = [*kinds, HopsRow, MeterTotals], registration_keys(data.game, signer)
        case PublishOrders():
            kinds += [HopsColumn, HopsRow, MeterTotals]
            slots = [key for order in data.orders for key in _keys_of_slot(order, signer)]
    return [*(kind.key(signer) for kind in kinds), *slots]


def _keys_of_slot(named: AboutSlot, signer: str) -> list[str]:
    return registration_keys(named.game, signer) if named.game is not None else [Slot.key(str(named.delivery_slot))]


def registration_keys(game: str, signer: str) -> list[str]:
    """Return the keys of a game's registration, as far as they are one prosumer's."""
    return [Game.key(game), *(kind.key(game, signer) for kind in (StandingOffer, StandingDemand, Escrow))]

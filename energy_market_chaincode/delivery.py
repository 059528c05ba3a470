"""Rules of delivery: meters report, and where they only count up what is certain is paid at once."""

from collections.abc import Iterable, Mapping, Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.bills import transfer_payments
from energy_market_chaincode.commands import PublishMeterReading
from energy_market_chaincode.context import Books, Context, rule
from energy_market_chaincode.errors import DeliveryNotBegun, MetersOnly, NotRegistered, ReadingRepeated, WrongPhase
from energy_market_chaincode.matching import is_certain
from energy_market_chaincode.records import (
    AcceptedReading,
    Arena,
    Certificate,
    Connection,
    Customers,
    Delivery,
    Escrow,
    Game,
    Installed,
    Purchases,
    ReadingOfGame,
    StandingDemand,
    StandingOffer,
    Transfer,
)
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.unfinished import Settling
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.views import GameResult
from energy_market_chaincode.vocabulary import NETWORK_OPERATOR, Metering, Phase


@rule
async def publish_meter_reading(context: Context, data: PublishMeterReading) -> GameResult:
    """Count a reading once, and pay the transfers that are now certain."""
    game = await context.game(data, Phase.DELIVERY)
    if await context.exists(Settling, game.id):
        raise WrongPhase(topic=data.topic, game=game.id, needed=Phase.DELIVERY.value, phase="settlement")
    if game.parameters.metering is Metering.METERS:
        raise MetersOnly(prosumer=context.signer)
    if context.now_ms < (game.delivery_starts_ms or 0) and game.has_slot_time:
        raise DeliveryNotBegun(game=game.id, begins=iso_time(game.delivery_starts_ms or 0))
    prosumer = context.signer
    is_seller = await context.exists(StandingOffer, game.id, prosumer)
    if not is_seller and not await context.exists(StandingDemand, game.id, prosumer):
        raise NotRegistered(prosumer=prosumer, game=game.id, role="seller or buyer")
    if await context.exists(AcceptedReading, prosumer, str(data.sequence)):
        raise ReadingRepeated(sequence=data.sequence, prosumer=prosumer)
    context.save(AcceptedReading(), prosumer, str(data.sequence))
    context.save(ReadingOfGame(), game.id, prosumer, str(data.sequence))
    await _count(context, game, data)
    if await context.exists(Certificate, game.id):
        return GameResult(game=game.id)  # its transfers are not stored, and all paid when it is settled
    if is_seller:
        customers = await context.load(Customers, game.id, prosumer)
        await _pay_certain(context, game, customers.buyers, only_from=prosumer)
    else:
        await _pay_certain(context, game, [prosumer], only_from=None)
    return GameResult(game=game.id)


async def _count(context: Context, game: Game, data: PublishMeterReading) -> None:
    """Add a reading to the participant's delivery."""
    delivery = await context.find(Delivery, game.id, context.signer) or Delivery()
    delivery = delivery.but(
        in_energy=delivery.in_energy + data.in_energy, out_energy=delivery.out_energy + data.out_energy
    )
    context.save(delivery, game.id, context.signer)


async def _pay_certain(context: Context, game: Game, buyers: Sequence[str], only_from: str | None) -> None:
    """Pay the transfers to some buyers that nothing can change any more."""
    records = await context.find_each(Purchases, game.id, names=buyers)
    bought = [record or Purchases(transfers=[]) for record in records]
    candidates = [
        transfer for p in bought for transfer in p.transfers if only_from is None or transfer.seller == only_from
    ]
    reported = await reports(context, game, {n for t in candidates for n in (t.seller, t.buyer)})
    certain = {
        (t.buyer, t.seller)
        for t in candidates
        if t.seller in reported
        and t.buyer in reported
        and is_certain(t, seller=reported[t.seller], buyer=reported[t.buyer])
    }
    if not certain:
        return
    books = await context.books({name for pair in certain for name in pair} | {NETWORK_OPERATOR})
    for buyer, purchase in zip(buyers, bought, strict=True):
        paid = [t for t in purchase.transfers if (t.buyer, t.seller) in certain]
        if paid:
            await _pay_in_full(context, game, books, paid)
            kept = [t.but(delivered=t.energy) if (t.buyer, t.seller) in certain else t for t in purchase.transfers]
            context.save(Purchases(transfers=kept), game.id, buyer)
    context.close_books(books)


async def _pay_in_full(context: Context, game: Game, books: Books, transfers: Sequence[Transfer]) -> None:
    """Pay one buyer's transfers out of its escrow."""
    buyer = transfers[0].buyer
    escrow = await context.load(Escrow, game.id, buyer)
    spent = 0
    for transfer in transfers:
        for payment in transfer_payments(transfer, transfer.energy, game.parameters.fee_per_hop):
            books.thaw(buyer, payment.amount)
            books.pay(payment.payer, payment.payee, payment.amount)
            spent += payment.amount
        context.emit(presentation.transfer_fulfilled(game.id, transfer))
    context.save(escrow.but(amount=Money(escrow.amount - spent)), game.id, buyer)


async def participants_of(context: Context, game: Game, arena: Arena) -> list[str]:
    """Return whom a slot is settled for: sellers, buyers, and with meters all that had one when the slot began."""
    traders = [*(offer.seller for offer in arena.sellers), *(demand.buyer for demand in arena.buyers)]
    if game.parameters.metering is Metering.SELF:
        return traders
    others = await installed_in(context, game)
    known = set(traders)
    return [*traders, *(name for name in others if name not in known)]


def undelivered(arena: Arena, loads: Sequence[Energy], reported: Mapping[str, Delivery]) -> int:
    """Count whose meters have not counted all that was sold and asked for.

    Parameters
    ----------
    loads
        What each seller sold.
    """
    nothing = Delivery()
    sellers = sum(
        reported.get(offer.seller, nothing).out_energy < load for offer, load in zip(arena.sellers, loads, strict=True)
    )
    return sellers + sum(reported.get(demand.buyer, nothing).in_energy < demand.demand for demand in arena.buyers)


async def installed_in(context: Context, game: Game) -> dict[str, Installed]:
    """Return the meter of each prosumer that had one when a game's slot began."""
    connections = await context.load_named(Connection)
    installed = {name: each.installed_at(game.delivery_starts_ms or 0) for name, each in connections.items()}
    return {name: each for name, each in installed.items() if each is not None}


async def reports(context: Context, game: Game, prosumers: Iterable[str]) -> dict[str, Delivery]:
    """Return what those meters counted for a game that have reported."""
    names = sorted(prosumers)
    records = await context.find_each(Delivery, game.id, names=names)
    return {name: record for name, record in zip(names, records, strict=True) if record is not None}

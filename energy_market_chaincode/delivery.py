"""Rules of delivery: meters report, fulfilled transfers are paid at once, and the close settles the rest."""

from collections.abc import Collection, Iterable, Sequence

from energy_market_chaincode import presentation
from energy_market_chaincode.books import Books
from energy_market_chaincode.commands import CloseMarket, PublishMeterReading
from energy_market_chaincode.context import Context
from energy_market_chaincode.contracting import release_escrows
from energy_market_chaincode.errors import DeliveryNotBegun, DeliveryNotOver, NotRegistered, ReadingRepeated
from energy_market_chaincode.records import (
    AcceptedReading,
    Arena,
    Customers,
    Delivery,
    Escrow,
    Game,
    MeterTotals,
    Purchases,
    Settlement,
    Transfer,
)
from energy_market_chaincode.rules import rule
from energy_market_chaincode.settlement import (
    Deliveries,
    Meters,
    Payment,
    Purpose,
    closing_payments,
    is_certain,
    transfer_payments,
)
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.views import GameResult
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Phase


@rule
async def publish_meter_reading(context: Context, data: PublishMeterReading) -> GameResult:
    """Count a reading once, and pay the transfers that are now certain."""
    game = await context.game(data, Phase.DELIVERY)
    if context.now_ms < (game.delivery_starts_ms or 0) and game.has_slot_time:
        raise DeliveryNotBegun(game=game.id, begins=iso_time(game.delivery_starts_ms or 0))
    arena = await context.arena(game)
    prosumer = context.signer
    is_seller = arena.seller_index(prosumer) is not None
    if not is_seller and arena.buyer_index(prosumer) is None:
        raise NotRegistered(prosumer=prosumer, game=game.id, role="seller or buyer")
    if await context.exists(AcceptedReading, prosumer, str(data.sequence)):
        raise ReadingRepeated(sequence=data.sequence, prosumer=prosumer)
    context.save(AcceptedReading(), prosumer, str(data.sequence))
    await _count(context, game, data)
    if is_seller:
        customers = await context.load(Customers, game.id, prosumer)
        await _pay_certain(context, game, customers.buyers, only_from=prosumer)
    else:
        await _pay_certain(context, game, [prosumer], only_from=None)
    return GameResult(game=game.id)


async def _count(context: Context, game: Game, data: PublishMeterReading) -> None:
    """Add a reading to the participant's delivery and to its meter's totals."""
    delivery = await context.find(Delivery, game.id, context.signer) or Delivery()
    delivery = delivery.but(
        in_energy=delivery.in_energy + data.in_energy, out_energy=delivery.out_energy + data.out_energy
    )
    context.save(delivery, game.id, context.signer)
    totals = await context.load(MeterTotals, context.signer)
    totals = totals.but(production=totals.production + data.out_energy, consumption=totals.consumption + data.in_energy)
    context.save(totals, context.signer)


async def _pay_certain(context: Context, game: Game, buyers: Sequence[str], only_from: str | None) -> None:
    """Pay the transfers to some buyers that nothing can change any more."""
    purchases = await _purchases(context, game, buyers)
    candidates = [
        transfer for p in purchases for transfer in p.transfers if only_from is None or transfer.seller == only_from
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
    for buyer, purchase in zip(buyers, purchases, strict=True):
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


@rule
async def close_market(context: Context, data: CloseMarket) -> GameResult:
    """Settle what is left against the grid's tariffs, release every escrow, and end the game."""
    game = await context.game(data, Phase.DELIVERY)
    arena = await context.arena(game)
    buyers = [demand.buyer for demand in arena.buyers]
    sellers = [offer.seller for offer in arena.sellers]
    transfers = [t for p in await _purchases(context, game, buyers) for t in p.transfers]
    reported = await reports(context, game, {*buyers, *sellers})
    _require_delivered(context, game, arena, transfers, reported)
    meters = Meters.of(arena, reported)
    await _count_presumed(context, arena, meters)
    delivered, payments = closing_payments(arena, transfers, meters, game.parameters)
    books = await context.books({*buyers, *sellers, GRID_OPERATOR, NETWORK_OPERATOR})
    await release_escrows(context, books, game.id, [*buyers, *sellers])
    guaranteed = _settle(context, game, books, payments)
    context.close_books(books)
    settled = [t.but(delivered=energy) for t, energy in zip(transfers, delivered, strict=True)]
    _save_settled(context, game, buyers, transfers, settled)
    settlement = _settlement(context, game, arena, settled, meters, payments, guaranteed)
    context.save(settlement, game.id)
    context.save(game.but(phase=Phase.CLOSED), game.id)
    context.emit(presentation.market_closed(game.id, settlement))
    return GameResult(game=game.id)


def _require_delivered(
    context: Context, game: Game, arena: Arena, transfers: Sequence[Transfer], reported: Deliveries
) -> None:
    """Refuse to close before the time while a meter may still report something that is to be paid.

    The slot with a time is delivered to its end, and every participant's report of it is waited for. In other games
    whoever has no bid gets its demand from the grid, and is waited for, too.
    """
    if game.has_slot_time:
        pending = len(awaited(arena, reported))
        may_close = context.now_ms >= (game.delivery_ends_ms or 0) and not pending
    else:
        supplied = {transfer.buyer for transfer in transfers}
        taken = {name: delivery.in_energy for name, delivery in reported.items()}
        from_grid = [d for d in arena.buyers if d.buyer not in supplied and taken.get(d.buyer, 0) < d.demand]
        pending = sum(not transfer.is_fulfilled for transfer in transfers) + len(from_grid)
        may_close = not pending
    ends = game.metering_ends_ms or game.delivery_ends_ms or 0
    if not may_close and context.now_ms < ends:
        raise DeliveryNotOver(game=game.id, ends=iso_time(ends), pending=pending)


def awaited(arena: Arena, reported: Collection[str]) -> list[str]:
    """Return the participants whose meters have not reported yet, in the order of the game."""
    everybody = [offer.seller for offer in arena.sellers] + [demand.buyer for demand in arena.buyers]
    return [name for name in everybody if name not in reported]


async def _count_presumed(context: Context, arena: Arena, meters: Meters) -> None:
    """Add what silent buyers are presumed to have taken to their totals, or silence would raise their metric."""
    silent = [demand for demand in arena.buyers if demand.buyer in meters.presumed]
    totals = await context.find_each(MeterTotals, names=[demand.buyer for demand in silent])
    for demand, known in zip(silent, totals, strict=True):
        total = known or MeterTotals()
        total = total.but(consumption=total.consumption + demand.demand)
        context.save(total, demand.buyer)


def _settle(context: Context, game: Game, books: Books, payments: Iterable[Payment]) -> Money:
    """Carry out payments; what an account cannot pay the grid operator pays in its place, and the world is told.

    That is the account's debt. What came in for it meanwhile pays it off at once.
    """
    unpaid: dict[str, Money] = {}
    required: dict[str, Money] = {}
    for payment in payments:
        missing = books.pay(payment.payer, payment.payee, payment.amount)
        books.guarantee(payment.payer, payment.payee, missing)
        required[payment.payer] = Money(required.get(payment.payer, 0) + payment.amount)
        if missing:
            unpaid[payment.payer] = Money(unpaid.get(payment.payer, 0) + missing)
    for prosumer, missing in unpaid.items():
        available = Money(required[prosumer] - missing)
        context.emit(presentation.account_top_up_required(game.id, prosumer, required[prosumer], available))
    books.repay_debts()
    return Money(sum(unpaid.values()))


def _save_settled(
    context: Context, game: Game, buyers: Sequence[str], before: Sequence[Transfer], settled: Sequence[Transfer]
) -> None:
    for was, transfer in zip(before, settled, strict=True):
        if transfer.is_fulfilled and not was.is_fulfilled:
            context.emit(presentation.transfer_fulfilled(game.id, transfer))
    bought: dict[str, list[Transfer]] = {buyer: [] for buyer in buyers}
    for transfer in settled:
        bought[transfer.buyer].append(transfer)
    for buyer, kept in bought.items():
        context.save(Purchases(transfers=kept), game.id, buyer)


def _settlement(
    context: Context,
    game: Game,
    arena: Arena,
    settled: Sequence[Transfer],
    meters: Meters,
    payments: Sequence[Payment],
    guaranteed: Money,
) -> Settlement:
    """Add up what closing settled; energy and transmission include what was paid during delivery."""
    delivered = sum(transfer.delivered for transfer in settled)
    fed_in = sum(min(meters.counted[offer.seller].out_energy, offer.capacity) for offer in arena.sellers)
    taken = sum(delivery.in_energy for delivery in meters.counted.values())
    for_transfers = [p for t in settled for p in transfer_payments(t, t.delivered, game.parameters.fee_per_hop)]
    of = {purpose: Money(0) for purpose in Purpose}
    for payment in (*for_transfers, *(p for p in payments if p.purpose not in (Purpose.ENERGY, Purpose.TRANSMISSION))):
        of[payment.purpose] = Money(of[payment.purpose] + payment.amount)
    return Settlement(
        closed_at_ms=context.now_since((game.delivery_ends_ms or 0) - game.parameters.delivery_duration_ms),
        delivered=Energy(delivered),
        from_grid=Energy(taken - delivered),
        to_grid=Energy(fed_in - delivered),
        paid_to_sellers=of[Purpose.ENERGY],
        transmission_fees=of[Purpose.TRANSMISSION],
        paid_to_grid=of[Purpose.FROM_GRID],
        paid_by_grid=of[Purpose.TO_GRID],
        compensations=of[Purpose.COMPENSATION],
        penalties=of[Purpose.PENALTY],
        guaranteed=guaranteed,
        presumed=meters.presumed,
    )


async def _purchases(context: Context, game: Game, buyers: Sequence[str]) -> list[Purchases]:
    records = await context.find_each(Purchases, game.id, names=buyers)
    return [record or Purchases(transfers=[]) for record in records]


async def reports(context: Context, game: Game, prosumers: Iterable[str]) -> dict[str, Delivery]:
    """Return what those meters counted for a game that have reported."""
    names = sorted(prosumers)
    records = await context.find_each(Delivery, game.id, names=names)
    return {name: record for name, record in zip(names, records, strict=True) if record is not None}

"""Rules of settlement: the close of a slot, and its correction until it is final, part by part where it is large.

What a slot comes to is pure arithmetic, see :mod:`energy_market_chaincode.bills`; here the money moves. Everybody
settles with the grid operator what its line comes to: what an account cannot pay is its debt, and nobody else's loss.

All is worked out from what was reported before the first part, so that parts of any size come to the same. Buyers are
matched first, to know what they leave of what sellers fed in; then they settle, and add up what their contracts come to
for the sellers; at last these settle, and who traded nothing.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from energy_market_chaincode import presentation
from energy_market_chaincode.bills import Bills, Presumption, transfer_payments
from energy_market_chaincode.commands import CloseMarket
from energy_market_chaincode.context import Books, Context, rule
from energy_market_chaincode.contracting import release_escrows
from energy_market_chaincode.delivered_slot import DeliveredSlot
from energy_market_chaincode.delivery import reports, undelivered
from energy_market_chaincode.errors import DeliveryNotOver, PartDone, SlotSettling
from energy_market_chaincode.events import SlotSettlingEvent
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import Matched, give, match
from energy_market_chaincode.proof import Walker
from energy_market_chaincode.records import (
    Certificate,
    Delivery,
    Game,
    MeterTotals,
    Purchases,
    Settlement,
    Transfer,
)
from energy_market_chaincode.statements import lines_of, save_corrections, save_line
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.unfinished import KeptReading, KeptReadings, Settling
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.views import GameSettled
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Metering, Phase, SettlementStage

PART, LEAST = 5_000, 100
MATCHED, FILLED, SETTLED, LOOKED_AT = 1, 4, 10, 2
STORED, CLEARED = 3, 10
"""What one command may do, and of each of several slots at least. So much weighs a buyer that is matched, more if it
fills up anew; a participant that is settled, or looked at in a correction; a transfer that is stored, and so many that
follow from a clearing. It stays below a second and a megabyte, where 10 weigh about a millisecond."""
MOST_KEPT = 500
"""So many readings are kept while a slot is settling."""
SOLD = ("sold", "sold_for", "compensation", "penalties")
"""What contracts enter in a seller's line."""


T = TypeVar("T")


class _Buyer(NamedTuple):
    """A buyer, what it bought, and what counts of it; what is presumed of it, if it was silent."""

    name: str
    bought: list[Transfer]
    counted: Delivery
    presumption: Presumption | None


@dataclass(slots=True)
class _Part:
    """A slot's settlement or correction in one part's hands.

    Attributes
    ----------
    bills
        What it comes to so far.
    guaranteed
        See :class:`~energy_market_chaincode.records.Settlement`.
    room
        How much there is left to do in this part.
    walker
        Lets buyers fill up anew, if the game was cleared part by part.
    fed_in, rest
        See :class:`~energy_market_chaincode.unfinished.Settling`, by the sellers' names.
    paid_early
        What everybody whose line is to come got during the delivery of the contracts that were looked at.
    before
        The lines of those that are settled anew.
    """

    context: Context
    slot: DeliveredSlot
    state: Settling
    bills: Bills
    guaranteed: int
    room: int
    walker: Walker | None
    fed_in: dict[str, Energy]
    rest: dict[str, Energy]
    paid_early: Counter[str]
    before: dict[str, Line] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context, slot: DeliveredSlot, state: Settling, room: int) -> "_Part":
        """Go on where the last one stopped, or begin."""
        sellers = slot.sellers
        rows = [dict(zip(state.sold, row, strict=True)) for row in zip(*state.sold.values(), strict=True)]
        return cls(
            context=context,
            slot=slot,
            state=state,
            bills=Bills(slot.game.parameters, state.so_far, dict(zip(sellers, rows, strict=False))),
            guaranteed=state.so_far.guaranteed,
            room=room,
            walker=slot.walker(state.walk),
            fed_in=dict(zip(sellers, state.fed_in, strict=False)),
            rest=dict(zip(sellers, state.rest, strict=False)),
            paid_early=Counter(dict(zip(sellers, state.paid_early, strict=False))),
        )

    def save(self) -> None:
        """Store how far it came."""
        sellers, entered = self.slot.sellers, self.bills.entered
        state = self.state.but(
            so_far=self.bills.settlement().but(guaranteed=Money(self.guaranteed)),
            walk=self.walker.walk if self.walker is not None else None,
            fed_in=list(self.fed_in.values()),
            rest=list(self.rest.values()),
            sold={column: [entered[name][column] for name in sellers] for column in SOLD},
            paid_early=[Money(self.paid_early[name]) for name in sellers],
        )
        self.context.save(state, self.slot.game.id)

    @property
    def is_correction(self) -> bool:
        """Whether the slot was settled before."""
        return self.state.so_far.corrections > 0

    @property
    def settled(self) -> int:
        """What it weighs to bill a participant."""
        return LOOKED_AT if self.is_correction else SETTLED

    @property
    def filled(self) -> int:
        """What it weighs to know what a buyer buys."""
        return 0 if self.walker is None else FILLED

    def advance(self, weight: int) -> bool:
        """Count a step; tell whether there is room for another one."""
        self.state = self.state.but(done=self.state.done + 1, left=self.state.left - 1)
        self.room -= weight
        return self.room > 0

    def next(self, among: Sequence[T], weight: int) -> Sequence[T]:
        """Return as many of a stage's participants as there is room for, at most."""
        return among[self.state.done : self.state.done + max(1, self.room // weight)]

    def enter(self, stage: SettlementStage) -> None:
        """Begin another stage; buyers fill up anew."""
        self.state = self.state.but(stage=stage, done=0)
        self.walker = self.slot.walker(self.slot.first_walk())
        self.fed_in = {}

    async def buyers(self, weight: int) -> Iterator[_Buyer]:
        """Return as many of the stage's buyers as there is room for, at most; feed in before the first one."""
        if not self.fed_in:
            each = zip(self.slot.sellers, await self.counted(self.slot.sellers), strict=True)
            self.fed_in = {name: counted.out_energy for name, (counted, _) in each}
        demands = self.next(self.slot.arena.buyers, weight)
        names = [demand.buyer for demand in demands]
        reported = await self.reported(names)
        numbers = range(self.state.done, self.state.done + len(names))
        bought = await self.slot.transfers(self.context, numbers, self.walker)
        return (
            _Buyer(name, transfers, *self.slot.counted(name, reported, demand.demand, transfers))
            for name, demand, transfers in zip(names, demands, bought, strict=True)
        )

    async def reported(self, names: Sequence[str]) -> dict[str, Delivery]:
        """Return what meters counted; in a correction the lines have it of all whom it is not about."""
        if not self.is_correction:
            return await reports(self.context, self.slot.game, names)
        lines = await lines_of(self.context, self.slot.game, names)
        self.before |= lines
        known = {
            name: Delivery(in_energy=line.in_energy, out_energy=line.out_energy)
            for name, line in lines.items()
            if not line.is_presumed
        }
        return known | {name: self.state.corrected[name] for name in names if name in self.state.corrected}

    async def counted(self, names: Sequence[str]) -> list[tuple[Delivery, Presumption | None]]:
        """Return what counts of some that buy nothing."""
        reported = await self.reported(names)
        return [self.slot.counted(name, reported, Energy(0), []) for name in names]

    def note_early(self, bought: Sequence[Transfer]) -> None:
        """Note what a buyer's transfers brought that were paid during the delivery; in a cleared slot none is."""
        for transfer in bought:
            if transfer.is_fulfilled and not self.is_correction:
                for payment in transfer_payments(transfer, transfer.energy, self.slot.game.parameters.fee_per_hop):
                    self.paid_early[payment.payer] -= payment.amount
                    self.paid_early[payment.payee] += payment.amount


@rule
async def close_market(context: Context, data: CloseMarket) -> GameSettled:
    """Settle the next part of a slot, or of its correction.

    The last part of the settlement ends the game; then what was read meanwhile corrects it.
    """
    state = await context.find(Settling, data.game)
    is_correction = state is not None and state.so_far.corrections > 0
    game = await context.game(data, Phase.CLOSED if is_correction else Phase.DELIVERY)
    slot = await DeliveredSlot.load(context, game)
    known = state or slot.beginning(Settlement(closed_at_ms=0), {})
    if data.left not in (None, known.left):
        raise PartDone(game=game.id, left=known.left)
    if state is None:
        await _require_delivered(context, slot)
    left = await _go_on(_Part.of(context, slot, known, PART))
    if state is None and left:
        context.emit(SlotSettlingEvent(game=game.id, left=left))
    return GameSettled(game=game.id, left=left)


async def correct(context: Context, game: Game, corrected: Mapping[str, Delivery], slots: int) -> None:
    """Settle a closed slot anew by corrected readings, or begin to; only what that changes moves.

    Parameters
    ----------
    slots
        How many slots the command corrects at most.
    """
    await _correct(context, game, corrected, max(PART // slots, min(PART, LEAST)))


async def _correct(context: Context, game: Game, corrected: Mapping[str, Delivery], room: int) -> int:
    slot, settlement = await DeliveredSlot.load(context, game), await context.load(Settlement, game.id)
    so_far = Settlement(
        closed_at_ms=settlement.closed_at_ms,
        guaranteed=settlement.guaranteed,
        corrections=settlement.corrections + 1,
    )
    left = await _go_on(_Part.of(context, slot, slot.beginning(so_far, corrected), room))
    if left:
        context.emit(SlotSettlingEvent(game=game.id, left=left))
    return left


async def _go_on(part: _Part) -> int:
    """Do as much as there is room for; return how many steps are left."""
    while part.state.left and part.room > 0:
        await _STAGES[part.state.stage](part)
    if part.state.left:
        part.save()
        return part.state.left
    return await _end(part)


async def _match(part: _Part) -> None:
    """Give buyers what sellers fed in, to know what all of them leave of it."""
    for buyer in await part.buyers(MATCHED):
        give(buyer.bought, buyer.counted.in_energy, part.fed_in)
        if not part.advance(MATCHED + part.filled + len(buyer.bought) // CLEARED):
            break
    if part.state.done == len(part.slot.arena.buyers):
        part.rest = part.fed_in
        part.enter(SettlementStage.BUYERS)


async def _settle_buyers(part: _Part) -> None:
    """Let buyers settle, and add up what their contracts come to for the sellers."""
    lines, is_stored = dict[str, Line](), part.slot.proof is None
    for buyer in await part.buyers(part.settled):
        matched = match(buyer.bought, buyer.counted.in_energy, part.fed_in, part.rest)
        part.note_early(buyer.bought)
        part.bills.add(matched)
        stored = _save_transfers(part.context, part.slot.game, buyer.name, matched) if is_stored else 0
        lines[buyer.name] = part.bills.line(buyer.name, buyer.counted, buyer.presumption)
        if not part.advance(part.settled + part.filled + STORED * stored + len(buyer.bought) // CLEARED):
            break
    await _settle(part, lines)
    if part.state.done == len(part.slot.arena.buyers):
        part.enter(SettlementStage.OTHERS)


async def _settle_others(part: _Part) -> None:
    """Let sellers settle, and who traded nothing."""
    names = part.next(part.slot.others, part.settled)
    lines = dict[str, Line]()
    for name, (counted, presumption) in zip(names, await part.counted(names), strict=True):
        lines[name] = part.bills.line(name, counted, presumption)
        part.advance(part.settled)
    await _settle(part, lines)


_STAGES: dict[SettlementStage, Callable[[_Part], Awaitable[None]]] = {
    SettlementStage.MATCH: _match,
    SettlementStage.BUYERS: _settle_buyers,
    SettlementStage.OTHERS: _settle_others,
}


async def _settle(part: _Part, lines: Mapping[str, Line]) -> None:
    """Let some participants settle what their lines come to, and the network operator their fees."""
    context, game = part.context, part.slot.game
    books = await context.books({*lines, GRID_OPERATOR, NETWORK_OPERATOR})
    if not part.is_correction:
        await release_escrows(context, books, game.id, lines)
    before = {name: part.before[name] for name in lines if name in part.before}
    fees = sum(line.fees for line in lines.values()) - sum(line.fees for line in before.values())
    gains = {NETWORK_OPERATOR: Money(fees - part.paid_early.pop(NETWORK_OPERATOR, 0))}
    for name, line in lines.items():
        had = part.paid_early.pop(name, 0) + (before[name].net if name in before else 0)
        gains[name] = Money(line.net - had)
    part.guaranteed += _move(context, game, books, gains)
    context.close_books(books)
    await _save_lines(context, game, lines, before)
    save_corrections(context, game, part.state.so_far.corrections, lines, before)


async def _end(part: _Part) -> int:
    """End a settlement, and the game with it, or a correction; then readings count that came meanwhile."""
    context, game = part.context, part.slot.game
    settlement = part.bills.settlement()
    silent = set(settlement.presumed)
    presumed = [name for name in part.slot.participants if name in silent]
    settlement = settlement.but(guaranteed=Money(part.guaranteed), presumed=presumed)
    context.delete(Settling, game.id)
    if part.is_correction:
        context.emit(presentation.settlement_corrected(game.id, settlement))
    else:
        settlement = settlement.but(closed_at_ms=_closed_at(context, game))
        context.save(game.but(phase=Phase.CLOSED), game.id)
        context.emit(presentation.market_closed(game.id, settlement))
    context.save(settlement, game.id)
    kept = await context.load_named(KeptReading, game.id)
    for name in kept:
        context.delete(KeptReading, game.id, name)
    context.delete(KeptReadings, game.id)
    return await _correct(context, game, kept, part.room) if kept else 0


async def is_settling(context: Context, game: Game) -> bool:
    """Tell whether a part of a slot is settled, and not all of it."""
    return await context.exists(Settling, game.id)


async def keep_reading(context: Context, game: Game, prosumer: str, reading: Delivery) -> None:
    """Keep what a meter counted until the last part of a slot is settled.

    Raises
    ------
    SlotSettling
        If very many were kept.
    """
    if not await context.exists(KeptReading, game.id, prosumer):
        kept = await context.find(KeptReadings, game.id) or KeptReadings()
        if kept.number == MOST_KEPT:
            raise SlotSettling(game=game.id)
        context.save(KeptReadings(number=kept.number + 1), game.id)
    context.save(KeptReading(in_energy=reading.in_energy, out_energy=reading.out_energy), game.id, prosumer)


async def paid_early(context: Context, game: Game) -> dict[str, Money]:
    """Return what everybody who is not settled got during the delivery; in a cleared or metered game it is nothing."""
    if game.parameters.metering is Metering.METERS or await context.exists(Certificate, game.id):
        return {}
    slot = await DeliveredSlot.load(context, game)
    state = await context.find(Settling, game.id) or slot.beginning(Settlement(closed_at_ms=0), {})
    part = _Part.of(context, slot, state, PART)
    if state.stage is not SettlementStage.OTHERS:
        done = state.done if state.stage is SettlementStage.BUYERS else 0
        for bought in await slot.transfers(context, range(done, len(slot.arena.buyers)), None):
            part.note_early(bought)
    return {name: Money(amount) for name, amount in part.paid_early.items() if name != NETWORK_OPERATOR}


async def _require_delivered(context: Context, slot: DeliveredSlot) -> None:
    """Refuse to close before the time while a meter may still report something that is to be paid.

    A slot with a time is delivered to its end, and every participant's report of it is waited for. In other games what
    is contracted and what a bid leaves to the grid is waited for.
    """
    game = slot.game
    ends = game.metering_ends_ms or game.delivery_ends_ms or 0
    if context.now_ms >= ends:
        return
    reported = await reports(context, game, slot.participants)
    if game.has_slot_time or game.parameters.metering is Metering.METERS:
        pending = len(slot.participants) - len(reported)
        may_close = context.now_ms >= (game.delivery_ends_ms or 0) and not pending
    elif slot.proof is not None:
        pending = undelivered(slot.arena, slot.loads, reported)
        may_close = not pending
    else:
        taken = {name: delivery.in_energy for name, delivery in reported.items()}
        bought = await slot.transfers(context, range(len(slot.arena.buyers)), None)
        unfulfilled = [t.buyer for transfers in bought for t in transfers if not t.is_fulfilled]
        from_grid = [d for d in slot.arena.buyers if d.buyer not in unfulfilled and taken.get(d.buyer, 0) < d.demand]
        pending = len(unfulfilled) + len(from_grid)
        may_close = not pending
    if not may_close:
        raise DeliveryNotOver(game=game.id, ends=iso_time(ends), pending=pending)


def _closed_at(context: Context, game: Game) -> int:
    return context.now_since((game.delivery_ends_ms or 0) - game.parameters.delivery_duration_ms)


def _move(context: Context, game: Game, books: Books, gains: Mapping[str, Money]) -> Money:
    """Let everybody settle with the grid operator; the world is told of what an account cannot pay.

    That is the account's debt. What comes in for it pays its earlier debts off at once.

    Returns
    -------
    What the grid operator paid in place of accounts that could not.
    """
    guaranteed = 0
    for name, gain in gains.items():
        if gain > 0:
            books.pay(GRID_OPERATOR, name, gain)
            continue
        available = books.free(name)
        missing = books.pay(name, GRID_OPERATOR, Money(-gain))
        books.guarantee(name, GRID_OPERATOR, missing)
        if missing:
            context.emit(presentation.account_top_up_required(game.id, name, Money(-gain), available))
        guaranteed += missing
    books.repay_debts()
    return Money(guaranteed)


def _save_transfers(context: Context, game: Game, buyer: str, matched: Sequence[Matched]) -> int:
    """Store what was delivered of a buyer's transfers; tell the world of those that are fulfilled now.

    Returns
    -------
    How many were stored: none if nothing changed.
    """
    kept = [each.transfer.but(delivered=each.delivered) for each in matched]
    for each, transfer in zip(matched, kept, strict=True):
        if transfer.is_fulfilled and not each.transfer.is_fulfilled:
            context.emit(presentation.transfer_fulfilled(game.id, transfer))
    if kept == [each.transfer for each in matched]:
        return 0
    context.save(Purchases(transfers=kept), game.id, buyer)
    return len(kept)


async def _save_lines(context: Context, game: Game, now: Mapping[str, Line], before: Mapping[str, Line]) -> None:
    """Store the lines that changed, and count in everybody's totals what meters say, or is presumed of them."""
    changed = {name: line for name, line in now.items() if line != before.get(name)}
    for name, line in changed.items():
        save_line(context, game, name, line)
        context.delete(Delivery, game.id, name)
    if game.parameters.metering is Metering.SELF:
        return
    totals = await context.find_each(MeterTotals, names=changed)
    nothing = Line(in_energy=Energy(0), out_energy=Energy(0))
    for (name, line), known in zip(changed.items(), totals, strict=True):
        was, total = before.get(name, nothing), known or MeterTotals()
        total = total.but(
            production=total.production + line.out_energy - was.out_energy,
            consumption=total.consumption + line.in_energy - was.in_energy,
        )
        context.save(total, name)

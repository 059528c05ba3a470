"""Rules of settlement: the close of a slot, and its correction until it is final.

What a slot comes to is pure arithmetic, see :mod:`energy_market_chaincode.bills`; here the money moves. Everybody
settles with the grid operator what its line comes to: what an account cannot pay is its debt, and nobody else's loss.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from energy_market_chaincode import presentation
from energy_market_chaincode.allocation import cleared_rows, loads_of, transfers_of
from energy_market_chaincode.bills import (
    Bills,
    Purpose,
    bills,
    metered_silence,
    self_metered_silence,
    transfer_payments,
)
from energy_market_chaincode.books import Books
from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.commands import CloseMarket
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import release_escrows
from energy_market_chaincode.delivery import installed_in, participants_of, reports, undelivered
from energy_market_chaincode.errors import DeliveryNotOver, PartDone, SlotSettling
from energy_market_chaincode.lines import Line
from energy_market_chaincode.matching import contracted_transfers
from energy_market_chaincode.records import (
    Arena,
    Certificate,
    Delivery,
    Game,
    Installed,
    KeptReading,
    MeterTotals,
    Purchases,
    Settlement,
    Settling,
    Transfer,
)
from energy_market_chaincode.statements import lines_of, save_corrections, save_line
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.views import GameSettled
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Metering, Phase

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class DeliveredSlot:
    """What a slot is settled from.

    Attributes
    ----------
    proof
        The certificate from which its transfers follow, if it was cleared: then they are not stored.
    stored
        Else its transfers, in turn order, and for each buyer in the sellers' order.
    participants
        Whose reports are waited for.
    limits
        What each connection can carry in the slot; empty where prosumers meter themselves.
    """

    game: Game
    arena: Arena
    proof: Certificate | None
    stored: list[Transfer]
    participants: list[str]
    limits: dict[str, Energy]

    @classmethod
    async def load(cls, context: Context, game: Game) -> "DeliveredSlot":
        """Load it from the ledger."""
        arena = await context.arena(game)
        proof, stored = await context.find(Certificate, game.id), list[Transfer]()
        if proof is None:
            stored = [transfer for bought in await transfers_of(context, game, arena) for transfer in bought]
        participants = await participants_of(context, game, arena)
        limits = {}
        if game.parameters.metering is Metering.METERS:
            installed = await installed_in(context, game)
            limits = {name: energy_limit(installed[name], game) for name in participants}
        return cls(game, arena, proof, stored, participants, limits)

    @property
    def is_cleared(self) -> bool:
        """Whether its transfers follow from a certificate."""
        return self.proof is not None

    def bills(self, reported: Mapping[str, Delivery]) -> Bills:
        """Settle it by what was reported, and by what is presumed of those that were silent.

        That takes seconds in a slot of 10,000 participants. What a cleared one came to stays in memory for its next
        part, under the hash of all that it follows from, without its millions of transfers.
        """
        if self.proof is None:
            return self._worked_out(self.stored, reported)
        reported = dict(sorted(reported.items()))  # whatever part asks: what is remembered is in this order
        known = _shelf(self._digest(self.proof, reported))
        if not known:
            rows = cleared_rows(self.game, self.arena, self.proof)
            loads = loads_of(self.arena, rows)
            bought = contracted_transfers(self.arena, rows, loads, self.game.parameters.fee_per_hop)
            result = self._worked_out([transfer for transfers in bought for transfer in transfers], reported)
            known.append(replace(result, matched=[]))
        return known[0]

    def _worked_out(self, transfers: Sequence[Transfer], reported: Mapping[str, Delivery]) -> Bills:
        rules = self.game.parameters
        if rules.metering is Metering.METERS:
            presumed = metered_silence(self.limits, transfers, reported, rules)
        else:
            presumed = self_metered_silence(self.arena, reported, rules)
        return bills(transfers, reported, presumed, rules)

    def _digest(self, proof: Certificate, reported: Mapping[str, Delivery]) -> str:
        """Return the hash of all that the bills of a cleared slot follow from; the certificate's covers the arena."""
        counted = [[name, each.in_energy, each.out_energy] for name, each in reported.items()]
        rules = self.game.parameters.model_dump_json()
        fixed = [self.game.id, proof.digest, rules, self.participants, list(self.limits.items()), counted]
        return hashlib.sha256(exact_json(fixed)).hexdigest()

    def loads(self) -> list[Energy]:
        """Return what each seller sold in a cleared slot."""
        return [] if self.proof is None else loads_of(self.arena, cleared_rows(self.game, self.arena, self.proof))

    def paid_early(self) -> dict[str, Money]:
        """Return what the transfers that were paid during the delivery brought everybody; in a cleared slot none is."""
        brought = dict.fromkeys((*self.participants, NETWORK_OPERATOR), Money(0))
        for transfer in self.stored:
            if transfer.is_fulfilled:
                for payment in transfer_payments(transfer, transfer.energy, self.game.parameters.fee_per_hop):
                    brought[payment.payer] = Money(brought[payment.payer] - payment.amount)
                    brought[payment.payee] = Money(brought[payment.payee] + payment.amount)
        return brought


@lru_cache(maxsize=2)
def _shelf(_digest: str) -> list[Bills]:
    """Return where the bills of a cleared slot stand, if they are known."""
    return []


PART = 500
"""So many participants are settled by one command, or a quarter as many buyers' transfers stored: it stays below a
second and a megabyte on any ledger."""
TRANSFERS_PER_STEP = 4
MOST_KEPT = PART
"""So many readings are kept while a slot is settling."""


@rule
async def close_market(context: Context, data: CloseMarket) -> GameSettled:
    """Settle the next part of a slot. The last part ends the game; then what was read meanwhile corrects it.

    Each part works out the whole slot, or remembers it, from what was reported before the first one, so that parts of
    any size come to the same, and lets count what concerns the participants whose turn it is.
    """
    game = await context.game(data, Phase.DELIVERY)
    slot = await DeliveredSlot.load(context, game)
    settling = await context.find(Settling, game.id) or Settling()
    steps = _steps(slot)
    if data.left not in (None, len(steps) - settling.done):
        raise PartDone(game=game.id, left=len(steps) - settling.done)
    settled = slot.participants[: settling.done]
    reported = await _reported(context, slot, settled)
    if not settling.done:
        _require_delivered(context, slot, reported)
    result = slot.bills(reported)
    if not settling.done:
        await _pay_network(context, slot, result)
    part = _part_of(slot, steps[settling.done :])
    guaranteed = await _settle(context, slot, result, [name for name in part if isinstance(name, str)])
    _save_transfers(context, slot, result, {slot.arena.buyers[i].buyer for i in part if isinstance(i, int)})
    settling = settling.but(done=settling.done + len(part), guaranteed=Money(settling.guaranteed + guaranteed))
    left = len(steps) - settling.done
    if left:
        context.save(settling, game.id)
    else:
        await _end(context, slot, result, settling)
    return GameSettled(game=game.id, left=left)


def _steps(slot: DeliveredSlot) -> list[str | int]:
    """Return what is to be done, in its order: participants, and the buyers whose transfers are to be stored."""
    buyers = [] if slot.is_cleared else range(len(slot.arena.buyers))
    return [*slot.participants, *buyers]


def _part_of(slot: DeliveredSlot, steps: Sequence[str | int]) -> list[str | int]:
    """Return as many steps as one command may do, at least one."""
    bought = Counter(transfer.buyer for transfer in slot.stored)
    room, part = PART, list[str | int]()
    for step in steps:
        room -= 1 if isinstance(step, str) else 1 + bought[slot.arena.buyers[step].buyer] // TRANSFERS_PER_STEP
        if part and room < 0:
            break
        part.append(step)
    return part


async def _reported(context: Context, slot: DeliveredSlot, settled: Sequence[str]) -> dict[str, Delivery]:
    """Return what meters counted; of who is settled its line has it."""
    lines = await lines_of(context, slot.game, settled)
    counted = {
        name: Delivery(in_energy=line.in_energy, out_energy=line.out_energy)
        for name, line in lines.items()
        if not line.is_presumed
    }
    return counted | await reports(context, slot.game, slot.participants[len(settled) :])


async def _pay_network(context: Context, slot: DeliveredSlot, result: Bills) -> None:
    """Pay the network operator all fees; the grid operator collects them."""
    books = await context.books([GRID_OPERATOR, NETWORK_OPERATOR])
    fees = result.totals[Purpose.TRANSMISSION] - slot.paid_early()[NETWORK_OPERATOR]
    books.pay(GRID_OPERATOR, NETWORK_OPERATOR, Money(fees))
    context.close_books(books)


async def _settle(context: Context, slot: DeliveredSlot, result: Bills, names: Sequence[str]) -> Money:
    """Settle some participants; return what the grid operator paid in their place."""
    books = await context.books({*names, GRID_OPERATOR})
    await release_escrows(context, books, slot.game.id, names)
    gains = _differences(result.nets(), slot.paid_early())
    guaranteed = _move(context, slot.game, books, {name: gains[name] for name in names})
    context.close_books(books)
    await _save_lines(context, slot.game, {name: result.lines[name] for name in names}, {})
    return guaranteed


async def _end(context: Context, slot: DeliveredSlot, result: Bills, settling: Settling) -> None:
    """End a game that is settled, and let readings correct it that came while it was settling."""
    game = slot.game
    settlement = _settlement(_closed_at(context, game), result, settling.guaranteed)
    context.save(settlement, game.id)
    context.save(game.but(phase=Phase.CLOSED), game.id)
    context.delete(Settling, game.id)
    context.emit(presentation.market_closed(game.id, settlement))
    kept = await context.load_named(KeptReading, game.id)
    if kept:
        readings = {name: Delivery(in_energy=r.in_energy, out_energy=r.out_energy) for name, r in kept.items()}
        await resettle(context, game, readings)
    for name in kept:
        context.delete(KeptReading, game.id, name)


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
    settling = await context.load(Settling, game.id)
    if not await context.exists(KeptReading, game.id, prosumer):
        if settling.kept == MOST_KEPT:
            raise SlotSettling(game=game.id)
        context.save(settling.but(kept=settling.kept + 1), game.id)
    context.save(KeptReading(in_energy=reading.in_energy, out_energy=reading.out_energy), game.id, prosumer)


async def resettle(context: Context, game: Game, corrected: Mapping[str, Delivery]) -> None:
    """Settle a closed slot anew by corrected readings; only what that changes moves."""
    slot = await DeliveredSlot.load(context, game)
    settlement = await context.load(Settlement, game.id)
    before = await lines_of(context, game, slot.participants)
    reported = {
        name: Delivery(in_energy=line.in_energy, out_energy=line.out_energy)
        for name, line in before.items()
        if not line.is_presumed
    }
    result = slot.bills({**reported, **corrected})
    books = await context.books({*slot.participants, GRID_OPERATOR, NETWORK_OPERATOR})
    nets = {name: line.net for name, line in before.items()} | {NETWORK_OPERATOR: settlement.transmission_fees}
    guaranteed = _move(context, game, books, _differences(result.nets(), nets))
    context.close_books(books)
    if not slot.is_cleared:
        _save_transfers(context, slot, result, [demand.buyer for demand in slot.arena.buyers])
    await _save_lines(context, game, result.lines, before)
    save_corrections(context, game, settlement.corrections + 1, result.lines, before)
    anew = _settlement(settlement.closed_at_ms, result, Money(settlement.guaranteed + guaranteed))
    anew = anew.but(corrections=settlement.corrections + 1)
    context.save(anew, game.id)
    context.emit(presentation.settlement_corrected(game.id, anew))


def energy_limit(installed: Installed, game: Game) -> Energy:
    """Return what a connection can carry, in either direction, in the slot of a game."""
    return Energy(installed.power * game.parameters.delivery_duration_ms // HOUR_MS)


def _require_delivered(context: Context, slot: DeliveredSlot, reported: Mapping[str, Delivery]) -> None:
    """Refuse to close before the time while a meter may still report something that is to be paid.

    A slot with a time is delivered to its end, and every participant's report of it is waited for. In other games what
    is contracted and what a bid leaves to the grid is waited for.
    """
    game, taken = slot.game, {name: delivery.in_energy for name, delivery in reported.items()}
    if game.has_slot_time or game.parameters.metering is Metering.METERS:
        pending = len(slot.participants) - len(reported)
        may_close = context.now_ms >= (game.delivery_ends_ms or 0) and not pending
    elif slot.is_cleared:
        pending = undelivered(slot.arena, slot.loads(), reported)
        may_close = not pending
    else:
        unfulfilled = [transfer.buyer for transfer in slot.stored if not transfer.is_fulfilled]
        from_grid = [d for d in slot.arena.buyers if d.buyer not in unfulfilled and taken.get(d.buyer, 0) < d.demand]
        pending = len(unfulfilled) + len(from_grid)
        may_close = not pending
    ends = game.metering_ends_ms or game.delivery_ends_ms or 0
    if not may_close and context.now_ms < ends:
        raise DeliveryNotOver(game=game.id, ends=iso_time(ends), pending=pending)


def _closed_at(context: Context, game: Game) -> int:
    return context.now_since((game.delivery_ends_ms or 0) - game.parameters.delivery_duration_ms)


def _differences(now: Mapping[str, Money], before: Mapping[str, Money]) -> dict[str, Money]:
    return {name: Money(net - before.get(name, 0)) for name, net in now.items()}


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


def _save_transfers(context: Context, slot: DeliveredSlot, result: Bills, buyers: Collection[str]) -> None:
    """Store what was delivered of some buyers' transfers; tell the world of those that are fulfilled now."""
    bought: dict[str, list[Transfer]] = {name: [] for name in buyers}
    for each in result.matched:
        if each.transfer.buyer not in bought:
            continue
        was, transfer = each.transfer, each.transfer.but(delivered=each.delivered)
        if transfer.is_fulfilled and not was.is_fulfilled:
            context.emit(presentation.transfer_fulfilled(slot.game.id, transfer))
        bought[transfer.buyer].append(transfer)
    for buyer, kept in bought.items():
        context.save(Purchases(transfers=kept), slot.game.id, buyer)


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


def _settlement(closed_at_ms: int, result: Bills, guaranteed: Money) -> Settlement:
    """Add up what a slot came to."""
    of, lines = result.totals, result.lines.values()
    return Settlement(
        closed_at_ms=closed_at_ms,
        delivered=result.delivered,
        from_grid=Energy(sum(line.from_grid for line in lines)),
        to_grid=Energy(sum(line.to_grid for line in lines)),
        paid_to_sellers=of[Purpose.ENERGY],
        transmission_fees=of[Purpose.TRANSMISSION],
        paid_to_grid=of[Purpose.FROM_GRID],
        paid_by_grid=of[Purpose.TO_GRID],
        compensations=of[Purpose.COMPENSATION],
        penalties=of[Purpose.PENALTY],
        guaranteed=guaranteed,
        presumed=[name for name, line in result.lines.items() if line.is_presumed],
    )

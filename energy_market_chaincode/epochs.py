"""Epochs: a wrong time that got into the ledger is set right, and what was signed before counts no more.

Times that were reckoned from the wrong time go back with it: whoever had so much time left has as much. Times that were
reckoned before it got in are right, and stay.
"""

from energy_market_chaincode import presentation
from energy_market_chaincode.commands import SetLedgerTime
from energy_market_chaincode.context import Context
from energy_market_chaincode.errors import TimeNotPresent
from energy_market_chaincode.events import LedgerTimeSetEvent
from energy_market_chaincode.records import ClearingState, Epoch, Game, Market, Play
from energy_market_chaincode.rules import rule
from energy_market_chaincode.times import iso_time
from energy_market_chaincode.views import EpochView

MOST_APART_MS = 60_000
"""So far the new time may be from that of the transaction that sets it."""


@rule
async def set_ledger_time(context: Context, data: SetLedgerTime) -> EpochView:
    """Begin a new epoch, at a time before that of the last block."""
    if abs(data.new_ms - context.now_ms) > MOST_APART_MS:
        raise TimeNotPresent(new=iso_time(data.new_ms), now=iso_time(context.now_ms))
    before = await context.find(Epoch)
    epoch = Epoch(number=before.number + 1 if before is not None else 1, old_ms=data.old_ms, new_ms=data.new_ms)
    context.save(epoch)
    for game in await context.load_all(Game):
        await _set_right(context, game, epoch)
    begun = presentation.epoch(await context.load(Market), epoch)
    context.emit(LedgerTimeSetEvent(**dict(begun)))
    return begun


async def _set_right(context: Context, game: Game, epoch: Epoch) -> None:
    """Shift a game's times, each if it was reckoned from a wrong one; a slot that is an instant stays that instant."""
    right = game if game.has_slot_time else _right(game, epoch)
    if right is not game:
        context.save(right, game.id)
    clearing = None if game.has_slot_time else await context.find(ClearingState, game.id)
    if clearing is not None and _is_wrong(clearing.ends_ms, epoch):
        context.save(clearing.but(ends_ms=_shifted(clearing.ends_ms, epoch)), game.id)
    play = await context.find(Play, game.id)
    if play is not None and _is_wrong(began_ms := play.began_ms(game.parameters), epoch):
        times = {"deadline_ms": _shifted(play.deadline_ms, epoch), "began_at_ms": _shifted(began_ms, epoch)}
        context.save(play.but(**times), game.id)


def _right(game: Game, epoch: Epoch) -> Game:
    right = game
    if _is_wrong(game.published_at_ms, epoch):
        right = right.but(
            published_at_ms=_shifted(game.published_at_ms, epoch),
            registration_ends_ms=_shifted(game.registration_ends_ms, epoch),
        )
    if game.delivery_ends_ms is not None:
        starts_ms = game.delivery_ends_ms - game.parameters.delivery_duration_ms
        right = right.delivered_from(_shifted(starts_ms, epoch)) if _is_wrong(starts_ms, epoch) else right
    return right


def _is_wrong(moment_ms: int, epoch: Epoch) -> bool:
    """Tell whether a moment that has been is nearer to the wrong time than to the right one."""
    return 2 * moment_ms > epoch.old_ms + epoch.new_ms


def _shifted(moment_ms: int, epoch: Epoch) -> int:
    return moment_ms + epoch.new_ms - epoch.old_ms

"""Epochs: a wrong time that got into the ledger is set right, and what was signed before counts no more.

Times that were reckoned from the wrong time go back with it: whoever had so much time left has as much. Times that were
reckoned before it got in are right, and stay.
"""

from dataclasses import replace
from typing import NamedTuple

from energy_market_chaincode import presentation
from energy_market_chaincode.commands import SetLedgerTime
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.errors import TimeNotPresent
from energy_market_chaincode.events import LedgerTimeSetEvent
from energy_market_chaincode.market_views import EpochView
from energy_market_chaincode.records import ClearingState, Epoch, Expiry, Game, Market, Play, Simulation
from energy_market_chaincode.times import iso_time

MOST_APART_MS = 60_000
"""So far the new time may be from that of the transaction that sets it."""


class _Fall(NamedTuple):
    """By which times go back."""

    old_ms: int
    new_ms: int

    def is_wrong(self, moment_ms: int) -> bool:
        """Tell whether a moment that has been is nearer to the wrong time than to the right one."""
        return 2 * moment_ms > self.old_ms + self.new_ms

    def shifted(self, moment_ms: int) -> int:
        """Return a wrong moment as the right clock has it."""
        return moment_ms + self.new_ms - self.old_ms


@rule
async def set_ledger_time(context: Context, data: SetLedgerTime) -> EpochView:
    """Begin a new epoch, at a time before that of the last block."""
    if abs(data.new_ms - context.real_ms) > MOST_APART_MS:
        raise TimeNotPresent(new=iso_time(data.new_ms), now=iso_time(context.real_ms))
    before = await context.find(Epoch)
    epoch = Epoch(number=before.number + 1 if before is not None else 1, old_ms=data.old_ms, new_ms=data.new_ms)
    context.save(epoch)
    context.delete(Expiry)  # what was signed before counts no more, so no end that has passed is of this epoch
    fall = _market_fall(context, _Fall(data.old_ms, data.new_ms))
    for game in await context.load_all(Game):
        await _set_right(context, game, fall)
    begun = presentation.epoch(await context.load(Market), epoch)
    context.emit(LedgerTimeSetEvent(**dict(begun)))
    return begun


def _market_fall(context: Context, fall: _Fall) -> _Fall:
    """Return by which the market's time goes back.

    Simulated time that began by the wrong clock begins when the right one says, and then goes on where it was.
    """
    was = context.simulated
    if was is None:
        return fall
    right = replace(was, began_ms=fall.shifted(was.began_ms)) if fall.is_wrong(was.began_ms) else was
    context.save(Simulation(right))
    return _Fall(was.market_ms(fall.old_ms), right.market_ms(fall.new_ms))


async def _set_right(context: Context, game: Game, fall: _Fall) -> None:
    """Shift a game's times, each if it was reckoned from a wrong one; a slot that is an instant stays that instant."""
    right = game if game.has_slot_time else _right(game, fall)
    if right is not game:
        context.save(right, game.id)
    clearing = None if game.has_slot_time else await context.find(ClearingState, game.id)
    if clearing is not None and fall.is_wrong(clearing.ends_ms):
        context.save(clearing.but(ends_ms=fall.shifted(clearing.ends_ms)), game.id)
    play = await context.find(Play, game.id)
    if play is not None and fall.is_wrong(began_ms := play.began_ms(game.parameters)):
        times = {"deadline_ms": fall.shifted(play.deadline_ms), "began_at_ms": fall.shifted(began_ms)}
        context.save(play.but(**times), game.id)


def _right(game: Game, fall: _Fall) -> Game:
    right = game
    if fall.is_wrong(game.published_at_ms):
        right = right.but(
            published_at_ms=fall.shifted(game.published_at_ms),
            registration_ends_ms=fall.shifted(game.registration_ends_ms),
        )
    if game.delivery_ends_ms is not None:
        starts_ms = game.delivery_ends_ms - game.parameters.delivery_duration_ms
        right = right.delivered_from(fall.shifted(starts_ms)) if fall.is_wrong(starts_ms) else right
    return right

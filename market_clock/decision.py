"""What the clock has to do about a game now: a function of the game and the time, of nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from energy_market_chaincode import GameView, Phase, Topic, views

REGISTRATION_POLL = timedelta(milliseconds=200)
"""How often the clock looks, in real time, whether all expected participants are in: no order causes an event."""

DELIVERY_POLL = timedelta(milliseconds=250)
"""How often it looks, in real time, whether all that a clearing sold was metered, in a game whose slot has no time."""

METERING_POLL = timedelta(seconds=5)
"""How often the clock looks, in real time, whether all meters of a slot have reported: a reading causes no event,
either. Four times in a window that is short."""

RETURN = timedelta(minutes=1)
"""So long, in real time, meters that could not report have to do so once the market is back, or for a whole window
where that is shorter: that the market was away makes nobody silent."""


@dataclass(frozen=True, slots=True)
class Act:
    """Give a command now.

    Attributes
    ----------
    due
        The moment on the ledger that made it due. It tells this act from one of the same content in another life of
        the game: after a reset of the market a game's id may come again.
    correction
        Of a settlement anew its number: each goes through the same numbers of steps that are left.
    """

    topic: Topic
    data: dict[str, Any]
    due: datetime
    correction: int = 0


@dataclass(frozen=True, slots=True)
class Clear:
    """Solve the game and post its clearing.

    Attributes
    ----------
    game
        As it was read.
    until
        When clearings are no longer taken.
    meanwhile
        What to do where it cannot be solved right now: somebody else's clearing may be being proved.
    """

    game: GameView
    until: datetime
    meanwhile: Act | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before this moment, unless an event of the game comes first."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing to do any more."""


Decision = Act | Clear | Wait | Over

T = TypeVar("T")


def next_action(
    game: GameView,
    transfers: Sequence[views.TransferView],
    now: datetime,
    factor: int = 1,
    me: str = "",
    since: datetime | None = None,
) -> Decision:
    """Decide what to do about a game.

    The rules are the contract's, so that on equal clocks no command comes too early: registration may stop at its
    end or once all expected participants are in; a certified game waits for a clearing, of the clock's or
    anybody's, and falls back when it did not come in time; what is left of a stop or a settlement goes on at once; a
    buyer may be skipped at its deadline; the market may close at the end of the metering window, or earlier: that
    of a slot with a time once the slot is over and all have reported, that of another game once no transfer is
    pending. Where such a game has no transfers at all the clock lets the delivery run to its end, because buyers
    without a bid still report what they took from the grid.

    Parameters
    ----------
    transfers
        Of a game in delivery; else nobody asks for them.
    now
        The market's time.
    factor
        How many times as fast as real time that passes.
    me
        Who gives the commands.
    since
        Since when the market has been there without a break, by its time; None: all along.
    """
    match game.phase:
        case Phase.REGISTRATION:
            return _in_registration(game, now, factor)
        case Phase.PLAYING:
            return _in_play(game, now, me)
        case Phase.DELIVERY | Phase.METERING:
            return _in_delivery(game, transfers, now, factor, since)
        case Phase.CLOSED | Phase.FINAL | Phase.CANCELLED:
            return Over() if game.left is None else _settle_on(game, game.left)


def may_be_fulfilled(game: GameView) -> bool:
    """Tell whether a game's transfers are worth a look: of a cleared game the readings that lack say as much."""
    return game.phase is Phase.DELIVERY and not is_cleared(game)


def is_cleared(game: GameView) -> bool:
    """Tell whether a clearing was accepted: then nothing is paid before the close."""
    return game.clearing is not None and game.clearing.certificate is not None


def _in_registration(game: GameView, now: datetime, factor: int) -> Decision:
    ends, expected = game.registration_ends_at, game.parameters.expected_participants
    complete = expected is not None and game.nr_sellers + game.nr_buyers >= expected
    if complete or now >= ends:
        return Act(Topic.STOP_GAME_REGISTRATION, {"game": game.game}, ends)
    return Wait(ends if expected is None else min(ends, now + REGISTRATION_POLL * factor))


def _in_play(game: GameView, now: datetime, me: str) -> Decision:
    if game.left is not None:
        return Act(Topic.STOP_GAME, {"game": game.game, "left": game.left}, game.registration_ends_at)
    if game.clearing is not None and game.clearing.fallback is None:
        return _in_clearing(game, game.clearing, now, me)
    deadline = _known(game, game.deadline)
    if now < deadline:
        return Wait(deadline)
    skipped = {"game": game.game, "buyer": _known(game, game.buyer_in_turn), "round": game.round}
    return Act(Topic.SKIP_TURN, skipped, deadline)


def _in_clearing(game: GameView, clearing: views.ClearingView, now: datetime, me: str) -> Decision:
    """Post a clearing, have prove themselves those that came in time, one's own first, and fall back if none does."""
    proofs = sorted(clearing.proposals, key=lambda proposal: (proposal.poster != me, proposal.left, proposal.poster))
    further = None
    if proofs:
        said = {"game": game.game, "poster": proofs[0].poster, "left": proofs[0].left}
        further = Act(Topic.PROVE_CLEARING, said, proofs[0].posted_at)
    if now < clearing.ends_at and not (proofs and proofs[0].poster == me):
        return Clear(game, clearing.ends_at, further)
    if further is not None and now < clearing.proofs_end_at:
        return further
    return Act(Topic.FALL_BACK, {"game": game.game}, clearing.proofs_end_at if proofs else clearing.ends_at)


def _in_delivery(
    game: GameView, transfers: Sequence[views.TransferView], now: datetime, factor: int, since: datetime | None
) -> Decision:
    if game.left is not None:
        return _settle_on(game, game.left)
    delivered = _known(game, game.delivery_ends_at)
    ends = closes = game.metering_ends_at or delivered
    if game.parameters.slot_duration_ms is not None:
        if since is not None:
            closes = max(ends, since + min(RETURN * factor, ends - delivered))
        poll = min(METERING_POLL * factor, (ends - delivered) / 4)
        is_over = now >= delivered
        is_done, look = is_over and game.readings_awaited == 0, now + poll if is_over else delivered
    elif is_cleared(game):
        is_done, look = game.readings_awaited == 0, now + DELIVERY_POLL * factor
    else:
        is_done, look = bool(transfers) and all(transfer.is_fulfilled for transfer in transfers), ends
    if is_done or now >= closes:
        return Act(Topic.CLOSE_MARKET, {"game": game.game}, ends)
    return Wait(min(look, closes))


def _settle_on(game: GameView, left: int) -> Decision:
    """Go on with a settlement or its correction."""
    correction = 0 if game.settlement is None else game.settlement.corrections + 1
    data = {"game": game.game, "left": left}
    return Act(Topic.CLOSE_MARKET, data, _known(game, game.delivery_ends_at), correction)


def _known(game: GameView, value: T | None) -> T:
    if value is None:
        raise ValueError(f"The ledger's view of game {game.game} lacks what its phase {game.phase} needs.")
    return value

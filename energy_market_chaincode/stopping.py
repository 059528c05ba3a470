"""How a game stops, whatever the mechanism: in one transaction, or part by part where that would be too much.

What a game was played with stands on the ledger and nobody plays any more, so a part needs to know no more of the
earlier ones than how far they came and what they summed up. Parts of any size come to the same.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from energy_market_chaincode import presentation
from energy_market_chaincode.allocation import Row, cleared_rows, slot_game, sparse
from energy_market_chaincode.commands import StopGame
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.contracting import nothing, offer_bond, supplies_of
from energy_market_chaincode.errors import GameStopping, PartDone, StillPlayed
from energy_market_chaincode.events import GameStoppingEvent
from energy_market_chaincode.game import bill, grid_cost, is_more_than_nothing, kept_of, regret
from energy_market_chaincode.matching import cost_of, transfers_to
from energy_market_chaincode.proof import Walker
from energy_market_chaincode.records import (
    Arena,
    Certificate,
    Customers,
    Escrow,
    Game,
    Outcome,
    Play,
    Purchases,
    StandingBid,
)
from energy_market_chaincode.unfinished import Stopping, Walk
from energy_market_chaincode.units import Energy, Money
from energy_market_chaincode.views import GameStopped
from energy_market_chaincode.vocabulary import Phase, StopReason, StopStage

PART = 500
"""So many participants a command does at once, and fewer where each means more work or bytes: less than a second and a
megabyte on any ledger."""
WEIGHED_PAIRS_PER_STEP = 100
AMOUNTS_PER_STEP = 400
TRANSFERS_PER_STEP = 4
CLEARED_PER_STEP = 200
"""So many pairs that are weighed, amounts of bids that are stored, transfers that are stored, and transfers that follow
from a clearing and are only added up, count as a participant more."""

PROVED_AT_ONCE = 500_000
"""Up to so many pairs of a buyer and a seller, of more than a thousand prosumers, a clearing is proved by one command,
in about a second, and stops the game."""


@dataclass(slots=True)
class _Stop:
    """A game's stop in one part's hands.

    Attributes
    ----------
    proof
        None if the game was played in turns.
    room
        How much there is left to do in this part.
    """

    context: Context
    game: Game
    arena: Arena
    play: Play
    proof: Certificate | None
    state: Stopping
    room: int

    @property
    def left(self) -> int:
        """How many steps are left at most."""
        return self.state.left(len(self.arena.buyers), len(self.arena.sellers))

    def some(self, weight: int) -> int:
        """Take as many steps of a weight as there is room for, but at least one, and return how many."""
        count = min(max(self.room // weight, 1), max(len(self.arena.buyers) - self.state.done, 0))
        self.room -= count * weight
        return count

    def enter(self, stage: StopStage, **changes: object) -> None:
        """Begin another stage."""
        self.state = self.state.but(stage=stage, done=0, **changes)

    async def standing(self, buyers: range) -> list[StandingBid | None]:
        """Return some buyers' bids."""
        names = [self.arena.buyers[i].buyer for i in buyers]
        return await self.context.find_each(StandingBid, self.game.id, names=names)

    def walker(self) -> Walker | None:
        """Return who lets buyers fill up, if the game was cleared part by part."""
        if self.proof is None or self.state.walk is None:
            return None
        scarcity = [price - offer.price for price, offer in zip(self.proof.prices, self.arena.sellers, strict=True)]
        return Walker(slot_game(self.game, self.arena), scarcity, self.proof.corrections, self.state.walk)

    async def rows(self, buyers: range) -> list[Row]:
        """Return what some buyers take of each seller."""
        if self.proof is not None:
            return cleared_rows(self.game, self.arena, self.proof)[buyers.start : buyers.stop]
        return [sparse(bid.amounts) if bid is not None else {} for bid in await self.standing(buyers)]


async def stop(context: Context, game: Game, arena: Arena, play: Play, reason: StopReason | None = None) -> Phase:
    """Turn the standing bids into transfers, true up the escrows and certify the outcome, or begin to.

    Parameters
    ----------
    reason
        Why it stops; None: because of what was played.

    Returns
    -------
    The phase that the game is in now.
    """
    if reason is None and play.passes < len(arena.buyers):
        reason = StopReason.ROUND_LIMIT
    is_to_be_weighed = reason in (None, StopReason.NO_TRADE)
    state = Stopping(stage=StopStage.WEIGH if is_to_be_weighed else StopStage.HAND_BACK, reason=reason)
    return await _begin(_Stop(context, game, arena, play, None, state, PART))


async def stop_cleared(
    context: Context, game: Game, arena: Arena, play: Play, regret: Money, walk: Walk | None
) -> None:
    """Let the purchases of an accepted clearing count, or begin to. Its certificate is stored.

    Parameters
    ----------
    regret
        Nobody could save more.
    walk
        Where buyers begin to fill up, if it was proved in parts; if at once, the game stops at once, too.
    """
    proof = await context.load(Certificate, game.id)
    regrets = [regret] * len(arena.buyers)
    state = Stopping(stage=StopStage.CONTRACT, reason=StopReason.EQUILIBRIUM, regrets=regrets, walk=walk)
    room = len(arena.buyers) * len(arena.sellers) + PART if walk is None else PART
    await _begin(_Stop(context, game, arena, play, proof, state, room))


async def _begin(part: _Stop) -> Phase:
    left = await _go_on(part)
    if left:
        part.context.emit(GameStoppingEvent(game=part.game.id, left=left))
    return Phase.PLAYING if left else Phase.DELIVERY


@rule
async def stop_game(context: Context, data: StopGame) -> GameStopped:
    """Go on with a game's stop."""
    game = await context.game(data, Phase.PLAYING)
    state = await context.find(Stopping, game.id)
    if state is None:
        raise StillPlayed(game=game.id)
    arena, play = await context.arena(game), await context.load(Play, game.id)
    part = _Stop(context, game, arena, play, await context.find(Certificate, game.id), state, PART)
    if data.left not in (None, part.left):
        raise PartDone(game=game.id, left=part.left)
    return GameStopped(game=game.id, left=await _go_on(part))


async def steps_left(context: Context, game: Game) -> int | None:
    """Return how many steps of a game's stop are left at most; None if it is not being stopped."""
    state = await context.find(Stopping, game.id)
    if state is None:
        return None
    arena = await context.load(Arena, game.id)
    return state.left(len(arena.buyers), len(arena.sellers))


async def require_played(context: Context, game: Game) -> None:
    """Refuse to play on while a game is being stopped; raises GameStopping."""
    left = await steps_left(context, game)
    if left is not None:
        raise GameStopping(game=game.id, left=left)


async def _go_on(part: _Stop) -> int:
    """Do as much as there is room for; return how many steps are left at most."""
    while part.left and part.room > 0:
        await _STAGES[part.state.stage](part)
    if not part.left:
        _end(part)
        return 0
    part.context.save(part.game.but(phase=Phase.PLAYING), part.game.id)
    part.context.save(part.play, part.game.id)
    part.context.save(part.state, part.game.id)
    return part.left


async def _weigh(part: _Stop) -> None:
    """Work out what buyers could still save; once all are weighed that tells why the game stops."""
    game, arena, state = part.game, part.arena, part.state
    parameters = game.parameters
    buyers = range(state.done, state.done + part.some(1 + len(arena.sellers) // WEIGHED_PAIRS_PER_STEP))
    regrets, is_regretful = list(state.regrets), state.is_regretful
    for i, bid in zip(buyers, await part.standing(buyers), strict=True):
        amounts = bid.amounts if bid is not None else nothing(arena)
        supplies, demand = supplies_of(game, arena, i, part.play.loads, amounts), arena.buyers[i].demand
        regrets.append(regret(amounts, demand, supplies, parameters.retail_tariff))
        cost = bill(amounts, demand, supplies, parameters.retail_tariff)
        is_regretful |= is_more_than_nothing(regrets[-1], cost, parameters.tolerance)
    part.state = state.but(done=buyers.stop, regrets=regrets, is_regretful=is_regretful)
    if buyers.stop < len(arena.buyers):
        return
    if state.reason is None and is_regretful:
        part.enter(StopStage.HAND_BACK, reason=StopReason.ALL_PASSED, regrets=[])
    else:
        part.enter(StopStage.CONTRACT, reason=state.reason or StopReason.EQUILIBRIUM)


async def _hand_back(part: _Stop) -> None:
    """Leave to the grid what costs more than from the grid, last in turn order first; then all are weighed again."""
    arena, parameters = part.arena, part.game.parameters
    last = len(arena.buyers) - part.state.done
    buyers = range(last - part.some(1 + len(arena.sellers) // AMOUNTS_PER_STEP), last)
    loads = [int(load) for load in part.play.loads]
    standing = await part.standing(buyers)
    for i, bid in reversed(list(zip(buyers, standing, strict=True))):
        if bid is None:
            continue
        kept = kept_of(arena, i, bid.amounts, loads, parameters.fee_per_hop, parameters.retail_tariff)
        if kept != bid.amounts:
            part.context.save(bid.but(amounts=kept), part.game.id, arena.buyers[i].buyer)
    handed_back = part.state.handed_back + sum(part.play.loads) - sum(loads)
    part.state = part.state.but(done=part.state.done + len(buyers), handed_back=Energy(handed_back))
    part.play = part.play.but(loads=[Energy(load) for load in loads])
    if buyers.start == 0:
        part.enter(StopStage.WEIGH)


async def _contract(part: _Stop) -> None:
    """Let purchases count, the buyers' first."""
    done, buyers = part.state.done, len(part.arena.buyers)
    if done < buyers:
        await _contract_buyers(part, range(done, min(done + part.room, buyers)))
    else:
        await _contract_sellers(part, range(done - buyers, min(done - buyers + part.room, len(part.arena.sellers))))


async def _contract_buyers(part: _Stop, buyers: range) -> None:
    """Store buyers' transfers, of a clearing only what they cost, and thaw what was frozen beyond that and the grid."""
    arena, parameters, game = part.arena, part.game.parameters, part.game.id
    per_step = CLEARED_PER_STEP if part.proof is not None else TRANSFERS_PER_STEP
    walker = part.walker()
    known = await part.rows(buyers) if walker is None else walker.rows(buyers)
    rows = _as_many(known, part.room, per_step)
    buyers = buyers[: len(rows)]
    part.room -= sum(1 + len(row) // per_step for row in rows)
    names = [arena.buyers[i].buyer for i in buyers]
    escrows = await part.context.find_each(Escrow, game, names=names)
    books = await part.context.books(names)
    claimed, costs = part.state.claimed or [Energy(0)] * len(arena.sellers), list(part.state.costs)
    for i, name, row, held in zip(buyers, names, rows, escrows, strict=True):
        bought = cost_of(arena, i, row, part.play.loads, parameters.fee_per_hop)
        grid = grid_cost(arena.buyers[i].demand - sum(row.values()), parameters.retail_tariff)
        costs.append(Money(bought + grid))
        owed, escrow = Money(bought + max(0, grid)), held or Escrow()
        books.freeze(name, Money(max(0, owed - escrow.amount)))
        books.thaw(name, Money(max(0, escrow.amount - owed)))
        part.context.save(escrow.but(amount=owed), game, name)
        if part.proof is None:
            transfers = transfers_to(arena, i, row, part.play.loads, parameters.fee_per_hop, claimed)
            part.context.save(Purchases(transfers=transfers), game, name)
    part.context.close_books(books)
    part.state = part.state.but(done=buyers.stop, costs=costs, claimed=[] if part.proof is not None else claimed)
    if walker is not None:
        part.state = part.state.but(walk=walker.walk)


def _as_many(rows: Iterable[Row], room: int, per_step: int) -> list[Row]:
    """Return as many rows as there is room for, and no part of one."""
    some = list[Row]()
    for row in rows:
        some.append(row)
        room -= 1 + len(row) // per_step
        if room <= 0:
            break
    return some


async def _contract_sellers(part: _Stop, sellers: range) -> None:
    """Thaw the bond of what sellers did not sell; of a game played in turns note who bought from them."""
    arena, parameters, game = part.arena, part.game.parameters, part.game.id
    names = [arena.sellers[j].seller for j in sellers]
    escrows = await part.context.find_each(Escrow, game, names=names)
    books = await part.context.books(names)
    for j, name, held in zip(sellers, names, escrows, strict=True):
        offer = arena.sellers[j]
        kept = offer_bond(part.play.loads[j], offer.price, parameters)
        spare = Money(offer_bond(offer.capacity, offer.price, parameters) - kept)
        escrow = held or Escrow()
        books.thaw(name, spare)
        part.context.save(escrow.but(deposit=Money(escrow.deposit - spare)), game, name)
    part.context.close_books(books)
    if part.proof is None:
        rows = await part.rows(range(len(arena.buyers)))
        for j, name in zip(sellers, names, strict=True):
            buyers = [demand.buyer for demand, row in zip(arena.buyers, rows, strict=True) if j in row]
            part.context.save(Customers(buyers=buyers), game, name)
    part.room -= len(sellers)
    part.state = part.state.but(done=part.state.done + len(sellers))


def _end(part: _Stop) -> None:
    """Begin the delivery."""
    context, game, state = part.context, part.game, part.state
    outcome = Outcome(
        reason=state.reason or StopReason.EQUILIBRIUM,
        rounds=part.play.round,
        costs=state.costs,
        regrets=state.regrets,
        handed_back=state.handed_back,
    )
    if not game.has_slot_time:
        game = game.delivered_from(context.now_since(part.play.began_ms(game.parameters)))
    context.save(game.but(phase=Phase.DELIVERY), game.id)
    context.save(part.play, game.id)
    context.save(outcome, game.id)
    context.delete(Stopping, game.id)
    context.emit(presentation.game_stop(game.id, [demand.buyer for demand in part.arena.buyers], outcome))


_STAGES: dict[StopStage, Callable[[_Stop], Awaitable[None]]] = {
    StopStage.WEIGH: _weigh,
    StopStage.HAND_BACK: _hand_back,
    StopStage.CONTRACT: _contract,
}

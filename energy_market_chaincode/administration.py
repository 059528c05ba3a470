"""Rules of the market's administration: its time, who takes part, the network, money from outside, reset.

Epochs: a wrong time that got into the ledger is set right, and what was signed before counts no more. Times that were
reckoned from the wrong time go back with it: whoever had so much time left has as much. Times that were reckoned before
it got in are right, and stay.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from energy_market_chaincode import errors, hops, presentation, settlement, statements, topology
from energy_market_chaincode.commands import (
    RegisterProsumer,
    ResetMarket,
    SetLedgerTime,
    SetTopology,
    SimulateTime,
    TopUpAccount,
)
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.events import LedgerTimeSetEvent, MarketResetEvent, TimeSimulatedEvent
from energy_market_chaincode.market_views import (
    AccountToppedUp,
    EpochView,
    GraphLaid,
    MarketEmptied,
    ProsumerEntered,
    SimulatedTimeView,
    TableLaid,
)
from energy_market_chaincode.records import (
    RECORDS,
    Account,
    ClearingState,
    Emptying,
    Epoch,
    Escrow,
    Expiry,
    Game,
    HopsColumn,
    HopsRow,
    Layout,
    Market,
    MeteredMarket,
    MeterTotals,
    NetworkNode,
    Play,
    Prosumer,
    Simulation,
    Slot,
)
from energy_market_chaincode.times import SimulatedTime, iso_time
from energy_market_chaincode.units import MAX_MONEY, currency
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, EntryKind, Phase

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
        raise errors.TimeNotPresent(new=iso_time(data.new_ms), now=iso_time(context.real_ms))
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


@rule
async def simulate_time(context: Context, data: SimulateTime) -> SimulatedTimeView:
    """Begin a simulated time, once, and before there is anything on the market that goes by the real one."""
    if context.simulated is not None:
        raise errors.TimeSimulated(**presentation.simulated_time(context.simulated).as_json())
    if await context.load_all(Game):
        raise errors.SimulationTooLate(what="games")
    if await context.exists(MeteredMarket):
        raise errors.SimulationTooLate(what="meters")
    mapping = SimulatedTime(start_ms=data.start_ms, factor=data.factor, began_ms=context.real_ms)
    context.save(Simulation(mapping))
    begun = presentation.simulated_time(mapping)
    context.emit(TimeSimulatedEvent(**dict(begun)))
    return begun


@rule
async def register_prosumer(context: Context, data: RegisterProsumer) -> ProsumerEntered:
    """Enter a prosumer or operator with its public key, or give one a new key."""
    if data.id in (GRID_OPERATOR, NETWORK_OPERATOR):
        raise errors.ReservedName(id=data.id)
    known = await context.find(Prosumer, data.id)
    if known is not None and not data.replace_key:
        raise errors.ProsumerExists(id=data.id)
    if known is None and data.replace_key:
        raise errors.UnknownProsumer(id=data.id)
    if known is not None:
        context.save(known.but(public_key=data.public_key), data.id)
        return ProsumerEntered(prosumer=data.id, key_replaced=True)
    record = Prosumer(id=data.id, role=data.role, public_key=data.public_key, registered_at_ms=context.real_ms)
    context.save(record, data.id)
    context.save(Account(), data.id)
    context.save(MeterTotals(production=data.total_production, consumption=data.total_consumption), data.id)
    return ProsumerEntered(prosumer=data.id, key_replaced=False)


@rule
async def set_topology(context: Context, data: SetTopology) -> GraphLaid | TableLaid:
    """Replace the hop distances; running games keep those they began with."""
    problem = hops.graph_problem(data.edges) if data.edges is not None else hops.table_problem(data.hops or {})
    if problem is not None:
        raise errors.InvalidTopology(problems=problem)
    if data.edges is not None:
        return await _lay_graph(context, data.edges)
    return await _lay_table(context, data.hops or {})


async def _lay_graph(context: Context, edges: list[tuple[str, str]]) -> GraphLaid:
    nodes = sorted({node for edge in edges for node in edge})
    await topology.require_places_kept(context, buyers=nodes, sellers=nodes)
    await _remove_places(context)
    context.save(Layout(edges=edges))
    for node in nodes:
        context.save(NetworkNode(), node)
    return GraphLaid(nodes=len(nodes))


async def _lay_table(context: Context, table: Mapping[str, Mapping[str, int]]) -> TableLaid:
    sellers = next(iter(table.values()))
    await topology.require_places_kept(context, buyers=table, sellers=sellers)
    await _remove_places(context)
    context.save(Layout(edges=None))
    for buyer, row in table.items():
        context.save(HopsRow(dict(sorted(row.items()))), buyer)
    for seller in sellers:
        context.save(HopsColumn(), seller)
    return TableLaid(buyers=len(table), sellers=len(sellers))


async def _remove_places(context: Context) -> None:
    for kind in (NetworkNode, HopsRow, HopsColumn):
        await context.delete_all(kind)


@rule
async def top_up_account(context: Context, data: TopUpAccount) -> AccountToppedUp:
    """Bring money in; the only rule that changes how much there is. A debt to the grid operator is paid off first."""
    if data.prosumer != GRID_OPERATOR and not await context.exists(Prosumer, data.prosumer):
        raise errors.UnknownProsumer(id=data.prosumer)
    books = await context.books([data.prosumer])
    if books.account(data.prosumer).debt:
        books = await context.books([data.prosumer, GRID_OPERATOR])
    books.mint(data.prosumer, data.amount)
    books.repay_debts()
    account = books.account(data.prosumer)
    if account.free + account.frozen > MAX_MONEY:
        raise errors.AccountTooLarge(id=data.prosumer)
    context.close_books(books)
    await statements.enter_movement(context, data.prosumer, EntryKind.TOP_UP, data.amount)
    return AccountToppedUp(prosumer=data.prosumer, account_balance=currency(account.free), debt=currency(account.debt))


RESET_PART = 2_000
"""So many records are removed by one command."""


@rule
async def reset_market(context: Context, _data: ResetMarket) -> MarketEmptied:
    """Remove every game and release every escrow, part by part where there is much; until then no game is published.

    Prosumers, money, topology and remembered commands stay. The games themselves go first, so that nobody acts on half
    of one.
    """
    emptying = await context.find(Emptying)
    if emptying is None:
        games = await context.load_all(Game)
        cancelled = [game.id for game in games if game.phase not in (Phase.CLOSED, Phase.CANCELLED)]
        for game in games:
            await _enter_early_payments(context, game)
        context.emit(MarketResetEvent(cancelled_games=cancelled))
        emptying = Emptying(games=len(games), cancelled=cancelled)
    left = await _remove_records(context)
    if left:
        context.save(emptying)
    else:
        context.delete(Emptying)
    return MarketEmptied(games=emptying.games, cancelled_games=emptying.cancelled, left=left)


async def _remove_records(context: Context) -> int:
    """Remove as many records as one command may; return of how many kinds there may be more."""
    kinds = sorted(
        (kind for kind in RECORDS.values() if kind.RESET), key=lambda kind: (kind is not Game, kind is not Slot)
    )
    room = RESET_PART
    for place, kind in enumerate(kinds):
        found = await context.some_of(kind, room + 1)
        if kind is Escrow:
            await _thaw(context, dict(found[:room]))
        for key, _ in found[:room]:
            context.state.delete(key)
        if len(found) > room:
            return len(kinds) - place
        room -= len(found)
    return 0


async def _thaw(context: Context, escrows: Mapping[str, bytes]) -> None:
    """Release escrows, by their keys, which end with their owners."""
    owners = {key: key.rpartition("/")[2] for key in escrows}
    books = await context.books(owners.values())
    for key, value in escrows.items():
        books.thaw(owners[key], Escrow.from_bytes(value).frozen)
    context.close_books(books)


async def _enter_early_payments(context: Context, game: Game) -> None:
    """Note in everybody's account what was paid for a game that is removed before it is settled."""
    if game.phase is Phase.DELIVERY:
        for name, amount in (await settlement.paid_early(context, game)).items():
            if amount:
                await statements.enter_movement(context, name, EntryKind.CANCELLED_GAME, amount)

"""Rules of the market's administration: its time, who takes part, the network, money from outside, reset."""

from collections.abc import Mapping

from energy_market_chaincode import hops, presentation
from energy_market_chaincode.commands import (
    RegisterProsumer,
    ResetMarket,
    SetTopology,
    SimulateTime,
    TopUpAccount,
)
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.errors import (
    AccountTooLarge,
    InvalidTopology,
    ProsumerExists,
    ReservedName,
    SimulationTooLate,
    TimeSimulated,
    UnknownProsumer,
)
from energy_market_chaincode.events import MarketResetEvent, TimeSimulatedEvent
from energy_market_chaincode.market_views import (
    AccountToppedUp,
    GraphLaid,
    MarketEmptied,
    ProsumerEntered,
    SimulatedTimeView,
    TableLaid,
)
from energy_market_chaincode.records import (
    RECORDS,
    Account,
    Emptying,
    Escrow,
    Game,
    HopsColumn,
    HopsRow,
    Layout,
    MeteredMarket,
    MeterTotals,
    NetworkNode,
    Prosumer,
    Settling,
    Simulation,
    Slot,
)
from energy_market_chaincode.settlement import DeliveredSlot
from energy_market_chaincode.statements import enter_movement
from energy_market_chaincode.times import SimulatedTime
from energy_market_chaincode.topology import require_places_kept
from energy_market_chaincode.units import MAX_MONEY, currency
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, EntryKind, Phase


@rule
async def simulate_time(context: Context, data: SimulateTime) -> SimulatedTimeView:
    """Begin a simulated time, once, and before there is anything on the market that goes by the real one."""
    if context.simulated is not None:
        raise TimeSimulated(**presentation.simulated_time(context.simulated).as_json())
    if await context.load_all(Game):
        raise SimulationTooLate(what="games")
    if await context.exists(MeteredMarket):
        raise SimulationTooLate(what="meters")
    mapping = SimulatedTime(start_ms=data.start_ms, factor=data.factor, began_ms=context.real_ms)
    context.save(Simulation(mapping))
    begun = presentation.simulated_time(mapping)
    context.emit(TimeSimulatedEvent(**dict(begun)))
    return begun


@rule
async def register_prosumer(context: Context, data: RegisterProsumer) -> ProsumerEntered:
    """Enter a prosumer or operator with its public key, or give one a new key."""
    if data.id in (GRID_OPERATOR, NETWORK_OPERATOR):
        raise ReservedName(id=data.id)
    known = await context.find(Prosumer, data.id)
    if known is not None and not data.replace_key:
        raise ProsumerExists(id=data.id)
    if known is None and data.replace_key:
        raise UnknownProsumer(id=data.id)
    if known is not None:
        context.save(known.but(public_key=data.public_key), data.id)
        return ProsumerEntered(prosumer=data.id, key_replaced=True)
    enter(context, data)
    return ProsumerEntered(prosumer=data.id, key_replaced=False)


def enter(context: Context, data: RegisterProsumer) -> None:
    """Store a new identity with an empty account and its metered history."""
    record = Prosumer(id=data.id, role=data.role, public_key=data.public_key, registered_at_ms=context.real_ms)
    context.save(record, data.id)
    context.save(Account(), data.id)
    totals = MeterTotals(production=data.total_production, consumption=data.total_consumption)
    context.save(totals, data.id)


@rule
async def set_topology(context: Context, data: SetTopology) -> GraphLaid | TableLaid:
    """Replace the hop distances; running games keep those they began with."""
    problem = hops.graph_problem(data.edges) if data.edges is not None else hops.table_problem(data.hops or {})
    if problem is not None:
        raise InvalidTopology(problems=problem)
    if data.edges is not None:
        return await _lay_graph(context, data.edges)
    return await _lay_table(context, data.hops or {})


async def _lay_graph(context: Context, edges: list[tuple[str, str]]) -> GraphLaid:
    nodes = sorted({node for edge in edges for node in edge})
    await require_places_kept(context, buyers=nodes, sellers=nodes)
    await _remove_places(context)
    context.save(Layout(edges=edges))
    for node in nodes:
        context.save(NetworkNode(), node)
    return GraphLaid(nodes=len(nodes))


async def _lay_table(context: Context, table: Mapping[str, Mapping[str, int]]) -> TableLaid:
    sellers = next(iter(table.values()))
    await require_places_kept(context, buyers=table, sellers=sellers)
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
        raise UnknownProsumer(id=data.prosumer)
    books = await context.books([data.prosumer])
    if books.accounts()[data.prosumer].debt:
        books = await context.books([data.prosumer, GRID_OPERATOR])
    books.mint(data.prosumer, data.amount)
    books.repay_debts()
    account = books.accounts()[data.prosumer]
    if account.free + account.frozen > MAX_MONEY:
        raise AccountTooLarge(id=data.prosumer)
    context.close_books(books)
    await enter_movement(context, data.prosumer, EntryKind.TOP_UP, data.amount)
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
        settling = await context.find(Settling, game.id) or Settling()
        slot = await DeliveredSlot.load(context, game)
        settled = {NETWORK_OPERATOR, *slot.participants[: settling.done]}
        for name, amount in slot.paid_early().items():
            if amount and name not in settled:
                await enter_movement(context, name, EntryKind.CANCELLED_GAME, amount)

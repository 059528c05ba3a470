"""Rules of the market's administration: who takes part, how the network is laid, money from outside, reset."""

from energy_market_chaincode import hops
from energy_market_chaincode.canonical import exact_json
from energy_market_chaincode.commands import RegisterProsumer, ResetMarket, SetTopology, TopUpAccount
from energy_market_chaincode.context import Context
from energy_market_chaincode.entities import (
    GAME_PREFIXES,
    Account,
    Game,
    MeterTotals,
    Prosumer,
)
from energy_market_chaincode.errors import (
    AccountTooLarge,
    InvalidTopology,
    ProsumerExists,
    ReservedName,
    UnknownProsumer,
)
from energy_market_chaincode.events import MarketResetEvent
from energy_market_chaincode.topology import TOPOLOGY_PREFIX, Layout, column_key, node_key, row_key
from energy_market_chaincode.units import MAX_MONEY, Money, currency
from energy_market_chaincode.views import AccountToppedUp, GraphLaid, MarketEmptied, ProsumerEntered, TableLaid
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Phase


async def register_prosumer(context: Context, data: RegisterProsumer) -> ProsumerEntered:
    """Enter a prosumer or operator with its public key, or give one a new key."""
    if data.id in (GRID_OPERATOR, NETWORK_OPERATOR):
        raise ReservedName(id=data.id)
    known = await context.find(Prosumer, Prosumer.key(data.id))
    if known is not None and not data.replace_key:
        raise ProsumerExists(id=data.id)
    if known is None and data.replace_key:
        raise UnknownProsumer(id=data.id)
    if known is not None:
        context.save(Prosumer.key(data.id), known.but(public_key=data.public_key))
        return ProsumerEntered(prosumer=data.id, key_replaced=True)
    enter(context, data)
    return ProsumerEntered(prosumer=data.id, key_replaced=False)


def enter(context: Context, data: RegisterProsumer) -> None:
    """Store a new identity with an empty account and its metered history."""
    record = Prosumer(id=data.id, role=data.role, public_key=data.public_key, registered_at_ms=context.now_ms)
    context.save(Prosumer.key(data.id), record)
    context.save(Account.key(data.id), Account(free=Money(0), frozen=Money(0)))
    totals = MeterTotals(production=data.total_production, consumption=data.total_consumption)
    context.save(MeterTotals.key(data.id), totals)


async def set_topology(context: Context, data: SetTopology) -> GraphLaid | TableLaid:
    """Replace the hop distances; running games keep those they began with."""
    problem = hops.graph_problem(data.edges) if data.edges is not None else hops.table_problem(data.hops or {})
    if problem is not None:
        raise InvalidTopology(problems=problem)
    for key, _ in await context.state.range(TOPOLOGY_PREFIX):
        context.state.delete(key)
    context.save(Layout.KEY, Layout(edges=data.edges))
    if data.edges is not None:
        nodes = {node for edge in data.edges for node in edge}
        for node in nodes:
            context.state.put(node_key(node), b"{}")
        return GraphLaid(nodes=len(nodes))
    table = data.hops or {}
    for buyer, row in table.items():
        context.state.put(row_key(buyer), exact_json(row))
    for seller in next(iter(table.values())):
        context.state.put(column_key(seller), b"{}")
    return TableLaid(buyers=len(table), sellers=len(next(iter(table.values()))))


async def top_up_account(context: Context, data: TopUpAccount) -> AccountToppedUp:
    """Bring money in; the only rule that changes how much there is. A debt to the grid operator is paid off first."""
    if data.prosumer != GRID_OPERATOR and not await context.exists(Prosumer.key(data.prosumer)):
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
    return AccountToppedUp(prosumer=data.prosumer, account_balance=currency(account.free), debt=currency(account.debt))


async def reset_market(context: Context, _data: ResetMarket) -> MarketEmptied:
    """Remove every game and release every escrow. Prosumers, money, topology and remembered commands stay."""
    games = await context.load_all(Game, "game/")
    cancelled = [game.id for game in games if game.phase not in (Phase.CLOSED, Phase.CANCELLED)]
    for prefix in GAME_PREFIXES:
        for key, _ in await context.state.range(prefix):
            context.state.delete(key)
    for key, value in await context.state.range("account/"):
        account = Account.from_bytes(value)
        if account.frozen:
            context.save(key, account.but(free=Money(account.free + account.frozen), frozen=Money(0)))
    context.emit(MarketResetEvent(cancelled_games=cancelled))
    return MarketEmptied(games=len(games), cancelled_games=cancelled)

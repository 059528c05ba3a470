"""Questions to the contract: what stands on the ledger, each answer one of :mod:`~energy_market_chaincode.views`."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from energy_market_chaincode import (
    allocation,
    delivery,
    errors,
    market_views,
    presentation,
    statements,
    stopping,
    views,
)
from energy_market_chaincode.commands import USUAL_FEED_IN_TARIFF, USUAL_RETAIL_TARIFF
from energy_market_chaincode.context import Context, KeptLayout, Workspace
from energy_market_chaincode.contracting import supplies_of
from energy_market_chaincode.game import bill, grid_cost, seller_order, turn_order
from energy_market_chaincode.lines import Archive, Line
from energy_market_chaincode.matching import give
from energy_market_chaincode.proposals import PROOF_MS
from energy_market_chaincode.records import (
    Account,
    Arena,
    Certificate,
    ClearingState,
    Connection,
    Epoch,
    Escrow,
    Game,
    Layout,
    Market,
    MeterTotals,
    Outcome,
    Play,
    Prosumer,
    Remembered,
    Settlement,
    Simulation,
    StandingBid,
    StandingDemand,
    StandingOffer,
    TariffTable,
    Transfer,
    ledger_id,
)
from energy_market_chaincode.settlement import is_settling
from energy_market_chaincode.times import iso_time, moment
from energy_market_chaincode.unfinished import Proposal, Settling
from energy_market_chaincode.units import Energy, Money, currency, currency_per_kwh, kwh
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Metering, Phase, Role

ALL = slice(None)


async def answer(state: Workspace, function: str, args: Sequence[str]) -> Any:
    """Answer a question of :data:`QUERIES`.

    Raises
    ------
    MalformedArguments, UnknownGame, UnknownProsumer, NotInitialised
    """
    query, names = QUERIES[function]
    context = Context(state=state, real_ms=0, place=0, signer="")
    given, more = list(args[: len(names)]), list(args[len(names) :])
    options: dict[str, Any] = {}
    if function in BRIEF and more[-1:] == [IN_BRIEF]:
        more.pop()
        options["is_brief"] = True
    if function in PAGED and len(more) == 2:
        options["page"] = _page(function, *more)
        more.clear()
    if more or len(given) < len(names):
        raise errors.MalformedArguments(function=function, problems=f"needs {', '.join(names) or 'no argument'}")
    return await query(context, *given, **options)


def _page(function: str, first: str, limit: str) -> slice:
    if not (first.isdecimal() and limit.isdecimal()):
        raise errors.MalformedArguments(function=function, problems="needs whole numbers: from which on, and how many")
    return slice(int(first), int(first) + int(limit))


async def _market(context: Context) -> market_views.MarketView:
    market = await context.find(Market)
    if market is None:
        raise errors.NotInitialised()
    prosumers = await context.load_all(Prosumer)
    accounts = await context.load_all(Account)
    institutions = await context.find_each(Account, names=[GRID_OPERATOR, NETWORK_OPERATOR])
    grid, network = (currency((account or Account()).free) for account in institutions)
    epoch, simulation = await context.find(Epoch), await context.find(Simulation)
    return market_views.MarketView(
        ledger=ledger_id(market, epoch),
        epoch=presentation.epoch(market, epoch) if epoch is not None else None,
        simulated_time=presentation.simulated_time(simulation.root) if simulation is not None else None,
        operators=[prosumer.id for prosumer in prosumers if prosumer.role is Role.OPERATOR],
        initialised_at=moment(market.initialised_at_ms),
        money=currency(sum(account.free + account.frozen for account in accounts)),
        frozen_funds=currency(sum(account.frozen for account in accounts)),
        accounts=market_views.Institutions(grid_operator=grid, network_operator=network),
        topology=await context.exists(Layout),
    )


async def _prosumers(context: Context, page: slice = ALL) -> market_views.Prosumers:
    records = [each for each in await context.load_all(Prosumer) if each.role is not Role.METER][page]
    return market_views.Prosumers(prosumers=await _prosumer_views(context, records))


async def _prosumer(context: Context, prosumer: str) -> market_views.ProsumerView:
    record = await context.find(Prosumer, prosumer)
    if record is None:
        raise errors.UnknownProsumer(id=prosumer)
    return (await _prosumer_views(context, [record]))[0]


async def _prosumer_views(context: Context, prosumers: Sequence[Prosumer]) -> list[market_views.ProsumerView]:
    names = [prosumer.id for prosumer in prosumers]
    accounts = [account or Account() for account in await context.find_each(Account, names=names)]
    meters = [meter or MeterTotals() for meter in await context.find_each(MeterTotals, names=names)]
    return [
        market_views.ProsumerView(
            prosumer=prosumer.id,
            role=prosumer.role,
            public_key=prosumer.public_key,
            registered_at=moment(prosumer.registered_at_ms),
            account_balance=currency(account.free),
            frozen_funds=currency(account.frozen),
            debt=currency(account.debt),
            total_production=kwh(meter.production),
            total_consumption=kwh(meter.consumption),
            contribution_metric=presentation.metric(meter.production, meter.consumption),
        )
        for prosumer, account, meter in zip(prosumers, accounts, meters, strict=True)
    ]


async def _games(context: Context, page: slice = ALL) -> views.Games:
    games = sorted(await context.load_all(Game), key=lambda game: (game.published_at_ms, game.id))
    return views.Games(games=[await _summary(context, game) for game in games[page]])


async def _summary(context: Context, game: Game) -> views.GameSummary:
    arena, play, outcome = await _course(context, game)
    left = await _left(context, game)
    is_played = play is not None and play.round > 0 and not left
    buyer = arena.buyers[play.turn].buyer if arena and play and is_played and game.phase is Phase.PLAYING else None
    sellers, buyers = await _participants(context, game, arena)
    return views.GameSummary(
        game=game.id,
        phase=game.phase,
        delivery_slot=game.slot,
        mechanism=game.mechanism,
        nr_sellers=len(sellers),
        nr_buyers=len(buyers),
        round=outcome.rounds if outcome is not None else play.round if play is not None else 0,
        buyer_in_turn=buyer,
        published_at=moment(game.published_at_ms),
        left=left,
        **dict(presentation.phase_times(game)),
    )


async def _left(context: Context, game: Game) -> int | None:
    """Return how many steps are left of what is done in parts."""
    if game.phase is Phase.PLAYING:
        return await stopping.steps_left(context, game)
    settling = await context.find(Settling, game.id) if game.phase in (Phase.DELIVERY, Phase.CLOSED) else None
    return None if settling is None else settling.left


async def _course(context: Context, game: Game) -> tuple[Arena | None, Play | None, Outcome | None]:
    return (
        await context.find(Arena, game.id),
        await context.find(Play, game.id),
        await context.find(Outcome, game.id),
    )


async def _participants(
    context: Context, game: Game, arena: Arena | None
) -> tuple[list[StandingOffer], list[StandingDemand]]:
    if arena is not None:
        return arena.sellers, arena.buyers
    offers = await context.load_all(StandingOffer, game.id)
    demands = await context.load_all(StandingDemand, game.id)
    return seller_order(offers), turn_order(demands)


async def _find_game(context: Context, name: str) -> Game:
    if await context.exists(Archive, name):  # perhaps only in part, yet
        raise await context.no_game(name)
    game = await context.find(Game, name)
    if game is None:
        raise await context.no_game(name)
    return game


async def _game(context: Context, name: str, *, is_brief: bool = False) -> views.GameView:
    game = await _find_game(context, name)
    arena, play, outcome = await _course(context, game)
    sellers, buyers = await _participants(context, game, arena)
    loads = play.loads if play is not None else [Energy(0)] * len(sellers)
    settlement = await context.find(Settlement, game.id)
    is_delivering = game.phase is Phase.DELIVERY
    summary = await _summary(context, game)
    frozen = await _frozen(context, game, [*(s.seller for s in sellers), *(b.buyer for b in buyers)])
    return views.GameView(
        **dict(summary),
        parameters=presentation.parameters(game.parameters),
        sellers=[_seller(offer, load, frozen[offer.seller]) for offer, load in zip(sellers, loads, strict=True)],
        buyers=[_buyer(demand, frozen[demand.buyer]) for demand in buyers],
        hops=_hops(arena) if arena is not None and arena.layout is None and not is_brief else {},
        layout=arena.layout if arena is not None else None,
        deadline=moment(play.deadline_ms) if play and summary.buyer_in_turn else None,
        readings_awaited=await _awaited(context, game, arena, play) if arena and play and is_delivering else None,
        stop=_stop(buyers, outcome) if outcome is not None else None,
        clearing=await _clearing(context, game, arena),
        settlement=presentation.settlement_totals(settlement) if settlement is not None else None,
    )


async def _clearing(context: Context, game: Game, arena: Arena | None) -> views.ClearingView | None:
    clearing = await context.find(ClearingState, game.id)
    if arena is None or clearing is None:
        return None
    proof, open_ones = await context.find(Certificate, game.id), await context.load_named(Proposal, game.id)
    return presentation.clearing(arena, clearing, clearing.ends_ms + PROOF_MS, open_ones, proof)


async def _frozen(context: Context, game: Game, participants: Sequence[str]) -> dict[str, Money]:
    """Return what is frozen of everybody's money for a game."""
    escrows = await context.find_each(Escrow, game.id, names=participants)
    return {
        name: escrow.frozen if escrow is not None else Money(0)
        for name, escrow in zip(participants, escrows, strict=True)
    }


async def _awaited(context: Context, game: Game, arena: Arena, play: Play) -> int:
    if await is_settling(context, game):
        return 0
    participants = await delivery.participants_of(context, game, arena)
    reported = await delivery.reports(context, game, participants)
    is_waited_for_whole = game.parameters.metering is Metering.SELF and not game.has_slot_time
    if is_waited_for_whole and await context.exists(Certificate, game.id):
        return delivery.undelivered(arena, play.loads, reported)
    return len(participants) - len(reported)


def _seller(offer: StandingOffer, load: Energy, frozen: Money) -> views.SellerInGame:
    return views.SellerInGame(
        seller=offer.seller,
        capacity=kwh(offer.capacity),
        price=currency_per_kwh(offer.price),
        load=kwh(load),
        frozen=currency(frozen),
    )


def _buyer(demand: StandingDemand, frozen: Money) -> views.BuyerInGame:
    return views.BuyerInGame(
        buyer=demand.buyer,
        demand=kwh(demand.demand),
        contribution_metric=presentation.metric(demand.production, demand.consumption),
        frozen=currency(frozen),
    )


def _hops(arena: Arena) -> dict[str, dict[str, int]]:
    return {
        demand.buyer: {offer.seller: hops for offer, hops in zip(arena.sellers, row, strict=True)}
        for demand, row in zip(arena.buyers, arena.hops, strict=True)
    }


def _stop(buyers: Sequence[StandingDemand], outcome: Outcome) -> views.StopView:
    names = [demand.buyer for demand in buyers] if outcome.regrets else []
    return views.StopView(
        rounds=outcome.rounds,
        regrets={name: currency(saving) for name, saving in zip(names, outcome.regrets, strict=True)},
        **dict(presentation.stop_totals(names, outcome)),
    )


async def _bids(context: Context, name: str, page: slice = ALL, *, is_brief: bool = False) -> views.Bids:
    game = await _find_game(context, name)
    arena, play, outcome = await _course(context, game)
    if arena is None or play is None:
        return views.Bids(bids=[])
    if outcome is None:
        arena = await context.arena(game)
    shown = []
    for i, bid in zip(range(len(arena.buyers))[page], await _standing_bids(context, game, page), strict=True):
        demand = arena.buyers[i]
        shown.append(
            views.BidView(
                buyer=demand.buyer,
                demand=kwh(demand.demand),
                amounts=presentation.amounts(arena, bid, is_brief=is_brief),
                round=bid.round if bid is not None else None,
                cost=currency(outcome.costs[i] if outcome is not None else _cost(game, arena, play, i, bid)),
                regret=currency(outcome.regrets[i]) if outcome is not None else None,
            )
        )
    return views.Bids(bids=shown)


async def _standing_bids(context: Context, game: Game, page: slice) -> list[StandingBid | None]:
    proof = await context.find(Certificate, game.id)
    if proof is None:
        arena = await context.load(Arena, game.id)
        return await context.find_each(StandingBid, game.id, names=[demand.buyer for demand in arena.buyers[page]])
    arena = await context.arena(game)
    sellers = range(len(arena.sellers))
    return [
        StandingBid(amounts=[row.get(seller, Energy(0)) for seller in sellers], round=0)
        for row in allocation.cleared_rows(game, arena, proof)[page]
    ]


def _cost(game: Game, arena: Arena, play: Play, buyer: int, bid: StandingBid | None) -> Money:
    """Return what a buyer would pay as the game stands."""
    demand, tariff = arena.buyers[buyer].demand, game.parameters.retail_tariff
    if bid is None:
        return grid_cost(demand, tariff)
    return bill(bid.amounts, demand, supplies_of(game, arena, buyer, play.loads, bid.amounts), tariff)


async def _transfers(context: Context, name: str, page: slice = ALL) -> views.Transfers:
    game = await _find_game(context, name)
    return views.Transfers(
        transfers=[
            views.TransferView(
                delivered=kwh(transfer.delivered),
                is_fulfilled=transfer.is_fulfilled,
                **dict(presentation.contracted(transfer)),
            )
            for transfer in (await _delivered_transfers(context, game))[page]
        ]
    )


async def _delivered_transfers(context: Context, game: Game) -> list[Transfer]:
    """Return a game's transfers with what was delivered of them; of a cleared one that follows from its lines."""
    if not await context.exists(Arena, game.id):
        return []
    proof, settlement = await context.find(Certificate, game.id), await context.find(Settlement, game.id)
    if proof is not None and settlement is not None:
        known = _settled_transfers(proof.digest, settlement.to_bytes())
        if known:
            return known
    arena = await context.arena(game)
    bought = await allocation.transfers_of(context, game, arena)
    if proof is None:
        return [transfer for transfers in bought for transfer in transfers]
    traders = [*(offer.seller for offer in arena.sellers), *(demand.buyer for demand in arena.buyers)]
    lines = await statements.lines_of(context, game, traders)
    unsettled = Line(in_energy=Energy(0), out_energy=Energy(0))
    fed_in = {offer.seller: lines.get(offer.seller, unsettled).out_energy for offer in arena.sellers}
    delivered = list[Transfer]()
    for demand, transfers in zip(arena.buyers, bought, strict=True):
        energies = give(transfers, lines.get(demand.buyer, unsettled).in_energy, fed_in)
        delivered += [t.but(delivered=energy) for t, energy in zip(transfers, energies, strict=True)]
    if settlement is not None:
        _settled_transfers(proof.digest, settlement.to_bytes())[:] = delivered
    return delivered


@lru_cache(maxsize=2)
def _settled_transfers(_certificate: str, _settlement: bytes) -> list[Transfer]:
    """Return where the transfers of a cleared and settled game stand, if they are known: they are read page by page."""
    return []


async def _lines(context: Context, game: str, page: slice = ALL) -> market_views.SlotLines:
    archive = await context.find(Archive, game)
    settled = archive or await context.find(Settlement, (await _find_game(context, game)).id)
    if settled is None:
        return market_views.SlotLines(lines=[])
    begins = (
        iso_time(archive.starts_ms)
        if archive is not None
        else statements.delivery_start(await _find_game(context, game))
    )
    names = list(await context.load_named(Prosumer))
    if archive is not None:
        await statements.require_lines(context, names, archive.starts_ms)
    lines = await statements.lines_at(context, begins, game, names)
    shown = dict(list(lines.items())[page])
    corrections = await statements.corrections_of(context, begins, game, settled.corrections, shown)
    return market_views.SlotLines(
        lines=[
            statements.slot_line(name, game, begins, line, corrections.get(name, [])) for name, line in shown.items()
        ]
    )


async def _balance(context: Context, name: str) -> market_views.SlotBalance:
    game = await _find_game(context, name)
    arena = await context.find(Arena, game.id)
    begun = arena is not None and game.delivery_starts_ms is not None
    participants = await delivery.participants_of(context, game, arena) if arena is not None and begun else []
    lines = await statements.lines_of(context, game, participants)
    counted = {name: line for name, line in lines.items() if not line.is_presumed}
    if not lines:
        reported = await delivery.reports(context, game, participants)
        counted = {n: Line(in_energy=each.in_energy, out_energy=each.out_energy) for n, each in reported.items()}
    taken = sum(line.in_energy for line in counted.values())
    fed_in = sum(line.out_energy for line in counted.values())
    transfers = (await _transfers(context, name)).transfers
    return market_views.SlotBalance(
        game=game.id,
        metering=game.parameters.metering,
        metered_in=kwh(taken),
        metered_out=kwh(fed_in),
        presumed_in=kwh(sum(line.in_energy for line in lines.values() if line.is_presumed)),
        contracted=Decimal(sum(transfer.energy for transfer in transfers)),
        net_in=kwh(taken - fed_in),
        reported=len(counted),
        silent=[name for name in participants if name not in counted],
    )


async def _meters(context: Context, page: slice = ALL) -> market_views.Meters:
    connections = list((await context.load_named(Connection)).items())[page]
    identities = await context.find_each(Prosumer, names=[connection.meters[-1].meter for _, connection in connections])
    return market_views.Meters(
        meters=[
            market_views.MeterView(
                meter=connection.meters[-1].meter,
                prosumer=prosumer,
                public_key=identity.public_key if identity is not None else "",
                power_kw=kwh(connection.meters[-1].power),
                register_modulus_kwh=kwh(connection.meters[-1].modulus),
                since=moment(connection.meters[-1].since_ms),
                replaced=[earlier.meter for earlier in connection.meters[:-1]],
            )
            for (prosumer, connection), identity in zip(connections, identities, strict=True)
        ]
    )


async def _topology(context: Context) -> market_views.TopologyView:
    return _edges(await context.find(Layout))


async def _topology_of_game(context: Context, name: str) -> market_views.TopologyView:
    """Show the graph that the hops of a large game follow from, whatever the market's is now."""
    arena = await context.find(Arena, (await _find_game(context, name)).id)
    if arena is None or arena.layout is None:
        return _edges(None)
    return _edges(await context.load(KeptLayout, arena.layout))


def _edges(layout: Layout | KeptLayout | None) -> market_views.TopologyView:
    known = layout.edges if layout is not None else None
    return market_views.TopologyView(edges=[list(edge) for edge in known] if known is not None else None)


async def _tariffs(context: Context) -> market_views.TariffTableView:
    table = await context.find(TariffTable)
    return market_views.TariffTableView(
        tariffs=[
            market_views.TariffsView(
                from_=moment(entry.from_ms),
                retail=currency_per_kwh(entry.retail),
                feed_in=currency_per_kwh(entry.feed_in),
            )
            for entry in (table.tariffs if table is not None else [])
        ],
        default_retail=currency_per_kwh(USUAL_RETAIL_TARIFF),
        default_feed_in=currency_per_kwh(USUAL_FEED_IN_TARIFF),
    )


async def _command(
    context: Context, prosumer: str, command: str
) -> views.CommittedCommand | views.RejectedCommand | None:
    remembered = await context.find(Remembered, prosumer, command)
    return None if remembered is None else presentation.remembered(remembered)


async def _state(context: Context, prefix: str) -> dict[str, str]:
    return {key: value.decode() for key, value in await context.state.range(prefix)}


PAGED = frozenset({"prosumers", "meters", "games", "bids", "transfers", "lines"})
"""Questions with long answers: they may be asked with two more arguments, from which item on (from 0) and how many."""

BRIEF = frozenset({"game", "bids"})
"""Questions about a game that may be asked with :data:`IN_BRIEF` as their last argument: hops and amounts of zero, most
of what a large game has, are left out of the answer."""

IN_BRIEF = "brief"

QUERIES: dict[str, tuple[Callable[..., Awaitable[Any]], tuple[str, ...]]] = {
    "market": (_market, ()),
    "prosumers": (_prosumers, ()),
    "prosumer": (_prosumer, ("a prosumer's id",)),
    "games": (_games, ()),
    "game": (_game, ("a game's id",)),
    "bids": (_bids, ("a game's id",)),
    "transfers": (_transfers, ("a game's id",)),
    "lines": (_lines, ("a game's id",)),
    "statement": (statements.statement, ("a prosumer's id", "from when on", "until when", "how many lines")),
    "balance": (_balance, ("a game's id",)),
    "meters": (_meters, ()),
    "topology": (_topology, ()),
    "game-topology": (_topology_of_game, ("a game's id",)),
    "tariffs": (_tariffs, ()),
    "command": (_command, ("a prosumer's id", "a command's id")),
    "state": (_state, ("a prefix of keys",)),
}
"""The contract's questions, each with what it needs to know."""

"""Records as the world sees them: parts of views and events made from what stands on the ledger. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal

from energy_market_chaincode import events, market_views, views
from energy_market_chaincode.canonical import read_exact_json
from energy_market_chaincode.records import (
    Arena,
    Certificate,
    ClearingState,
    Epoch,
    Game,
    Market,
    Outcome,
    Parameters,
    Play,
    Remembered,
    Settlement,
    StandingBid,
    Transfer,
    ledger_id,
)
from energy_market_chaincode.times import SimulatedTime, moment
from energy_market_chaincode.unfinished import Proposal
from energy_market_chaincode.units import (
    ENERGY_DECIMALS,
    MONEY_DECIMALS,
    PRICE_DECIMALS,
    SHARE_DECIMALS,
    Energy,
    Money,
    currency,
    currency_per_kwh,
    divide_half_even,
    fraction,
    kwh,
)
from energy_market_chaincode.vocabulary import Status

SHOWN_SHARE_DECIMALS = 18
"""Of the share of a gap, which is far below the smallest that a game's tolerance can state."""
_MANY_DIGITS = Context(prec=200)


def remembered(command: Remembered) -> views.CommandResult:
    """Return what was answered to a command."""
    result = read_exact_json(command.result)
    kind = views.CommittedCommand if result["status"] == Status.COMMITTED else views.RejectedCommand
    return kind.model_validate(result)


def epoch(market: Market, record: Epoch) -> market_views.EpochView:
    """Return the present epoch as the world sees it."""
    return market_views.EpochView(
        number=record.number,
        ledger=ledger_id(market, record),
        old_time=moment(record.old_ms),
        new_time=moment(record.new_ms),
    )


def simulated_time(mapping: SimulatedTime) -> market_views.SimulatedTimeView:
    """Return the mapping of simulated time as the world sees it."""
    return market_views.SimulatedTimeView(
        start=moment(mapping.start_ms), factor=mapping.factor, began=moment(mapping.began_ms)
    )


def metric(production: Energy, consumption: Energy) -> Decimal | None:
    """Return production / consumption to six decimals, for people; the turn order uses the exact quotient."""
    if consumption == 0:
        return None
    return currency(divide_half_even(production * 10**MONEY_DECIMALS, consumption))


def parameters(rules: Parameters) -> views.GameParameters:
    """Return a game's parameters as people read them."""
    return views.GameParameters(
        slot_duration_ms=rules.slot_duration_ms,
        registration_duration_ms=rules.registration_duration_ms,
        clearing_duration_ms=rules.clearing_duration_ms,
        expected_participants=rules.expected_participants,
        turn_deadline_ms=rules.turn_deadline_ms,
        round_limit=rules.round_limit,
        tolerance=fraction(rules.tolerance),
        delivery_duration_ms=rules.delivery_duration_ms,
        metering_window_ms=rules.metering_window_ms,
        correction_window_ms=rules.correction_window_ms,
        metering=rules.metering,
        retail_tariff=currency_per_kwh(rules.retail_tariff),
        feed_in_tariff=currency_per_kwh(rules.feed_in_tariff),
        fee_per_hop=currency_per_kwh(rules.fee_per_hop),
        imbalance_penalty=currency_per_kwh(rules.imbalance_penalty),
        price_floor=None if rules.price_floor is None else currency_per_kwh(rules.price_floor),
        price_cap=None if rules.price_cap is None else currency_per_kwh(rules.price_cap),
    )


def phase_times(game: Game) -> views.PhaseTimes:
    """Return when a game's phases begin and end, as far as that is known."""

    def known(at_ms: int | None) -> datetime | None:
        return moment(at_ms) if at_ms is not None else None

    return views.PhaseTimes(
        registration_ends_at=moment(game.registration_ends_ms),
        clearing_ends_at=known(game.delivery_starts_ms),
        delivery_starts_at=known(game.delivery_starts_ms),
        delivery_ends_at=known(game.delivery_ends_ms),
        metering_ends_at=known(game.metering_ends_ms),
        final_at=known(game.final_ms),
    )


def game_init(game: Game) -> events.GameInitEvent:
    """Tell that a game accepts registrations."""
    return events.GameInitEvent(
        game=game.id,
        game_id=game.id,
        delivery_slot=game.slot,
        mechanism=game.mechanism,
        **dict(phase_times(game)),
        **dict(parameters(game.parameters)),
    )


def buy_bid(game: Game, arena: Arena, play: Play, standing: StandingBid | None) -> events.BuyBidEvent:
    """Tell a buyer that it is its turn, with all it needs to bid."""
    demand = arena.buyers[play.turn]
    own = standing.amounts if standing is not None else [Energy(0)] * len(arena.sellers)
    return events.BuyBidEvent(
        game=game.id,
        buyer_in_turn=demand.buyer,
        buyer_in_turn_index=play.turn,
        round=play.round,
        deadline=moment(play.deadline_ms),
        demand=kwh(demand.demand),
        retail_tariff=currency_per_kwh(game.parameters.retail_tariff),
        fee_per_hop=currency_per_kwh(game.parameters.fee_per_hop),
        tolerance=fraction(game.parameters.tolerance),
        sellers=[
            events.OfferInTurn(
                seller=offer.seller,
                capacity=kwh(offer.capacity),
                price=currency_per_kwh(offer.price),
                others_load=kwh(load - energy),
                hops=hops,
            )
            for offer, load, energy, hops in zip(arena.sellers, play.loads, own, arena.hops[play.turn], strict=True)
        ],
        standing_bid=amounts(arena, standing),
    )


def amounts(arena: Arena, bid: StandingBid | None, *, is_brief: bool = False) -> dict[str, Decimal] | None:
    """Return a bid as {seller: kWh}, in brief only those it buys from; None if there is none."""
    if bid is None:
        return None
    each = zip(arena.sellers, bid.amounts, strict=True)
    return {offer.seller: kwh(energy) for offer, energy in each if energy or not is_brief}


def stop_totals(buyers: Sequence[str], outcome: Outcome) -> views.StopTotals:
    """Return the reason of a stop and the largest regret, also as a share of that buyer's cost."""
    worst = max(range(len(buyers)), key=lambda i: outcome.regrets[i], default=None)
    regret = outcome.regrets[worst] if worst is not None else Money(0)
    cost = abs(outcome.costs[worst]) if worst is not None else 0
    return views.StopTotals(
        reason=outcome.reason,
        max_regret=currency(regret),
        max_regret_share=fraction(regret * 10**SHARE_DECIMALS // cost if cost else 0),
        max_regret_buyer=buyers[worst] if worst is not None else None,
        total_cost=currency(sum(outcome.costs)),
        handed_back=kwh(outcome.handed_back),
    )


def game_stop(game: str, buyers: Sequence[str], outcome: Outcome) -> events.GameStopEvent:
    """Tell that a game stopped; what stands is contracted."""
    return events.GameStopEvent(game=game, total_nr_rounds=outcome.rounds, **dict(stop_totals(buyers, outcome)))


def exact_cost(cost: int) -> Decimal:
    """Return energy times price as currency, exactly."""
    return Decimal(cost).scaleb(-ENERGY_DECIMALS - PRICE_DECIMALS, _MANY_DIGITS).normalize(_MANY_DIGITS)


def certificate_totals(proof: Certificate) -> views.CertificateTotals:
    """Return how good an accepted clearing proved to be."""
    gap = proof.upper - proof.lower
    return views.CertificateTotals(
        poster=proof.poster,
        certificate=proof.digest,
        gap=exact_cost(gap),
        gap_share=Decimal(gap * 10**SHOWN_SHARE_DECIMALS // max(abs(proof.upper), 1)).scaleb(-SHOWN_SHARE_DECIMALS),
        allowance=exact_cost(proof.allowance),
    )


def clearing(
    arena: Arena,
    state: ClearingState,
    proofs_end_ms: int,
    proposals: Mapping[str, Proposal],
    proof: Certificate | None,
) -> views.ClearingView:
    """Return how far the clearing of a certified game is."""
    return views.ClearingView(
        arena=state.arena,
        ends_at=moment(state.ends_ms),
        proofs_end_at=moment(proofs_end_ms),
        proposals=[
            views.ProposalView(
                poster=poster,
                certificate=proposal.digest,
                posted_at=moment(proposal.posted_at_ms),
                bond=currency(proposal.bond),
                left=proposal.proof.left(len(arena.buyers)),
            )
            for poster, proposal in proposals.items()
        ],
        fallback=state.fallback,
        certificate=None if proof is None else _certificate(arena, proof),
    )


def _certificate(arena: Arena, proof: Certificate) -> views.CertificateView:
    sellers = [offer.seller for offer in arena.sellers]
    return views.CertificateView(
        prices=dict(zip(sellers, map(currency_per_kwh, proof.prices), strict=True)),
        corrections={
            arena.buyers[buyer].buyer: {sellers[seller]: kwh(energy) for seller, energy in row.items()}
            for buyer, row in proof.corrections.items()
        },
        **dict(certificate_totals(proof)),
    )


def clearing_open(game: str, state: ClearingState) -> events.ClearingOpenEvent:
    """Tell that a game waits for a clearing."""
    return events.ClearingOpenEvent(game=game, arena=state.arena, ends_at=moment(state.ends_ms))


def clearing_proposed(game: str, poster: str, arena: Arena, proposal: Proposal) -> events.ClearingProposedEvent:
    """Tell that a clearing is being proved."""
    left = proposal.proof.left(len(arena.buyers))
    return events.ClearingProposedEvent(game=game, poster=poster, certificate=proposal.digest, left=left)


def contracted(transfer: Transfer) -> views.ContractedTransfer:
    """Return a transfer as people read it."""
    return views.ContractedTransfer(
        seller=transfer.seller,
        buyer=transfer.buyer,
        energy=kwh(transfer.energy),
        energy_cost=currency(transfer.energy_cost),
        transmission_fee=currency(transfer.transmission_fee),
    )


def transfer_fulfilled(game: str, transfer: Transfer) -> events.TransferFulfilledEvent:
    """Tell that a transfer was delivered, received and paid in full."""
    return events.TransferFulfilledEvent(game=game, **dict(contracted(transfer)))


def account_top_up_required(game: str, prosumer: str, required: Money, available: Money) -> events.AccountTopUpRequired:
    """Tell that an account cannot cover what is asked of it."""
    return events.AccountTopUpRequired(
        game=game,
        prosumer=prosumer,
        required=currency(required),
        available=currency(available),
        shortfall=currency(required - available),
    )


def settlement_totals(settlement: Settlement) -> views.SettlementTotals:
    """Return what closing a game settled, as people read it."""
    return views.SettlementTotals(
        closed_at=moment(settlement.closed_at_ms),
        energy_delivered=kwh(settlement.delivered),
        energy_from_grid=kwh(settlement.from_grid),
        energy_to_grid=kwh(settlement.to_grid),
        paid_to_sellers=currency(settlement.paid_to_sellers),
        transmission_fees=currency(settlement.transmission_fees),
        paid_to_grid=currency(settlement.paid_to_grid),
        paid_by_grid=currency(settlement.paid_by_grid),
        compensations=currency(settlement.compensations),
        penalties=currency(settlement.penalties),
        guaranteed=currency(settlement.guaranteed),
        presumed=settlement.presumed,
        corrections=settlement.corrections,
    )


def settlement_corrected(game: str, settlement: Settlement) -> events.SettlementCorrectedEvent:
    """Tell that a closed game was settled anew."""
    return events.SettlementCorrectedEvent(game=game, **dict(settlement_totals(settlement)))


def market_closed(game: str, settlement: Settlement) -> events.MarketClosedEvent:
    """Tell that a game is settled to the end."""
    return events.MarketClosedEvent(game=game, **dict(settlement_totals(settlement)))

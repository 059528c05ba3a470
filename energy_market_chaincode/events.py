"""What the market tells the world, as it stands in the protocol: decimals, ISO times, every event with its game."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from energy_market_chaincode import units
from energy_market_chaincode.entities import Arena, Bid, Game, Outcome, Parameters, Play, Settlement, Transfer
from energy_market_chaincode.units import Money

Event = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(milliseconds: int) -> str:
    """Return a timestamp as ISO 8601 in UTC with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def parameters_view(parameters: Parameters) -> dict[str, Any]:
    """Return a game's parameters as people read them."""
    return {
        "registrationDurationMs": parameters.registration_duration_ms,
        "expectedParticipants": parameters.expected_participants,
        "turnDeadlineMs": parameters.turn_deadline_ms,
        "roundLimit": parameters.round_limit,
        "tolerance": units.fraction(parameters.tolerance),
        "deliveryDurationMs": parameters.delivery_duration_ms,
        "retailTariff": units.currency_per_kwh(parameters.retail_tariff),
        "feedInTariff": units.currency_per_kwh(parameters.feed_in_tariff),
        "feePerHop": units.currency_per_kwh(parameters.fee_per_hop),
        "imbalancePenalty": units.currency_per_kwh(parameters.imbalance_penalty),
    }


def game_init(game: Game) -> Event:
    """Tell that a game accepts registrations."""
    return {
        "name": "GameInitEvent",
        "game": game.id,
        "gameID": game.id,
        "deliverySlot": game.slot,
        "mechanism": game.mechanism.value,
        "registrationEndsAt": iso_time(game.registration_ends_ms),
        **parameters_view(game.parameters),
    }


def buy_bid(game: Game, arena: Arena, play: Play, standing: Bid | None) -> Event:
    """Tell a buyer that it is its turn, with all it needs to bid."""
    demand = arena.buyers[play.turn]
    own = standing.amounts if standing is not None else [units.Energy(0)] * len(arena.sellers)
    return {
        "name": "BuyBidEvent",
        "game": game.id,
        "buyerInTurn": demand.buyer,
        "buyerInTurnIndex": play.turn,
        "round": play.round,
        "deadline": iso_time(play.deadline_ms),
        "demand": units.kwh(demand.demand),
        "feePerHop": units.currency_per_kwh(game.parameters.fee_per_hop),
        "tolerance": units.fraction(game.parameters.tolerance),
        "sellers": [
            {
                "seller": offer.seller,
                "capacity": units.kwh(offer.capacity),
                "price": units.currency_per_kwh(offer.price),
                "othersLoad": units.kwh(play.loads[j] - own[j]),
                "hops": arena.hops[play.turn][j],
            }
            for j, offer in enumerate(arena.sellers)
        ],
        "standingBid": amounts_view(arena, standing),
    }


def amounts_view(arena: Arena, bid: Bid | None) -> dict[str, Any] | None:
    """Return a bid as {seller: kWh}, None if there is none."""
    if bid is None:
        return None
    return {offer.seller: units.kwh(energy) for offer, energy in zip(arena.sellers, bid.amounts, strict=True)}


def game_stop(game: Game, buyers: Sequence[str], outcome: Outcome) -> Event:
    """Tell that a game stopped; what stands is contracted."""
    return {"name": "GameStopEvent", "game": game.id, "totalNrRounds": outcome.rounds, **stop_view(buyers, outcome)}


def stop_view(buyers: Sequence[str], outcome: Outcome) -> dict[str, Any]:
    """Return the reason of a stop and the largest regret, also as a share of that buyer's cost."""
    worst = max(range(len(buyers)), key=lambda i: outcome.regrets[i], default=None)
    regret = outcome.regrets[worst] if worst is not None else Money(0)
    cost = outcome.costs[worst] if worst is not None else Money(0)
    return {
        "reason": outcome.reason.value,
        "maxRegret": units.currency(regret),
        "maxRegretShare": units.fraction(regret * 10**units.SHARE_DECIMALS // cost if cost else 0),
        "maxRegretBuyer": buyers[worst] if worst is not None else None,
        "totalCost": units.currency(sum(outcome.costs)),
    }


def transfer_fulfilled(game: str, transfer: Transfer) -> Event:
    """Tell that a transfer was delivered, received and paid in full."""
    return {
        "name": "TransferFulfilledEvent",
        "game": game,
        "seller": transfer.seller,
        "buyer": transfer.buyer,
        "energy": units.kwh(transfer.energy),
        "energyCost": units.currency(transfer.energy_cost),
        "transmissionFee": units.currency(transfer.transmission_fee),
    }


def account_top_up_required(game: str | None, prosumer: str, required: Money, available: Money) -> Event:
    """Tell that an account cannot cover what is asked of it."""
    return {
        "name": "AccountTopUpRequired",
        "game": game,
        "prosumer": prosumer,
        "required": units.currency(required),
        "available": units.currency(available),
        "shortfall": units.currency(required - available),
    }


def settlement_view(settlement: Settlement) -> dict[str, Any]:
    """Return what closing a game settled, as people read it."""
    return {
        "closedAt": iso_time(settlement.closed_at_ms),
        "energyDelivered": units.kwh(settlement.delivered),
        "energyFromGrid": units.kwh(settlement.from_grid),
        "energyToGrid": units.kwh(settlement.to_grid),
        "paidToSellers": units.currency(settlement.paid_to_sellers),
        "transmissionFees": units.currency(settlement.transmission_fees),
        "paidToGrid": units.currency(settlement.paid_to_grid),
        "paidByGrid": units.currency(settlement.paid_by_grid),
        "compensations": units.currency(settlement.compensations),
        "penalties": units.currency(settlement.penalties),
        "guaranteed": units.currency(settlement.guaranteed),
        "presumed": settlement.presumed,
    }


def market_closed(game: str, settlement: Settlement) -> Event:
    """Tell that a game is settled to the end."""
    return {"name": "MarketClosedEvent", "game": game, **settlement_view(settlement)}


def market_reset(cancelled: Sequence[str]) -> Event:
    """Tell that every game was removed and every escrow released."""
    return {"name": "MarketResetEvent", "game": None, "cancelledGames": list(cancelled)}

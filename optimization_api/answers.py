"""What the service answers. Amounts are decimal kWh, money decimal currency, all with exactly the ledger's digits.

Whole games are answered in the solvers' processes; the service imports this to name their tasks. What needs NumPy is
imported where it is used.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from energy_market_chaincode import certificate, units
from http_service import Problem
from market_solver import best_amounts, best_bid
from optimization_api.questions import BestResponseQuestion, ClearingQuestion, EquilibriumQuestion, GameQuestion

if TYPE_CHECKING:
    from market_solver import Clearing, GridEquilibrium, OnStep

SHOWN_DECIMALS = 12
"""Of what is not exact anyway: marginal prices and gaps."""


def _number(description: str) -> Any:
    return WithJsonSchema({"type": "number", "description": description})


Kwh = Annotated[Decimal, _number("kWh, at most 4 decimals")]
Currency = Annotated[Decimal, _number("currency units, at most 6 decimals")]
CurrencyPerKwh = Annotated[Decimal, _number("currency per kWh")]
Gap = Annotated[Decimal, _number("currency units")]


class Answer(BaseModel):
    """An answer. What its fields are is said to pydantic directly: reading docstrings costs a sixth of the start."""

    model_config = ConfigDict(frozen=True)


class BestResponseAnswer(Answer):
    """The cheapest bid at the others' present loads."""

    amounts: dict[str, Kwh] = Field(
        description="{seller: kWh}, of every seller; no bid on the grid of 0.1 Wh is cheaper. Without a tariff "
        "it meets the demand."
    )
    from_grid: Kwh = Field(
        description="The rest of the demand, where the grid is cheaper or nothing is left; 0 without a tariff."
    )
    cost: Currency = Field(description="What the ledger would charge for it, the rest from the grid included.")
    marginal_price: CurrencyPerKwh = Field(description="What a little more demand would cost per kWh.")
    standing_cost: Currency | None = Field(description="What the standing bid costs; null without one.")
    saving: Currency | None = Field(description="What changing the bid would save; null without a standing bid.")

    @classmethod
    def to(cls, question: BestResponseQuestion) -> Self:
        """Answer a checked question."""
        supplies = question.supplies
        bid = best_bid(question.demand, supplies, question.retail_tariff)
        cost = question.bill(bid)
        from_grid = question.demand - sum(bid)
        standing = None
        if question.standing_amounts is not None:
            standing = question.bill(question.standing_amounts)
        return cls(
            from_grid=units.kwh(from_grid),
            amounts={each.seller: units.kwh(energy) for each, energy in zip(question.sellers, bid, strict=True)},
            cost=units.currency(cost),
            marginal_price=_marginal_price(question, from_grid),
            standing_cost=None if standing is None else units.currency(standing),
            saving=None if standing is None else units.currency(max(0, standing - cost)),
        )


def _marginal_price(question: BestResponseQuestion, from_grid: int) -> Decimal:
    if from_grid and question.retail_tariff is not None:
        return units.currency_per_kwh(question.retail_tariff)
    _, price = best_amounts(question.demand, question.supplies)
    return _decimal(price)


class GameAnswer(Answer):
    """A game's allocation. Each demand is met to the last 0.1 Wh, by the grid where it is in the game."""

    bids: dict[str, dict[str, Kwh]] = Field(description="{buyer: {seller: kWh}}, of every pair.")
    loads: dict[str, Kwh] = Field(description="{seller: kWh}")
    from_grid: dict[str, Kwh] = Field(description="{buyer: kWh}: the rest of its demand, 0 without a retail tariff.")
    costs: dict[str, Currency] = Field(description="{buyer: currency}")
    total_cost: Currency
    regrets: dict[str, Currency] = Field(description="{buyer: what it could save by changing its bid alone}")
    max_regret: Currency
    converged: bool = Field(
        description="Whether these bids, rounded as they are, met the tolerance before a limit; if not, they "
        "are the best found."
    )
    rounds: Annotated[int, Field(ge=1)] | None = Field(description="Of sequential best response.")
    seller_prices: dict[str, CurrencyPerKwh] | None = Field(
        description="{seller: what its energy is worth at its load}, which certify a variational equilibrium "
        "or social optimum."
    )
    duality_gap: Gap | None = Field(
        description="How far, at most, the potential (or for a social optimum the total cost) is above its minimum."
    )

    @classmethod
    def of(cls, clearing: "Clearing") -> Self:
        """Show a game's clearing."""
        allocation, game = clearing.allocation, clearing.allocation.game
        bills = dict(zip(game.buyers, allocation.bills(), strict=True))
        prices = clearing.seller_prices
        return cls(
            bids={
                buyer: {seller: units.kwh(energy) for seller, energy in zip(game.sellers, bid, strict=True)}
                for buyer, bid in zip(game.buyers, allocation.energies.tolist(), strict=True)
            },
            loads={seller: units.kwh(load) for seller, load in zip(game.sellers, allocation.loads, strict=True)},
            from_grid={
                buyer: units.kwh(demand - int(bid.sum()))
                for buyer, demand, bid in zip(game.buyers, game.demands, allocation.energies, strict=True)
            },
            costs={buyer: units.currency(cost) for buyer, (cost, _) in bills.items()},
            total_cost=units.currency(sum(cost for cost, _ in bills.values())),
            regrets={buyer: units.currency(regret) for buyer, (_, regret) in bills.items()},
            max_regret=units.currency(max(regret for _, regret in bills.values())),
            converged=clearing.converged,
            rounds=clearing.rounds,
            seller_prices=(
                None if prices is None else dict(zip(game.sellers, map(_decimal, prices.tolist()), strict=True))
            ),
            duality_gap=None if clearing.duality_gap is None else _decimal(clearing.duality_gap),
        )


class ClearingAnswer(Answer):
    """The variational equilibrium of a slot with the grid in the game.

    The prices alone certify it: every buyer's purchases follow from them.
    """

    seller_prices: dict[str, CurrencyPerKwh] = Field(
        description="{seller: what its energy is worth, without the fee for the hops}"
    )
    loads: dict[str, Kwh] = Field(
        description="{seller: what all buyers take from it}, before it is rounded to whole purchases"
    )
    from_grid: Kwh = Field(description="What all buyers take from the grid.")
    total_cost: Currency = Field(description="What all buyers pay, the grid's energy included.")
    duality_gap: Gap = Field(description="How far, at most, the potential is above its minimum.")
    relative_gap: Annotated[Decimal, _number("the gap as a share of the potential")]
    converged: bool = Field(description="Whether that share is at most 1e-8.")
    steps: Annotated[int, Field(ge=1)] = Field(description="Of Newton's method.")
    rows: dict[str, dict[str, Kwh]] | None = Field(
        description="{buyer: {seller: kWh}}, of pairs in use; null unless asked for. They fit, and add up with "
        "``grid`` exactly."
    )
    grid: dict[str, Kwh] | None = Field(
        description="{buyer: what it takes from the grid}; null unless rows are asked for."
    )

    @classmethod
    def of(
        cls,
        question: ClearingQuestion,
        found: "GridEquilibrium",
        steps: int,
        purchases: certificate.Purchases | None = None,
    ) -> Self:
        """Show an equilibrium."""
        from market_solver import RELATIVE_GAP  # NumPy comes with it, which the service does without

        offers = zip(question.sellers.items(), found.exact_scarcity, strict=True)
        gap = max(0.0, found.potential - found.lower_bound)
        return cls(
            seller_prices={seller: units.currency_per_kwh(offer.price + pi) for (seller, offer), pi in offers},
            loads={s: _decimal(load, 4) for s, load in zip(question.sellers, found.loads.tolist(), strict=True)},
            from_grid=_decimal(float(found.from_grid.sum()), 4),
            total_cost=_decimal(found.total_cost, 6),
            duality_gap=_decimal(gap),
            relative_gap=_decimal(found.relative_gap),
            converged=found.relative_gap <= RELATIVE_GAP,
            steps=steps,
            rows=None if purchases is None else _rows(question, purchases),
            grid=None
            if purchases is None
            else dict(zip(question.buyers, map(units.kwh, purchases.from_grid), strict=True)),
        )


def _rows(question: ClearingQuestion, purchases: certificate.Purchases) -> dict[str, dict[str, Decimal]]:
    sellers = list(question.sellers)
    return {
        buyer: {sellers[number]: units.kwh(energy) for number, energy in bought.items()}
        for buyer, bought in zip(question.buyers, purchases.from_sellers, strict=True)
    }


class SolveAnswer(Answer):
    """How far a solve is."""

    seconds: float = Field(description="For how long it has been at work.")
    steps: Annotated[int, Field(ge=0)] = Field(
        description="How many steps its method has taken, as told at least every tenth of a second."
    )


def _decimal(value: float, decimals: int = SHOWN_DECIMALS) -> Decimal:
    plain = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return Decimal("0" if plain == "-0" else plain)


# How each kind of question about a whole game is answered, in a solver's process.


def answer_equilibrium(question: EquilibriumQuestion, on_step: "OnStep") -> GameAnswer:
    """Find an equilibrium."""
    from market_solver import clear_by_best_response, clear_by_variational_equilibrium

    if question.method == "variational":
        return GameAnswer.of(clear_by_variational_equilibrium(question.game(), on_step))
    tolerance = float(units.fraction(question.tolerance))
    return GameAnswer.of(clear_by_best_response(question.game(), tolerance, question.round_limit, on_step))


def answer_social_optimum(question: GameQuestion, on_step: "OnStep") -> GameAnswer:
    """Find the least total cost."""
    from market_solver import clear_by_social_optimum

    return GameAnswer.of(clear_by_social_optimum(question.game(), on_step))


def answer_clearing(question: ClearingQuestion, on_step: "OnStep") -> ClearingAnswer:
    """Find the variational equilibrium with the grid in the game."""
    from market_solver import TooManyPairs, certified, equilibrium_with_grid

    game, steps = question.game(), 0
    try:
        for steps, nearer in enumerate(equilibrium_with_grid(game), 1):  # noqa: B007  the last ones are what is wanted
            on_step()
            point = nearer
    except TooManyPairs as error:
        detail = f"The network keeps too few apart: {error}; ask for fewer prosumers, or with their real distances."
        raise Problem(422, "TOO_MANY_PAIRS", detail) from None
    found = certified(game, point)
    if not question.rows:
        return ClearingAnswer.of(question, found, steps)
    purchases = certificate.purchases_at(question.slot_game(game), found.exact_scarcity)
    return ClearingAnswer.of(question, found, steps, purchases)

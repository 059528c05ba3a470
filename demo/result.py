"""What a run came to: the document that ``energy-market demo --json`` writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.scenario import Scenario
from energy_market_chaincode import Phase, units, views


@dataclass(frozen=True, slots=True)
class Accounts:
    """All accounts at one moment, in currency: {owner: {balance, frozen}}, the two operators' included."""

    of: dict[str, dict[str, Decimal]]

    @property
    def total(self) -> Decimal:
        """All money there is."""
        return _sum(purse["balance"] + purse["frozen"] for purse in self.of.values())

    @property
    def frozen(self) -> Decimal:
        """All money that is set aside."""
        return _sum(purse["frozen"] for purse in self.of.values())


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add up money, without trailing zeros."""
    return units.currency(sum(units.money_from_currency(amount) for amount in amounts))


def accounts_of(prosumers: Sequence[views.ProsumerView], market: views.MarketView) -> Accounts:
    """Read the accounts out of the answers of ``GET /prosumers`` and ``GET /market``."""
    purses = {
        prosumer.prosumer: {"balance": prosumer.account_balance, "frozen": prosumer.frozen_funds}
        for prosumer in prosumers
    }
    for owner, balance in market.accounts.as_json().items():
        purses[owner] = {"balance": balance, "frozen": Decimal(0)}
    return Accounts(purses)


@dataclass(frozen=True, slots=True)
class Run:
    """A game that was played, as the ledger tells it.

    Attributes
    ----------
    game, bids, transfers
        The answers of ``GET /games/{id}``, ``/bids`` and ``/transfers``.
    timings
        Seconds by step of the demo.
    """

    scenario: Scenario
    ledger: str
    game: views.GameView
    bids: list[views.BidView]
    transfers: list[views.TransferView]
    before: Accounts
    after: Accounts
    timings: dict[str, float]

    @property
    def money_conserved(self) -> bool:
        """Whether all accounts together hold what they held before, to the last unit."""
        return self.before.total == self.after.total

    def problems(self) -> list[str]:
        """Tell what a run that ended must not leave behind."""
        problems = []
        if not self.money_conserved:
            problems.append(f"the accounts held {self.before.total} before and {self.after.total} after")
        if self.after.frozen:
            problems.append(f"{self.after.frozen} stayed frozen")
        if self.game.phase is not Phase.CLOSED:
            problems.append(f"the game ended in phase {self.game.phase}")
        return problems

    def document(self) -> dict[str, Any]:
        """Return the run as a document; amounts in kWh and currency per kWh, exact decimals."""
        stop, settlement = self.game.stop, self.game.settlement
        assert stop is not None  # noqa: S101 - a run is made of a game that stopped; for the type checker
        return {
            "scenario": {"name": self.scenario.name, **self.scenario.instance()},
            "ledger": self.ledger,
            "game": self.game.game,
            "rounds": stop.rounds,
            "stop_reason": stop.reason,
            "max_regret": stop.max_regret,
            "max_regret_share": stop.max_regret_share,
            "total_cost": stop.total_cost,
            "costs": {bid.buyer: bid.cost for bid in self.bids},
            "regrets": stop.regrets,
            "bids": {bid.buyer: bid.amounts for bid in self.bids},
            "loads": {seller.seller: seller.load for seller in self.game.sellers},
            "transfers": [transfer.as_json() for transfer in self.transfers],
            "settlement": settlement.as_json() if settlement is not None else None,
            "accounts": {"before": self.before.of, "after": self.after.of},
            "money_conserved": self.money_conserved,
            "timings": self.timings,
        }

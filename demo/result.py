"""What a run came to: the document that ``energy-market demo --json`` writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.scenario import Scenario
from energy_market_chaincode import units

View = dict[str, Any]


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


def accounts_of(prosumers: list[View], market: View) -> Accounts:
    """Read the accounts out of the answers of ``GET /prosumers`` and ``GET /market``."""
    purses = {
        view["prosumer"]: {"balance": Decimal(view["accountBalance"]), "frozen": Decimal(view["frozenFunds"])}
        for view in prosumers
    }
    for owner, balance in market["accounts"].items():
        purses[owner] = {"balance": Decimal(balance), "frozen": Decimal(0)}
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
    game: View
    bids: list[View]
    transfers: list[View]
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
        if self.game["phase"] != "closed":
            problems.append(f"the game ended in phase {self.game['phase']}")
        return problems

    def document(self) -> dict[str, Any]:
        """Return the run as a document; amounts in kWh and currency per kWh, exact decimals."""
        stop = self.game["stop"]
        return {
            "scenario": {"name": self.scenario.name, **self.scenario.instance()},
            "ledger": self.ledger,
            "game": self.game["game"],
            "rounds": stop["rounds"],
            "stop_reason": stop["reason"],
            "max_regret": stop["maxRegret"],
            "max_regret_share": stop["maxRegretShare"],
            "total_cost": stop["totalCost"],
            "costs": {bid["buyer"]: bid["cost"] for bid in self.bids},
            "regrets": stop["regrets"],
            "bids": {bid["buyer"]: bid["amounts"] for bid in self.bids},
            "loads": {seller["seller"]: seller["load"] for seller in self.game["sellers"]},
            "transfers": self.transfers,
            "settlement": self.game["settlement"],
            "accounts": {"before": self.before.of, "after": self.after.of},
            "money_conserved": self.money_conserved,
            "timings": self.timings,
        }

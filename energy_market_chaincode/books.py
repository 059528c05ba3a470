"""Accounts: money moves between them, freezes and thaws in them, and is never made or lost."""

from dataclasses import dataclass

from energy_market_chaincode.errors import InsufficientFunds
from energy_market_chaincode.records import Account
from energy_market_chaincode.units import Money, currency
from energy_market_chaincode.vocabulary import GRID_OPERATOR


@dataclass(slots=True)
class Purse:
    """An account while it is worked on."""

    free: int
    frozen: int
    debt: int


class Books:
    """The accounts that a command works on.

    Contract: no method but :meth:`mint` changes the sum of all money; no purse but the grid operator's goes below zero.
    """

    def __init__(self, accounts: dict[str, Account]) -> None:
        self._purses = {owner: Purse(account.free, account.frozen, account.debt) for owner, account in accounts.items()}

    def accounts(self) -> dict[str, Account]:
        """Return the accounts as they are now."""
        return {
            owner: Account(free=Money(purse.free), frozen=Money(purse.frozen), debt=Money(purse.debt))
            for owner, purse in sorted(self._purses.items())
        }

    def free(self, owner: str) -> Money:
        """Return what an account may spend."""
        return Money(self._purses[owner].free)

    def mint(self, owner: str, amount: Money) -> None:
        """Bring new money in: an operator's top-up."""
        self._purses[owner].free += amount

    def freeze(self, owner: str, amount: Money) -> None:
        """Set money aside.

        Raises
        ------
        InsufficientFunds
            If less than ``amount`` is free.
        """
        purse = self._purses[owner]
        if amount > purse.free:
            raise InsufficientFunds(
                prosumer=owner,
                required=currency(amount),
                available=currency(purse.free),
                shortfall=currency(amount - purse.free),
            )
        purse.free -= amount
        purse.frozen += amount

    def thaw(self, owner: str, amount: Money) -> None:
        """Let frozen money be spent again."""
        purse = self._purses[owner]
        assert amount <= purse.frozen  # noqa: S101 - what thaws was frozen for the same game; else the books are wrong
        purse.frozen -= amount
        purse.free += amount

    def pay(self, payer: str, payee: str, amount: Money) -> Money:
        """Move free money, as much of ``amount`` as the payer has; the grid operator always has enough.

        Returns
        -------
        What the payer could not pay, and the payee did not get.
        """
        purse = self._purses[payer]
        paid = amount if payer == GRID_OPERATOR else min(amount, max(purse.free, 0))
        purse.free -= paid
        self._purses[payee].free += paid
        return Money(amount - paid)

    def guarantee(self, debtor: str, payee: str, amount: Money) -> None:
        """Let the grid operator pay in somebody's place, who then owes it as much."""
        self.pay(GRID_OPERATOR, payee, amount)
        self._purses[debtor].debt += amount

    def repay_debts(self) -> None:
        """Let everybody pay the grid operator what it owes, as far as its free money goes."""
        for owner, purse in sorted(self._purses.items()):
            if purse.debt:
                purse.debt = self.pay(owner, GRID_OPERATOR, Money(purse.debt))

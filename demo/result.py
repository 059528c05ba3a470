"""What a game or a day came to: the document that ``energy-market demo --json`` writes, and tables for a person."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.day_scenario import DayScenario
from demo.scenario import Scenario
from energy_market_chaincode import GameView, Phase, market_views, units, views

MANY = 20
"""From so many rows on a table is cut, and says so."""
MOST_ROWS = 48
"""Of the table of a day, whose rows are hours; a longer scenario's are cut there."""


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


def accounts_of(prosumers: Sequence[market_views.ProsumerView], market: market_views.MarketView) -> Accounts:
    """Read the accounts out of the answers of ``GET /prosumers`` and ``GET /market``."""
    purses = {
        prosumer.prosumer: {"balance": prosumer.account_balance, "frozen": prosumer.frozen_funds}
        for prosumer in prosumers
    }
    for owner, balance in market.accounts.as_json().items():
        purses[owner] = {"balance": balance, "frozen": Decimal(0)}
    return Accounts(purses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played(ABC):
    """What was played, of one game or of many, and what it left on the accounts.

    Attributes
    ----------
    timings
        Seconds by step of the demo.
    """

    ledger: str
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
        return problems

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """Return all of it as a document; amounts in kWh and currency per kWh, exact decimals."""

    @abstractmethod
    def show(self, console: Console) -> None:
        """Print it as tables."""

    def money(self) -> dict[str, Any]:
        """Return the part of the run's document that every kind of run has."""
        return {
            "accounts": {"before": self.before.of, "after": self.after.of},
            "money_conserved": self.money_conserved,
            "timings": self.timings,
        }

    def print_money(self, console: Console) -> None:
        """Print the accounts, and whether any money went astray."""
        console.print(_accounts(self))
        console.print(
            f"money before {self.before.total}, after {self.after.total}: "
            + ("[green]conserved to the last unit[/]" if self.money_conserved else "[red]NOT conserved[/]")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Played):
    """A game that was played, as the ledger tells it.

    Attributes
    ----------
    game, bids, transfers
        The answers of ``GET /games/{id}``, ``/bids`` and ``/transfers``.
    """

    scenario: Scenario
    game: views.GameView
    bids: list[views.BidView]
    transfers: list[views.TransferView]

    def problems(self) -> list[str]:
        """Tell what a game that ended must not leave behind."""
        problems = Played.problems(self)
        if self.game.phase is not Phase.CLOSED:
            problems.append(f"the game ended in phase {self.game.phase}")
        return problems

    def document(self) -> dict[str, Any]:
        """Return the run as a document; amounts in kWh and currency per kWh, exact decimals."""
        stop, settlement = self.game.stop, self.game.settlement
        assert stop is not None  # noqa: S101 - a run is made of a game that stopped; for the type checker
        clearing = self.game.clearing
        proof = clearing.certificate if clearing is not None else None
        return {
            "scenario": {
                "name": self.scenario.name,
                **self.scenario.instance(),
                "retail_tariff": self.game.parameters.retail_tariff,
            },
            "ledger": self.ledger,
            "game": self.game.game,
            "mechanism": self.game.mechanism,
            "gap": proof.gap if proof is not None else None,
            "gap_share": proof.gap_share if proof is not None else None,
            "fallback": clearing.fallback if clearing is not None else None,
            "rounds": stop.rounds,
            "stop_reason": stop.reason,
            "max_regret": stop.max_regret,
            "max_regret_share": stop.max_regret_share,
            "total_cost": stop.total_cost,
            "handed_back": stop.handed_back,
            "costs": {bid.buyer: bid.cost for bid in self.bids},
            "regrets": stop.regrets,
            "bids": {bid.buyer: bid.amounts or {} for bid in self.bids},
            "loads": {seller.seller: seller.load for seller in self.game.sellers},
            "transfers": [transfer.as_json() for transfer in self.transfers],
            "settlement": settlement.as_json() if settlement is not None else None,
            **self.money(),
        }

    def show(self, console: Console) -> None:
        """Print the tables of a game that was played."""
        stop = self.game.stop
        assert stop is not None  # noqa: S101 - a run is made of a game that stopped; for the type checker
        console.rule(f"[bold]{self.scenario.name}[/] on the {self.ledger} ledger")
        console.print(
            f"stopped after [bold]{stop.rounds}[/] rounds: [bold]{stop.reason}[/]; total cost "
            f"[bold]{stop.total_cost}[/]; largest regret {stop.max_regret} ({stop.max_regret_buyer or 'nobody'})"
        )
        if self.game.clearing is not None:
            console.print(_how_cleared(self.game.clearing))
        console.print(_how_long(self.timings))
        for table in (_bids(self), _sellers(self), _settlement(self)):
            console.print(table)
        self.print_money(console)


def _how_long(timings: Mapping[str, float]) -> str:
    """Tell how long the slot and its parts took, by the ledger's time."""
    parts = (f"{name.removeprefix('slot_')} {s:.2f}" for name, s in timings.items() if name.startswith("slot_"))
    return f"the slot took [bold]{timings['slot']:.2f} s[/] from publication to settled: {', '.join(parts)}"


def _how_cleared(clearing: views.ClearingView) -> str:
    if clearing.certificate is None:
        return f"[yellow]no clearing was proved in time; fallback: {clearing.fallback}[/]"
    proof = clearing.certificate
    return f"cleared by {proof.poster}: gap {proof.gap:.3e} ({proof.gap_share:.1e} of the potential), proved"


def new_table(title: str, *columns: str) -> Table:
    """Return an empty table; its first column stands left, the others, of numbers, right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def filled(table: Table, rows: list[list[Any]], most: int = MANY) -> Table:
    """Fill a table with no more rows than a person reads."""
    for row in rows[:most]:
        table.add_row(*(_text(cell) for cell in row))
    if len(rows) > most:
        table.caption = f"and {len(rows) - most} more (--json writes them all)"
    return table


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def _bids(run: Run) -> Table:
    sellers = [seller.seller for seller in run.game.sellers][:8]
    columns = ("buyer", "demand", *sellers, "grid", "cost", "regret")
    table = new_table("Bids at the stop (kWh), in turn order", *columns)
    rows = [
        [
            bid.buyer,
            bid.demand,
            *((bid.amounts or {}).get(seller) for seller in sellers),
            bid.demand - sum((bid.amounts or {}).values()),
            bid.cost,
            bid.regret,
        ]
        for bid in run.bids
    ]
    return filled(table, rows)


def _sellers(run: Run) -> Table:
    table = new_table("Sellers", "seller", "price", "capacity kWh", "load kWh", "use")
    rows = [
        [
            seller.seller,
            seller.price,
            seller.capacity,
            seller.load,
            f"{100 * seller.load / seller.capacity:.1f} %",
        ]
        for seller in run.game.sellers
    ]
    return filled(table, rows)


def _settlement(run: Run) -> Table:
    settlement = run.game.settlement
    table = new_table("Settlement", "what", "amount")
    names = {
        "energy_delivered": "delivered, kWh",
        "energy_from_grid": "bought from the grid, kWh",
        "energy_to_grid": "fed into the grid, kWh",
        "paid_to_sellers": "paid to sellers",
        "transmission_fees": "transmission fees",
        "paid_to_grid": "paid to the grid",
        "paid_by_grid": "paid by the grid",
        "compensations": "compensations for imbalance",
        "penalties": "imbalance penalties",
        "guaranteed": "guaranteed by the grid operator",
    }
    fulfilled = sum(transfer.is_fulfilled for transfer in run.transfers)
    rows = [["transfers fulfilled", f"{fulfilled} of {len(run.transfers)}"]]
    rows += [[text, getattr(settlement, name)] for name, text in names.items()]
    if settlement is not None and settlement.presumed:
        rows.append(["silent meters, presumed", ", ".join(settlement.presumed)])
    return filled(table, rows)


def _accounts(run: Played) -> Table:
    table = new_table("Accounts", "owner", "before", "after", "change", "frozen")
    rows = []
    for owner, purse in run.after.of.items():
        before = run.before.of.get(owner, {"balance": Decimal(0)})["balance"]
        rows.append([owner, before, purse["balance"], f"{purse['balance'] - before:+f}", purse["frozen"]])
    return filled(table, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRun(Played):
    """A day that was played, as the ledger tells it.

    Attributes
    ----------
    games
        In the order of their slots.
    statements
        Of each household; without a line for a slot in which it had nothing to buy or sell.
    """

    scenario: DayScenario
    games: Sequence[GameView]
    statements: Mapping[str, market_views.Statement]

    def problems(self) -> list[str]:
        """Tell what a day must not leave behind, such as other energy than the profiles say."""
        problems = Played.problems(self)
        problems += [f"{game.game} ended in phase {game.phase}" for game in self.games if not game.is_over]
        for name, flows in self.scenario.flows().items():
            sums = self.statements[name].sums
            for what, said, settled in (
                ("take", units.kwh(sum(flow.load for flow in flows.uses.values())), sums.in_energy),
                ("feed in", units.kwh(sum(flow.pv for flow in flows.uses.values())), sums.out_energy),
            ):
                if said != settled:
                    problems.append(f"{name} was to {what} {said} kWh by its profile, and {settled} kWh were settled")
        traded = sum(settlement.energy_delivered for settlement in self._settlements())
        for what in ("bought", "sold"):
            amount = sum(getattr(statement.sums, what) for statement in self.statements.values())
            if amount != traded:
                problems.append(f"{traded} kWh were traded in all slots, and the households {what} {amount} kWh")
        return problems

    def _settlements(self) -> list[views.SettlementTotals]:
        return [game.settlement for game in self.games if game.settlement is not None]

    def document(self) -> dict[str, Any]:
        """Return the day as a document; amounts in kWh and currency per kWh, exact decimals."""
        stops = [game.stop for game in self.games if game.stop is not None]
        return {
            "scenario": self.scenario.instance(),
            "ledger": self.ledger,
            "mechanism": self.scenario.game.mechanism,
            "stop_reasons": Counter(stop.reason for stop in stops),
            "rounds": sum(stop.rounds for stop in stops),
            "max_regret": max((stop.max_regret for stop in stops), default=Decimal(0)),
            "total_cost": sum(stop.total_cost for stop in stops),
            "slots": [_slot(game) for game in self.games],
            "households": {name: _household(statement) for name, statement in self.statements.items()},
            **self.money(),
        }

    def show(self, console: Console) -> None:
        """Print the table of the day, and what it came to for each household."""
        console.rule(f"[bold]{self.scenario.name}[/] on the {self.ledger} ledger")
        console.print(_table_of_day(self))
        for statement in self.statements.values():
            console.print(_statement(statement))
        self.print_money(console)


def _slot(game: GameView) -> dict[str, Any]:
    """Return a slot of the document."""
    settlement, stop = game.settlement, game.stop
    return {
        "slot": game.delivery_slot,
        "game": game.game,
        "phase": game.phase,
        "stop_reason": stop.reason if stop is not None else None,
        "rounds": stop.rounds if stop is not None else None,
        "traded_kwh": settlement.energy_delivered if settlement is not None else None,
        "from_grid_kwh": settlement.energy_from_grid if settlement is not None else None,
        "to_grid_kwh": settlement.energy_to_grid if settlement is not None else None,
    }


def _household(statement: market_views.Statement) -> dict[str, Any]:
    """Return a household of the document: energy in kWh; money with all that left its account and came into it."""
    sums, lines = statement.sums, statement.lines
    return {
        "in_kwh": sums.in_energy,
        "out_kwh": sums.out_energy,
        "bought_kwh": sums.bought,
        "sold_kwh": sums.sold,
        "grid_in_kwh": sums.from_grid,
        "grid_out_kwh": sums.to_grid,
        "fees": sums.fees,
        "penalties": sums.penalties,
        "paid": sum((line.paid for line in lines), Decimal(0)) + sums.fees + sums.penalties,
        "received": sum((line.received for line in lines), Decimal(0)),
    }


def _sums(what: str, settlements: Sequence[views.SettlementTotals]) -> list[Any]:
    """Return a row of what slots add up to: energies, and what sellers got and buyers paid for a kWh."""
    names = ("energy_delivered", "energy_from_grid", "energy_to_grid", "paid_to_sellers", "transmission_fees")
    traded, from_grid, to_grid, paid, fees = (
        sum((getattr(each, name) for each in settlements), Decimal(0)) for name in names
    )
    prices = (f"{paid / traded:.4f}", f"{(paid + fees) / traded:.4f}") if traded else (None, None)
    return [what, *(f"{energy:.4f}" for energy in (traded, from_grid, to_grid)), *prices]


def _table_of_day(run: DayRun) -> Table:
    columns = ("from", "traded kWh", "from grid", "to grid", "sellers get", "buyers pay", "retail", "feed-in")
    rows = []
    for hour, games in _by_hour(run.games):
        settled = [game.settlement for game in games if game.settlement is not None]
        terms = games[0].parameters
        rows.append([*_sums(f"{hour:%Y-%m-%d %H:%M}", settled), terms.retail_tariff, terms.feed_in_tariff])
    table = filled(new_table("The day by hour; prices for a kWh", *columns), rows, MOST_ROWS)
    table.add_section()
    whole = _sums("in all", [game.settlement for game in run.games if game.settlement is not None])
    table.add_row(*("-" if cell is None else str(cell) for cell in whole), "", "")
    return table


def _by_hour(games: Sequence[GameView]) -> Iterator[tuple[datetime, list[GameView]]]:
    hours: dict[datetime, list[GameView]] = {}
    for game in games:
        start = game.delivery_starts_at
        if start is not None:
            hours.setdefault(start.replace(minute=0, second=0, microsecond=0), []).append(game)
    yield from hours.items()


def _statement(statement: market_views.Statement) -> Table:
    sums = statement.sums
    rows: list[tuple[str, Decimal | None, Decimal]] = [
        ("bought from neighbours", sums.bought, -sums.bought_for),
        ("fees for the way", None, -sums.fees),
        ("from the grid", sums.from_grid, -sums.from_grid_for),
        ("sold to neighbours", sums.sold, sums.sold_for),
        ("into the grid", sums.to_grid, sums.to_grid_for),
        ("compensation", None, sums.compensation),
        ("penalties", None, -sums.penalties),
    ]
    shown = [
        [what, "" if energy is None else f"{energy:.4f}", f"{money:+.6f}"]
        for what, energy, money in rows
        if energy or money
    ]
    title = f"{statement.prosumer} took {sums.in_energy:.4f} kWh and fed in {sums.out_energy:.4f}"
    table = filled(new_table(title, "what", "kWh", "currency"), shown)
    table.add_section()
    table.add_row("in all", "", f"{sums.net:+.6f}")
    return table

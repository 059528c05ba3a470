"""What a day came to: as the document that ``energy-market demo --json`` writes, and as tables for a person."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.day_scenario import DayScenario
from demo.result import Played, filled, new_table
from energy_market_chaincode import GameView, market_views, units, views

HOUR = timedelta(hours=1)
MOST_ROWS = 48
"""Of the table of a day, whose rows are hours; a longer scenario's are cut there."""


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

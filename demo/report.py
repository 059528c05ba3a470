"""What a person sees at the end: bids, loads, costs, settlement and accounts as tables."""

from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.result import Run

MANY = 20
"""From so many rows on a table is cut, and says so."""


def print_report(console: Console, run: Run) -> None:
    """Print a run's tables."""
    stop = run.game.stop
    assert stop is not None  # noqa: S101 - a run is made of a game that stopped; for the type checker
    console.rule(f"[bold]{run.scenario.name}[/] on the {run.ledger} ledger")
    console.print(
        f"stopped after [bold]{stop.rounds}[/] rounds: [bold]{stop.reason}[/]; total cost "
        f"[bold]{stop.total_cost}[/]; largest regret {stop.max_regret} ({stop.max_regret_buyer or 'nobody'})"
    )
    for table in (_bids(run), _sellers(run), _settlement(run), _accounts(run)):
        console.print(table)
    console.print(
        f"money before {run.before.total}, after {run.after.total}: "
        + ("[green]conserved to the last unit[/]" if run.money_conserved else "[red]NOT conserved[/]")
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _fill(table: Table, rows: list[list[Any]]) -> Table:
    for row in rows[:MANY]:
        table.add_row(*(_text(cell) for cell in row))
    if len(rows) > MANY:
        table.caption = f"and {len(rows) - MANY} more (--json writes them all)"
    return table


def _text(cell: Any) -> str:
    if cell is None:
        return "-"
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def _bids(run: Run) -> Table:
    sellers = [seller.seller for seller in run.game.sellers][:8]
    table = _table("Bids at the stop (kWh), in turn order", "buyer", "demand", *sellers, "cost", "regret")
    rows = [
        [
            bid.buyer,
            bid.demand,
            *((bid.amounts or {}).get(seller) for seller in sellers),
            bid.cost,
            bid.regret,
        ]
        for bid in run.bids
    ]
    return _fill(table, rows)


def _sellers(run: Run) -> Table:
    table = _table("Sellers", "seller", "price", "capacity kWh", "load kWh", "use")
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
    return _fill(table, rows)


def _settlement(run: Run) -> Table:
    settlement = run.game.settlement
    table = _table("Settlement", "what", "amount")
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
        rows.append(["silent meters, demand presumed", ", ".join(settlement.presumed)])
    return _fill(table, rows)


def _accounts(run: Run) -> Table:
    table = _table("Accounts", "owner", "before", "after", "change", "frozen")
    rows = []
    for owner, purse in run.after.of.items():
        before = run.before.of.get(owner, {"balance": Decimal(0)})["balance"]
        rows.append([owner, before, purse["balance"], f"{purse['balance'] - before:+f}", purse["frozen"]])
    return _fill(table, rows)

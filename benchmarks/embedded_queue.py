"""Commands a second through the queue onto the embedded ledger, against a service that takes them and does nothing."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.crowd import decided_per_second, open_accounts, posted_per_second, top_ups
from benchmarks.service_process import operator_in, service
from benchmarks.table import Table
from prosumer_client import MarketClient

ROUNDS = 3
COMMANDS = 4000
LOADS = ((1, 1), (16, 1), (1, 500), (4, 500))
"""(clients, commands in one request); single commands are fewer, or it would take long."""
SINGLE_COMMANDS = 400


def tables() -> Iterator[Table]:
    """Measure and yield the table."""
    yield asyncio.run(_measure())


async def _measure() -> Table:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        home = Path(folder)
        operator = operator_in(home)
        async with service("tx_queue", home) as queue, service("benchmarks.no_op_service", home) as no_op:
            async with MarketClient(queue, operator) as market:
                await open_accounts(market)
                ledger = await market.ledger_id()
            rows = []
            for clients, array in LOADS:
                taken, committed = [], []
                for _ in range(ROUNDS):
                    commands = top_ups(operator, ledger, COMMANDS if array > 1 else SINGLE_COMMANDS)
                    taken.append(await posted_per_second(no_op, commands, clients=clients, array=array))
                    committed.append(await decided_per_second(queue, commands, clients=clients, array=array))
                share = median(committed) / median(taken)
                cells = (median(committed), median(taken))
                rows.append([f"{clients} x {array}", *(f"{cell:,.0f}" for cell in cells), f"{share:.0%}"])
    return Table(
        "The queue on the embedded ledger",
        ["clients x commands per request", "committed/s", "a service that does nothing, taken/s", "share"],
        rows,
        f"topUpAccount commands, signed beforehand; medians of {ROUNDS} rounds. Committed: durable on the ledger, the "
        "signature verified by the queue and by the contract. The other service reads the same JSON and answers the "
        "same receipts.",
    )

"""``energy-market reset``: clear the market by a signed command, or begin a new chain."""

import asyncio
from typing import Annotated

import typer

from energy_market_chaincode import Topic
from ledger import LedgerKind
from ledger.embedded import archive_and_wipe
from operator_cli.hosted_ledger import begin_fabric_anew
from operator_cli.output import console
from operator_cli.settings import OperatorSettings


def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Begin a new chain; the old one is put aside.")] = False,
) -> None:
    """End and remove every game and release every escrow, by a signed command: the chain keeps the evidence.

    Prosumers, accounts and topology stay. With --wipe everything is gone from the new chain; the services must be
    stopped for it.
    """
    settings = OperatorSettings()
    what = "begin a new, empty chain" if wipe else "end and remove every game"
    if not yes:
        typer.confirm(f"This will {what} ({settings.ledger.value} ledger). Go on?", abort=True)
    if wipe:
        _wipe(settings)
    else:
        _clear(settings)


def _clear(settings: OperatorSettings) -> None:
    async def submit() -> int:
        async with settings.market() as market:
            return int((await market.submit(Topic.RESET_MARKET, {}))["games"])

    console.print(f"the market is reset; {asyncio.run(submit())} games were removed")


def _wipe(settings: OperatorSettings) -> None:
    if settings.ledger is LedgerKind.EMBEDDED:
        console.print(f"the old ledger is kept as {archive_and_wipe(settings.home / 'ledger.sqlite')}")
    queue = settings.home / "queue.sqlite"
    if queue.exists():
        console.print(f"the old queue is kept as {archive_and_wipe(queue)}")
    if settings.ledger is LedgerKind.FABRIC:
        begin_fabric_anew(settings.home, settings.operator)

"""``energy-market reset``: clear the market by a signed command, or begin a new chain."""

from typing import Annotated, Any

import typer

from energy_market_chaincode import Topic
from ledger import LedgerKind
from ledger.embedded import archive_and_wipe
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, voice
from prosumer_client import MarketClient


async def _reset(market: MarketClient) -> dict[str, Any]:
    """Have every game removed, part by part."""
    while True:
        result = await market.submit(Topic.RESET_MARKET, {})
        if not result["left"]:
            return result


def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Begin a new chain; an embedded one is put aside.")] = False,
    json: AsJson = False,
) -> None:
    """End and remove every game by a signed command, or begin a new chain.

    The command releases every escrow, and the chain keeps the evidence; prosumers, accounts and topology stay. With
    --wipe everything is gone from the new chain; the services must be stopped for it.
    """
    settings = OperatorSettings.read()
    voice.confirm(f"This will {_plan(settings, wipe)} ({settings.ledger.value} ledger).", yes)
    if not wipe:
        result = settings.order(_reset)
        voice.done(result, f"the market is reset; {result['games']} games were removed")
        return
    kept = {}
    if settings.ledger is LedgerKind.EMBEDDED:
        kept["ledger"] = str(archive_and_wipe(settings.home / "ledger.sqlite"))
    queue = settings.home / "queue.sqlite"
    if queue.exists():
        kept["queue"] = str(archive_and_wipe(queue))
    for what, place in kept.items():
        voice.progress(f"the old {what} is kept as {place}")
    if settings.ledger is LedgerKind.FABRIC:
        from operator_cli.own_network import begin_anew  # brings gRPC, which an embedded ledger does not need

        begin_anew(settings)
    if json:
        voice.document({"kept": kept})


def _plan(settings: OperatorSettings, wipe: bool) -> str:
    if not wipe:
        return "end and remove every game"
    if settings.ledger is LedgerKind.FABRIC:
        from operator_cli.own_network import what_a_wipe_deletes  # see above

        return what_a_wipe_deletes(settings)
    return f"put the ledger and the queue in {settings.home} aside and begin a new, empty chain"

"""What a Fabric ledger makes of gateways that lag, refuse and forget. Needs no Fabric."""

import asyncio
import json
from typing import Any, cast

import pytest

from ledger import LedgerUnavailable, TransactionFailed
from ledger.fabric.gateway import (
    ChannelBlock,
    ContractRefused,
    GatewayClient,
    GatewayRefused,
    GatewayUnavailable,
    IdentityExpired,
    TransactionInvalid,
)
from ledger.fabric.ledger import FabricLedger


class Blocks:
    """A client of a channel whose blocks hold nothing of the market's."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.known_to_the_first = height
        self.asked: list[int] = []

    async def highest(self) -> int:
        return self.height

    async def block(self, number: int) -> ChannelBlock:
        self.asked.append(number)
        if number >= self.known_to_the_first:
            raise ContractRefused(500, "no such block")
        return ChannelBlock(number, "", "", "", "", b"", ())


def ledger_on(client: Any) -> FabricLedger:
    return FabricLedger(cast(GatewayClient, client), "energy-market")


async def test_no_block_is_searched_twice_for_the_newest_event() -> None:
    blocks = Blocks(50)
    ledger = ledger_on(blocks)
    assert set(await asyncio.gather(ledger.end(), ledger.end())) == {None}
    assert sorted(blocks.asked) == list(range(50))
    blocks.height = blocks.known_to_the_first = 52
    await ledger.end()
    assert blocks.asked[50:] == [51, 50]


async def test_a_peer_that_lags_behind_its_fellows_is_no_reason_to_say_that_an_event_is_not_there() -> None:
    blocks = Blocks(10)
    blocks.known_to_the_first = 8
    with pytest.raises(LedgerUnavailable, match="lags"):
        await ledger_on(blocks).end()


class Failing:
    """A client whose every transaction fails in one way."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def transact(self, _invocation: Any) -> Any:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (TransactionInvalid("t", "ENDORSEMENT_POLICY_FAILURE"), LedgerUnavailable),
        (TransactionInvalid("t", "BAD_CREATOR_SIGNATURE"), LedgerUnavailable),
        (TransactionInvalid("t", "MVCC_READ_CONFLICT"), LedgerUnavailable),
        (GatewayUnavailable("PERMISSION_DENIED"), LedgerUnavailable),
        (IdentityExpired("yesterday"), LedgerUnavailable),
        (TransactionInvalid("t", "BAD_RWSET"), TransactionFailed),
        (GatewayRefused("REQUEST_ENTITY_TOO_LARGE"), TransactionFailed),
        (ContractRefused(500, "a defect"), TransactionFailed),
    ],
    ids=lambda value: str(value),
)
async def test_only_what_hangs_on_the_commands_is_final(failure: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await ledger_on(Failing(failure)).submit([json.dumps({})])

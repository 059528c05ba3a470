"""A chain that was begun before ledgers had ids: it has one, and goes on."""

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import exact_json, invoke, public_key_text, read_exact_json, sign
from ledger.embedded import EmbeddedLedger, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"operator".ljust(32, b"\0"))


async def older_rules(stub: Any, function: str, args: Sequence[str]) -> bytes:
    """Do as the rules did that kept nothing of the transaction which began the ledger."""
    if function == "init":
        keep = stub.put

        async def put(key: str, value: bytes) -> None:
            record = read_exact_json(value)
            await keep(key, exact_json({name: record[name] for name in record if name != "transaction"}))

        stub.put = put
    return await invoke(stub, function, args)


def top_up(ledger: str | None) -> str:
    payload = {"prosumer": "operator", "ledger": ledger, "data": {"prosumer": "operator", "amount": "1"}}
    unsigned = {"id": str(uuid.uuid4()), "topic": "topUpAccount", "payload": payload}
    return json.dumps({**unsigned, "signature": sign(unsigned, KEY)})


@pytest.fixture
async def old_chain(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, "operator", public_key_text(KEY.public_key()), contract=older_rules)
    await ledger.submit([top_up(None)])
    await ledger.close()
    return path


async def opened_id(path: Path) -> tuple[EmbeddedLedger, str]:
    ledger = await EmbeddedLedger.open(path, "operator", public_key_text(KEY.public_key()))
    return ledger, str(read_exact_json(await ledger.query("market"))["ledger"])


async def test_it_has_an_id_that_stays_and_that_commands_may_name(old_chain: Path) -> None:
    ledger, first = await opened_id(old_chain)
    submission = await ledger.submit([top_up(first), top_up(None), top_up("another")])
    assert [result.get("code") for result in submission.results] == [None, None, "LEDGER_DIFFERS"]
    await ledger.close()
    ledger, second = await opened_id(old_chain)
    assert second == first
    assert read_exact_json(await ledger.query("market"))["money"] == 3
    await ledger.close()


async def test_its_records_still_fit_its_blocks_and_only_its_beginning_is_not_what_the_rules_say(
    old_chain: Path,
) -> None:
    assert verify(old_chain, None).fault is None
    assert verify(old_chain, older_rules).fault is None
    fault = verify(old_chain).fault
    assert str(fault) == "block 0: the writes of its transaction 0 are not what the rules say"

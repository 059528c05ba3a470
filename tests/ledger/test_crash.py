"""What is left of a ledger when its process is killed, the power fails or the disk is full."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import public_key_text, read_exact_json
from ledger import LedgerUnavailable
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, verify
from ledger.embedded.database import Database

HERE = Path(__file__).parent


async def acknowledged_until_killed(path: Path, key: Ed25519PrivateKey, number: int) -> list[str]:
    """Let a process commit to a ledger, kill it after so many acknowledgements, and return all that it gave."""
    arguments = [str(HERE / "crash_host.py"), str(path), key.private_bytes_raw().hex()]
    host = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=subprocess.PIPE)
    assert host.stdout is not None
    said = b""
    while said.count(b"\n") < number:
        line = await host.stdout.readline()
        assert line, "the host ended by itself"
        said += line
    host.kill()
    said += await host.stdout.read()
    await host.wait()
    return said.decode().splitlines()


async def test_kill_9_in_mid_commit_loses_no_acknowledged_command_and_leaves_a_valid_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    key = Ed25519PrivateKey.generate()
    acknowledged: list[str] = []
    for number in (1, 4, 30, 100):
        acknowledged += await acknowledged_until_killed(path, key, number)
        verification = await asyncio.to_thread(verify, path)
        assert verification.fault is None
    ledger = await EmbeddedLedger.open(path, "operator", public_key_text(key.public_key()))
    for command in acknowledged:
        assert read_exact_json(await ledger.query("command", "operator", command))["status"] == "committed"
    blocks = [await ledger.block(number) for number in range(await ledger.height())]
    on_chain = [c["id"] for block in blocks for transaction in block.transactions for c in transaction.commands]
    assert len(on_chain) == len({*on_chain})
    assert {*acknowledged} <= {*on_chain}
    money = read_exact_json(await ledger.query("market"))["money"]
    assert money == len(on_chain)
    await ledger.close()


# -- the power


@pytest.fixture(scope="module")
def unsynchronised(tmp_path_factory: pytest.TempPathFactory, notes: Contract) -> tuple[Path, list[str]]:
    """Return a folder with a ledger that has ten blocks in its write-ahead log, and the hashes of all blocks."""
    folder = tmp_path_factory.mktemp("power")
    path = folder / "ledger.sqlite"
    copy = folder / "copy"

    async def write() -> list[str]:
        await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()
        ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
        for number in range(10):
            await ledger.submit([json.dumps({"put": {f"k{number}": "x" * 500}, "events": [{"name": "E"}]})])
        copy.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(folder / f"ledger.sqlite{suffix}", copy)
        hashes = [(await ledger.block(number)).hash for number in range(await ledger.height())]
        await ledger.close()
        return hashes

    return copy, asyncio.run(write())


@settings(deadline=None, max_examples=40)
@given(share=st.floats(0, 1), torn=st.binary(max_size=600))
def test_a_power_cut_leaves_a_valid_chain_whatever_of_the_log_reached_the_disk(
    unsynchronised: tuple[Path, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
    notes: Contract,
    share: float,
    torn: bytes,
) -> None:
    """``share`` of the log is there, then comes what was half written."""
    source, hashes = unsynchronised
    path = Path(shutil.copytree(source, tmp_path_factory.mktemp("cut") / "ledger")) / "ledger.sqlite"
    log = path.with_name("ledger.sqlite-wal")
    whole = log.read_bytes()
    log.write_bytes(whole[: int(share * len(whole))] + torn)
    verification = verify(path, notes)
    assert verification.fault is None
    assert verification.head == hashes[verification.blocks - 1]
    if share == 1:
        assert verification.blocks == len(hashes)

    async def go_on() -> int:
        ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
        submission = await ledger.submit(['{"put": {"a": "1"}}'])
        await ledger.close()
        return submission.block

    assert asyncio.run(go_on()) == verification.blocks
    assert verify(path, notes).fault is None


# -- the disk


async def test_a_full_ledger_says_so_keeps_nothing_half_and_goes_on_when_there_is_space(
    tmp_path: Path, notes: Contract
) -> None:
    path = tmp_path / "ledger.sqlite"
    database = await asyncio.to_thread(Database.at, path)
    ledger = await EmbeddedLedger.on(database, "operator", "key", contract=notes)

    async def allow(pages: int) -> None:
        await database.write(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    large = json.dumps({"put": {"large": "x" * 200_000}, "events": [{"name": "E"}]})
    small = json.dumps({"put": {"small": "1"}})
    await allow(30)
    with pytest.raises(LedgerUnavailable, match="no space left"):
        await ledger.submit([large])
    assert (await ledger.height(), await ledger.end()) == (1, None)
    assert (await ledger.submit([small])).block == 1
    await allow(10_000)
    assert (await ledger.submit([large])).results == [{"large": None}]
    assert (await asyncio.to_thread(verify, path, notes)).fault is None
    await ledger.close()


async def test_a_disk_that_refuses_to_write_is_met_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    arguments = [str(HERE / "full_disk_host.py"), str(path)]
    host = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=subprocess.PIPE)
    said, _ = await host.communicate()
    told = json.loads(said)
    assert len(told["refused"]) == 3
    assert all("disk is full or failed" in message for message in told["refused"])
    assert told["height"] == 2
    verification = await asyncio.to_thread(verify, path, None)
    assert (verification.blocks, verification.fault) == (3, None)

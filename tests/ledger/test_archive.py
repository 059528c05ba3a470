"""Starting a new chain keeps the old one."""

import asyncio
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, archive_and_wipe, verify
from ledger.embedded.errors import LedgerInUse, NoLedger


async def fill(path: Path, contract: Contract) -> None:
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=contract)
    await ledger.submit([json.dumps({"put": {"a": "1"}})])
    await ledger.close()


async def test_the_old_chain_is_kept_and_the_next_opening_begins_a_new_one(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await fill(path, notes)
    before = await asyncio.to_thread(verify, path, notes)
    archive = await asyncio.to_thread(archive_and_wipe, path)
    assert re.fullmatch(r"ledger\.sqlite\.\d{8}T\d{6}\.\d{6}Z\.old", archive.name)
    assert await asyncio.to_thread(verify, archive, notes) == before
    assert not path.exists()
    ledger = await EmbeddedLedger.open(path, "operator", "another key", contract=notes)
    assert await ledger.height() == 1
    await ledger.close()


async def test_every_wipe_keeps_a_chain_of_its_own(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    archives = set()
    for _ in range(3):
        await fill(path, notes)
        archives.add(await asyncio.to_thread(archive_and_wipe, path))
    assert {name for name in os.listdir(tmp_path) if name.endswith(".old")} == {archive.name for archive in archives}
    assert len(archives) == 3


async def test_a_ledger_in_use_is_not_wiped(tmp_path: Path, notebook: EmbeddedLedger, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await notebook.submit([json.dumps({"put": {"a": "1"}})])
    with pytest.raises(LedgerInUse):
        await asyncio.to_thread(archive_and_wipe, path)
    assert (await notebook.submit([json.dumps({"put": {"a": "2"}})])).results == [{"a": "1"}]


async def test_a_ledger_that_is_being_read_is_not_wiped(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await fill(path, notes)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM blocks").fetchone()
        with pytest.raises(LedgerInUse, match="end it, then try again"):
            await asyncio.to_thread(archive_and_wipe, path)
    assert (await asyncio.to_thread(verify, path, notes)).blocks == 2


async def test_what_a_crashed_host_left_in_its_log_is_kept_too(tmp_path: Path, notes: Contract) -> None:
    path, crashed = tmp_path / "ledger.sqlite", tmp_path / "crashed.sqlite"
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    await ledger.submit([json.dumps({"put": {"a": "1"}})])
    for suffix in ("", "-wal"):  # as a kill would leave them
        (tmp_path / f"crashed.sqlite{suffix}").write_bytes((tmp_path / f"ledger.sqlite{suffix}").read_bytes())
    await ledger.close()
    archive = await asyncio.to_thread(archive_and_wipe, crashed)
    assert (await asyncio.to_thread(verify, archive, notes)).blocks == 2
    left = {name for name in os.listdir(tmp_path) if name.startswith("crashed.sqlite")}
    assert left == {"crashed.sqlite.lock", archive.name}


async def test_a_damaged_file_is_put_aside_as_it_is(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    rubbish = b"rubbish" * 1000
    path.write_bytes(rubbish)
    path.with_name("ledger.sqlite-wal").write_bytes(b"more rubbish")
    archive = await asyncio.to_thread(archive_and_wipe, path)
    assert archive.read_bytes() == rubbish
    await fill(path, notes)
    assert (await asyncio.to_thread(verify, path, notes)).fault is None


def test_where_no_ledger_is_there_is_nothing_to_wipe(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="no ledger at"):
        archive_and_wipe(tmp_path / "ledger.sqlite")

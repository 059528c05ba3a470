"""What the embedded ledger does beyond what every ledger does."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import Stub, read_exact_json
from ledger import LedgerUnavailable, TransactionFailed
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, verify
from ledger.embedded.database import Database
from ledger.embedded.errors import (
    LedgerClosed,
    LedgerDamaged,
    LedgerInUse,
    NotALedger,
    OperatorKeyMissing,
)


def put(**notes: str) -> str:
    return json.dumps({"put": notes})


async def read(ledger: EmbeddedLedger, prefix: str = "") -> dict[str, str]:
    notes: dict[str, str] = read_exact_json(await ledger.query("read", prefix))
    return notes


class Gate:
    """A contract that waits at a gate in its first transaction, as if that were a long one."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.reached = threading.Event()
        self.open = threading.Event()

    async def __call__(self, stub: Stub, function: str, args: Sequence[str], /) -> bytes:
        if function == "submit" and not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(30)
        return await self._contract(stub, function, args)


# -- opening


async def test_a_new_ledger_begins_with_its_operator_on_the_chain(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "new" / "folder" / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    assert await ledger.height() == 1
    assert await read(ledger) == {"init": '["operator","key"]'}
    await ledger.close()


async def test_what_was_committed_is_there_after_opening_again(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    first = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    submission = await first.submit([json.dumps({"put": {"a": "1"}, "events": [{"name": "E"}]})])
    block, end = await first.block(submission.block), await first.end()
    await first.close()
    second = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    assert (await second.block(submission.block), await second.end()) == (block, end)
    assert (await read(second, "a")) == {"a": "1"}
    assert await second.height() == 2
    await second.close()


async def test_an_old_ledger_opens_without_its_operators_key(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()
    ledger = await EmbeddedLedger.open(path, "operator", None, contract=notes)
    assert await ledger.height() == 1
    await ledger.close()


async def test_a_new_ledger_needs_its_operators_key(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(OperatorKeyMissing, match="ENERGY_MARKET_OPERATOR_PUBLIC_KEY"):
        await EmbeddedLedger.open(path, "operator", None, contract=notes)
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()


async def test_an_old_ledger_refuses_another_operator(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()
    with pytest.raises(TransactionFailed, match="ALREADY_INITIALISED"):
        await EmbeddedLedger.open(path, "operator", "another key", contract=notes)
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()


async def test_a_ledger_in_use_says_by_whom(tmp_path: Path, notebook: EmbeddedLedger, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(LedgerInUse, match=f"process {os.getpid()};") as refused:
        await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    assert refused.value.code == "LEDGER_IN_USE"
    await notebook.close()
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()


async def test_another_process_cannot_host_the_same_ledger(tmp_path: Path, notebook: EmbeddedLedger) -> None:
    program = (
        "import sys; from pathlib import Path; from ledger.embedded.database import Database\n"
        "from ledger.embedded.errors import LedgerInUse\n"
        "try: Database.at(Path(sys.argv[1]))\n"
        "except LedgerInUse as error: print(error.code)"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path / "ledger.sqlite"), stdout=subprocess.PIPE
    )
    said, _ = await other.communicate()
    assert said == b"LEDGER_IN_USE\n"


async def test_a_strangers_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE friends (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(NotALedger):
        await EmbeddedLedger.open(path, "operator", "key")
    assert path.read_bytes() == before


async def test_a_ledger_of_another_format_is_refused(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    await (await EmbeddedLedger.open(path, "operator", "key", contract=notes)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(NotALedger, match="format 99"):
        await EmbeddedLedger.open(path, "operator", "key", contract=notes)


async def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"This is not a database, whatever its name says. " * 100)
    with pytest.raises(LedgerDamaged):
        await EmbeddedLedger.open(path, "operator", "key")


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerUnavailable, match="choose a folder"):
        await EmbeddedLedger.open(tmp_path / "file" / "ledger.sqlite", "operator", "key")


# -- transactions


async def test_transactions_that_wait_make_their_blocks_in_their_order(tmp_path: Path, notes: Contract) -> None:
    gate = Gate(notes)
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", "operator", "key", contract=gate)
    first = asyncio.create_task(ledger.submit([put(a="0")]))
    await asyncio.to_thread(gate.reached.wait)
    waiting = [asyncio.create_task(ledger.submit([put(a=str(n))])) for n in range(1, 11)]
    await ledger.height()  # all of them have begun by then
    gate.open.set()
    submissions = [await first, *await asyncio.gather(*waiting)]
    assert [submission.block for submission in submissions] == [*range(1, 12)]
    assert [submission.results[0]["a"] for submission in submissions] == [None, *map(str, range(10))]
    for submission in submissions:
        (transaction,) = (await ledger.block(submission.block)).transactions
        assert transaction.id == submission.transaction_id
    await ledger.close()


async def test_reads_do_not_wait_for_a_write(tmp_path: Path, notes: Contract) -> None:
    gate = Gate(notes)
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", "operator", "key", contract=gate)
    writing = asyncio.create_task(ledger.submit([put(a="1")]))
    await asyncio.to_thread(gate.reached.wait)
    assert "a" not in await read(ledger)
    assert await ledger.height() == 1
    gate.open.set()
    await writing
    assert "a" in await read(ledger)
    await ledger.close()


async def test_a_failing_transaction_does_not_hurt_those_it_waits_with(notebook: EmbeddedLedger) -> None:
    submitted = [put(a="1"), '{"put": {"b": "1"}, "fail": "defect"}', '{"fail": "rejection"}', "nonsense", put(c="1")]
    outcomes = await asyncio.gather(*(notebook.submit([text]) for text in submitted), return_exceptions=True)
    assert [isinstance(outcome, TransactionFailed) for outcome in outcomes] == [False, True, True, True, False]
    assert [str(outcome).split(":")[0] for outcome in outcomes[1:4]] == [
        "the contract failed",
        "UNKNOWN_GAME",
        "the contract failed",
    ]
    assert (await read(notebook)).keys() == {"a", "c", "init"}


async def test_a_refused_transaction_makes_no_block(notebook: EmbeddedLedger) -> None:
    with pytest.raises(TransactionFailed):
        await notebook.submit(['{"fail": "defect"}'])
    assert await notebook.height() == 1


async def test_a_sender_that_gives_up_leaves_the_others_alone(tmp_path: Path, notes: Contract) -> None:
    gate = Gate(notes)
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", "operator", "key", contract=gate)
    impatient = asyncio.create_task(ledger.submit([put(a="1")]))
    patient = asyncio.create_task(ledger.submit([put(b="1")]))
    await asyncio.to_thread(gate.reached.wait)
    impatient.cancel()
    gate.open.set()
    assert (await patient).results == [{"b": None}]
    assert (await read(ledger)).keys() == {"a", "b", "init"}
    await ledger.close()


async def test_time_on_the_ledger_rises_even_if_the_wall_clock_goes_back(tmp_path: Path, notes: Contract) -> None:
    wall_clock = iter([1000, 1000, 500, 0, 2000, 1999])
    ledger = await EmbeddedLedger.open(
        tmp_path / "ledger.sqlite", "operator", "key", contract=notes, now_ms=lambda: next(wall_clock)
    )
    for _ in range(5):
        await ledger.submit([put(a="1")])
    times = [(await ledger.block(number)).transactions[0].at_ms for number in range(6)]
    assert times == [1000, 1001, 1002, 1003, 2000, 2001]
    await ledger.close()


async def test_a_contract_that_waits_for_the_world_is_refused(tmp_path: Path, notes: Contract) -> None:
    async def sleepy(stub: Stub, function: str, args: Sequence[str], /) -> bytes:
        if function == "submit":
            await asyncio.sleep(0)
        return await notes(stub, function, args)

    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", "operator", "key", contract=sleepy)
    with pytest.raises(TransactionFailed, match="not its stub"):
        await ledger.submit([put(a="1")])
    await ledger.close()


async def test_values_that_are_no_text_are_refused(tmp_path: Path, notes: Contract) -> None:
    async def binary(stub: Stub, function: str, args: Sequence[str], /) -> bytes:
        if function == "submit":
            await stub.put("a", b"\xff")
        return await notes(stub, function, args)

    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", "operator", "key", contract=binary)
    with pytest.raises(TransactionFailed, match="UnicodeDecodeError"):
        await ledger.submit([put(b="1")])
    assert (await read(ledger)).keys() == {"init"}
    await ledger.close()


# -- closing


async def test_closing_commits_what_was_submitted(tmp_path: Path, notes: Contract) -> None:
    gate = Gate(notes)
    path = tmp_path / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=gate)
    submitted = [asyncio.create_task(ledger.submit([put(a=str(n))])) for n in range(3)]
    await asyncio.to_thread(gate.reached.wait)
    closed = asyncio.create_task(ledger.close())
    gate.open.set()
    await closed
    assert len({submission.transaction_id for submission in await asyncio.gather(*submitted)}) == 3
    assert (await asyncio.to_thread(verify, path, notes)).transactions == 4


async def test_a_closed_ledger_says_so(notebook: EmbeddedLedger) -> None:
    await notebook.close()
    await notebook.close()
    with pytest.raises(LedgerClosed):
        await notebook.submit([put(a="1")])
    with pytest.raises(LedgerClosed):
        await notebook.query("read", "")
    assert [event async for event in notebook.events()] == []


# -- the world state


KEYS = st.text(alphabet=st.sampled_from("a\x00é\uffff\U0010ffff"), min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(
    transactions=st.lists(st.dictionaries(KEYS, st.none() | st.text("xyz", min_size=1), max_size=4), max_size=6),
    prefix=KEYS | st.just(""),
)
def test_the_world_state_is_what_a_dictionary_would_be(
    transactions: list[dict[str, str | None]], prefix: str, notes: Contract
) -> None:
    async def compare() -> None:
        ledger = await EmbeddedLedger.on(Database.in_memory(), "operator", "key", contract=notes)
        expected: dict[str, str] = {"init": '["operator","key"]'}
        for writes in transactions:
            removed = [key for key, text in writes.items() if text is None]
            kept = {key: text for key, text in writes.items() if text is not None}
            (before,) = (await ledger.submit([json.dumps({"put": kept, "delete": removed})])).results
            assert before == {key: expected.get(key) for key in writes}
            expected = {key: text for key, text in (expected | kept).items() if key not in removed}
        found = await read(ledger, prefix)
        assert found == {key: text for key, text in expected.items() if key.startswith(prefix)}
        await ledger.close()

    asyncio.run(compare())


@settings(deadline=None, max_examples=60)
@given(keys=st.lists(KEYS, unique=True, max_size=8))
def test_a_range_is_ordered_by_the_utf8_bytes_of_its_keys(keys: list[str], notes: Contract) -> None:
    async def ordered(stub: Stub, function: str, args: Sequence[str], /) -> bytes:
        if function == "order":
            return json.dumps([key for key, _ in await stub.range("")]).encode()
        return await notes(stub, function, args)

    async def compare() -> None:
        ledger = await EmbeddedLedger.on(Database.in_memory(), "operator", "key", contract=ordered)
        await ledger.submit([json.dumps({"put": dict.fromkeys(keys, "x")})])
        found = json.loads(await ledger.query("order"))
        assert all(earlier.encode() < later.encode() for earlier, later in pairwise(found))
        assert {*found} == {*keys, "init"}
        await ledger.close()

    asyncio.run(compare())

"""A verified ledger holds what its blocks and the rules say; whatever is changed in it is found."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_market_chaincode import public_key_text, sign
from ledger import LedgerUnavailable
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, Fault, store, verify
from ledger.embedded.errors import NoLedger
from ledger.embedded.store import Head, TransactionRecord

COLUMNS = {
    "blocks": ("number", "at_ms", "previous_hash", "hash"),
    "transactions": ("block", "position", "content"),
    "events": ("block", "position", "number", "at_ms", "content"),
    "state": ("key", "value"),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, notes: Contract) -> Path:
    """Return a ledger of nine blocks in one file."""
    path = tmp_path_factory.mktemp("original") / "ledger.sqlite"

    async def write() -> None:
        ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
        await ledger.submit([json.dumps({"put": {"gone": "x", "a": "1"}, "events": [{"name": "E", "n": 1}]})])
        await ledger.submit([json.dumps({"delete": ["gone"]})])
        for first in (2, 5):
            orders = [
                {"put": {f"k{n}": "é" * n}, "events": [{"name": "E", "n": n}] * 2} for n in range(first, first + 3)
            ]
            await asyncio.gather(*(ledger.submit([json.dumps(order)]) for order in orders))
        await ledger.close()

    asyncio.run(write())
    return path


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path))


@contextmanager
def editing(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        queries = {table: f"SELECT * FROM {table} ORDER BY 1, 2" for table in COLUMNS}  # noqa: S608 - our names
        return {table: connection.execute(query).fetchall() for table, query in queries.items()}


def fault_after(path: Path, statement: str, contract: Contract) -> str:
    """Change a ledger by a statement that must hit something, and return what is found then."""
    with editing(path) as connection:
        assert connection.execute(statement).rowcount > 0
    fault = verify(path, contract).fault
    assert fault is not None
    return str(fault)


# -- a good ledger


def test_a_ledger_that_was_left_alone_fits(original: Path, notes: Contract) -> None:
    verification = verify(original, notes)
    assert verification.fault is None
    assert (verification.blocks, verification.transactions, verification.events) == (9, 9, 13)
    assert verification == verify(original, None)
    with closing(sqlite3.connect(original)) as connection:
        assert verification.head == store.head(connection).hash


async def test_a_ledger_can_be_verified_while_a_service_commits_to_it(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = await EmbeddedLedger.open(path, "operator", "key", contract=notes)
    is_over = False

    async def commit_on() -> None:
        number = 0
        while not is_over:
            number += 1
            await ledger.submit([json.dumps({"put": {f"k{number}": "x"}, "events": [{"name": "E"}]})])

    committing = asyncio.create_task(commit_on())
    found = [await asyncio.to_thread(verify, path, notes) for _ in range(10)]
    is_over = True
    await committing
    found.append(await asyncio.to_thread(verify, path, notes))
    await ledger.close()
    assert [verification.fault for verification in found] == [None] * 11
    assert found[0].blocks < found[-1].blocks


def test_verifying_changes_nothing(copy: Path, notes: Contract) -> None:
    before = copy.read_bytes()
    verify(copy, notes)
    assert copy.read_bytes() == before


async def test_the_markets_own_chain_is_re_executed(tmp_path: Path) -> None:
    path, key = tmp_path / "ledger.sqlite", Ed25519PrivateKey.generate()
    ledger = await EmbeddedLedger.open(path, "operator", public_key_text(key.public_key()))
    payload = {"prosumer": "operator", "data": {"edges": [["a", "b"]]}}
    unsigned = {"topic": "setTopology", "payload": payload}
    await ledger.submit([json.dumps({**unsigned, "signature": sign(unsigned, key)})])
    await ledger.close()
    assert (await asyncio.to_thread(verify, path)).fault is None


def test_where_no_ledger_is_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(NoLedger):
        verify(tmp_path / "ledger.sqlite")


def test_a_ledger_that_cannot_be_read_now_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        verify(tmp_path)


# -- what can be done to a ledger


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE blocks SET at_ms = at_ms + 1 WHERE number = 3", "block 3: its content does not have its hash"),
        ("UPDATE blocks SET hash = previous_hash WHERE number = 2", "block 2: its content does not have its hash"),
        ("UPDATE blocks SET previous_hash = hash WHERE number = 2", "block 2: its previous hash is not"),
        ("DELETE FROM blocks WHERE number = 2", "block 2: it is missing; the next one there is 3"),
        ("UPDATE blocks SET number = 9 WHERE number = 2", "block 2: it is missing"),
        ("DELETE FROM blocks WHERE number = 8", "1 transactions belong to no block"),
        ("DELETE FROM transactions WHERE block = 4", "block 4: its content does not have its hash"),
        ("DELETE FROM blocks", "9 transactions belong to no block"),
        ("UPDATE transactions SET position = 5 WHERE block = 2", "block 2: its transaction 0 is missing"),
        ("UPDATE transactions SET content = replace(content, 'gone', 'kept')", "block 1: its content does not have"),
        ("INSERT INTO transactions VALUES (99, 0, '{}')", "1 transactions belong to no block"),
        ("DELETE FROM events WHERE block = 1", "block 1: its content does not have its hash"),
        ('UPDATE events SET content = \'{"name":"F"}\' WHERE block = 1', "block 1: its content does not have its"),
        (
            "UPDATE events SET number = 3 WHERE block = 1",
            "block 1: the events of its transaction 0 have another number",
        ),
        ("UPDATE events SET at_ms = 0 WHERE block = 1", "block 1: the events of its transaction 0 have another number"),
        ("INSERT INTO events VALUES (2, 1, 0, 0, '{}')", "1 events belong to no block"),
        ("UPDATE state SET value = x'31' WHERE key = 'k2'", "the world state has another value of 'k2'"),
        ("DELETE FROM state WHERE key = 'k2'", "the world state lacks 'k2'"),
        ("DELETE FROM state WHERE key = 'k7'", "the world state lacks 'k7'"),
        ("INSERT INTO state VALUES ('b', x'31')", "the world state has 'b', which no block wrote"),
        ("INSERT INTO state VALUES ('z', x'31')", "the world state has 'z', which no block wrote"),
    ],
)
def test_the_first_thing_that_does_not_fit_is_named(copy: Path, notes: Contract, statement: str, found: str) -> None:
    assert fault_after(copy, statement, notes).startswith(found)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON state BEGIN DELETE FROM state; END",
        "CREATE TABLE more (a TEXT)",
        "DROP TABLE events",
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 2",
    ],
)
def test_a_file_that_is_not_built_like_a_ledger_is_found(copy: Path, notes: Contract, statement: str) -> None:
    with editing(copy) as connection:
        connection.execute(statement)
    fault = verify(copy, notes).fault
    assert fault is not None
    assert fault.block is None


def test_an_empty_file_holds_no_ledger(tmp_path: Path, notes: Contract) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    assert verify(path, notes).fault == Fault(None, "the file holds no ledger")


def test_a_ledger_without_any_block_is_none_that_fits(copy: Path, notes: Contract) -> None:
    with editing(copy) as connection:
        for table in ("blocks", "transactions", "events", "state"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    assert verify(copy, notes).fault == Fault(
        None, "there is no block: the ledger was never begun, or all of it was taken away"
    )


Forgery = Callable[[TransactionRecord], TransactionRecord]


def forge(path: Path, block: int, forgery: Forgery) -> None:
    """Alter a block's first transaction and make all hashes and the world state fit again, as a good forger would."""
    with editing(path) as connection:
        records = [
            [
                TransactionRecord.read(stored.content, stored.event_texts)
                for stored in store.transactions_of(connection, n)
            ]
            for n in range(store.head(connection).number + 1)
        ]
        records[block][0] = forgery(records[block][0])
        for table in COLUMNS:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names  # noqa: S608 - our names
        head: Head = store.head(connection)
        for transactions in records:
            for record in transactions:
                store.apply_writes(connection, record.writes)
            head = store.append_block(connection, head, transactions)


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        (
            lambda record: replace(record, answer='[{"a":"0"}]'),
            "the answer of its transaction 0 are not what the rules say",
        ),
        (
            lambda record: replace(record, writes={"a": "2"}),
            "the writes of its transaction 0 are not what the rules say",
        ),
        (lambda record: replace(record, events=()), "the events of its transaction 0 are not what the rules say"),
        (
            lambda record: replace(record, call=replace(record.call, arguments=('{"fail":"defect"}',))),
            "the rules refuse its transaction 0: ZeroDivisionError()",
        ),
        (
            lambda record: replace(record, call=replace(record.call, at_ms=1)),
            "its transaction 0 is not later than the one before, and begins no epoch",
        ),
    ],
)
def test_a_chain_forged_with_fitting_hashes_does_not_withstand_the_rules(
    copy: Path, notes: Contract, forgery: Forgery, found: str
) -> None:
    forge(copy, 1, lambda record: record)
    assert verify(copy, notes).fault is None
    forge(copy, 1, forgery)
    assert verify(copy, notes).fault == Fault(1, found)


def test_a_chain_of_other_rules_can_be_replayed_without_them(copy: Path, notes: Contract) -> None:
    forge(copy, 1, lambda record: replace(record, answer='[{"a":"0"}]'))
    assert verify(copy, None).fault is None


# -- any byte


@contextmanager
def written(content: bytes) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        path.write_bytes(content)
        yield path


@st.composite
def one_bit_changed(draw: st.DrawFn, value: int | str | bytes) -> int | bytes:
    if isinstance(value, int):
        changed_number: int = value ^ 1 << draw(st.integers(0, 62))
        return changed_number
    changed = bytearray(value.encode() if isinstance(value, str) else value)
    changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_change_of_any_byte_of_any_stored_value_is_found(
    original: Path, notes: Contract, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from([*COLUMNS]))
    column = data.draw(st.sampled_from(COLUMNS[table]))
    with written(original.read_bytes()) as path:
        with editing(path) as connection:
            cells = connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608 - our names
            rowid, value = data.draw(st.sampled_from(cells))
            kind = {int: "INTEGER", str: "TEXT", bytes: "BLOB"}[type(value)]
            change = f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE rowid = ?"  # noqa: S608 - our names
            try:
                connection.execute(change, (data.draw(one_bit_changed(value)), rowid))
            except sqlite3.IntegrityError:
                return  # two rows of one name: SQLite does not let it happen
        assert verify(path, notes).fault is not None


@settings(deadline=None, max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_change_of_any_byte_of_the_file_is_found_or_changes_nothing_that_is_stored(
    original: Path, notes: Contract, place: float, change: int
) -> None:
    changed = bytearray(original.read_bytes())
    changed[int(place * len(changed))] ^= change
    with written(bytes(changed)) as path:
        if verify(path, notes).fault is None:
            assert contents(path) == contents(original)

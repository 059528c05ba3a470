"""Recomputing a ledger from its blocks: everything in its file must be what the chain and the rules say."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from energy_market_chaincode import invoke
from ledger.contract import Contract
from ledger.embedded import store
from ledger.embedded.database import connect_to_read, is_damage, sqlite_errors
from ledger.embedded.errors import NoLedger, NotALedger
from ledger.embedded.execution import Replica, RulesDiffer, begins_epoch
from ledger.embedded.store import BEFORE_THE_FIRST_BLOCK, Head, TransactionRecord, block_hash, transaction_digest


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit.

    Attributes
    ----------
    block
        The first block that does not fit; None if it is the file as a whole or the world state.
    """

    block: int | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.block is None else f"block {self.block}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a ledger was found to hold.

    Attributes
    ----------
    blocks, transactions, events
        How many of them fit, counted to the first fault.
    head
        The hash of the last block that fits. Whoever noted it once can tell later that no block was taken off the end
        and no chain put in another's place, which no file can prove of itself.
    fault
        None if everything fits.
    """

    blocks: int
    transactions: int
    events: int
    head: str
    fault: Fault | None


def verify(path: Path, contract: Contract | None = invoke) -> Verification:
    """Recompute a ledger's chain, world state and events; blocking, also while a service has the ledger open.

    Parameters
    ----------
    contract
        Re-executes every transaction: its results, events and writes must be what the rules say. None replays the
        recorded writes alone, for a chain that was written under other rules.

    Raises
    ------
    NoLedger
    LedgerUnavailable
        If the file cannot be read now, which says nothing about what it holds.
    """
    if not path.exists():
        raise NoLedger(path)
    with sqlite_errors(), closing(connect_to_read(path)) as connection, closing(Replica()) as replica:
        return _Verifier(connection, replica, contract).verification()


class _Misfit(Exception):
    """Something does not fit; the block is known to whoever catches it."""


class _Verifier:
    def __init__(self, connection: sqlite3.Connection, replica: Replica, contract: Contract | None) -> None:
        """Replay into ``replica``, whose world state is empty."""
        self._connection = connection
        self._replica = replica
        self._contract = contract
        self._head = BEFORE_THE_FIRST_BLOCK
        self._transactions = 0
        self._events = 0
        self._block: int | None = None

    def verification(self) -> Verification:
        fault = self._first_fault()
        return Verification(self._head.number + 1, self._transactions, self._events, self._head.hash, fault)

    def _first_fault(self) -> Fault | None:
        try:
            self._connection.execute("BEGIN")
            self._check_file()
            self._check_chain()
            self._block = None
            self._check_nothing_else()
            self._check_state()
            if self._head is BEFORE_THE_FIRST_BLOCK:
                raise _Misfit("there is no block: the ledger was never begun, or all of it was taken away")
        except (_Misfit, NotALedger, RulesDiffer) as misfit:
            return Fault(self._block, str(misfit))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            return Fault(self._block, f"SQLite cannot read it: {str(error).splitlines()[0][:120]}")
        return None

    # -- the file

    def _check_file(self) -> None:
        if store.is_new(self._connection):
            raise _Misfit("the file holds no ledger")
        schema = self._connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        if tuple(statement for (statement,) in schema) != store.TABLES:
            raise _Misfit("the tables are not a ledger's")
        (report,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if report != "ok":
            raise _Misfit(f"SQLite finds the file damaged: {report}")

    # -- the chain

    def _check_chain(self) -> None:
        rows = self._connection.execute("SELECT number, at_ms, previous_hash, hash FROM blocks ORDER BY number")
        for number, at_ms, previous_hash, written_hash in rows:
            self._block = self._head.number + 1
            if number != self._block:
                raise _Misfit(f"it is missing; the next one there is {number}")
            if previous_hash != self._head.hash:
                raise _Misfit("its previous hash is not the hash of the block before")
            transactions = list(store.transactions_of(self._connection, number))
            digests = [transaction_digest(stored.content, stored.event_texts) for stored in transactions]
            if block_hash(number, at_ms, previous_hash, digests) != written_hash:
                raise _Misfit("its content does not have its hash")
            self._replay(at_ms, transactions)
            self._head = Head(number, at_ms, written_hash)
            self._transactions += len(transactions)
            self._events += sum(len(stored.events) for stored in transactions)

    def _replay(self, block_ms: int, transactions: list[store.StoredTransaction]) -> None:
        newest_ms = self._head.at_ms
        for position, stored in enumerate(transactions):
            if stored.position != position:
                raise _Misfit(f"its transaction {position} is missing")
            record = _readable(stored)
            if record.call.at_ms <= newest_ms and not begins_epoch(record):
                raise _Misfit(f"its transaction {position} is not later than the one before, and begins no epoch")
            newest_ms = record.call.at_ms
            if [event[:2] for event in stored.events] != [(n, newest_ms) for n in range(len(stored.events))]:
                raise _Misfit(f"the events of its transaction {position} have another number or time")
            if self._contract is not None:
                self._replica.compare(record, self._contract, f"its transaction {position}")
            self._replica.take(record)
        if newest_ms != block_ms or not transactions:
            raise _Misfit("its timestamp is not that of its last transaction")

    # -- what hangs on the chain

    def _check_nothing_else(self) -> None:
        for table, counted in (("transactions", self._transactions), ("events", self._events)):
            (rows,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our names
            if rows != counted:
                raise _Misfit(f"{rows - counted} {table} belong to no block")

    def _check_state(self) -> None:
        for found, replayed in zip_longest(store.whole_state(self._connection), self._replica.state()):
            if found == replayed:
                continue
            if found is None or (replayed is not None and replayed[0] < found[0]):
                raise _Misfit(f"the world state lacks {replayed[0]!r}, which the blocks wrote")
            if replayed is None or found[0] < replayed[0]:
                raise _Misfit(f"the world state has {found[0]!r}, which no block wrote")
            raise _Misfit(f"the world state has another value of {found[0]!r} than the blocks wrote")


def _readable(stored: store.StoredTransaction) -> TransactionRecord:
    try:
        return TransactionRecord.read(stored.content, stored.event_texts)
    except (ValueError, LookupError, TypeError) as error:
        raise _Misfit(f"its transaction {stored.position} cannot be read: {error!r}") from error

"""The queue's store: durable, in order, bounded, and the same after a restart."""

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from energy_market_chaincode import Command, Status
from market_time import SteadyTime
from tx_queue import store as module
from tx_queue.sqlite_file import SqliteWriter, StoreUnavailable, connect_to_write
from tx_queue.store import (
    UNREMEMBERED,
    Acceptance,
    Entry,
    SqliteStore,
    TransactionLimits,
)

NO_LIMITS = TransactionLimits()
DAY_MS = 86_400_000


class Brought(NamedTuple):
    """What the store looks at of a command."""

    id: str
    prosumer: str
    topic: str
    digest: bytes
    text: str


def command(name: str, text: str = "{}", prosumer: str = "P1") -> Command:
    return cast(Command, Brought(name, prosumer, "topUpAccount", hashlib.sha256(text.encode()).digest(), text))


def committed(waiting: Entry) -> Entry:
    return waiting._replace(status=Status.COMMITTED, transaction="tx", block=7, result={"a": 1})


def rejected(waiting: Entry, code: str = "UNKNOWN_GAME") -> Entry:
    return waiting._replace(status=Status.REJECTED, transaction="tx", block=7, code=code, message="There is no game.")


class Clock:
    """A clock that only moves when told."""

    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "queue.sqlite"


@pytest.fixture
async def store(path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, capacity=10, retention_ms=1000, now_ms=clock)
    yield store
    await store.close()


async def test_a_command_goes_from_queued_to_submitted_to_its_decision(store: SqliteStore) -> None:
    assert await store.accept([command("a"), command("b")]) == [Acceptance.TAKEN, Acceptance.TAKEN]
    assert [entry.status for entry in await store.find("a")] == [Status.QUEUED]
    batch = await store.claim(NO_LIMITS)
    assert [waiting.id for waiting in batch] == ["a", "b"]
    assert [entry.status for entry in await store.find("a")] == [Status.SUBMITTED]
    await store.settle([committed(batch[0]), rejected(batch[1])])
    (a,), (b,) = await store.find("a"), await store.find("b")
    assert (a.status, a.transaction, a.block, a.result, a.code) == (Status.COMMITTED, "tx", 7, {"a": 1}, None)
    assert (b.status, b.result, b.code, b.message) == (Status.REJECTED, None, "UNKNOWN_GAME", "There is no game.")


async def test_commands_are_told_apart_by_signer_id_and_content(store: SqliteStore) -> None:
    brought = [command("a"), command("a"), command("a", "{1}"), command("a", prosumer="P2")]
    expected = [Acceptance.TAKEN, Acceptance.KNOWN, Acceptance.ID_REUSED, Acceptance.TAKEN]
    assert await store.accept(brought) == expected
    assert [entry.prosumer for entry in await store.find("a")] == ["P1", "P2"]
    assert [entry.prosumer for entry in await store.find("a", "P2")] == ["P2"]
    assert await store.find("a", "P3") == []


@pytest.mark.parametrize("text", ["{}", "{1}"], ids=["same", "other"])
@pytest.mark.parametrize("code", sorted(UNREMEMBERED))
async def test_what_the_ledger_does_not_remember_may_be_said_again(store: SqliteStore, code: str, text: str) -> None:
    await store.accept([command("a")])
    (waiting,) = await store.claim(NO_LIMITS)
    await store.settle([rejected(waiting, code)])
    assert await store.accept([command("a", text)]) == [Acceptance.TAKEN]
    (again,) = await store.claim(NO_LIMITS)
    await store.settle([committed(again)])
    assert [entry.status for entry in await store.find("a")] == [Status.COMMITTED]
    assert await store.accept([command("a", text)]) == [Acceptance.KNOWN]
    assert store.backlog().depth == 0


async def test_what_is_decided_is_not_heard_again(store: SqliteStore) -> None:
    await store.accept([command("a")])
    (waiting,) = await store.claim(NO_LIMITS)
    await store.settle([rejected(waiting)])
    assert await store.accept([command("a"), command("a", "{1}")]) == [Acceptance.KNOWN, Acceptance.ID_REUSED]


async def test_a_full_store_takes_no_new_command_but_knows_the_old_ones(store: SqliteStore) -> None:
    first = [command(str(number)) for number in range(10)]
    await store.accept(first)
    assert await store.accept([command("more"), first[0]]) == [Acceptance.FULL, Acceptance.KNOWN]
    await store.settle([committed(waiting) for waiting in (await store.claim(NO_LIMITS))[:1]])
    assert await store.accept([command("more"), command("yet more")]) == [Acceptance.TAKEN, Acceptance.FULL]


async def test_who_claims_waits_until_a_command_comes(store: SqliteStore) -> None:
    claim = asyncio.create_task(store.claim(NO_LIMITS))
    await store.accept([command("a")])
    assert [waiting.id for waiting in await claim] == ["a"]


async def test_a_stopped_store_hands_out_nothing_and_wakes_who_watches(store: SqliteStore) -> None:
    claim = asyncio.create_task(store.claim(NO_LIMITS))
    with store.watch("a") as settled:
        store.stop()
        await settled.wait()
    with store.watch("b") as settled:
        assert settled.is_set()
    assert await claim == []


async def test_who_watches_is_woken_by_the_decision_and_not_by_others(store: SqliteStore) -> None:
    await store.accept([command("a"), command("b")])
    a, b = await store.claim(NO_LIMITS)
    with store.watch("b") as settled:
        await store.settle([committed(a)])
        assert not settled.is_set()
        await store.settle([committed(b)])
        assert settled.is_set()


async def test_what_is_not_settled_is_claimed_again_after_a_restart(path: Path) -> None:
    store = await SqliteStore.open(path, capacity=10, retention_ms=1000)
    await store.accept([command(name) for name in "abc"])
    await store.settle([committed(waiting) for waiting in (await store.claim(NO_LIMITS))[:1]])
    await store.close()
    store = await SqliteStore.open(path, capacity=10, retention_ms=1000)
    assert store.backlog().depth == 2
    assert [waiting.id for waiting in await store.claim(NO_LIMITS)] == ["b", "c"]
    assert await store.accept([command("a"), command("b")]) == [Acceptance.KNOWN, Acceptance.KNOWN]
    await store.close()


async def test_old_answers_go_as_new_ones_come_but_never_a_waiting_command(store: SqliteStore, clock: Clock) -> None:
    await store.accept([command(name) for name in "abc"])
    a, b, _ = await store.claim(NO_LIMITS)
    await store.settle([committed(a), committed(b)])
    clock.now_ms += 1001
    await store.accept([command("d")])
    (d,) = await store.claim(NO_LIMITS)
    await store.settle([committed(d)])
    assert [len(await store.find(name)) for name in "abcd"] == [0, 0, 1, 1]


async def test_an_answer_of_a_time_that_was_wrong_keeps_no_others_after_it(store: SqliteStore, clock: Clock) -> None:
    await store.accept([command(name) for name in "abcd"])
    a, b, c, d = await store.claim(NO_LIMITS)
    true_ms, clock.now_ms = clock.now_ms, clock.now_ms + 400 * DAY_MS
    await store.settle([committed(a)])
    clock.now_ms = true_ms
    await store.settle([committed(b)])
    clock.now_ms += 1001
    await store.settle([committed(c)])
    await store.settle([committed(d)])
    assert [len(await store.find(name)) for name in "abcd"] == [0, 0, 1, 1]


async def test_a_wall_clock_that_jumps_takes_no_answer_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    off = timedelta()
    steady = SteadyTime(lambda: datetime.now(UTC) + off, synchronised=lambda: True)
    monkeypatch.setattr(module, "SteadyTime", lambda: steady)
    store = await SqliteStore.open(path, capacity=10, retention_ms=DAY_MS)
    await store.accept([command(name) for name in "abc"])
    a, b, c = await store.claim(NO_LIMITS)
    await store.settle([committed(a)])
    off = timedelta(days=400)
    await store.settle([committed(b)])
    await store.settle([committed(c)])
    found = [len(await store.find(name)) for name in "abc"]
    await store.close()
    assert found == [1, 1, 1]


async def test_an_answer_is_kept_for_its_time_however_long_the_command_waited(store: SqliteStore, clock: Clock) -> None:
    await store.accept([command("a"), command("b")])
    a, b = await store.claim(NO_LIMITS)
    clock.now_ms += 5000
    await store.settle([committed(a)])
    await store.settle([committed(b)])
    assert [entry.status for entry in await store.find("a")] == [Status.COMMITTED]


async def test_the_backlog_tells_the_age_of_the_oldest_command(store: SqliteStore, clock: Clock) -> None:
    assert (store.backlog().depth, store.backlog().oldest_age_ms) == (0, 0)
    await store.accept([command("a")])
    clock.now_ms += 300
    await store.accept([command("b")])
    assert (store.backlog().depth, store.backlog().oldest_age_ms) == (2, 300)
    await store.settle([committed(waiting) for waiting in (await store.claim(NO_LIMITS))[:1]])
    assert (store.backlog().depth, store.backlog().oldest_age_ms) == (1, 0)


async def test_a_full_disk_takes_nothing_and_the_store_works_again_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect_to_write(_in_new_folder(path))
    monkeypatch.setattr(module, "connect_to_write", lambda _: connection)
    store = await SqliteStore.open(path, capacity=10**6, retention_ms=1000)
    await store.accept([command("a")])
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own way to say that the disk is full
    large = [command(f"large-{number}", "x" * 5000) for number in range(20)]
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        await store.accept(large)
    assert await store.find("large-0") == []
    assert store.backlog().depth == 1
    connection.execute("PRAGMA max_page_count = 1000000")
    assert set(await store.accept(large)) == {Acceptance.TAKEN}
    assert len(await store.claim(NO_LIMITS)) == 21
    await store.close()


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.accept([command("a")])
    with pytest.raises(StoreUnavailable):
        await store.find("a")


async def test_a_store_has_one_process(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="in use"):
        await SqliteStore.open(path, capacity=10, retention_ms=1000)


async def test_home_and_file_are_their_owner_s_alone_though_an_older_version_left_them_open(path: Path) -> None:
    _left_open(_in_new_folder(path))
    store = await SqliteStore.open(path, capacity=10, retention_ms=1000)
    open_to_others = _open_to_others(path.parent)
    await store.close()
    assert open_to_others == dict.fromkeys(
        ("home", "queue.sqlite", "queue.sqlite-wal", "queue.sqlite-shm", "queue.sqlite.lock"), 0
    )


async def test_a_file_that_is_no_queue_is_left_alone(path: Path) -> None:
    _left_open(_in_new_folder(path))
    stranger = sqlite3.connect(path)
    stranger.execute("CREATE TABLE recipe (name)")
    stranger.commit()
    stranger.close()
    with pytest.raises(StoreUnavailable, match="not a queue's store"):
        await SqliteStore.open(path, capacity=10, retention_ms=1000)
    assert _open_to_others(path.parent)["queue.sqlite"] == 0o044


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    _in_new_folder(path).write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreUnavailable):
        await SqliteStore.open(path, capacity=10, retention_ms=1000)


def _in_new_folder(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    return path


def _left_open(path: Path) -> None:
    path.touch()
    path.chmod(0o644)
    path.parent.chmod(0o755)


def _open_to_others(folder: Path) -> dict[str, int]:
    """Return what others than the owner may do with a folder and its files."""
    return {each.name: each.stat().st_mode & 0o077 for each in (folder, *folder.iterdir())}


class StoreMachine(RuleBasedStateMachine):
    """The store against a list of commands, over restarts."""

    path: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.patch = pytest.MonkeyPatch()
        self.taken: dict[tuple[str, str], str] = {}
        self.waiting: list[tuple[str, str]] = []
        self.unclaimed: list[tuple[str, str]] = []
        self.claimed: list[Entry] = []
        self.statuses: dict[tuple[str, str], Status] = {}

    @initialize(bytes_in_memory=st.sampled_from([0, 5, 10**6]))
    def begin(self, bytes_in_memory: int) -> None:
        self.patch.setattr(module, "MOST_BYTES_IN_MEMORY", bytes_in_memory)
        for file in self.path.parent.glob("*"):
            file.unlink()
        self.open()

    def open(self) -> None:
        self.store = self.runner.run(SqliteStore.open(self.path, capacity=8, retention_ms=10**9))

    @rule(
        brought=st.lists(
            st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from(["P1", "P2"]), st.sampled_from(["{}", "{1}"])),
            max_size=6,
        )
    )
    def accept(self, brought: list[tuple[str, str, str]]) -> None:
        expected = [self._acceptance(*each) for each in brought]
        commands = [command(name, text, prosumer) for name, prosumer, text in brought]
        assert self.runner.run(self.store.accept(commands)) == expected

    def _acceptance(self, name: str, prosumer: str, text: str) -> Acceptance:
        key = (name, prosumer)
        if key in self.taken:
            return Acceptance.KNOWN if self.taken[key] == text else Acceptance.ID_REUSED
        if len(self.waiting) >= 8:
            return Acceptance.FULL
        self.taken[key] = text
        self.waiting.append(key)
        self.unclaimed.append(key)
        self.statuses[key] = Status.QUEUED
        return Acceptance.TAKEN

    @precondition(lambda self: self.unclaimed)
    @rule(count=st.integers(1, 4))
    def claim(self, count: int) -> None:
        batch = self.runner.run(self.store.claim(TransactionLimits(commands=count)))
        assert 0 < len(batch) <= count
        expected, self.unclaimed = self.unclaimed[: len(batch)], self.unclaimed[len(batch) :]
        assert [(waiting.id, waiting.prosumer) for waiting in batch] == expected
        assert [waiting.text for waiting in batch] == [self.taken[key] for key in expected]
        self.claimed += batch
        self.statuses.update(dict.fromkeys(expected, Status.SUBMITTED))

    @precondition(lambda self: self.claimed)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, len(self.claimed)))
        decide = data.draw(st.sampled_from([committed, rejected]))
        some, self.claimed = self.claimed[:count], self.claimed[count:]
        self.runner.run(self._settle([decide(waiting) for waiting in some]))
        for waiting in some:
            self.waiting.remove((waiting.id, waiting.prosumer))
            self.statuses[waiting.id, waiting.prosumer] = decide(waiting).status

    async def _settle(self, decided: Sequence[Entry]) -> None:
        await self.store.settle(decided)

    @rule()
    def restart(self) -> None:
        self.runner.run(self.store.close())
        self.open()
        self.unclaimed, self.claimed = list(self.waiting), []
        self.statuses.update(dict.fromkeys(self.waiting, Status.QUEUED))

    @invariant()
    def the_store_knows_what_the_list_knows(self) -> None:
        assert self.store.backlog().depth == len(self.waiting)
        found = {key: self.runner.run(self.store.find(*key)) for key in self.taken}
        assert {key: [entry.status for entry in entries] for key, entries in found.items()} == {
            key: [status] for key, status in self.statuses.items()
        }

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.patch.undo()


def test_the_store_behaves_as_a_list_over_any_course_of_events(tmp_path: Path) -> None:
    class Machine(StoreMachine):
        path = tmp_path / "queue.sqlite"

    run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


async def test_what_is_taken_without_a_promise_reaches_the_disk_with_the_next_one(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[str] = []
    commit = SqliteWriter._commit

    def recording(self: SqliteWriter, group: Any) -> Any:
        result = commit(self, group)
        (mode,) = self._connection.execute("PRAGMA synchronous").fetchone()
        modes.append({1: "normal", 2: "full"}[mode])
        return result

    monkeypatch.setattr(SqliteWriter, "_commit", recording)
    before = path.with_name(f"{path.name}-wal").read_bytes()
    assert await store.accept([command("a")], is_promised=False) == [Acceptance.TAKEN]
    taken = path.with_name(f"{path.name}-wal").read_bytes()
    await store.promise()
    promised = path.with_name(f"{path.name}-wal").read_bytes()
    assert modes == ["normal", "full"]
    assert before != taken != promised, "a transaction that writes nothing would not be written to the disk"

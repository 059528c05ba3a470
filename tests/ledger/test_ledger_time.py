"""Time on the embedded ledger: a wall clock that jumps does not get into a block, and what got in is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, database
from ledger.embedded import ledger as embedded
from market_time import SteadyTime

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
COMMAND = '{"put": {"a": "1"}}'


class Machine:
    """A machine whose clocks go as told."""

    def __init__(self) -> None:
        self.wall = START
        self.elapsed_s = 10_000.0
        self.is_synchronised = True

    def passes(self, span: timedelta) -> None:
        """Awake or asleep."""
        self.wall += span
        self.elapsed_s += span.total_seconds()

    def time(self) -> SteadyTime:
        return SteadyTime(lambda: self.wall, lambda: self.elapsed_s, lambda: self.is_synchronised)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(embedded, "SteadyTime", machine.time)
    return machine


async def opened(folder: Path, notes: Contract) -> EmbeddedLedger:
    return await EmbeddedLedger.open(folder / "ledger.sqlite", "operator", "key", contract=notes)


async def time_of_next_block(ledger: EmbeddedLedger) -> datetime:
    block = await ledger.block((await ledger.submit([COMMAND])).block)
    return datetime.fromtimestamp(block.transactions[0].at_ms / 1000, UTC)


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-1), timedelta(hours=1)])
async def test_a_clock_that_jumps_for_one_command_leaves_no_trace(
    tmp_path: Path, notes: Contract, machine: Machine, jump: timedelta
) -> None:
    ledger = await opened(tmp_path, notes)
    machine.passes(timedelta(minutes=1))
    machine.wall += jump
    assert await time_of_next_block(ledger) == START + timedelta(minutes=1)
    assert "jumped" in str(await ledger.obstacle())
    machine.wall -= jump
    machine.passes(timedelta(minutes=1))
    assert await time_of_next_block(ledger) == START + timedelta(minutes=2)
    assert await ledger.obstacle() is None
    await ledger.close()


async def test_a_laptop_that_slept_and_a_first_correction_are_no_jumps(
    tmp_path: Path, notes: Contract, machine: Machine
) -> None:
    machine.is_synchronised = False
    ledger = await opened(tmp_path, notes)
    machine.passes(timedelta(hours=9))
    assert await time_of_next_block(ledger) == START + timedelta(hours=9)
    machine.wall += timedelta(days=3)
    machine.is_synchronised = True
    assert await time_of_next_block(ledger) == START + timedelta(days=3, hours=9)
    assert await ledger.obstacle() is None
    await ledger.close()


async def test_a_wrong_time_that_got_in_with_a_restart_is_said_at_once(
    tmp_path: Path, notes: Contract, machine: Machine
) -> None:
    machine.wall += timedelta(days=400)
    await (await opened(tmp_path, notes)).close()
    machine.wall = START
    ledger = await opened(tmp_path, notes)
    assert "2028-01-02T12:00:00.000Z, is ahead of this machine's" in str(await ledger.obstacle())
    await ledger.close()


async def test_a_disk_without_room_for_a_block_is_an_obstacle(
    tmp_path: Path, notes: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await opened(tmp_path, notes)
    assert await ledger.obstacle() is None
    monkeypatch.setattr(database, "ROOM_FOR_A_BLOCK", 2**80)
    assert "bytes left; free some" in str(await ledger.obstacle())
    await ledger.close()
    assert "closed" in str(await ledger.obstacle())

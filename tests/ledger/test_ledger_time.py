"""Time on the embedded ledger: a wall clock that jumps does not get into a block, and what got in is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from energy_market_chaincode import invoke, iso, read_exact_json
from ledger.contract import Contract
from ledger.embedded import EmbeddedLedger, database, verify
from ledger.embedded import ledger as embedded
from market_time import SteadyTime
from prosumer_client import Identity

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
    return await at(ledger, (await ledger.submit([COMMAND])).block)


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


@pytest.mark.parametrize(("seconds", "is_said"), [(5, False), (6, True)])
async def test_this_machine_dates_the_ledger_so_a_few_seconds_ahead_are_wrong(
    tmp_path: Path, notes: Contract, machine: Machine, seconds: int, is_said: bool
) -> None:
    machine.wall += timedelta(seconds=seconds)
    await (await opened(tmp_path, notes)).close()
    machine.wall = START
    ledger = await opened(tmp_path, notes)
    assert ("ahead of this machine's" in str(await ledger.obstacle())) is is_said
    await ledger.close()


async def test_an_operator_sets_a_wrong_time_right_and_no_other_block_may_be_earlier(
    tmp_path: Path, machine: Machine
) -> None:
    operator, file = Identity("operator", Ed25519PrivateKey.generate()), tmp_path / "ledger.sqlite"

    def command(topic: str, **data: str) -> str:
        return operator.command(topic, data).body.decode()

    async def reopened() -> EmbeddedLedger:
        return await EmbeddedLedger.open(file, operator.prosumer, operator.public_key)

    machine.wall += timedelta(days=400)
    await (await reopened()).close()
    machine.wall = START
    ledger = await reopened()
    assert "energy-market ledger set-time" in str(await ledger.obstacle())
    times = {"oldTime": iso(START + timedelta(days=400)), "newTime": iso(START)}
    top_up = command("topUpAccount", prosumer="operator", amount="1")
    before = await ledger.submit([top_up])
    assert (await at(ledger, before.block)) > START + timedelta(days=400)
    begun = await ledger.submit([command("setLedgerTime", **times)])
    assert (begun.results[0]["status"], await at(ledger, begun.block)) == ("committed", START)
    assert await ledger.obstacle() is None
    machine.passes(timedelta(seconds=1))
    after = await ledger.submit([command("topUpAccount", prosumer="operator", amount="1")])
    assert await at(ledger, after.block) == START + timedelta(seconds=1)
    await ledger.close()
    assert verify(file).fault is None


async def test_a_command_that_ended_while_nobody_ran_the_ledger_is_refused_and_what_ended_is_forgotten(
    tmp_path: Path, machine: Machine
) -> None:
    operator, file = Identity("operator", Ed25519PrivateKey.generate()), tmp_path / "ledger.sqlite"

    async def reopened() -> EmbeddedLedger:
        return await EmbeddedLedger.open(file, operator.prosumer, operator.public_key)

    ledger = await reopened()
    named = read_exact_json(await ledger.query("market"))["ledger"]
    top_up = {"prosumer": "operator", "amount": "1"}
    ends = START + timedelta(days=1)
    done, late = (operator.command("topUpAccount", top_up, ledger=named, valid_until=ends) for _ in range(2))
    (first,) = (await ledger.submit([done.body.decode()])).results
    await ledger.close()
    machine.passes(timedelta(days=1, seconds=1))
    ledger = await reopened()
    again, refused = (await ledger.submit([done.body.decode(), late.body.decode()])).results
    assert (first["status"], again, refused["code"]) == ("committed", first | {"duplicate": True}, "COMMAND_EXPIRED")
    assert await ledger.query("command", "operator", done.id) == b"null", "that transaction forgot it"
    assert (await ledger.submit([done.body.decode()])).results[0]["code"] == "COMMAND_EXPIRED"
    assert read_exact_json(await ledger.query("market"))["money"] == 1
    await ledger.close()
    assert verify(file, invoke).fault is None


async def test_a_command_that_sets_no_time_leaves_the_ledger_s_as_it_is(tmp_path: Path, machine: Machine) -> None:
    operator, stranger = (Identity(name, Ed25519PrivateKey.generate()) for name in ("operator", "operator"))
    machine.wall += timedelta(days=400)
    ledger = await EmbeddedLedger.open(tmp_path / "ledger.sqlite", operator.prosumer, operator.public_key)
    machine.wall = START
    times = {"oldTime": iso(START + timedelta(days=400)), "newTime": iso(START)}
    refused = await ledger.submit([stranger.command("setLedgerTime", times).body.decode()])
    assert refused.results[0]["code"] == "BAD_SIGNATURE"
    assert await at(ledger, refused.block) > START + timedelta(days=400)
    await ledger.close()


async def at(ledger: EmbeddedLedger, number: int) -> datetime:
    return datetime.fromtimestamp((await ledger.block(number)).transactions[0].at_ms / 1000, UTC)


async def test_a_disk_without_room_for_a_block_is_an_obstacle(
    tmp_path: Path, notes: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await opened(tmp_path, notes)
    assert await ledger.obstacle() is None
    monkeypatch.setattr(database, "ROOM_FOR_A_BLOCK", 2**80)
    assert "bytes left; free some" in str(await ledger.obstacle())
    await ledger.close()
    assert "closed" in str(await ledger.obstacle())

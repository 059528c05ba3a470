"""What the clock takes for the ledger's time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from energy_market_chaincode import block_views
from market_clock.ledger_time import GOOD_FOR, LedgerTime

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAD = timedelta(hours=1)


class Machine:
    """A machine whose time is what a test says."""

    def __init__(self) -> None:
        self.time = NOON + LEAD

    def now(self) -> datetime:
        return self.time


class Ledger:
    """A ledger whose last block is of noon, or has no time."""

    def __init__(self, at: str | None = "2026-11-23T12:00:00.000Z") -> None:
        self.at = at

    async def blocks(self, first: int = 0, limit: int = 100) -> block_views.Blocks:
        block = {"number": first, "hash": "", "previousHash": "", "nrTransactions": 1}
        at = self.at if first == 6 else "2020-01-01T00:00:00.000Z"
        return block_views.Blocks.model_validate({"height": 7, "blocks": [{**block, "at": at}]})


async def learnt(machine: Machine, ledger: Ledger | None = None) -> LedgerTime:
    time = LedgerTime(machine.now)
    await learn(time, machine, ledger or Ledger())
    return time


async def learn(time: LedgerTime, machine: Machine, ledger: Any) -> None:
    await time.learn(ledger, machine.now())


def test_before_it_knows_better_it_is_the_machines() -> None:
    assert LedgerTime(Machine().now).now() == NOON + LEAD


async def test_it_is_learnt_from_the_last_block() -> None:
    machine = Machine()
    time = await learnt(machine)

    machine.time += timedelta(seconds=30)

    assert time.now() == NOON + timedelta(seconds=30)


async def test_a_machine_that_lags_is_believed() -> None:
    machine = Machine()
    machine.time = NOON - LEAD

    assert (await learnt(machine)).now() == NOON - LEAD


async def test_a_block_without_a_time_teaches_nothing() -> None:
    assert (await learnt(Machine(), Ledger(at=None))).now() == NOON + LEAD


async def test_two_games_that_learn_it_at_once_learn_it_once() -> None:
    machine = Machine()
    time = await learnt(machine)

    await learn(time, machine, Ledger())

    assert time.now() == NOON


async def test_it_is_forgotten_when_the_machines_time_is_set_back_and_after_a_while() -> None:
    for then in (NOON + timedelta(seconds=1), NOON + LEAD + GOOD_FOR + timedelta(seconds=1)):
        machine = Machine()
        time = await learnt(machine)

        machine.time = then

        assert time.now() == then


async def test_an_event_of_a_later_time_corrects_it() -> None:
    machine = Machine()
    time = await learnt(machine)

    time.hear(NOON - timedelta(minutes=1))
    assert time.now() == NOON
    time.hear(NOON + timedelta(minutes=1))
    assert time.now() == NOON + timedelta(minutes=1)


async def test_a_ledger_ahead_of_the_machine_is_said_until_one_of_them_is_set_right() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(days=400)
    time = LedgerTime(machine.now)
    assert time.trouble is None
    await time.look(Ledger())  # type: ignore[arg-type]  # all of a market that is asked for
    assert time.trouble is not None
    assert "400 days" in time.trouble
    assert "what it times waits" in time.trouble
    time.hear(machine.time)  # on Fabric the next transaction may be of an earlier time; what that one times waits
    assert time.trouble is not None
    machine.time = NOON
    assert time.trouble is None


async def test_a_new_epoch_ends_the_trouble_and_one_that_is_known_does_not() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(days=400)
    time = LedgerTime(machine.now)
    await time.look(Ledger())  # type: ignore[arg-type]  # as above
    time.enter(0)
    assert time.trouble is not None
    time.enter(1)
    assert time.trouble is None
    time.hear(NOON)
    time.enter(1)
    assert time.trouble is not None, "a wrong time got into the new one"


async def test_a_ledger_somewhat_ahead_is_no_trouble() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(seconds=5)
    time = LedgerTime(machine.now)
    await time.look(Ledger())  # type: ignore[arg-type]  # as above
    assert time.trouble is None
    machine.time -= timedelta(milliseconds=1)
    assert time.trouble is not None


async def test_a_last_block_of_the_network_s_own_says_nothing() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(days=400)
    time = LedgerTime(machine.now)
    assert await time.look(Ledger(None)) is None  # type: ignore[arg-type]  # as above
    assert time.trouble is None

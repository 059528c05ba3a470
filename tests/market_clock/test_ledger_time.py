"""What the clock takes for the ledger's time."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from energy_market_chaincode import block_views
from market_clock.conductor import Conductor, TimeSet
from market_clock.ledger_time import GOOD_FOR, LedgerTime
from prosumer_client import MarketEvent

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEAD = timedelta(hours=1)


class Machine:
    """A machine whose time is what a test says."""

    def __init__(self) -> None:
        self.time = NOON + LEAD

    def now(self) -> datetime:
        return self.time


Block = tuple[datetime, str]
LONG_AGO, RIGHT, WRONG = ((NOON + timedelta(days=days), "top-up") for days in (-2000, 0, 400))
SET = (NOON, "set")
"""Sets the ledger's time."""


class Ledger:
    """A ledger of some blocks; None: one of the network's own, which has no time."""

    def __init__(self, *blocks: Block | None) -> None:
        self._chain = blocks
        self.read: list[int] = []

    async def blocks(self, first: int = 0, limit: int = 100) -> block_views.Blocks:
        found = [self._block(number) for number in range(len(self._chain))[first : first + limit]]
        return block_views.Blocks.model_validate({"height": len(self._chain), "blocks": found})

    async def block(self, number: int) -> block_views.BlockView:
        self.read.append(number)
        return block_views.BlockView.model_validate(self._block(number))

    def _block(self, number: int) -> dict[str, Any]:
        at, what = self._chain[number] or (None, "")
        events = [{"name": "LedgerTimeSetEvent" if what == "set" else "AccountToppedUpEvent"}]
        told = [] if at is None else [{"id": "t", "at": at, "commands": [], "results": [], "events": events}]
        block = {"number": number, "hash": "", "previousHash": "", "nrTransactions": len(told)}
        return {**block, "at": at, "transactions": told}


def market(*blocks: Block | None) -> Any:
    """Return all of a market that is asked for."""
    return Ledger(*blocks)


async def learnt(machine: Machine, *blocks: Block | None) -> LedgerTime:
    time = LedgerTime(machine.now)
    await learn(time, machine, market(*blocks or (LONG_AGO, RIGHT)))
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
    assert (await learnt(Machine(), LONG_AGO, None)).now() == NOON + LEAD


async def test_two_games_that_learn_it_at_once_learn_it_once() -> None:
    machine = Machine()
    time = await learnt(machine)

    await learn(time, machine, market(LONG_AGO, RIGHT))

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
    await time.look(market(LONG_AGO, RIGHT))
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
    await time.look(market(LONG_AGO, RIGHT))
    time.enter(0)
    assert time.trouble is not None
    time.enter(1)
    assert time.trouble is None
    time.hear(NOON)
    time.enter(1)
    assert time.trouble is not None, "a wrong time got into the new one"


class LateNews(Ledger):
    """A market that is known to be in an epoch before its stream tells of a wrong time and of the first epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__(RIGHT)
        self._epoch = epoch

    async def market(self) -> Any:
        return SimpleNamespace(simulated_time=None, epoch=SimpleNamespace(number=self._epoch))

    async def games(self) -> list[Any]:
        return []

    async def events(self, _after: str, on_now: Any) -> AsyncGenerator[MarketEvent, None]:
        await on_now()
        yield MarketEvent("1.0.0", WRONG[0], "AccountToppedUpEvent", None, {})
        yield MarketEvent("2.0.0", NOON, "LedgerTimeSetEvent", None, {"number": 1})


@pytest.mark.parametrize("epoch", [1, 2])
async def test_what_is_heard_before_an_epoch_begins_is_of_an_earlier_one_though_that_one_was_known(epoch: int) -> None:
    time = LedgerTime(lambda: NOON)
    clock: Any = Conductor(time, lambda *_: None, market())
    with pytest.raises(ExceptionGroup) as ended:
        await clock.run(LateNews(epoch))
    assert ended.group_contains(TimeSet)
    assert time.trouble is None


async def test_a_ledger_somewhat_ahead_is_no_trouble() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(minutes=1)
    time = LedgerTime(machine.now)
    await time.look(market(LONG_AGO, RIGHT))
    assert time.trouble is None
    machine.time -= timedelta(milliseconds=1)
    assert time.trouble is not None


async def test_a_last_block_of_the_network_s_own_says_nothing() -> None:
    machine = Machine()
    machine.time = NOON - timedelta(days=400)
    time = LedgerTime(machine.now)
    await time.look(market(None))
    assert time.trouble is None


@pytest.mark.parametrize(
    ("blocks", "is_wrong"),
    [
        ([WRONG, RIGHT], True),
        ([WRONG, *[RIGHT] * 19], True),
        ([WRONG, SET, RIGHT], False),
        ([WRONG, SET, WRONG, RIGHT], True),
    ],
)
async def test_a_clock_that_is_started_anew_finds_a_wrong_time_before_the_ledgers_end(
    blocks: list[Block], is_wrong: bool
) -> None:
    machine = Machine()
    machine.time = NOON
    time = LedgerTime(machine.now)
    await time.look(market(*blocks))
    assert bool(time.trouble) is is_wrong


async def test_blocks_are_read_whole_only_where_one_is_of_a_time_to_come() -> None:
    machine, ledger = Machine(), market(*[RIGHT] * 30)
    machine.time = NOON
    await LedgerTime(machine.now).look(ledger)
    assert ledger.read == []

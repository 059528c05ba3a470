"""What is remembered of a chain from the blocks that were read. Needs no Fabric."""

import pytest

from ledger.fabric import known_chain
from ledger.fabric.gateway import ChannelBlock
from ledger.fabric.known_chain import REMEMBERED, KnownChain
from prosumer_client import LOOK_BACK

CHAINCODE = "energy-market"


def noted(*numbers: int) -> KnownChain:
    chain = KnownChain(CHAINCODE)
    for number in numbers:
        chain.note(ChannelBlock(number, str(number), str(number - 1), "", "", b"", ()))
    return chain


def remembered(chain: KnownChain, upto: int) -> list[int]:
    return [number for number in range(upto + 1) if chain.hash_of(number) is not None]


OLD = range(0, 5 * REMEMBERED, 10)
END = 9 * REMEMBERED


@pytest.mark.parametrize(
    "numbers",
    [[*OLD, END], [END, *OLD], [*OLD, END, *OLD]],
    ids=["old ones before", "old ones after", "both"],
)
def test_old_blocks_that_somebody_reads_are_not_remembered(numbers: list[int]) -> None:
    assert remembered(noted(*numbers), END) == [END]


def test_the_last_blocks_are_remembered_in_whatever_order_they_come() -> None:
    last = range(END - REMEMBERED + 1, END + 1)
    assert remembered(noted(*range(END + 1)), END) == [*last]
    assert remembered(noted(*reversed(range(END + 1))), END) == [*last]


def test_queue_clock_and_operator_look_as_far_back() -> None:
    assert known_chain.LOOK_BACK == LOOK_BACK

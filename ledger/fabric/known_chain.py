"""What is known of a channel's chain from the blocks that were read, in whatever order they came."""

from typing import Final, NamedTuple

from energy_market_chaincode import events, read_exact_json
from ledger.fabric.gateway import ChainTip, ChannelBlock
from ledger.fabric.market_blocks import events_of
from ledger.interface import Cursor

OWN_BLOCK: Final = 1
"""By it a chain is told from one that was made anew, whose block 0 may be the same: somebody signed this one."""
LOOK_BACK: Final = 20
"""So many last blocks are read of a chain that nothing is known of: as many as ``ledger set-time`` looks through."""
REMEMBERED: Final = 1_000
"""Of so many last blocks hashes and times are kept."""


class _Noted(NamedTuple):
    """A block's hash, and the latest time that counts of its transactions."""

    hash: str
    latest_ms: int


class KnownChain:
    """What is known of the chain.

    Times count from some blocks before the first one that was noted: what is read again of earlier ones may be of an
    earlier epoch.

    Attributes
    ----------
    newest_event
        As far as the chain was searched.
    searched
        So many blocks, from the first on, were searched for the newest event.
    latest_ms
        The latest time that a transaction has claimed in this epoch.
    own_hash
        The hash of block ``OWN_BLOCK``; None if it was not there to be read.
    """

    def __init__(self, chaincode: str) -> None:
        self.newest_event: Cursor | None = None
        self.searched = 0
        self.latest_ms = 0
        self.own_hash: str | None = None
        self._chaincode = chaincode
        self._counts_from: int | None = None
        self._last_block = -1
        self._blocks: dict[int, _Noted] = {}

    def ends_with(self, tip: ChainTip) -> bool:
        """Tell whether the last block that is known is the last one there is."""
        return tip.height - 1 == self._last_block and tip.hash == self.hash_of(self._last_block)

    def is_contradicted_by(self, tip: ChainTip, own_hash: str | None) -> bool:
        """Tell whether a chain that ends so, and whose own block has this hash, if any is known, is another one.

        That its last block is not remembered says nothing: there is more of the chain, or the peer lags.
        """
        is_other = own_hash is not None and self.own_hash not in (None, own_hash)
        return is_other or self.hash_of(tip.height - 1) not in (None, tip.hash)

    def note(self, block: ChannelBlock) -> None:
        """Take note of a block and of its times; an earlier one may come after a later one, or again."""
        if block.number in self._blocks:
            return
        if self._counts_from is None:
            self._counts_from = max(0, block.number + 1 - LOOK_BACK)
        latest_ms, begins_epoch = self._times_of(block) if block.number >= self._counts_from else (0, False)
        self._remember(block.number, _Noted(block.hash, latest_ms))
        if begins_epoch and block.number > self._counts_from:
            self._counts_from = block.number
            later = (each.latest_ms for number, each in self._blocks.items() if number > block.number)
            self.latest_ms = max([latest_ms, *later])
        else:
            self.latest_ms = max(self.latest_ms, latest_ms)

    def _remember(self, number: int, noted: _Noted) -> None:
        if number <= self._last_block - REMEMBERED:
            return
        self._blocks[number] = noted
        if number == self._last_block + 1:
            self._blocks.pop(number - REMEMBERED, None)
        elif number > self._last_block:
            self._blocks = {n: each for n, each in self._blocks.items() if n > number - REMEMBERED}
        self._last_block = max(self._last_block, number)

    def _times_of(self, block: ChannelBlock) -> tuple[int, bool]:
        """Return the latest time that the market's transactions claim, and whether one of them sets the ledger's.

        Then those before it do not count.
        """
        latest_ms, begins_epoch = 0, False
        for found in block.transactions:
            if found.chaincode == self._chaincode:
                is_set = any(_is_of_set_time(text) for text in events_of(found))
                latest_ms = found.at_ms if is_set else max(latest_ms, found.at_ms)
                begins_epoch = begins_epoch or is_set
        return latest_ms, begins_epoch

    def hash_of(self, number: int) -> str | None:
        """Return a block's hash if it is remembered."""
        noted = self._blocks.get(number)
        return None if noted is None else noted.hash


def _is_of_set_time(event: str) -> bool:
    name = events.LedgerTimeSetEvent.__name__
    return name in event and read_exact_json(event)["name"] == name

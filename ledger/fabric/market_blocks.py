"""The market's view of a channel's blocks: its commands, results and events."""

from energy_market_chaincode.contract import EVENT_NAME
from ledger.contract import Call, read_transaction, split_events
from ledger.fabric.gateway import ChannelBlock, ChannelTransaction
from ledger.interface import Block, Cursor, LedgerEvent, Transaction


def market_block(block: ChannelBlock, chaincode: str) -> Block:
    """Return a block with the market's own transactions."""
    transactions = [_transaction(found) for found in block.transactions if found.chaincode == chaincode]
    return Block(block.number, block.hash, block.previous_hash, transactions)


def market_events(block: ChannelBlock, chaincode: str) -> list[LedgerEvent]:
    """Return a block's events of the market, in their order; cursors count all of the block's transactions."""
    return [
        LedgerEvent(Cursor(block.number, found.index, index), found.at_ms, event)
        for found in block.transactions
        if found.chaincode == chaincode
        for index, event in enumerate(_events(found))
    ]


def _transaction(found: ChannelTransaction) -> Transaction:
    function, *arguments = [arg.decode() for arg in found.args]
    return read_transaction(Call(found.id, found.at_ms, function, tuple(arguments)), found.result, _events(found))


def _events(found: ChannelTransaction) -> tuple[str, ...]:
    return split_events(found.event_payload) if found.event_name == EVENT_NAME else ()

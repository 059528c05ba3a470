"""What stands in a channel's blocks of the market, and what proves a block."""

from base64 import b64encode

from energy_market_chaincode import EVENT_NAME, block_views
from ledger.contract import Call, read_transaction, split_events
from ledger.fabric.gateway import ChannelBlock, ChannelTransaction, ProvenBlock
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
        for index, event in enumerate(events_of(found))
    ]


def _transaction(found: ChannelTransaction) -> Transaction:
    function, *arguments = [arg.decode() for arg in found.args]
    return read_transaction(Call(found.id, found.at_ms, function, tuple(arguments)), found.result, events_of(found))


def events_of(found: ChannelTransaction) -> tuple[str, ...]:
    """Return the text of each of a transaction's events of the market."""
    return split_events(found.event_payload) if found.event_name == EVENT_NAME else ()


def evidence_view(found: ProvenBlock) -> block_views.FabricEvidence:
    """Return what proves a block as it is shown."""
    return block_views.FabricEvidence(
        number=found.number,
        previous_hash=found.previous_hash,
        data=[b64encode(each).decode() for each in found.data],
        vouchers=[
            block_views.Voucher(
                role=each.role,
                organisation=each.organisation,
                certificate=each.certificate,
                signature=b64encode(each.signature).decode(),
                signed=b64encode(each.signed).decode(),
            )
            for each in found.vouchers
        ],
    )

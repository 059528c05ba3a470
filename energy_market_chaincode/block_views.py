"""What the ledger shows of its blocks, and what a block proves by itself."""

from typing import Annotated, Any, Literal

from pydantic import Field

from energy_market_chaincode.times import Time
from energy_market_chaincode.views import CommandResult, View


class BlockSummary(View):
    """A block in the list; ``at`` is null where none of its transactions is the market's."""

    number: int
    hash: str
    previous_hash: str
    at: Time | None
    nr_transactions: int


class Blocks(View):
    """Some blocks, in their order, and how many the ledger has."""

    height: int
    blocks: list[BlockSummary]


class TransactionView(View):
    """What went into a transaction and what came out: of each command its result."""

    id: str
    at: Time
    commands: list[Any]
    results: list[CommandResult]
    events: list[dict[str, Any]]


class BlockView(BlockSummary):
    """A block with its transactions."""

    transactions: list[TransactionView]


class HashedTransaction(View):
    """A transaction of the embedded ledger as it is hashed: one JSON text, and one for each event."""

    content: str
    events: list[str]


class EmbeddedEvidence(View):
    """What the hash of a block of the embedded ledger covers, see :mod:`ledger.embedded.store`."""

    kind: Literal["embedded"] = "embedded"
    number: int
    at_ms: int
    previous_hash: str
    transactions: list[HashedTransaction]


class Voucher(View):
    """A signature, ECDSA P-256 over SHA-256.

    Attributes
    ----------
    role
        ``orderer`` signs a block's header, ``client`` its transaction, ``endorser`` what came out of it.
    certificate
        PEM, issued by the organisation.
    signature, signed
        Base64.
    """

    role: Literal["orderer", "client", "endorser"]
    organisation: str
    certificate: str
    signature: str
    signed: str


class FabricEvidence(View):
    """What the hash of a block of Fabric covers, and who signed it.

    The hash is SHA-256 over the ASN.1 DER of (number, previous hash, data hash), the data hash SHA-256 over the data.

    Attributes
    ----------
    data
        The block's envelopes, base64.
    """

    kind: Literal["fabric"] = "fabric"
    number: int
    previous_hash: str
    data: list[str]
    vouchers: list[Voucher]


BlockEvidence = Annotated[EmbeddedEvidence | FabricEvidence, Field(discriminator="kind")]
"""What proves a block by itself: whoever doubts recomputes its hash and checks the signatures."""

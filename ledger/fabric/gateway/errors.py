"""Why a call of the gateway failed, told apart by who has to do something about it."""

_WORTH_REPEATING = {
    "MVCC_READ_CONFLICT",
    "PHANTOM_READ_CONFLICT",
    "EXPIRED_CHAINCODE",
    "CHAINCODE_VERSION_CONFLICT",
}
_OF_ITS_CONTENT = {"BAD_RWSET", "ILLEGAL_WRITESET", "INVALID_WRITESET", "BAD_PAYLOAD", "NIL_TXACTION"}


class GatewayError(Exception):
    """A call of the gateway failed."""


class ContractRefused(GatewayError):
    """The contract itself refused; asking again changes nothing while the state is the same.

    Attributes
    ----------
    status
        The chaincode's: 4xx where the client is at fault, 500 where the contract has a defect.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class EndorsementMismatch(GatewayError):
    """The organisations' peers came to different results, as happens while one of them lags; endorse again."""


class GatewayUnavailable(GatewayError):
    """A gateway, a peer or the orderers did not answer, or take nothing from us now; ask again, or elsewhere."""


class GatewayRefused(GatewayError):
    """The network does not take this call, for what it says or for its size; making it again changes nothing."""


class TransactionInvalid(GatewayError):
    """The transaction was ordered, but the peers found it invalid, and it had no effect.

    Attributes
    ----------
    code
        Fabric's validation code, for instance ``MVCC_READ_CONFLICT``.
    is_worth_repeating
        Whether the state or the chaincode's definition changed between endorsement and commit, so that a new
        endorsement may do better.
    hangs_on_content
        Whether what the transaction writes is the reason. If not, it is the network's set-up (an endorsement policy
        that changed, an identity that expired), and the same transaction is good once that is repaired.
    """

    def __init__(self, transaction_id: str, code: str) -> None:
        super().__init__(f"transaction {transaction_id} is invalid: {code}")
        self.code = code
        self.is_worth_repeating = code in _WORTH_REPEATING
        self.hangs_on_content = code in _OF_ITS_CONTENT

"""Why a call of the gateway failed, told apart by who has to do something about it."""

_WORTH_REPEATING = {
    "MVCC_READ_CONFLICT",
    "PHANTOM_READ_CONFLICT",
    "EXPIRED_CHAINCODE",
    "CHAINCODE_VERSION_CONFLICT",
}


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
    """A gateway, a peer or the orderers did not answer; the call may be made again, here or at another gateway."""


class GatewayRefused(GatewayError):
    """The network does not take the call from us, or not this call; making it again changes nothing."""


class TransactionInvalid(GatewayError):
    """The transaction was ordered, but the peers found it invalid, and it had no effect.

    Attributes
    ----------
    code
        Fabric's validation code, for instance ``MVCC_READ_CONFLICT``.
    is_worth_repeating
        Whether the state or the chaincode's definition changed between endorsement and commit, so that a new
        endorsement may do better.
    """

    def __init__(self, transaction_id: str, code: str) -> None:
        super().__init__(f"transaction {transaction_id} is invalid: {code}")
        self.code = code
        self.is_worth_repeating = code in _WORTH_REPEATING

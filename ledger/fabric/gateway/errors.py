"""Why a call of the gateway failed, told apart by who has to do something about it."""


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
    """

    def __init__(self, transaction_id: str, code: str) -> None:
        super().__init__(f"transaction {transaction_id} is invalid: {code}")
        self.code = code

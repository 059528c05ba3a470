"""What can go wrong between a contract, its server and a peer."""


class ContractFailure(Exception):
    """The contract refuses the transaction; the client reads ``message``.

    Parameters
    ----------
    message
        What the peer passes on to the client.
    status
        400 or more, or the peer would endorse the transaction: 4xx where the client is at fault, 500 a defect.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        if status < 400:
            raise ValueError(f"a failure's status is 400 or more, not {status}")
        super().__init__(message)
        self.message = message
        self.status = status


class PeerRefusal(Exception):
    """The peer answered a request of the transaction with an error; the transaction cannot go on."""


class PeerGone(Exception):
    """The stream to the peer ended while the transaction was under way; nobody waits for its result."""


class ProtocolViolation(Exception):
    """The peer sent what the chaincode protocol does not allow here."""

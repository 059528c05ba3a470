"""What can stand between a user and a running network, each with a stable code."""

from typing import ClassVar


class NetworkError(Exception):
    """The network could not do what was asked; the message says what was wrong and what to do."""

    code: ClassVar[str] = "NETWORK_ERROR"


class UnusableTopology(NetworkError):
    """No network can be made as it was asked for."""

    code = "UNUSABLE_TOPOLOGY"


class NetworkDiffers(NetworkError):
    """There is a network already, and it was made otherwise than is asked for now."""

    code = "NETWORK_DIFFERS"


class ContractDiffers(NetworkError):
    """The contract that is installed here is not what the network has under the same version."""

    code = "CONTRACT_DIFFERS"


class VersionUsed(NetworkError):
    """The network had a contract of this version before."""

    code = "VERSION_USED"


class NetworkMissing(NetworkError):
    """There is no network here."""

    code = "NETWORK_MISSING"


class NetworkBusy(NetworkError):
    """Somebody else is changing the network at this moment."""

    code = "NETWORK_BUSY"


class RunsInContainers(NetworkError):
    """The network's nodes are containers, which only docker compose can start, stop and replace."""

    code = "RUNS_IN_CONTAINERS"


class UnknownNode(NetworkError):
    """The network has no node of that name."""

    code = "UNKNOWN_NODE"


class PortTaken(NetworkError):
    """Another process listens where a node has to."""

    code = "PORT_TAKEN"


class NodeFailed(NetworkError):
    """A node's process ended by itself, or cannot be ended."""

    code = "NODE_FAILED"


class NotReady(NetworkError):
    """Something did not come to pass in time."""

    code = "NETWORK_NOT_READY"


class ProgramFailed(NetworkError):
    """One of Fabric's programs refused what it was asked."""

    code = "FABRIC_PROGRAM_FAILED"


class OperatorDiffers(NetworkError):
    """The market on the ledger has another first operator than the one given."""

    code = "OPERATOR_DIFFERS"


class UnusableKey(NetworkError):
    """A key file cannot be read, is open to others, or is of another kind."""

    code = "UNUSABLE_KEY"

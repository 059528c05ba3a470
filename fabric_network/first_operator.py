"""The market's first operator: who it is, and telling the contract, once."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fabric_network.command_line import CommandLine
from fabric_network.errors import OperatorDiffers, ProgramFailed, UnusableKey
from fabric_network.topology import Peer
from fabric_network.waiting import wait_until
from prosumer_client import Identity, KeyFileError, load_or_create_key

_NOT_INITIALISED = "NOT_INITIALISED"
_UNKNOWN_PROSUMER = "UNKNOWN_PROSUMER"


@dataclass(frozen=True)
class Operator:
    """An operator as it stands on the ledger; ``public_key`` is Ed25519, its 32 bytes in base64."""

    id: str
    public_key: str


def operator_of_key(operator_id: str, file: Path) -> Operator:
    """Return the operator whose private key is in a file; makes the key if there is no such file.

    Raises
    ------
    UnusableKey
    """
    try:
        key = load_or_create_key(file)
    except (KeyFileError, OSError) as error:
        raise UnusableKey(f"the operator's key cannot be used: {error}") from None
    return Operator(operator_id, Identity(operator_id, key).public_key)


def introduce(operator: Operator, command_line: CommandLine) -> None:
    """Make an operator the market's first one, unless the market knows it already; waits for the chaincode servers.

    Raises
    ------
    OperatorDiffers
        If the market has another first operator, or knows this one with another key.
    ProgramFailed, NotReady
    """
    for peer in command_line.topology.peers:
        wait_until(partial(_contract_obstacle, peer, command_line), f"{peer.name} can ask the contract")
    if _ask(command_line.topology.peers[0], command_line, "market") is None:
        invoke(command_line, "init", operator.id, operator.public_key)
    known = _ask(command_line.topology.peers[0], command_line, "prosumer", operator.id)
    if known is None or known["publicKey"] != operator.public_key:
        raise OperatorDiffers(
            f"the market on this network does not know operator {operator.id} with this public key; use the key it was "
            "made with, or start anew with `energy-market network wipe`"
        )


def _contract_obstacle(peer: Peer, command_line: CommandLine) -> str | None:
    try:
        _ask(peer, command_line, "market")
    except ProgramFailed as refusal:
        return str(refusal)
    return None


def _ask(peer: Peer, command_line: CommandLine, function: str, *arguments: str) -> dict[str, str] | None:
    """Ask the contract through one peer; None if it has no operator yet, or not this one."""
    question = json.dumps({"Args": [function, *arguments]})
    topology = command_line.topology
    try:
        answer = command_line.peer(
            peer,
            "chaincode",
            "query",
            "--channelID",
            topology.channel,
            "--name",
            topology.chaincode,
            "--ctor",
            question,
        )
    except ProgramFailed as refusal:
        if _NOT_INITIALISED in str(refusal) or _UNKNOWN_PROSUMER in str(refusal):
            return None
        raise
    found: dict[str, str] = json.loads(answer)
    return found


def invoke(command_line: CommandLine, function: str, *arguments: str) -> None:
    """Have every organisation endorse a transaction, and wait until all peers have committed it."""
    topology = command_line.topology
    command_line.peer(
        topology.peers[0],
        *("chaincode", "invoke", "--channelID", topology.channel, "--name", topology.chaincode),
        *("--ctor", json.dumps({"Args": [function, *arguments]}), "--waitForEvent"),
        *command_line.to_endorsers(),
        *command_line.to_orderer(topology.orderers[0]),
    )

"""From running nodes to a market: the channel joined, the contract on it, its first operator known.

What each step finds done it leaves alone, so the whole is safe to repeat, also after a run that was killed. Used by the
launcher on this machine and by the one-shot set-up container.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from fabric_network.command_line import CommandLine
from fabric_network.errors import ContractDiffers, NetworkError, NotReady, OperatorDiffers, ProgramFailed, UnusableKey
from fabric_network.health import answering_peers, gateway_obstacle, height_of, obstacle_of, one_of_each
from fabric_network.lifecycle import Lifecycle
from fabric_network.topology import Orderer, Peer
from fabric_network.waiting import for_each, wait_until
from prosumer_client import Identity, KeyFileError, load_or_create_key

Report = Callable[[str], None]
"""Tells a person how far we are."""

_Node = TypeVar("_Node", Orderer, Peer)
_OK, _CREATED = 200, 201


def join_orderers(command_line: CommandLine, report: Report) -> None:
    """Let the orderers order the channel, and wait until so many take part in the consensus as it needs.

    Raises
    ------
    ProgramFailed, NotReady
        Fewer do; the first one's reason.
    """
    topology = command_line.topology

    def join(orderer: Orderer) -> None:
        _join_orderer(command_line, orderer)
        wait_until(partial(_orderer_obstacle, command_line, orderer), f"{orderer.name} is active")

    _enough(join, topology.orderers, topology.quorum, report)


def join_peers(command_line: CommandLine, report: Report) -> None:
    """Let the peers keep the channel's ledger, at least one of each organisation.

    Raises
    ------
    ProgramFailed, NotReady
    """
    for organisation in command_line.topology.organisations:
        peers = command_line.topology.peers_of(organisation)
        _enough(partial(_join_peer, command_line), peers, 1, report)


def _enough(action: Callable[[_Node], None], nodes: Sequence[_Node], needed: int, report: Report) -> None:
    """Do something with all nodes; who fails is reported and left out, as long as enough do not."""

    def attempt(node: _Node) -> NetworkError | None:
        try:
            action(node)
        except (ProgramFailed, NotReady) as failure:
            return failure
        return None

    failures = [failure for failure in for_each(attempt, nodes) if failure is not None]
    if len(nodes) - len(failures) < needed:
        raise failures[0]
    for failure in failures:
        report(f"left out: {failure}; `energy-market network up` takes it in once it runs")


def _join_orderer(command_line: CommandLine, orderer: Orderer) -> None:
    status, _ = command_line.osnadmin(orderer, "list")
    if status == _OK:
        return
    status, body = command_line.osnadmin(orderer, "join", "--config-block", command_line.folder.first_block)
    if status != _CREATED:
        raise ProgramFailed(f"{orderer.name} does not join the channel ({status}): {body.strip()}")


def _orderer_obstacle(command_line: CommandLine, orderer: Orderer) -> str | None:
    status, body = command_line.osnadmin(orderer, "list")
    if status != _OK:
        return f"{orderer.name} answers {status}"
    state = json.loads(body)["status"]
    return None if state == "active" else f"{orderer.name} is {state}"


def _join_peer(command_line: CommandLine, peer: Peer) -> None:
    channels = command_line.peer(peer, "channel", "list").split()
    if command_line.topology.channel not in channels:
        command_line.peer(peer, "channel", "join", "--blockpath", command_line.folder.first_block)


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
    peers = answering_peers(command_line.topology, command_line.folder)
    for peer in peers:
        wait_until(partial(_contract_obstacle, peer, command_line), f"{peer.name} can ask the contract")
    if _ask(peers[0], command_line, "market") is None:
        invoke(command_line, "init", operator.id, operator.public_key)
    known = _ask(peers[0], command_line, "prosumer", operator.id)
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
        if "NOT_INITIALISED" in str(refusal) or "UNKNOWN_PROSUMER" in str(refusal):
            return None
        raise
    found: dict[str, str] = json.loads(answer)
    return found


def invoke(command_line: CommandLine, function: str, *arguments: str) -> None:
    """Have every organisation endorse a transaction, and wait until all peers have committed it."""
    topology = command_line.topology
    endorsers = one_of_each(topology, command_line.folder)
    call = json.dumps({"Args": [function, *arguments]})
    invocation = ("chaincode", "invoke", "--channelID", topology.channel, "--name", topology.chaincode, "--ctor", call)
    arguments_of_all = (*invocation, "--waitForEvent", *command_line.to_endorsers(endorsers))
    command_line.order(endorsers[0], arguments_of_all)


def set_up(command_line: CommandLine, operator: Operator, report: Report) -> None:
    """Complete the set-up of a network whose nodes have been started; returns when every gateway is ready.

    Raises
    ------
    ProgramFailed, NotReady, OperatorDiffers
    """
    join_channel(command_line, report)
    deploy(command_line, report)
    await_gateways(command_line)
    introduce(operator, command_line)
    report("every gateway is ready")


def join_channel(command_line: CommandLine, report: Report) -> None:
    """Let orderers and peers join the channel; raises ProgramFailed, NotReady."""
    join_orderers(command_line, report)
    join_peers(command_line, report)
    wait_until(partial(_lagging, command_line), "the peers have all blocks of the orderers")
    report(f"orderers and peers are on channel {command_line.topology.channel}")


def deploy(command_line: CommandLine, report: Report) -> None:
    """Bring the wanted version of the contract onto the channel; raises ProgramFailed, NotReady."""
    topology, lifecycle = command_line.topology, Lifecycle(command_line)
    committed = lifecycle.committed()
    if committed is not None and committed.version not in (*topology.earlier_versions, topology.chaincode_version):
        raise ContractDiffers(
            f"the channel has version {committed.version} of the contract, by an upgrade that was not completed; "
            f"complete it: `energy-market network upgrade {committed.version}`"
        )
    lifecycle.install_and_approve()
    lifecycle.commit()
    report(f"the contract is {command_line.topology.chaincode} {command_line.topology.chaincode_version}")


def await_gateways(command_line: CommandLine) -> None:
    """Wait until the chaincode servers answer and every peer's gateway finds endorsers; raises NotReady."""
    for server in command_line.topology.chaincode_servers:
        wait_until(partial(obstacle_of, server, command_line.folder), f"{server.name} is healthy")
    for peer in answering_peers(command_line.topology, command_line.folder):
        question = partial(gateway_obstacle, peer, command_line.topology, command_line.folder)
        wait_until(question, f"the gateway of {peer.name} is ready")


def _lagging(command_line: CommandLine) -> str | None:
    """Return who is behind: a peer may not know yet what a killed run had ordered."""
    topology = command_line.topology
    newest = max(height_of(orderer, topology) or 0 for orderer in topology.orderers)
    heights = {peer.name: height_of(peer, topology) for peer in topology.peers}
    behind = [name for name, height in heights.items() if height is not None and height < newest]
    return f"{', '.join(behind)} behind block {newest}" if behind else None

"""From running nodes to a market: the channel joined, the contract on it, its first operator known.

What each step finds done it leaves alone, so the whole is safe to repeat, also after a run that was killed. Used by the
launcher on this machine and by the one-shot set-up container.
"""

from collections.abc import Callable
from functools import partial

from fabric_network.command_line import CommandLine
from fabric_network.discovery import gateway_obstacle
from fabric_network.first_operator import Operator, introduce
from fabric_network.health import height_of, obstacle_of
from fabric_network.lifecycle import Lifecycle
from fabric_network.membership import join_orderers, join_peers
from fabric_network.topology import Node
from fabric_network.waiting import wait_until

Report = Callable[[str], None]
"""Tells a person how far we are."""


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
    """Wait for orderers and peers, and let them join the channel; raises ProgramFailed, NotReady."""
    await_health(command_line, (*command_line.topology.orderers, *command_line.topology.peers))
    join_orderers(command_line)
    join_peers(command_line)
    wait_until(partial(_lagging, command_line), "the peers have all blocks of the orderers")
    report(f"orderers and peers are on channel {command_line.topology.channel}")


def deploy(command_line: CommandLine, report: Report) -> None:
    """Bring the wanted version of the contract onto the channel; raises ProgramFailed, NotReady."""
    lifecycle = Lifecycle(command_line)
    lifecycle.install_and_approve()
    lifecycle.commit()
    report(f"the contract is {command_line.topology.chaincode} {command_line.topology.chaincode_version}")


def await_health(command_line: CommandLine, nodes: tuple[Node, ...]) -> None:
    """Wait until nodes are healthy; raises NotReady."""
    for node in nodes:
        wait_until(partial(obstacle_of, node, command_line.folder), f"{node.name} is healthy")


def await_gateways(command_line: CommandLine) -> None:
    """Wait until the chaincode servers answer and every peer's gateway finds endorsers; raises NotReady."""
    await_health(command_line, command_line.topology.chaincode_servers)
    for peer in command_line.topology.peers:
        question = partial(gateway_obstacle, peer, command_line.topology, command_line.folder)
        wait_until(question, f"the gateway of {peer.name} is ready")


def _lagging(command_line: CommandLine) -> str | None:
    """Return who is behind: a peer may not know yet what a killed run had ordered."""
    topology = command_line.topology
    newest = max(height_of(orderer, topology) or 0 for orderer in topology.orderers)
    behind = [peer.name for peer in topology.peers if (height_of(peer, topology) or 0) < newest]
    return f"{', '.join(behind)} behind block {newest}" if behind else None

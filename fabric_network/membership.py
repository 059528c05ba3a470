"""Orderers and peers join the channel; whoever is in it already is left alone."""

import json
from functools import partial

from fabric_network.command_line import CommandLine
from fabric_network.errors import ProgramFailed
from fabric_network.topology import Orderer, Peer
from fabric_network.waiting import for_each, wait_until

_OK, _CREATED = 200, 201


def join_orderers(command_line: CommandLine) -> None:
    """Let every orderer order the channel, and wait until each takes part in the consensus.

    Raises
    ------
    ProgramFailed, NotReady
    """
    for_each(lambda orderer: _join_orderer(command_line, orderer), command_line.topology.orderers)
    for orderer in command_line.topology.orderers:
        wait_until(partial(_orderer_obstacle, command_line, orderer), f"{orderer.name} is active")


def join_peers(command_line: CommandLine) -> None:
    """Let every peer keep the channel's ledger.

    Raises
    ------
    ProgramFailed, NotReady
    """
    for_each(lambda peer: _join_peer(command_line, peer), command_line.topology.peers)


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

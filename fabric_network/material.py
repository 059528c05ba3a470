"""What a network needs before its first node starts: certificates, the channel's first block, every node's files.

Each step looks whether its result is there, so a second run does nothing and a run after a kill finishes the work.
"""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from fabric_network import external_builder
from fabric_network.chaincode_package import chaincode_package
from fabric_network.command_line import CommandLine
from fabric_network.configuration import (
    CLIENT,
    PROFILE,
    channel_config,
    core_config,
    crypto_config,
    node_environment,
    orderer_config,
)
from fabric_network.errors import ContractDiffers
from fabric_network.folder import NetworkFolder, copy_tree, remove
from fabric_network.topology import ORDERING, ContractHost, Node, Orderer, Organisation, Peer, Site, Topology
from ledger.fabric.gateway import PROFILE_NAME, FabricProfile, GatewayAddress, OrdererAddress
from market_files import SECRET, write_file, write_json


def prepare(command_line: CommandLine) -> None:
    """Make whatever of the material is missing, and bring configuration files up to date.

    Raises
    ------
    ProgramFailed, NotReady, ContractDiffers
    """
    topology, folder = command_line.topology, command_line.folder
    folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _issue_certificates(command_line)
    _make_first_block(command_line)
    _write_package(topology, folder)
    for node in topology.nodes:
        _equip(node, topology, folder)
    if topology.site is Site.MACHINE:
        _write_builder(folder)
    for organisation in topology.organisations:
        _write_client(organisation, topology, folder)


def _issue_certificates(command_line: CommandLine) -> None:
    folder = command_line.folder
    if folder.authorities.is_dir():
        return
    partial = folder.root / "authorities.partial"
    remove(partial)
    config = folder.artifacts / "crypto-config.json"
    write_json(config, crypto_config(command_line.topology))
    command_line.run("cryptogen", "generate", "--config", config, "--output", partial)
    partial.chmod(0o700)
    for key in (*partial.rglob("*.key"), *partial.rglob("*_sk")):
        key.chmod(SECRET)
    partial.rename(folder.authorities)


def _make_first_block(command_line: CommandLine) -> None:
    folder = command_line.folder
    if folder.first_block.is_file():
        return
    write_json(folder.artifacts / "configtx.yaml", channel_config(command_line.topology, folder))
    partial = folder.artifacts / "channel.partial"
    command_line.run(
        "configtxgen",
        *("-configPath", folder.artifacts, "-profile", PROFILE),
        *("-channelID", command_line.topology.channel, "-outputBlock", partial),
    )
    partial.rename(folder.first_block)


def _write_package(topology: Topology, folder: NetworkFolder) -> None:
    file, package = folder.package(topology.chaincode_version), chaincode_package(topology)
    if file.is_file() and file.read_bytes() != package:
        raise ContractDiffers(
            f"version {topology.chaincode_version} of the contract on this network has other code than what is "
            "installed here; give that a new version: `energy-market network upgrade VERSION` (containers: "
            "ENERGY_MARKET_CONTRACT_VERSION)"
        )
    write_file(file, package)


def _equip(node: Node, topology: Topology, folder: NetworkFolder) -> None:
    """Give a node its certificates and its configuration."""
    own = folder.node(node.name)
    own.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_tree(folder.issued(node) / "tls", own.root / "tls")
    match node:
        case Orderer():
            copy_tree(folder.issued(node) / "msp", own.msp)
            write_json(own.config / "orderer.yaml", orderer_config(node, own))
        case Peer():
            copy_tree(folder.issued(node) / "msp", own.msp)
            write_json(own.config / "core.yaml", core_config(node, topology, folder))
        case ContractHost():
            pass  # its environment says all
    if topology.site is Site.CONTAINERS:
        write_file(own.environment, shell_assignments(node_environment(node, topology, folder)).encode(), SECRET)


def shell_assignments(variables: Mapping[str, str]) -> str:
    """Return what a container's shell reads before it starts a program."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _write_builder(folder: NetworkFolder) -> None:
    """Write the three programs that a peer looks for; each hands over to our own module."""
    for step in ("detect", "build", "release"):
        script = f'#!/bin/sh\nexec "{sys.executable}" "{external_builder.__file__}" {step} "$@"\n'
        write_file(folder.builder / "bin" / step, script.encode(), 0o755)


def _write_client(organisation: Organisation, topology: Topology, folder: NetworkFolder) -> None:
    """Write the connection profile of an organisation's client, with the certificates and the key it names."""
    own = folder.client(organisation)
    user = folder.user(organisation, CLIENT)
    write_file(own / "certificate.pem", user.certificate.read_bytes())
    write_file(own / "key.pem", user.key.read_bytes(), SECRET)
    for other in (*topology.organisations, ORDERING):
        write_file(own / _authority_name(other), folder.tls_authority(other).read_bytes())
    write_json(own / PROFILE_NAME, client_profile(organisation, topology).model_dump(mode="json"))


def client_profile(organisation: Organisation, topology: Topology) -> FabricProfile:
    """Return how an organisation's client reaches the network: through its own peers first, then the others'.

    The paths are relative to the client's folder.
    """
    peers = sorted(topology.peers, key=lambda peer: peer.organisation != organisation)
    return FabricProfile(
        channel=topology.channel,
        chaincode=topology.chaincode,
        msp_id=organisation.msp_id,
        client_certificate=Path("certificate.pem"),
        client_key=Path("key.pem"),
        gateways=tuple(
            GatewayAddress(
                address=peer.address,
                organisation=peer.organisation.msp_id,
                tls_ca=Path(_authority_name(peer.organisation)),
            )
            for peer in peers
        ),
        orderers=tuple(
            OrdererAddress(address=orderer.address, tls_ca=Path(_authority_name(ORDERING)))
            for orderer in topology.orderers
        ),
        ordering_quorum=topology.quorum,
        endorsing_organisations=tuple(endorser.msp_id for endorser in topology.organisations),
    )


def _authority_name(organisation: Organisation) -> str:
    return f"{organisation.name}-tls-ca.pem"

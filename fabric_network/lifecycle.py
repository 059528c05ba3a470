"""The chaincode's life on the channel: installed on peers, approved by organisations, committed, and replaced.

Every step asks the network what is there already, so that a run after a kill goes on where the killed one stopped.
"""

from functools import partial
from typing import Any

from fabric_network.chaincode_package import chaincode_package, package_id
from fabric_network.command_line import CommandLine
from fabric_network.configuration import endorsement_policy
from fabric_network.errors import ProgramFailed
from fabric_network.topology import Organisation, Peer
from fabric_network.waiting import for_each, wait_until


class Lifecycle:
    """Brings the topology's version of the chaincode onto the channel."""

    def __init__(self, command_line: CommandLine) -> None:
        self._command_line = command_line
        self._topology = command_line.topology
        self._package_id = package_id(self._topology, chaincode_package(self._topology))
        self._name = ("--channelID", self._topology.channel, "--name", self._topology.chaincode)

    def install_and_approve(self) -> None:
        """Prepare the wanted version; transactions still go to the committed one.

        Raises
        ------
        ProgramFailed, NotReady
        """
        for_each(self._install, self._topology.peers)
        if not self.is_committed():
            sequence = self._committed_sequence() + 1
            for_each(lambda organisation: self._approve(organisation, sequence), self._topology.organisations)

    def commit(self) -> None:
        """Make the wanted version the one that every peer runs, and wait until all peers know.

        Raises
        ------
        ProgramFailed, NotReady
        """
        if not self.is_committed():
            self._commit(self._committed_sequence() + 1)
        for peer in self._topology.peers:
            wait_until(partial(self._commit_obstacle, peer), f"{peer.name} knows the chaincode")

    def is_committed(self) -> bool:
        """Tell whether the wanted version is the channel's."""
        return self._commit_obstacle(self._topology.peers[0]) is None

    def _definition(self, sequence: int) -> tuple[str, ...]:
        version = ("--version", self._topology.chaincode_version, "--sequence", str(sequence))
        return (*self._name, *version, "--signature-policy", endorsement_policy(self._topology))

    def _install(self, peer: Peer) -> None:
        answer = self._command_line.peer_json(peer, "lifecycle", "chaincode", "queryinstalled")
        if self._package_id not in {found["package_id"] for found in answer.get("installed_chaincodes", ())}:
            package = self._command_line.folder.package(self._topology.chaincode_version)
            self._command_line.peer(peer, "lifecycle", "chaincode", "install", package)

    def _approve(self, organisation: Organisation, sequence: int) -> None:
        peer = self._topology.peers_of(organisation)[0]
        if self._has_approved(peer, sequence):
            return
        self._command_line.peer(
            peer,
            *("lifecycle", "chaincode", "approveformyorg", "--package-id", self._package_id),
            *self._definition(sequence),
            *self._command_line.to_orderer(self._topology.orderers[0]),
        )

    def _has_approved(self, peer: Peer, sequence: int) -> bool:
        question = ("lifecycle", "chaincode", "queryapproved", *self._name, "--sequence", str(sequence))
        try:
            approved = self._command_line.peer_json(peer, *question)
        except ProgramFailed as refusal:
            if "could not fetch approved chaincode definition" in str(refusal):
                return False
            raise
        local = approved.get("source", {}).get("Type", {}).get("LocalPackage", {})
        return bool(
            approved["version"] == self._topology.chaincode_version and local.get("package_id") == self._package_id
        )

    def _commit(self, sequence: int) -> None:
        self._command_line.peer(
            self._topology.peers[0],
            *("lifecycle", "chaincode", "commit"),
            *self._definition(sequence),
            *self._command_line.to_endorsers(),
            *self._command_line.to_orderer(self._topology.orderers[0]),
        )

    def _commit_obstacle(self, peer: Peer) -> str | None:
        committed = self._committed(peer)
        if committed is None:
            return f"{peer.name} knows no chaincode {self._topology.chaincode}"
        if committed["version"] != self._topology.chaincode_version:
            return f"{peer.name} has version {committed['version']}"
        return None

    def _committed_sequence(self) -> int:
        committed = self._committed(self._topology.peers[0])
        return 0 if committed is None else int(committed["sequence"])

    def _committed(self, peer: Peer) -> Any:
        try:
            return self._command_line.peer_json(peer, "lifecycle", "chaincode", "querycommitted", *self._name)
        except ProgramFailed as refusal:
            if "is not defined" in str(refusal):
                return None
            raise

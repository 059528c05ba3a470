"""The chaincode's life on the channel: installed on peers, approved by organisations, committed, and replaced.

Every step asks the network what is there already, so that a run after a kill goes on where the killed one stopped. What
one orderer or peer does not take another one is asked to.
"""

from functools import partial
from typing import Any, NamedTuple

from fabric_network.chaincode_package import chaincode_package, package_id
from fabric_network.command_line import CommandLine
from fabric_network.configuration import endorsement_policy
from fabric_network.errors import NotReady, ProgramFailed
from fabric_network.health import answering_peers, one_of_each
from fabric_network.topology import Peer
from fabric_network.waiting import for_each, wait_until


class Definition(NamedTuple):
    """The definition of the contract that the channel's peers go by."""

    version: str
    sequence: int


class Lifecycle:
    """Brings the topology's version of the chaincode onto the channel, through the peers that answer."""

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
            Also if no peer of an organisation answers.
        """
        for_each(self._install, self._answering())
        if not self.is_committed():
            sequence = self._next_sequence()
            for_each(lambda peer: self._approve(peer, sequence), self._one_of_each())

    def commit(self) -> None:
        """Make the wanted version the one that every peer runs, and wait until all peers that answer know.

        Raises
        ------
        ProgramFailed, NotReady
        """
        if not self.is_committed():
            definition = self._definition(self._next_sequence())
            endorsing = self._command_line.to_endorsers(self._one_of_each())
            committing = ("lifecycle", "chaincode", "commit", *definition, *endorsing)
            self._command_line.order(self._some_peer(), committing, self.is_committed)
        for peer in self._answering():
            wait_until(partial(self._commit_obstacle, peer), f"{peer.name} knows the chaincode")

    def is_committed(self) -> bool:
        """Tell whether the wanted version is the channel's."""
        return self._commit_obstacle(self._some_peer()) is None

    def committed(self) -> Definition | None:
        """Return what the channel goes by, None if there is nothing yet; raises ProgramFailed, NotReady."""
        return self._committed(self._some_peer())

    def _answering(self) -> list[Peer]:
        return answering_peers(self._topology, self._command_line.folder)

    def _one_of_each(self) -> list[Peer]:
        return one_of_each(self._topology, self._command_line.folder)

    def _some_peer(self) -> Peer:
        answering = self._answering()
        if not answering:
            raise NotReady("no peer answers; `energy-market network up` starts what does not run")
        return answering[0]

    def _definition(self, sequence: int) -> tuple[str, ...]:
        version = ("--version", self._topology.chaincode_version, "--sequence", str(sequence))
        return (*self._name, *version, "--signature-policy", endorsement_policy(self._topology))

    def _install(self, peer: Peer) -> None:
        answer = self._command_line.peer_json(peer, "lifecycle", "chaincode", "queryinstalled")
        if self._package_id not in {found["package_id"] for found in answer.get("installed_chaincodes", ())}:
            package = self._command_line.folder.package(self._topology.chaincode_version)
            self._command_line.peer(peer, "lifecycle", "chaincode", "install", package)

    def _approve(self, peer: Peer, sequence: int) -> None:
        has_approved = partial(self._has_approved, peer, sequence)
        if not has_approved():
            approving = ("lifecycle", "chaincode", "approveformyorg", "--package-id", self._package_id)
            self._command_line.order(peer, (*approving, *self._definition(sequence)), has_approved)

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

    def _commit_obstacle(self, peer: Peer) -> str | None:
        committed = self._committed(peer)
        if committed is None:
            return f"{peer.name} knows no chaincode {self._topology.chaincode}"
        if committed.version != self._topology.chaincode_version:
            return f"{peer.name} has version {committed.version}"
        return None

    def _next_sequence(self) -> int:
        committed = self.committed()
        return 1 if committed is None else committed.sequence + 1

    def _committed(self, peer: Peer) -> Definition | None:
        try:
            found: Any = self._command_line.peer_json(peer, "lifecycle", "chaincode", "querycommitted", *self._name)
        except ProgramFailed as refusal:
            if "is not defined" in str(refusal):
                return None
            raise
        return Definition(found["version"], int(found["sequence"]))

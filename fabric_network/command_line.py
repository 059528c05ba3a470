"""Fabric's own programs, run as subprocesses: cryptogen, configtxgen, osnadmin, peer."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_network.configuration import ADMIN
from fabric_network.errors import NotReady, ProgramFailed
from fabric_network.folder import NetworkFolder
from fabric_network.topology import ORDERING, Orderer, Peer, Topology

_PATIENCE_SECONDS = 60
_OVERRIDES = ("CORE_", "ORDERER_", "CONFIGTX_", "FABRIC_", "CHAINCODE_")
_LOG_PREFIX = re.compile(r"^(\x1b\[[0-9;]*m)?\d{4}-\d{2}-\d{2} ")


@dataclass(frozen=True)
class CommandLine:
    """Runs Fabric's programs for a network.

    Attributes
    ----------
    programs
        The folder they are in.
    """

    programs: Path
    topology: Topology
    folder: NetworkFolder

    def run(self, program: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run a program and return what it prints.

        Raises
        ------
        ProgramFailed
            With the program's own reason.
        NotReady
            If it does not end in a minute.
        """
        command = [str(self.programs / program), *map(str, arguments)]
        shown = " ".join([program, *map(str, arguments[:3])])
        try:
            done = subprocess.run(
                command,
                env=clean_environment() | {"FABRIC_LOGGING_SPEC": "error"} | dict(environment or {}),
                capture_output=True,
                text=True,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotReady(f"`{shown}` did not end within {_PATIENCE_SECONDS} s; look into the nodes' logs") from None
        except OSError as error:
            raise ProgramFailed(f"cannot run {program}: {error.strerror}; `make fabric` builds it") from None
        if done.returncode != 0:
            raise ProgramFailed(f"`{shown}` failed: {_reason(done.stderr or done.stdout)}")
        return done.stdout

    def peer(self, peer: Peer, *arguments: str | Path) -> str:
        """Run ``peer`` against a peer as the administrator of its organisation; raises as :meth:`run`."""
        environment = {
            "FABRIC_CFG_PATH": str(self.folder.node(peer.name).config),
            "CORE_PEER_MSPCONFIGPATH": str(self.folder.user(peer.organisation, ADMIN).msp),
        }
        return self.run("peer", *arguments, environment=environment)

    def peer_json(self, peer: Peer, *arguments: str) -> Any:
        """Run ``peer`` and read the JSON it prints; raises as :meth:`run`."""
        return json.loads(self.peer(peer, *arguments, "--output", "json"))

    def osnadmin(self, orderer: Orderer, *arguments: str | Path) -> tuple[int, str]:
        """Ask an orderer's administration endpoint; return the HTTP status and the body; raises as :meth:`run`."""
        admin = self.folder.user(ORDERING, ADMIN)
        answer = self.run(
            "osnadmin",
            *("channel", *arguments, "--channelID", self.topology.channel),
            *("--orderer-address", f"{orderer.host}:{orderer.admin_port}"),
            *("--ca-file", self.folder.tls_authority(ORDERING)),
            *("--client-cert", admin.tls_certificate, "--client-key", admin.tls_key),
        )
        match = re.match(r"Status: (\d+)\n", answer)
        if match is None:
            raise ProgramFailed(f"osnadmin against {orderer.name}: {_reason(answer)}")
        return int(match[1]), answer[match.end() :]

    def order(self, peer: Peer, arguments: Sequence[str], is_done: Callable[[], bool] = lambda: False) -> None:
        """Have ``peer`` send a transaction through one orderer after the other, until one takes it.

        Parameters
        ----------
        is_done
            Tells after a failure whether the transaction took effect all the same.

        Raises
        ------
        ProgramFailed, NotReady
            The last orderer's reason.
        """
        *others, last = self.topology.orderers
        for orderer in others:
            try:
                self.peer(peer, *arguments, *self.to_orderer(orderer))
                return
            except (ProgramFailed, NotReady):
                if is_done():
                    return
        self.peer(peer, *arguments, *self.to_orderer(last))

    def to_orderer(self, orderer: Orderer) -> Sequence[str]:
        """Return the arguments that make ``peer`` send a transaction through an orderer."""
        return ("--orderer", orderer.address, "--tls", "--cafile", str(self.folder.tls_authority(ORDERING)))

    def to_endorsers(self, endorsers: Iterable[Peer]) -> Sequence[str]:
        """Return the arguments that make ``peer`` ask other peers to endorse."""
        return [
            word
            for peer in endorsers
            for word in (
                *("--peerAddresses", peer.address),
                *("--tlsRootCertFiles", str(self.folder.tls_authority(peer.organisation))),
            )
        ]


def clean_environment() -> dict[str, str]:
    """Return our environment without the variables that would override what stands in configuration files."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OVERRIDES)}


def _reason(output: str) -> str:
    """Pick the lines that say why, without the log lines around them."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not _LOG_PREFIX.match(line)]
    errors = [line for line in lines if "rror" in line]
    return (errors or lines or [output.strip() or "it said nothing"])[-1]

"""The Fabric network in an operator's home: brought up for a ledger, begun anew, and with whose key."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from fabric_network import (
    ANY_FREE_PORTS,
    START,
    ComposeNetwork,
    Network,
    Operator,
    in_containers,
    leave_to_compose,
    operator_of_key,
)
from operator_cli.settings import OperatorSettings
from operator_cli.voice import voice
from prosumer_client import key_file


class NotOurNetwork(Exception):
    """The ledger is on a Fabric network that somebody else runs."""

    code: ClassVar[str] = "NOT_OUR_NETWORK"


def network_of(settings: OperatorSettings) -> Network | ComposeNetwork:
    """Return the network in the operator's home, of processes or of containers."""
    return ComposeNetwork(settings.home) if in_containers() else Network(settings.home)


@contextmanager
def running_network(settings: OperatorSettings, *, temporary: bool) -> Iterator[Path]:
    """Bring the network up and give its connection profile; a temporary one takes free ports and is deleted at the end.

    Raises
    ------
    fabric_network.errors.NetworkError
    """
    leave_to_compose(START)
    network = Network(settings.home)
    try:
        wishes = {"base_port": ANY_FREE_PORTS} if temporary else {}
        network.up(wishes, first_operator(settings), voice.progress)
        yield network.profile()
    finally:
        if temporary:
            network.wipe()


def what_a_wipe_deletes(settings: OperatorSettings) -> str:
    """Say what :func:`begin_anew` does, before it is done.

    Raises
    ------
    NotOurNetwork
        Of a network that ENERGY_MARKET_FABRIC_PROFILE names nothing here may be deleted.
    """
    if settings.fabric_profile is not None and not in_containers():
        raise NotOurNetwork(
            f"the ledger is on the network of {settings.fabric_profile}, of which nothing is deleted from here; "
            "whoever runs it can, and a channel or contract of another name is a new chain, too"
        )
    network = network_of(settings)
    peers = ", ".join(peer.name for peer in network.topology.peers)
    return (
        f"delete the Fabric network in {network.folder.root} for good: the blocks and states on its peers ({peers}) "
        "and orderers, its certificates and keys, and its logs; and put the queue's store aside"
    )


def begin_anew(settings: OperatorSettings) -> None:
    """Delete a home's Fabric network with its ledger, and make one like it, with the same first operator.

    In a container the making is left to docker compose.

    Raises
    ------
    fabric_network.errors.NetworkError
    """
    if in_containers():
        ComposeNetwork(settings.home).wipe()
        voice.progress(f"the network is deleted; outside, type `{START}` to make a new one")
        return
    network = Network(settings.home)
    kept = {"consensus", "nr_orderers", "batch_timeout_ms", "release_name", "base_port"}
    wishes = network.topology.model_dump(include=kept)
    network.wipe()
    voice.progress("the network is deleted; making one like it")
    network.up(wishes, first_operator(settings), voice.progress)


def first_operator(settings: OperatorSettings) -> Operator:
    """Return the operator as the ledger is to know it; makes its key if there is none, unless its public one is set."""
    if settings.operator_public_key is not None:
        return Operator(settings.operator, settings.operator_public_key)
    return operator_of_key(settings.operator, key_file(settings.keys, settings.operator))

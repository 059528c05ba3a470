"""The ledger that a command of the operator needs: an embedded one needs nothing, Fabric a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from ledger import LedgerKind
from operator_cli.output import console
from prosumer_client import key_file


@contextmanager
def hosted_ledger(kind: LedgerKind, home: Path, operator: str, *, temporary: bool = False) -> Iterator[dict[str, str]]:
    """Have a ledger ready, and give the settings by which the queue finds it.

    A Fabric network goes on afterwards, unless it is temporary: then it takes ports that are free, and is deleted.

    Raises
    ------
    fabric_network.errors.NetworkError
    """
    if kind is LedgerKind.EMBEDDED:
        yield {}
        return
    leave_to_compose(START)
    network = Network(home)
    try:
        wishes = {"base_port": ANY_FREE_PORTS} if temporary else {}
        network.up(wishes, first_operator(home, operator), console.print)
        yield {"ENERGY_MARKET_FABRIC_PROFILE": str(network.profile())}
    finally:
        if temporary:
            network.wipe()


def begin_fabric_anew(home: Path, operator: str) -> None:
    """Delete a home's Fabric network with its ledger, and make one like it, with the same first operator.

    In a container the making is left to docker compose.

    Raises
    ------
    fabric_network.errors.NetworkError
    """
    if in_containers():
        ComposeNetwork(home).wipe()
        console.print(f"the network is deleted; outside, type `{START}` to make a new one")
        return
    network = Network(home)
    kept = {"consensus", "nr_orderers", "batch_timeout_ms", "release_name", "base_port"}
    wishes = network.topology.model_dump(include=kept)
    network.wipe()
    network.up(wishes, first_operator(home, operator), console.print)


def first_operator(home: Path, operator: str) -> Operator:
    """Return the operator as the ledger is to know it; makes its key if there is none."""
    return operator_of_key(operator, key_file(home / "keys", operator))

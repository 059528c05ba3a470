"""The Fabric network: its programs, its one description, and how it is made, run and kept, here or in containers.

>>> Network(home).up({"consensus": "bft", "nr_orderers": 4}, operator_of_key("operator", key_file))

Modules are imported when they are first asked for: most commands need none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fabric_network.containers import START, ComposeNetwork, in_containers, leave_to_compose
    from fabric_network.errors import NetworkError, UnusableTopology
    from fabric_network.launcher import ANY_FREE_PORTS, Network
    from fabric_network.programs import RELEASES, ProgramsMissing
    from fabric_network.setup import Operator, operator_of_key
    from fabric_network.topology import Consensus, Topology

__all__ = [
    "ANY_FREE_PORTS",
    "RELEASES",
    "START",
    "ComposeNetwork",
    "Consensus",
    "Network",
    "NetworkError",
    "Operator",
    "ProgramsMissing",
    "Topology",
    "UnusableTopology",
    "in_containers",
    "leave_to_compose",
    "operator_of_key",
]

_MODULES = {
    "ANY_FREE_PORTS": "launcher",
    "RELEASES": "programs",
    "START": "containers",
    "ComposeNetwork": "containers",
    "Consensus": "topology",
    "Network": "launcher",
    "NetworkError": "errors",
    "Operator": "setup",
    "ProgramsMissing": "programs",
    "Topology": "topology",
    "UnusableTopology": "errors",
    "in_containers": "containers",
    "leave_to_compose": "containers",
    "operator_of_key": "setup",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

"""The written description of a network: made once, read by every later command."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from fabric_network.errors import NetworkDiffers, NetworkMissing, UnusableTopology
from fabric_network.folder import NetworkFolder
from fabric_network.topology import Topology
from market_files import write_file


def described(fields: Mapping[str, Any]) -> Topology:
    """Make a topology of fields that a user gave; raises UnusableTopology."""
    try:
        return Topology.model_validate(fields)
    except ValidationError as error:
        raise UnusableTopology(f"no network can be made so: {_first_problem(error)}") from None


def read_description(folder: NetworkFolder) -> Topology:
    """Read how the network was described; raises NetworkMissing, UnusableTopology."""
    try:
        return Topology.model_validate_json(folder.topology.read_bytes())
    except FileNotFoundError:
        raise NetworkMissing(f"there is no network in {folder.root}; `energy-market network up` makes one") from None
    except ValidationError as error:
        raise UnusableTopology(f"{folder.topology} is not usable: {_first_problem(error)}") from None


def write_description(topology: Topology, folder: NetworkFolder) -> None:
    """Keep a description."""
    write_file(folder.topology, topology.model_dump_json(indent=2).encode() + b"\n")


def refuse_differences(topology: Topology, wishes: Mapping[str, Any]) -> None:
    """Compare a network with what somebody wants; raises NetworkDiffers."""
    differing = [name for name, value in wishes.items() if getattr(topology, name) != value]
    if differing:
        present = ", ".join(f"{name.replace('_', ' ')} {getattr(topology, name)}" for name in differing)
        raise NetworkDiffers(
            f"the network here was made with {present}; leave the option out, or start anew with "
            "`energy-market network wipe` (containers: `docker compose down -v`)"
        )


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message

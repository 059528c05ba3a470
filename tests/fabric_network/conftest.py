"""Real Fabric networks for tests: one that the quiet tests share, and new ones for those that break things."""

from collections.abc import Iterator

import pytest

from fabric_network.launcher import ANY_FREE_PORTS, Network
from fabric_network.setup import Operator, operator_of_key


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """The first operator of every network of this session."""
    return operator_of_key("operator", tmp_path_factory.mktemp("keys") / "operator.pem")


@pytest.fixture(scope="session")
def shared_network(tmp_path_factory: pytest.TempPathFactory, operator: Operator) -> Iterator[Network]:
    """A running network of the default kind, for tests that leave it as it is."""
    network = Network(tmp_path_factory.mktemp("shared"))
    try:
        network.up({"base_port": ANY_FREE_PORTS}, operator)
        yield network
    finally:
        network.wipe()

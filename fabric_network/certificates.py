"""What cryptogen is asked for: one certificate authority per organisation, certificates for its nodes and users."""

from typing import Any

from fabric_network.topology import ORDERING, Node, Organisation, Topology

ADMIN = "Admin"
CLIENT = "User1"
"""cryptogen's name for the first user; the queue signs transactions as it."""


def crypto_config(topology: Topology) -> dict[str, Any]:
    """Return the configuration of ``cryptogen generate``."""
    by_organisation = {
        organisation: [node for node in topology.nodes if node.organisation == organisation]
        for organisation in (ORDERING, *topology.organisations)
    }
    organisations = {owner: _organisation(owner, nodes) for owner, nodes in by_organisation.items()}
    return {
        "OrdererOrgs": [organisations.pop(ORDERING)],
        "PeerOrgs": list(organisations.values()),
    }


def _organisation(owner: Organisation, nodes: list[Node]) -> dict[str, Any]:
    return {
        "Name": owner.name,
        "Domain": owner.name,
        "EnableNodeOUs": True,  # roles stand in the certificates
        "Specs": [
            {"Hostname": node.name, "CommonName": node.name, "SANS": list(node.names_in_certificate)} for node in nodes
        ],
        "Users": {"Count": 1},
    }

"""The chaincode package: what peers install and organisations approve.

It holds how to reach the server that runs the contract, a hash of the contract's code, and who may found the market.
Whatever differs between the peers is a template that each peer's external builder fills in, so the package, and with it
its id, is the same for all organisations; and a server of other code cannot serve under it by mistake.
"""

import gzip
import hashlib
import io
import json
import tarfile

from fabric_network.topology import Topology
from ledger.fabric import contract_code_hash

CONNECTION = {
    "address": "{{.address}}",
    "dial_timeout": "5s",
    "tls_required": True,
    "client_auth_required": True,
    "root_cert": "{{.root_cert}}",
    "client_cert": "{{.client_cert}}",
    "client_key": "{{.client_key}}",
}


def chaincode_package(topology: Topology) -> bytes:
    """Return the package of the topology's chaincode version with the contract that is installed here.

    The same bytes on every machine.
    """
    metadata = {"type": "ccaas", "label": label(topology)}
    approved = {"code": contract_code_hash(), "founders": founders(topology)}
    files = {"connection.json": CONNECTION, "contract.json": approved}
    code = _archive({name: json.dumps(content).encode() for name, content in files.items()})
    return _archive({"metadata.json": json.dumps(metadata).encode(), "code.tar.gz": code})


def label(topology: Topology) -> str:
    """Return the package's label. It names the version, so a server of another version cannot serve by mistake."""
    return f"{topology.chaincode}_{topology.chaincode_version}"


def founders(topology: Topology) -> list[str]:
    """Return the MSP ids of the organisations whose administrators may found the market."""
    return [organisation.msp_id for organisation in topology.organisations]


def package_id(topology: Topology, package: bytes) -> str:
    """Return the id under which peers install a package."""
    return f"{label(topology)}:{hashlib.sha256(package).hexdigest()}"


def _archive(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    # Level 0 stores: releases of zlib compress differently, and then the package's id would differ, too.
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=0, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()

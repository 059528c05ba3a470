"""What the doors of gateway and chaincode server show, works; both could stand alone."""

import ast
from pathlib import Path
from typing import Any

import pytest
from fabric_protos.peer.proposal_response_pb2 import Response

from ledger.fabric import chaincode_server, gateway
from tests.fabric.examples import example_of


async def test_the_chaincode_at_the_servers_door_keeps_values(connected: Any, propose: Any) -> None:
    async with connected(example_of(chaincode_server, "chaincode")) as peer:
        assert await peer.result(propose("a", "set", "key", "value")) == b""
        assert await peer.result(propose("b", "get", "key")) == b"value"
        refused = Response.FromString((await peer.simulate(propose("c", "forget"))).payload)
        assert (refused.status, "no function forget" in refused.message) == (400, True)


@pytest.mark.parametrize("package", [gateway, chaincode_server], ids=lambda package: package.__name__)
def test_nothing_of_the_market_is_named_behind_these_doors(package: Any) -> None:
    folder = Path(package.__path__[0])
    imported = {
        name
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
    }
    rooms = {door.parent.name for door in folder.parents[2].glob("*/__init__.py")}
    ours = {name for name in imported if name.partition(".")[0] in rooms}
    # Only the time is asked of another room, which knows nothing of a market but its name.
    assert all(name.startswith(package.__name__) for name in ours - {"market_time"})
    assert not any("prosumer" in file.read_text() for file in folder.glob("*.py"))

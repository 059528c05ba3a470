"""The chaincode server as a process: its settings, its TLS, its end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.chaincode_shim_pb2_grpc import ChaincodeStub
from fabric_protos.peer.proposal_response_pb2 import Response
from pydantic import ValidationError

from ledger.fabric.chaincode_server import ChaincodeServer, ChaincodeServerSettings, ChaincodeTransaction
from ledger.fabric.chaincode_server.server import UnusableAddress


async def echo(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    return function.encode()


@pytest.fixture
def tls_settings(tls_files: Any) -> ChaincodeServerSettings:
    key, certificate = tls_files.issue("localhost")
    return ChaincodeServerSettings(
        id="market:abc",
        server_address="127.0.0.1:0",
        tls_key=key,
        tls_cert=certificate,
        client_ca_cert=tls_files.authority,
        max_clock_difference_s=inf,  # our proposals are of 2023
    )


@pytest.fixture
async def secured(tls_settings: ChaincodeServerSettings) -> AsyncIterator[int]:
    server = ChaincodeServer(tls_settings, echo)
    port = await server.start()
    yield port
    await server.stop()


def credentials(*files: Path) -> grpc.ChannelCredentials:
    """What a peer trusts and shows: an authority, and a key with its certificate."""
    return grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))


def channel_to(port: int, shown: grpc.ChannelCredentials) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(f"localhost:{port}", shown)


async def test_a_peer_with_a_certificate_is_served(secured: int, tls_files: Any, propose: Any) -> None:
    key, certificate = tls_files.issue("peer")
    credentials = grpc.ssl_channel_credentials(
        tls_files.authority.read_bytes(), key.read_bytes(), certificate.read_bytes()
    )
    async with channel_to(secured, credentials) as channel:
        call = ChaincodeStub(channel).Connect()
        assert (await call.read()).type == ChaincodeMessage.REGISTER
        await call.write(ChaincodeMessage(type=ChaincodeMessage.REGISTERED))
        await call.write(ChaincodeMessage(type=ChaincodeMessage.READY))
        await call.write(propose("a", "hello"))
        assert Response.FromString((await call.read()).payload).payload == b"hello"
        call.cancel()


async def test_a_peer_without_a_certificate_is_turned_away(secured: int, tls_files: Any) -> None:
    async with channel_to(secured, credentials(tls_files.authority)) as channel:
        call = ChaincodeStub(channel).Connect()
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()


async def test_a_certificate_of_a_stranger_is_turned_away(secured: int, tls_files: Any, tmp_path: Path) -> None:
    stranger = type(tls_files)(tmp_path / "stranger")
    key, certificate = stranger.issue("peer")
    credentials = grpc.ssl_channel_credentials(
        tls_files.authority.read_bytes(), key.read_bytes(), certificate.read_bytes()
    )
    async with channel_to(secured, credentials) as channel:
        call = ChaincodeStub(channel).Connect()
        with pytest.raises(grpc.aio.AioRpcError):
            await call.read()


async def test_a_taken_port_is_an_error_that_says_so(secured: int, tls_settings: ChaincodeServerSettings) -> None:
    taken = tls_settings.model_copy(update={"server_address": f"127.0.0.1:{secured}"})
    server = ChaincodeServer(taken, echo)
    with pytest.raises(UnusableAddress, match=f"127.0.0.1:{secured}"):
        await server.start()
    await server.stop()


@pytest.mark.parametrize(
    "settings",
    [
        {"tls_key": "key.pem"},
        {},
        {"tls_key": "k", "tls_cert": "c", "client_ca_cert": "a", "tls_disabled": True},
        {"tls_disabled": True, "server_address": "nowhere"},
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChaincodeServerSettings(**({"id": "market:abc", "server_address": "127.0.0.1:0"} | settings))


async def test_a_process_told_to_stop_ends_its_open_transaction_first(propose: Any, free_port: int) -> None:
    environment = os.environ | {
        "CHAINCODE_ID": "market:abc",
        "CHAINCODE_SERVER_ADDRESS": f"127.0.0.1:{free_port}",
        "CHAINCODE_TLS_DISABLED": "true",
        "CHAINCODE_MAX_CLOCK_DIFFERENCE_S": "inf",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ledger.fabric.hosting", env=environment, stderr=asyncio.subprocess.PIPE
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{free_port}") as channel:
        call = ChaincodeStub(channel).Connect(wait_for_ready=True)
        assert (await call.read()).type == ChaincodeMessage.REGISTER
        await call.write(ChaincodeMessage(type=ChaincodeMessage.REGISTERED))
        await call.write(ChaincodeMessage(type=ChaincodeMessage.READY))
        await call.write(propose("open", "market"))
        request = await call.read()
        assert request.type == ChaincodeMessage.GET_STATE
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        while b"stops" not in await process.stderr.readline():
            assert process.returncode is None
        await call.write(propose("late", "market"))
        refused = await call.read()
        assert (refused.txid, refused.type) == ("late", ChaincodeMessage.ERROR)
        await call.write(ChaincodeMessage(type=ChaincodeMessage.RESPONSE, channel_id="market", txid="open"))
        answer = await call.read()
        assert (answer.txid, answer.type) == ("open", ChaincodeMessage.COMPLETED)
        await process.communicate()
    assert process.returncode == 0

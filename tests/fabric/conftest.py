import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fabric_protos.common.common_pb2 import ChannelHeader, Header, SignatureHeader
from fabric_protos.ledger.queryresult.kv_query_result_pb2 import KV
from fabric_protos.msp.identities_pb2 import SerializedIdentity
from fabric_protos.peer import chaincode_shim_pb2 as shim
from fabric_protos.peer.chaincode_pb2 import ChaincodeAdditionalParams, ChaincodeInput
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from fabric_protos.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal, SignedProposal
from fabric_protos.peer.proposal_response_pb2 import Response

from ledger.fabric.chaincode_server import Chaincode
from ledger.fabric.chaincode_server.execution import HostedChaincode, Workers
from ledger.fabric.chaincode_server.stream import PeerStream
from market_time import SteadyTime

CHANNEL = "market"
PROPOSED_AT_MS = 1_700_000_000_123


class TlsFiles:
    """A certificate authority with its files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {folder.name}")])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.authority = self._write("authority.pem", certificate)

    def issue(
        self, name: str, attributes: dict[str, str] | None = None, until: datetime | None = None
    ) -> tuple[Path, Path]:
        """Files of a key and its certificate for a host name (and 127.0.0.1), with Fabric CA's attributes if any."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        hosts = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
        extensions: list[x509.ExtensionType] = [hosts]
        if attributes is not None:
            text = json.dumps({"attrs": attributes}).encode()
            extensions.append(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1"), text))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        certificate = self._sign(subject, key, *extensions, until=until)
        return self._write(f"{name}.key", pem), self._write(f"{name}.pem", certificate)

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *extensions: x509.ExtensionType,
        until: datetime | None = None,
    ) -> bytes:
        start = datetime.now(UTC) - timedelta(hours=1)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(until or start + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _write(self, name: str, pem: bytes) -> Path:
        file = self._folder / name
        file.write_bytes(pem)
        return file


def transaction(
    certificate: bytes, txid: str, *args: str | bytes, transient: dict[str, bytes] | None = None
) -> ChaincodeMessage:
    """A TRANSACTION message as a peer sends it."""
    identity = SerializedIdentity(mspid="Org1MSP", id_bytes=certificate)
    channel_header = ChannelHeader(channel_id=CHANNEL, tx_id=txid)
    channel_header.timestamp.FromMilliseconds(PROPOSED_AT_MS)
    header = Header(
        channel_header=channel_header.SerializeToString(),
        signature_header=SignatureHeader(creator=identity.SerializeToString()).SerializeToString(),
    )
    payload = ChaincodeProposalPayload(TransientMap=transient or {})
    proposal = Proposal(header=header.SerializeToString(), payload=payload.SerializeToString())
    spoken = [arg.encode() if isinstance(arg, str) else arg for arg in args]
    return ChaincodeMessage(
        type=ChaincodeMessage.TRANSACTION,
        channel_id=CHANNEL,
        txid=txid,
        payload=ChaincodeInput(args=spoken).SerializeToString(),
        proposal=SignedProposal(proposal_bytes=proposal.SerializeToString()),
    )


class ScriptedPeer:
    """A peer whose every word the test chooses, or which answers from a state of its own."""

    def __init__(self) -> None:
        self.state: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.scan_limit = 1000
        self.scan_batch = 2
        self.broken = False
        self._to_chaincode: asyncio.Queue[ChaincodeMessage | None] = asyncio.Queue()
        self._from_chaincode: asyncio.Queue[ChaincodeMessage] = asyncio.Queue()
        self._iterators: dict[str, list[bytes]] = {}

    async def incoming(self) -> AsyncIterator[ChaincodeMessage]:
        while (message := await self._to_chaincode.get()) is not None:
            yield message

    async def write(self, message: ChaincodeMessage) -> None:
        if self.broken:
            raise ConnectionResetError
        await asyncio.sleep(0)  # a write takes its time, as a real one does
        self._from_chaincode.put_nowait(message)

    def say(self, message: ChaincodeMessage) -> None:
        self._to_chaincode.put_nowait(message)

    def leave(self) -> None:
        self._to_chaincode.put_nowait(None)

    async def hear(self, wanted: int | None = None) -> ChaincodeMessage:
        async with asyncio.timeout(30):
            message = await self._from_chaincode.get()
        assert wanted is None or message.type == wanted, message
        return message

    async def accept(self, **announced: Any) -> None:
        await self.hear(ChaincodeMessage.REGISTER)
        self.say(ChaincodeMessage(type=ChaincodeMessage.REGISTERED))
        payload = ChaincodeAdditionalParams(**announced).SerializeToString()
        self.say(ChaincodeMessage(type=ChaincodeMessage.READY, payload=payload))

    def reply(self, request: ChaincodeMessage, payload: bytes, kind: int = ChaincodeMessage.RESPONSE) -> None:
        self.say(ChaincodeMessage(type=kind, channel_id=request.channel_id, txid=request.txid, payload=payload))

    async def simulate(self, message: ChaincodeMessage) -> ChaincodeMessage:
        """Run one transaction against the state and return its last word; writes take effect at once."""
        self.say(message)
        while (request := await self.hear()).type not in (ChaincodeMessage.COMPLETED, ChaincodeMessage.ERROR):
            self.requests.append(ChaincodeMessage.Type.Name(request.type))
            self.reply(request, self._answer(request))
        return request

    async def result(self, message: ChaincodeMessage) -> bytes:
        """The payload of a transaction that has to succeed."""
        completed = await self.simulate(message)
        response = Response.FromString(completed.payload)
        assert response.status == 200, completed
        payload: bytes = response.payload
        return payload

    def _answer(self, request: ChaincodeMessage) -> bytes:
        match request.type:
            case ChaincodeMessage.GET_STATE:
                return self.state.get(shim.GetState.FromString(request.payload).key, b"")
            case ChaincodeMessage.GET_STATE_MULTIPLE:
                keys = shim.GetStateMultiple.FromString(request.payload).keys
                return _bytes(shim.GetStateMultipleResult(values=[self.state.get(key, b"") for key in keys]))
            case ChaincodeMessage.GET_STATE_BY_RANGE:
                return self._open(request)
            case ChaincodeMessage.QUERY_STATE_NEXT:
                return self._more(shim.QueryStateNext.FromString(request.payload).id)
            case ChaincodeMessage.QUERY_STATE_CLOSE:
                del self._iterators[shim.QueryStateClose.FromString(request.payload).id]
            case _:
                self._write(request)
        return b""

    def _write(self, request: ChaincodeMessage) -> None:
        match request.type:
            case ChaincodeMessage.PUT_STATE:
                put = shim.PutState.FromString(request.payload)
                self.state[put.key] = put.value
            case ChaincodeMessage.DEL_STATE:
                self.state.pop(shim.DelState.FromString(request.payload).key, None)
            case ChaincodeMessage.WRITE_BATCH_STATE:
                for record in shim.WriteBatchState.FromString(request.payload).rec:
                    if record.type == shim.WriteRecord.DEL_STATE:
                        self.state.pop(record.key, None)
                    else:
                        self.state[record.key] = record.value
            case _:
                raise AssertionError(f"a request that this peer does not know: {request.type}")

    def _open(self, request: ChaincodeMessage) -> bytes:
        query = shim.GetStateByRange.FromString(request.payload)
        start, end = query.startKey.encode(), query.endKey.encode()
        keys = sorted(key for key in self.state if start <= key.encode() and (not end or key.encode() < end))
        found = [_bytes(KV(key=key, value=self.state[key])) for key in sorted(keys, key=str.encode)]
        self._iterators[request.txid] = found[: self.scan_limit]
        return self._more(request.txid)

    def _more(self, iterator: str) -> bytes:
        left = self._iterators[iterator]
        batch, rest = left[: self.scan_batch], left[self.scan_batch :]
        if rest:
            self._iterators[iterator] = rest
        else:
            del self._iterators[iterator]
        results = [shim.QueryResultBytes(resultBytes=result) for result in batch]
        return _bytes(shim.QueryResponse(results=results, has_more=bool(rest), id=iterator))

    @property
    def open_iterators(self) -> int:
        return len(self._iterators)


def _bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


Connected = Callable[..., AbstractAsyncContextManager[ScriptedPeer]]


@pytest.fixture
def connected() -> Connected:
    """Connect a contract to a scripted peer: ``async with connected(contract, **announced) as peer``."""

    @asynccontextmanager
    async def connect(
        contract: Chaincode, max_clock_difference_s: float = inf, time: SteadyTime | None = None, **announced: Any
    ) -> AsyncIterator[ScriptedPeer]:
        peer = ScriptedPeer()
        workers = Workers(2)
        hosted = HostedChaincode(contract, max_clock_difference_s, workers, time or SteadyTime())
        stream = PeerStream(peer.incoming(), peer.write, hosted)
        serving = asyncio.create_task(stream.serve("market:abc"))
        try:
            await peer.accept(**announced)
            yield peer
        finally:
            peer.leave()
            await serving
            workers.close()

    return connect


@pytest.fixture
def scripted_peer() -> ScriptedPeer:
    """A peer that nothing is connected to yet."""
    return ScriptedPeer()


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate authority for the tests."""
    return TlsFiles(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def propose(tls_files: TlsFiles) -> Callable[..., ChaincodeMessage]:
    """Make the TRANSACTION message of a proposal: ``propose(txid, *args, transient=...)``."""
    _, certificate = tls_files.issue("queue", {"role": "queue"})
    return partial(transaction, certificate.read_bytes())


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port

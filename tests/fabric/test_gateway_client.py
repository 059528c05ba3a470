"""The gateway client against gateways that do what the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import grpc
import grpc.aio
import pytest
import stamina
from fabric_protos.common.common_pb2 import ChannelHeader, Header, Status
from fabric_protos.common.ledger_pb2 import BlockchainInfo
from fabric_protos.gateway.gateway_pb2 import (
    CommitStatusRequest,
    EvaluateResponse,
)
from fabric_protos.gateway.gateway_pb2_grpc import add_GatewayServicer_to_server
from fabric_protos.orderer.ab_pb2_grpc import add_AtomicBroadcastServicer_to_server
from fabric_protos.peer.events_pb2_grpc import add_DeliverServicer_to_server
from fabric_protos.peer.proposal_pb2 import Proposal
from fabric_protos.peer.proposal_response_pb2 import Response
from fabric_protos.peer.transaction_pb2 import (
    TxValidationCode,
)

from ledger.fabric.chaincode_server.execution import CLOCK_DIFFERS
from ledger.fabric.gateway import (
    ClaimedTimeRefused,
    ContractRefused,
    EndorsementMismatch,
    FabricProfile,
    GatewayAddress,
    GatewayClient,
    GatewayRefused,
    GatewayUnavailable,
    IdentityExpired,
    Invocation,
    OrdererAddress,
    TimeLimits,
    TransactionInvalid,
    connections,
)
from ledger.fabric.gateway.connections import MAX_CALLS
from market_time import SteadyTime
from tests.fabric.scripted_gateway import (
    MISMATCH,
    UNAVAILABLE,
    Failure,
    ScriptedGateway,
    ScriptedOrderer,
    empty_block,
    invalid,
    valid,
)

BUY = Invocation("market", "submit", ("[]",))
ORGANISATIONS = ("Org1MSP", "Org2MSP")


@pytest.fixture
async def gateways(tls_files: Any) -> AsyncIterator[list[ScriptedGateway]]:
    """Two gateways that listen."""
    scripted = [ScriptedGateway(), ScriptedGateway()]
    key, certificate = tls_files.issue("localhost")
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    servers = []
    for gateway in scripted:
        server = grpc.aio.server()
        add_GatewayServicer_to_server(gateway, server)
        add_DeliverServicer_to_server(gateway, server)
        gateway.port = server.add_secure_port("127.0.0.1:0", credentials)
        await server.start()
        servers.append(server)
    yield scripted
    await asyncio.gather(*(server.stop(grace=None) for server in servers))


@pytest.fixture
async def orderers(tls_files: Any) -> AsyncIterator[list[ScriptedOrderer]]:
    """Three orderers that listen."""
    scripted = [ScriptedOrderer() for _ in range(3)]
    key, certificate = tls_files.issue("localhost")
    server_credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    servers = []
    for orderer in scripted:
        server = grpc.aio.server()
        add_AtomicBroadcastServicer_to_server(orderer, server)
        orderer.port = server.add_secure_port("127.0.0.1:0", server_credentials)
        await server.start()
        servers.append(server)
    yield scripted
    await asyncio.gather(*(server.stop(grace=None) for server in servers))


@pytest.fixture
def profile(gateways: list[ScriptedGateway], tls_files: Any) -> FabricProfile:
    key, certificate = tls_files.issue("client")
    addresses = tuple(
        GatewayAddress(
            address=f"127.0.0.1:{gateway.port}",
            organisation=organisation,
            tls_ca=tls_files.authority,
        )
        for gateway, organisation in zip(gateways, ORGANISATIONS, strict=True)
    )
    return FabricProfile(
        channel="market",
        chaincode="market",
        msp_id="Org1MSP",
        client_certificate=certificate,
        client_key=key,
        gateways=addresses,
        endorsing_organisations=ORGANISATIONS,
    )


Open = Callable[..., GatewayClient]


@pytest.fixture
async def open_client(profile: FabricProfile) -> AsyncIterator[Open]:
    clients: list[GatewayClient] = []

    def open_one(**patience: float) -> GatewayClient:
        clients.append(GatewayClient(profile, TimeLimits(**patience)))
        return clients[-1]

    yield open_one
    await asyncio.gather(*(client.close() for client in clients))


async def test_a_transaction_is_endorsed_ordered_and_looked_up(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    done = await open_client().transact(BUY)
    assert (done.block, done.result) == (7, b"done")
    assert gateways[0].called == ["Endorse", "Submit", "CommitStatus"]
    assert gateways[0].requests["Endorse"][0].endorsing_organizations == list(ORGANISATIONS)
    assert gateways[1].called == []


@pytest.mark.parametrize(
    "code",
    [TxValidationCode.MVCC_READ_CONFLICT, TxValidationCode.PHANTOM_READ_CONFLICT, TxValidationCode.EXPIRED_CHAINCODE],
)
async def test_a_conflict_is_met_by_a_new_endorsement(
    gateways: list[ScriptedGateway], open_client: Open, code: int
) -> None:
    gateways[0].answers["CommitStatus"] = [invalid(code), valid(8)]
    assert (await open_client().transact(BUY)).block == 8
    first, second = gateways[0].requests["Endorse"]
    assert first.transaction_id != second.transaction_id


async def test_a_mismatch_is_met_by_a_new_endorsement(gateways: list[ScriptedGateway], open_client: Open) -> None:
    gateways[0].answers["Endorse"].insert(0, MISMATCH)
    await open_client().transact(BUY)
    assert gateways[0].called == ["Endorse", "Endorse", "Submit", "CommitStatus"]


async def test_a_claim_of_time_that_one_organisation_refuses_is_met_by_a_new_proposal(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    refusal = f"chaincode response 409, {json.dumps({'code': CLOCK_DIFFERS, 'message': '+9 s'})}"
    gateways[0].answers["Endorse"].insert(0, Failure(grpc.StatusCode.ABORTED, "failed", Org2MSP=refusal))
    gateways[0].answers["Evaluate"].insert(0, Failure(grpc.StatusCode.UNKNOWN, "failed", Org1MSP=refusal))
    client = open_client()
    assert (await client.transact(BUY)).result == b"done"
    first, second = gateways[0].requests["Endorse"]
    assert first.transaction_id != second.transaction_id
    assert await client.evaluate(BUY) == b"seen"
    gateways[0].answers["Endorse"] = [Failure(grpc.StatusCode.ABORTED, "failed", Org2MSP=refusal)]
    with pytest.raises(ClaimedTimeRefused, match="Org2MSP"):
        await open_client(transaction=0.2).transact(BUY)


async def test_conflicts_and_mismatches_without_end_are_reported(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    client = open_client(transaction=0.2)
    gateways[0].answers["CommitStatus"] = [invalid(TxValidationCode.MVCC_READ_CONFLICT)]
    with pytest.raises(TransactionInvalid, match="MVCC_READ_CONFLICT"):
        await client.transact(BUY)
    gateways[0].answers["Endorse"] = [MISMATCH]
    with pytest.raises(EndorsementMismatch):
        await client.transact(BUY)


async def test_a_transaction_that_is_invalid_for_good_is_not_repeated(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    gateways[0].answers["CommitStatus"] = [invalid(TxValidationCode.ENDORSEMENT_POLICY_FAILURE)]
    with pytest.raises(TransactionInvalid, match="ENDORSEMENT_POLICY_FAILURE"):
        await open_client().transact(BUY)
    assert gateways[0].called.count("Endorse") == 1


@pytest.mark.parametrize("lost", [None, UNAVAILABLE], ids=["no answer", "gateway gone"])
async def test_an_envelope_without_a_fate_is_sent_again_the_same(
    gateways: list[ScriptedGateway], open_client: Open, lost: Failure | None
) -> None:
    for gateway in gateways:
        gateway.answers["CommitStatus"] = [lost, valid()]
    await open_client(commit=0.3).transact(BUY)
    first, second = [request for gateway in gateways for request in gateway.requests.get("Submit", [])]
    assert first == second
    asked = CommitStatusRequest.FromString(gateways[1].requests["CommitStatus"][0].request)
    assert asked.transaction_id == gateways[0].requests["Endorse"][0].transaction_id
    assert [gateway.called.count("Endorse") for gateway in gateways] == [1, 0]


async def test_a_gateway_that_hangs_is_passed_over_in_every_step(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    for method in gateways[0].answers:
        gateways[0].answers[method] = [None]
    client = open_client()
    async with asyncio.timeout(30):  # a step that waited for its own time limit would take 32 s
        assert (await client.transact(BUY)).result == b"done"
    assert gateways[0].called == ["Endorse"]
    assert gateways[1].called == ["Endorse", "Submit", "CommitStatus"]


class Neighbour:
    """A gateway whose call ends when the test says so."""

    def __init__(self, *, is_alive: bool) -> None:
        self.is_alive = is_alive
        self.is_asked = asyncio.Event()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def ask(self) -> asyncio.Future[str]:
        self.is_asked.set()
        return self.answer


@pytest.mark.parametrize("is_alive", [True, False])
async def test_a_gateway_that_answers_others_is_slow_and_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, is_alive: bool
) -> None:
    monkeypatch.setattr(connections, "_LOOK_S", 0.002)
    first, second = Neighbour(is_alive=is_alive), Neighbour(is_alive=True)
    calls: Any = connections._Calls(cast(Any, [first, second]), cast(Any, Neighbour.ask))
    waiting = asyncio.create_task(anext(aiter(calls)))
    answering = first if is_alive else second
    await answering.is_asked.wait()
    for _ in range(3):  # looks, each of which would ask the second
        await asyncio.wait([waiting], timeout=0.01)
    answering.answer.set_result("done")
    answer, who = await waiting
    assert (answer.result(), who) == ("done", answering)
    assert second.is_asked.is_set() is not is_alive


async def test_a_duplicate_of_our_own_is_not_the_transactions_fate(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    gateways[0].answers["CommitStatus"] = [invalid(TxValidationCode.DUPLICATE_TXID), valid(9)]
    assert (await open_client().transact(BUY)).block == 9
    assert gateways[0].called.count("Submit") == 1


async def test_a_transaction_whose_fate_stays_unknown_is_not_endorsed_again(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    for gateway in gateways:
        gateway.answers["CommitStatus"] = [UNAVAILABLE]
    with pytest.raises(GatewayUnavailable):
        await open_client(transaction=0.3).transact(BUY)
    assert [gateway.called.count("Endorse") for gateway in gateways] == [1, 0]


async def test_the_contracts_word_counts_when_all_organisations_say_it(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    word = 'chaincode response 400, {"code": "X",\n "message": "y"}'
    gateways[0].answers["Endorse"] = [Failure(grpc.StatusCode.ABORTED, "failed", Org1MSP=word, Org2MSP=word)]
    with pytest.raises(ContractRefused) as refused:
        await open_client().transact(BUY)
    assert (refused.value.status, refused.value.message) == (400, '{"code": "X",\n "message": "y"}')
    assert gateways[0].called == ["Endorse"]


async def test_one_organisations_refusal_alone_is_a_mismatch(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    alone = Failure(grpc.StatusCode.ABORTED, "failed", Org1MSP="chaincode response 400, no")
    gateways[0].answers["Endorse"].insert(0, alone)
    assert (await open_client().transact(BUY)).result == b"done"


async def test_a_refused_question_is_the_contracts_word(gateways: list[ScriptedGateway], open_client: Open) -> None:
    word = Failure(grpc.StatusCode.UNKNOWN, "evaluate call failed", Org1MSP="chaincode response 404, nothing there")
    gateways[0].answers["Evaluate"] = [word]
    with pytest.raises(ContractRefused, match="nothing there"):
        await open_client().evaluate(BUY)


@pytest.mark.parametrize(
    "failure",
    [
        UNAVAILABLE,
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests, exceeding concurrency limit (500)"),
        Failure(grpc.StatusCode.FAILED_PRECONDITION, "no endorsers yet"),
        Failure(grpc.StatusCode.UNKNOWN, "too many requests"),
        Failure(grpc.StatusCode.PERMISSION_DENIED, "not you"),
        Failure(grpc.StatusCode.ABORTED, "failed", Org1MSP="chaincode stream terminated"),
    ],
    ids=lambda failure: failure.code.name,
)
async def test_what_one_gateway_cannot_do_the_next_is_asked(
    gateways: list[ScriptedGateway], open_client: Open, failure: Failure
) -> None:
    client = open_client()
    gateways[0].answers["Evaluate"] = [failure]
    assert await client.evaluate(BUY) == b"seen"
    assert await client.evaluate(BUY) == b"seen"
    assert [len(gateway.called) for gateway in gateways] == [1, 2]


@pytest.mark.parametrize(
    "failure",
    [
        Failure(grpc.StatusCode.INVALID_ARGUMENT, "no proposal"),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)"),
        Failure(grpc.StatusCode.ABORTED, "received unsuccessful response from orderer: status=BAD_REQUEST, info=size"),
        Failure(
            grpc.StatusCode.ABORTED,
            "received unsuccessful response from orderer: status=REQUEST_ENTITY_TOO_LARGE, info=",
        ),
    ],
    ids=lambda failure: failure.code.name,
)
async def test_what_the_network_refuses_is_not_asked_elsewhere(
    gateways: list[ScriptedGateway], open_client: Open, failure: Failure
) -> None:
    gateways[0].answers["Submit"] = [failure]
    with pytest.raises(GatewayRefused):
        await open_client().transact(BUY)
    assert gateways[1].called == []


@pytest.mark.parametrize(
    "said",
    [
        "received unsuccessful response from orderer: status=BAD_REQUEST, info=broadcast client identity expired 1 ago",
        "proposal client identity expired",
    ],
)
async def test_an_expired_identity_is_neither_the_transactions_fault_nor_worth_a_retry(
    gateways: list[ScriptedGateway], open_client: Open, said: str
) -> None:
    gateways[0].answers["Submit"] = [Failure(grpc.StatusCode.ABORTED, said)]
    with pytest.raises(IdentityExpired):
        await open_client().transact(BUY)
    assert gateways[0].called == ["Endorse", "Submit"]
    assert gateways[1].called == []


async def test_no_more_calls_are_open_than_a_gateway_bears(gateways: list[ScriptedGateway], open_client: Open) -> None:
    client = open_client()
    await asyncio.gather(*(client.evaluate(BUY) for _ in range(3 * MAX_CALLS)))
    assert gateways[0].called.count("Evaluate") > MAX_CALLS
    assert all(gateway.most_open_calls <= MAX_CALLS for gateway in gateways)


async def test_blocks_go_on_at_another_gateway_without_a_gap(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    gateways[0].blocks = [empty_block(3), empty_block(4)]
    gateways[1].blocks = [empty_block(5), empty_block(6)]
    blocks = open_client().blocks(3)
    assert [(await anext(blocks)).number for _ in range(4)] == [3, 4, 5, 6]
    await blocks.aclose()


async def test_a_silent_gateway_is_left_when_the_network_is_ahead(
    gateways: list[ScriptedGateway], open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.fabric.gateway.streams._SILENCE_S", 0.01)
    gateways[0].silent.set()
    ahead = EvaluateResponse(result=Response(payload=BlockchainInfo(height=4).SerializeToString()))
    for gateway in gateways:  # on a busy machine the second one is late, too
        gateway.answers["Evaluate"] = [ahead]
    gateways[1].blocks = [empty_block(3)]
    blocks = open_client().blocks(3)
    assert (await anext(blocks)).number == 3
    await blocks.aclose()


async def test_a_gateway_that_delivers_another_block_is_not_believed(
    gateways: list[ScriptedGateway], open_client: Open
) -> None:
    gateways[0].blocks = [empty_block(4)]
    gateways[1].blocks = [empty_block(3)]
    blocks = open_client().blocks(3)
    assert (await anext(blocks)).number == 3
    await blocks.aclose()


async def test_blocks_that_no_gateway_delivers_are_reported(
    gateways: list[ScriptedGateway], open_client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    thrice = stamina.AsyncRetryingCaller(attempts=3, wait_initial=0.05, wait_jitter=0.05)
    monkeypatch.setattr("ledger.fabric.gateway.streams._ON_FAILURE", thrice)
    with pytest.raises(GatewayUnavailable, match="the peer stops"):
        await anext(open_client().blocks(0))
    assert gateways[0].called + gateways[1].called == ["Deliver"] * 3


@pytest.fixture
async def watcher(
    profile: FabricProfile, orderers: list[ScriptedOrderer], tls_files: Any
) -> AsyncIterator[GatewayClient]:
    """A client that knows the orderers, two of which have to take part."""
    addresses = [
        OrdererAddress(address=f"127.0.0.1:{orderer.port}", tls_ca=tls_files.authority) for orderer in orderers
    ]
    known = profile.model_copy(update={"orderers": tuple(addresses), "ordering_quorum": 2})
    async with GatewayClient(known) as client:
        yield client


async def test_a_network_that_is_well_has_no_obstacle(
    watcher: GatewayClient, gateways: list[ScriptedGateway], orderers: list[ScriptedOrderer]
) -> None:
    gateways[0].answers["Evaluate"] = [Failure(grpc.StatusCode.UNKNOWN, "no", Org1MSP="chaincode response 400, no")]
    orderers[0].says = Status.SERVICE_UNAVAILABLE
    assert await watcher.obstacle(BUY) is None
    assert [list(gateway.requests["Evaluate"][0].target_organizations) for gateway in gateways] == [
        ["Org1MSP"],
        ["Org2MSP"],
    ]


@pytest.mark.parametrize("says", [Status.SERVICE_UNAVAILABLE, Status.FORBIDDEN, Status.NOT_FOUND, None])
async def test_orderers_without_a_majority_are_named(
    watcher: GatewayClient, orderers: list[ScriptedOrderer], monkeypatch: pytest.MonkeyPatch, says: int | None
) -> None:
    monkeypatch.setattr("ledger.fabric.gateway.connections._PATIENCE_S", 0.3)
    orderers[0].says = orderers[2].says = says
    obstacle = await watcher.obstacle(BUY)
    assert obstacle is not None
    assert "the orderers: 1 of the 2" in obstacle
    assert all(str(orderers[place].port) in obstacle for place in (0, 2))


@pytest.mark.parametrize("answer", [UNAVAILABLE, None], ids=["gone", "hanging"])
async def test_an_organisation_whose_peers_endorse_nothing_is_named(
    watcher: GatewayClient,
    gateways: list[ScriptedGateway],
    monkeypatch: pytest.MonkeyPatch,
    answer: Failure | None,
) -> None:
    monkeypatch.setattr("ledger.fabric.gateway.connections._PATIENCE_S", 0.3)
    gateways[1].answers["Evaluate"] = [answer]
    obstacle = await watcher.obstacle(BUY)
    assert obstacle is not None
    assert obstacle.startswith("the peers of Org2MSP: ")
    assert "Org1MSP" not in obstacle


async def test_a_jump_of_this_machines_clock_is_not_claimed(gateways: Any, open_client: Open) -> None:
    wall = [datetime(2026, 11, 30, 12, tzinfo=UTC)]
    client = open_client()
    client.time = SteadyTime(lambda: wall[0], lambda: 40 * 86_400.0, lambda: True)
    wall[0] += timedelta(days=400)
    await client.transact(BUY)
    (request,) = gateways[0].requests["Endorse"]
    proposal = Proposal.FromString(request.proposed_transaction.proposal_bytes)
    claimed = ChannelHeader.FromString(Header.FromString(proposal.header).channel_header).timestamp
    assert claimed.ToDatetime(UTC) == datetime(2026, 11, 30, 12, tzinfo=UTC)

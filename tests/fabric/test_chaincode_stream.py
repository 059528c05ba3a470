"""The chaincode server's side of a stream, against a peer whose every word the test chooses."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from fabric_protos.peer.chaincode_pb2 import ChaincodeID
from fabric_protos.peer.chaincode_shim_pb2 import ChaincodeMessage, GetState, WriteBatchState
from fabric_protos.peer.proposal_response_pb2 import Response
from structlog.testing import capture_logs

from ledger.fabric.chaincode_server import ChaincodeTransaction, ContractFailure, PeerGone, PeerRefusal
from ledger.fabric.chaincode_server.errors import ProtocolViolation
from ledger.fabric.chaincode_server.execution import CLOCK_DIFFERS, DEFECT, HostedChaincode, Workers
from ledger.fabric.chaincode_server.stream import SHUTTING_DOWN, PeerStream
from market_time import SteadyTime

CLAIMED = datetime.fromtimestamp(1_700_000_000.123, UTC)
"""What our proposals claim to be the time."""
LONG_AGO_S = 40 * 86_400.0
"""Since the machine's start."""


async def read_one(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    return await stub.get(args[0]) or b"nothing"


async def answer_at_once(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
    return function.encode()


def response_of(message: ChaincodeMessage) -> Response:
    assert message.type == ChaincodeMessage.COMPLETED
    return Response.FromString(message.payload)


@pytest.fixture
def workers() -> Iterator[Workers]:
    one = Workers(1)
    yield one
    one.close()


async def test_a_chaincode_introduces_itself_by_its_package_id(scripted_peer: Any, workers: Workers) -> None:
    stream = PeerStream(scripted_peer.incoming(), scripted_peer.write, HostedChaincode(answer_at_once, inf, workers))
    scripted_peer.leave()
    with pytest.raises(ProtocolViolation, match="ended the stream before"):
        await stream.serve("market:abc")
    hello = await scripted_peer.hear(ChaincodeMessage.REGISTER)
    assert ChaincodeID.FromString(hello.payload).name == "market:abc"


async def test_a_peer_that_does_not_accept_the_chaincode_is_reported(scripted_peer: Any, workers: Workers) -> None:
    stream = PeerStream(scripted_peer.incoming(), scripted_peer.write, HostedChaincode(answer_at_once, inf, workers))
    scripted_peer.say(ChaincodeMessage(type=ChaincodeMessage.KEEPALIVE))
    scripted_peer.say(ChaincodeMessage(type=ChaincodeMessage.ERROR))
    with pytest.raises(ProtocolViolation, match="sent ERROR before it accepted"):
        await stream.serve("market:abc")


async def test_answers_that_come_in_another_order_reach_their_own_transactions(connected: Any, propose: Any) -> None:
    async with connected(read_one) as peer:
        for txid in ("a", "b", "c"):
            peer.say(propose(txid, "read", f"key-{txid}"))
        requests = {request.txid: request for request in [await peer.hear(ChaincodeMessage.GET_STATE) for _ in "abc"]}
        for txid in ("c", "a", "b"):
            asked = GetState.FromString(requests[txid].payload).key
            peer.reply(requests[txid], f"value of {asked}".encode())
        done = {message.txid: response_of(message).payload for message in [await peer.hear() for _ in "abc"]}
    assert done == {txid: f"value of key-{txid}".encode() for txid in "abc"}


async def test_the_same_transaction_id_on_two_channels_is_two_transactions(connected: Any, propose: Any) -> None:
    async with connected(read_one) as peer:
        other = propose("a", "read", "key")
        other.channel_id = "elsewhere"
        peer.say(propose("a", "read", "key"))
        peer.say(other)
        for request in [await peer.hear(ChaincodeMessage.GET_STATE) for _ in range(2)]:
            peer.reply(request, request.channel_id.encode())
        done = [await peer.hear() for _ in range(2)]
    assert all(response_of(message).payload == message.channel_id.encode() for message in done)


async def test_a_transaction_has_one_request_open_at_a_time(connected: Any, propose: Any) -> None:
    async def read_both_at_once(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        found = await asyncio.gather(*(stub.get(key) for key in args))
        return b",".join(value or b"" for value in found)

    async with connected(read_both_at_once) as peer:
        peer.state = {"x": b"1", "y": b"2"}
        assert await peer.result(propose("a", "read", "x", "y")) == b"1,2"


async def test_an_error_of_the_peer_is_raised_in_the_contract(connected: Any, propose: Any) -> None:
    raised: list[Exception] = []

    async def read_and_tell(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        try:
            return await stub.get("key") or b""
        except PeerRefusal as refusal:
            raised.append(refusal)
            raise

    async with connected(read_and_tell) as peer:
        peer.say(propose("a", "read"))
        peer.reply(await peer.hear(), b"no ledger context", ChaincodeMessage.ERROR)
        last = await peer.hear(ChaincodeMessage.ERROR)
    assert str(raised[0]) == "no ledger context"
    assert last.payload == b"no ledger context"


async def test_what_the_contract_refuses_reaches_the_client_with_its_status(connected: Any, propose: Any) -> None:
    async def refuse(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        await stub.put("key", b"value")
        raise ContractFailure("not your turn", status=409)

    async with connected(refuse) as peer:
        response = response_of(await peer.simulate(propose("a", "bid")))
        assert (response.status, response.message) == (409, "not your turn")
        assert peer.requests == []


async def test_a_defect_of_the_contract_is_logged_without_what_it_was_about(connected: Any, propose: Any) -> None:
    async def fail(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        raise RuntimeError(f"cannot work with {args[0]} and {stub.transient}")

    with capture_logs() as logs:
        async with connected(fail) as peer:
            peer.say(propose("a", "bid", "an-argument", transient={"secret": b"s3cret"}))
            response = response_of(await peer.hear())
    assert (response.status, response.message) == (500, DEFECT)
    failed = [entry for entry in logs if entry["log_level"] == "error"]
    assert [(entry["error"], entry["transaction"]) for entry in failed] == [("RuntimeError", "a")]
    assert "an-argument" not in str(logs)
    assert "s3cret" not in str(logs)


async def test_messages_that_mean_nothing_here_are_logged_and_passed_over(connected: Any, propose: Any) -> None:
    with capture_logs() as logs:
        async with connected(answer_at_once) as peer:
            peer.say(ChaincodeMessage(type=ChaincodeMessage.GET_QUERY_RESULT, txid="a"))
            peer.say(ChaincodeMessage(type=77, txid="a"))
            peer.say(ChaincodeMessage(type=ChaincodeMessage.RESPONSE, txid="nobody", channel_id="market"))
            assert await peer.result(propose("a", "still here")) == b"still here"
    warnings = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [entry.get("type", entry.get("transaction")) for entry in warnings] == ["GET_QUERY_RESULT", "77", "nobody"]


async def test_an_init_message_is_refused_with_a_reason(connected: Any, propose: Any) -> None:
    async with connected(answer_at_once) as peer:
        init = propose("a", "init")
        init.type = ChaincodeMessage.INIT
        peer.say(init)
        assert b"init-required" in (await peer.hear(ChaincodeMessage.ERROR)).payload


async def test_arguments_that_are_no_text_are_refused(connected: Any, propose: Any) -> None:
    async with connected(answer_at_once) as peer:
        peer.say(propose("a", "bid", b"\xff\xfe"))
        assert b"not UTF-8" in (await peer.hear(ChaincodeMessage.ERROR)).payload


async def test_a_peer_that_goes_away_ends_its_open_transactions(connected: Any, propose: Any) -> None:
    ended = threading.Event()

    async def wait_for_the_peer(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        try:
            return await stub.get("key") or b""
        except (PeerGone, asyncio.CancelledError):
            ended.set()
            raise

    async with connected(wait_for_the_peer) as peer:
        peer.say(propose("a", "read"))
        await peer.hear(ChaincodeMessage.GET_STATE)
        peer.leave()
        assert await asyncio.to_thread(ended.wait, 30)


async def test_a_broken_stream_raises_in_the_contract(connected: Any, propose: Any) -> None:
    raised = threading.Event()

    async def read_until_gone(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        await stub.get("first")
        try:
            return await stub.get("second") or b""
        except PeerGone:
            raised.set()
            raise

    async with connected(read_until_gone) as peer:
        peer.say(propose("a", "read"))
        request = await peer.hear()
        peer.broken = True
        peer.reply(request, b"value")
        assert await asyncio.to_thread(raised.wait, 30)


async def test_a_keepalive_is_answered_while_a_contract_computes(connected: Any, propose: Any) -> None:
    started, enough = threading.Event(), threading.Event()

    async def compute(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        started.set()
        while not enough.is_set():
            pass
        return b"done"

    async with connected(compute) as peer:
        peer.say(propose("a", "compute"))
        assert await asyncio.to_thread(started.wait, 30)
        peer.say(ChaincodeMessage(type=ChaincodeMessage.KEEPALIVE))
        await peer.hear(ChaincodeMessage.KEEPALIVE)
        enough.set()
        assert response_of(await peer.hear()).payload == b"done"


async def test_other_transactions_go_on_while_one_computes(connected: Any, propose: Any) -> None:
    started, enough = threading.Event(), threading.Event()

    async def compute(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        if function == "quick":
            return b"quick"
        started.set()
        while not enough.is_set():
            pass
        return b"slow"

    async with connected(compute) as peer:
        peer.say(propose("a", "slow"))
        assert await asyncio.to_thread(started.wait, 30)
        peer.say(propose("b", "quick"))
        assert response_of(await peer.hear()).payload == b"quick"
        enough.set()
        assert response_of(await peer.hear()).payload == b"slow"


async def test_draining_ends_what_is_open_and_refuses_what_is_new(
    scripted_peer: Any, workers: Workers, propose: Any
) -> None:
    peer = scripted_peer
    stream = PeerStream(peer.incoming(), peer.write, HostedChaincode(read_one, inf, workers))
    serving = asyncio.create_task(stream.serve("market:abc"))
    await peer.accept()
    peer.say(propose("open", "read", "key"))
    request = await peer.hear(ChaincodeMessage.GET_STATE)
    draining = asyncio.create_task(stream.drain())
    await asyncio.sleep(0)  # let the drain begin
    peer.say(propose("new", "read", "key"))
    refused = await peer.hear(ChaincodeMessage.ERROR)
    assert (refused.txid, refused.payload.decode()) == ("new", SHUTTING_DOWN)
    peer.reply(request, b"value")
    assert response_of(await peer.hear()).payload == b"value"
    await draining
    peer.leave()
    await serving


async def test_a_message_too_large_for_a_peer_hurts_its_own_transaction_alone(
    connected: Any, propose: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer_much(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        return b"x" * int(args[0])

    monkeypatch.setattr("ledger.fabric.chaincode_server.wire.MAX_MESSAGE_BYTES", 10_000)
    async with connected(answer_much) as peer:
        peer.say(propose("a", "answer", "20000"))
        assert b"more than a peer takes" in (await peer.hear(ChaincodeMessage.ERROR)).payload
        assert await peer.result(propose("b", "answer", "10")) == b"x" * 10


async def test_writes_go_out_in_batches_as_large_as_the_peer_announced(connected: Any, propose: Any) -> None:
    async def write_five(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        for number in range(5):
            await stub.put(f"key-{number}", b"value")
        return b""

    async with connected(write_five, use_write_batch=True, max_size_write_batch=2) as peer:
        peer.say(propose("a", "write"))
        sizes = []
        while (request := await peer.hear()).type == ChaincodeMessage.WRITE_BATCH_STATE:
            sizes.append(len(WriteBatchState.FromString(request.payload).rec))
            peer.reply(request, b"")
    assert sizes == [2, 2, 1]
    assert response_of(request).status == 200


@pytest.mark.parametrize("late_s", [-6.0, 6.0])
async def test_a_claim_of_time_far_from_the_servers_clock_is_not_endorsed(
    connected: Any, propose: Any, late_s: float
) -> None:
    late = timedelta(seconds=late_s)
    async with connected(answer_at_once, max_clock_difference_s=5.0, time=stopped(CLAIMED + late)) as peer:
        refused = await refusal(peer, propose("a", "bid"))
        assert refused["code"] == CLOCK_DIFFERS
        assert "jumped" not in refused["message"]
    async with connected(answer_at_once, max_clock_difference_s=5.0, time=stopped(CLAIMED + 0.8 * late)) as peer:
        assert await peer.result(propose("b", "bid")) == b"bid"


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(hours=-1)], ids=str)
async def test_a_jump_of_the_servers_clock_is_not_believed(connected: Any, propose: Any, jump: timedelta) -> None:
    wall = [CLAIMED]
    time = SteadyTime(lambda: wall[0], lambda: LONG_AGO_S, lambda: True)
    async with connected(answer_at_once, max_clock_difference_s=5.0, time=time) as peer:
        wall[0] += jump
        assert await peer.result(propose("a", "bid")) == b"bid"


async def test_a_server_whose_clock_was_set_right_says_that_it_is_to_be_started_anew(
    connected: Any, propose: Any
) -> None:
    wall = [CLAIMED + timedelta(days=400)]
    time = SteadyTime(lambda: wall[0], lambda: LONG_AGO_S, lambda: True)
    async with connected(answer_at_once, max_clock_difference_s=5.0, time=time) as peer:
        wall[0] = CLAIMED
        assert "start this program again" in (await refusal(peer, propose("a", "bid")))["message"]


async def test_a_servers_clock_that_is_right_again_while_it_refuses_has_said_why(connected: Any, propose: Any) -> None:
    class SetRight(SteadyTime):
        """A clock that is found right again as soon as it has said what is wrong."""

        said = iter(["its clock jumped"])

        @property
        def trouble(self) -> str | None:
            return next(self.said, None)

    at = CLAIMED + timedelta(days=400)
    time = SetRight(lambda: at, lambda: LONG_AGO_S, lambda: True)
    async with connected(answer_at_once, max_clock_difference_s=5.0, time=time) as peer:
        assert (await refusal(peer, propose("a", "bid")))["message"].endswith("The endorser says: its clock jumped")


def stopped(at: datetime) -> SteadyTime:
    return SteadyTime(lambda: at, lambda: LONG_AGO_S, lambda: True)


async def refusal(peer: Any, proposal: ChaincodeMessage) -> dict[str, str]:
    """What a peer hears to a proposal that is in conflict with the time."""
    peer.say(proposal)
    refused = response_of(await peer.hear())
    assert refused.status == 409
    return dict(json.loads(refused.message))

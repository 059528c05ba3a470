"""What a contract sees through the stub, whatever the peer can do."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.fabric.chaincode_server import ChaincodeTransaction, ClientIdentity
from ledger.fabric.chaincode_server.errors import ProtocolViolation

PEER_OF_3_1 = {
    "use_write_batch": True,
    "max_size_write_batch": 3,
    "use_get_multiple_keys": True,
    "max_size_get_multiple_keys": 3,
}
PEER_OF_2_5: dict[str, Any] = {}
EITHER_PEER = pytest.mark.parametrize("announced", [PEER_OF_3_1, PEER_OF_2_5], ids=["3.1", "2.5"])
REUSED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Keys as a market may have them, and the corners of UTF-8's order.
KEYS = st.text(st.sampled_from("ab/0\ud7ff\ue000\U0010ffff"), min_size=1, max_size=4)
VALUES = st.binary(min_size=1, max_size=3)


@EITHER_PEER
@REUSED
@given(
    state=st.dictionaries(KEYS, VALUES, max_size=6),
    changes=st.lists(st.tuples(KEYS, VALUES | st.none()), max_size=8),
    read=st.lists(KEYS, max_size=8),
)
async def test_a_transaction_reads_the_state_before_it_and_its_last_writes_count(
    connected: Any,
    propose: Any,
    announced: dict[str, Any],
    state: dict[str, bytes],
    changes: list[tuple[str, bytes | None]],
    read: list[str],
) -> None:
    found: list[bytes | None] = []

    async def change_and_read(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        for key, value in changes:
            if value is None:
                await stub.delete(key)
            else:
                await stub.put(key, value)
        found.extend(await stub.get_many(read))
        return b"done"

    after = state | dict(changes)
    async with connected(change_and_read, **announced) as peer:
        peer.state = dict(state)
        assert await peer.result(propose("a", "change")) == b"done"
        assert found == [state.get(key) for key in read]
        assert peer.state == {key: value for key, value in after.items() if value is not None}


@REUSED
@given(
    state=st.dictionaries(KEYS, VALUES, max_size=12),
    prefix=st.text(st.sampled_from("ab/0\ud7ff\ue000\U0010ffff"), max_size=2),
    batch=st.integers(1, 4),
    limit=st.integers(1, 20),
)
async def test_a_range_holds_every_key_with_its_prefix_in_order_whatever_the_peer_cuts(
    connected: Any, propose: Any, state: dict[str, bytes], prefix: str, batch: int, limit: int
) -> None:
    found: list[tuple[str, bytes]] = []

    async def look(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        found.extend(await stub.range(prefix))
        return b"done"

    async with connected(look) as peer:
        peer.state, peer.scan_batch, peer.scan_limit = state, batch, limit
        await peer.result(propose("a", "look"))
        assert peer.open_iterators == 0
    wanted = [(key, value) for key, value in state.items() if key.startswith(prefix)]
    assert found == sorted(wanted, key=lambda entry: entry[0].encode())


@pytest.mark.parametrize(("limit", "found"), [(None, ["b", "b/1", "c"]), (2, ["b", "b/1"]), (3, ["b", "b/1", "c"])])
async def test_keys_between_two_are_read_up_to_a_number_and_no_iterator_stays_open(
    connected: Any, propose: Any, limit: int | None, found: list[str]
) -> None:
    async def look(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        return " ".join(key for key, _ in await stub.between("b", "d", limit)).encode()

    async with connected(look) as peer:
        peer.state, peer.scan_batch = dict.fromkeys(("a", "b", "b/1", "c", "d"), b"value"), 2
        assert (await peer.result(propose("a", "look"))).decode().split() == found
        assert peer.open_iterators == 0


async def test_a_scan_that_is_left_early_closes_its_iterator(connected: Any, propose: Any) -> None:
    async def first_of_many(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        entries = stub.scan("", "")
        key, _ = await anext(entries)
        await entries.aclose()
        return key.encode()

    async with connected(first_of_many) as peer:
        peer.state = {f"key-{number}": b"value" for number in range(9)}
        assert await peer.result(propose("a", "look")) == b"key-0"
        assert peer.requests == ["GET_STATE_BY_RANGE", "QUERY_STATE_CLOSE"]
        assert peer.open_iterators == 0


@pytest.mark.parametrize(
    ("announced", "requests"),
    [
        (PEER_OF_3_1, ["GET_STATE_MULTIPLE", "GET_STATE_MULTIPLE", "WRITE_BATCH_STATE"]),
        (PEER_OF_2_5, ["GET_STATE"] * 4 + ["PUT_STATE", "DEL_STATE"]),
    ],
    ids=["3.1", "2.5"],
)
async def test_reads_and_writes_are_batched_where_the_peer_takes_batches(
    connected: Any, propose: Any, announced: dict[str, Any], requests: list[str]
) -> None:
    async def read_and_write(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        await stub.get_many(["a", "b", "c", "d"])
        await stub.put("a", b"1")
        await stub.delete("b")
        return b""

    async with connected(read_and_write, **announced) as peer:
        await peer.result(propose("a", "work"))
        assert peer.requests == requests


async def test_a_transaction_knows_who_sent_it_when_and_with_what(connected: Any, propose: Any) -> None:
    async def tell(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        told = {
            "function": function,
            "args": list(args),
            "channel": stub.channel,
            "id": stub.transaction_id,
            "at": stub.timestamp_ms,
            "msp": stub.client.msp_id,
            "attributes": stub.client.attributes,
            "subject": stub.client.certificate.subject.rfc4514_string(),
            "transient": {name: value.decode() for name, value in stub.transient.items()},
        }
        return json.dumps(told).encode()

    async with connected(tell) as peer:
        told = json.loads(await peer.result(propose("tx-1", "tell", "x", "y", transient={"hint": b"hush"})))
    assert told == {
        "function": "tell",
        "args": ["x", "y"],
        "channel": "market",
        "id": "tx-1",
        "at": 1_700_000_000_123,
        "msp": "Org1MSP",
        "attributes": {"role": "queue"},
        "subject": "CN=queue",
        "transient": {"hint": "hush"},
    }


async def test_the_last_event_set_is_the_transactions_event(connected: Any, propose: Any) -> None:
    async def announce(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        await stub.set_event("first", b"1")
        await stub.set_event("second", b"2")
        return b""

    async with connected(announce) as peer:
        event = (await peer.simulate(propose("a", "announce"))).chaincode_event
    assert (event.event_name, event.payload) == ("second", b"2")


@pytest.mark.parametrize("misuse", ["empty key", "empty value", "nameless event"])
async def test_what_a_peer_would_misunderstand_is_refused_at_once(connected: Any, propose: Any, misuse: str) -> None:
    refused: list[str] = []

    async def misuse_the_stub(stub: ChaincodeTransaction, function: str, args: Sequence[str]) -> bytes:
        try:
            match misuse:
                case "empty key":
                    await stub.get("")
                case "empty value":
                    await stub.put("key", b"")
                case _:
                    await stub.set_event("", b"payload")
        except ValueError as error:
            refused.append(str(error))
        return b""

    async with connected(misuse_the_stub) as peer:
        await peer.result(propose("a", "misuse"))
    assert len(refused) == 1


def test_a_creator_that_is_no_certificate_is_refused() -> None:
    with pytest.raises(ProtocolViolation, match="certificate cannot be read"):
        ClientIdentity.of_creator(b"\x0a\x07Org1MSP\x12\x03abc")

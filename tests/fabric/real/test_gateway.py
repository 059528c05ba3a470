"""The gateway client on a real network: conflicts, disagreement, lost transactions, dead gateways."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from fabric_network.launcher import Network
from ledger.fabric.gateway import (
    Checkpoint,
    EndorsementMismatch,
    FabricProfile,
    GatewayClient,
    GatewayRefused,
    GatewayUnavailable,
    Invocation,
    TimeLimits,
)

pytestmark = pytest.mark.fabric

Call = Callable[..., Invocation]


async def test_transactions_that_get_into_each_others_way_all_take_effect_once(
    client: GatewayClient, call: Call, unique: str
) -> None:
    done = await asyncio.gather(*(client.transact(call("increment", unique)) for _ in range(8)))
    assert sorted(json.loads(one.result) for one in done) == list(range(1, 9))
    assert json.loads(await client.evaluate(call("get_many", unique))) == ["8"]


async def test_organisations_that_disagree_for_a_moment_are_asked_again(
    client: GatewayClient, call: Call, unique: str
) -> None:
    done = await client.transact(call("process_at_first", unique))
    assert json.loads(done.result) == 0


async def test_organisations_that_keep_disagreeing_are_reported(profile: FabricProfile, call: Call) -> None:
    client = GatewayClient(profile, TimeLimits(transaction=0.5))
    try:
        with pytest.raises(EndorsementMismatch, match="do not match"):
            await client.transact(call("process"))
    finally:
        await client.close()


async def test_the_same_envelope_sent_twice_takes_effect_once(client: GatewayClient, call: Call, unique: str) -> None:
    endorsed = await client.endorse(call("increment", unique))
    await asyncio.gather(client.submit(endorsed), client.submit(endorsed))
    first = await client.commit_status(endorsed.transaction_id)
    await client.submit(endorsed)
    again = await client.commit_status(endorsed.transaction_id)
    assert first.block_number == again.block_number
    done = await client.transact(call("increment", unique))
    assert json.loads(done.result) == 2


async def test_a_commit_status_that_does_not_come_is_not_waited_for(profile: FabricProfile) -> None:
    client = GatewayClient(profile, TimeLimits(commit=0.2))
    try:
        with pytest.raises(GatewayUnavailable):
            await client.commit_status("0" * 64)
    finally:
        await client.close()


async def test_events_go_on_exactly_after_a_checkpoint(client: GatewayClient, call: Call, unique: str) -> None:
    chaincode = call("announce").chaincode
    height = await client.height()
    endorsed = await asyncio.gather(*(client.endorse(call("announce", unique, str(n))) for n in range(6)))
    await asyncio.gather(*(client.submit(one) for one in endorsed))
    seen = []
    events = client.chaincode_events(chaincode, Checkpoint(height))
    async for event in events:
        seen.append(event)
        if len(seen) == len(endorsed):
            break
    await events.aclose()
    assert {event.transaction_id for event in seen} == {one.transaction_id for one in endorsed}
    for place, event in enumerate(seen[:-1]):
        again = client.chaincode_events(chaincode, event.checkpoint)
        assert await anext(again) == seen[place + 1]
        await again.aclose()


async def test_a_dead_gateway_is_passed_over(profile: FabricProfile, call: Call, free_port: int, unique: str) -> None:
    nowhere = profile.gateways[0].model_copy(update={"address": f"127.0.0.1:{free_port}"})
    client = GatewayClient(profile.model_copy(update={"gateways": (nowhere, *profile.gateways)}))
    try:
        await client.transact(call("put", unique, "there"))
        assert json.loads(await client.evaluate(call("get_many", unique))) == ["there"]
    finally:
        await client.close()


async def test_a_gateway_with_another_authoritys_certificate_is_not_spoken_to(
    profile: FabricProfile, network: Network
) -> None:
    cooperative, utility = profile.gateways
    wrong = cooperative.model_copy(update={"tls_ca": utility.tls_ca})
    client = GatewayClient(profile.model_copy(update={"gateways": (wrong,)}))
    try:
        with pytest.raises(GatewayUnavailable):
            await client.height()
    finally:
        await client.close()


async def test_a_client_that_the_channel_does_not_know_is_refused(profile: FabricProfile, call: Call) -> None:
    stranger = GatewayClient(profile.model_copy(update={"channel": "elsewhere"}), TimeLimits(transaction=0.3))
    try:
        with pytest.raises((GatewayRefused, GatewayUnavailable)):
            await stranger.transact(call("put", "key", "value"))
    finally:
        await stranger.close()


async def test_a_transaction_that_computes_long_does_not_stop_the_others(
    client: GatewayClient, call: Call, unique: str
) -> None:
    slow = asyncio.create_task(client.evaluate(call("compute", "2")))
    quick = 0
    while not slow.done():
        await client.evaluate(call("get_many", unique))
        quick += 1
    assert json.loads(await slow) == "computed"
    assert quick > 5


async def test_hundreds_of_calls_at_once_are_all_answered(client: GatewayClient, call: Call, unique: str) -> None:
    await client.transact(call("put", unique, "value"))
    answers = await asyncio.gather(*(client.evaluate(call("get_many", unique)) for _ in range(700)))
    assert set(answers) == {b'["value"]'}


async def test_a_time_that_nobodys_clock_shows_is_proposed_anew(
    client: GatewayClient, call: Call, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = iter([timedelta(seconds=8), timedelta(seconds=-8)])

    def now() -> datetime:
        return datetime.now(UTC) + next(wrong, timedelta())

    monkeypatch.setattr(client.time, "now", now)
    await client.transact(call("put", unique, "there"))
    assert list(wrong) == []
    assert json.loads(await client.evaluate(call("get_many", unique))) == ["there"]

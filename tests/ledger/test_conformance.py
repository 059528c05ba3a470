"""What every ledger does. Nothing here assumes that the ledger is fresh or that its cursors are dense."""

import asyncio
import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from energy_market_chaincode import UnknownGame, UnknownProsumer, block_views, iso, read_exact_json
from energy_market_chaincode.errors import UnknownFunction
from ledger import Cursor, InvalidCursor, Ledger, LedgerEvent, TransactionFailed, UnknownBlock

Command = Callable[..., str]
GameCommand = Callable[[], str]


async def take(ledger: Ledger, number: int, after: Cursor | None) -> list[LedgerEvent]:
    """Read so many events after a cursor."""
    stream = cast(Any, ledger.events(after))
    taken: list[LedgerEvent] = []
    async with aclosing(stream):
        while len(taken) < number:
            taken.append(await anext(stream))
    return taken


def game_of(command: str) -> str:
    return str(json.loads(command)["payload"]["data"]["game"])


# -- transactions


async def test_a_transaction_has_a_result_for_each_command_in_their_order(ledger: Ledger, command: Command) -> None:
    commands = [command("topUpAccount", prosumer="operator", amount=str(n)) for n in (1, 2, 3)]
    submission = await ledger.submit(commands)
    assert [result["id"] for result in submission.results] == [json.loads(text)["id"] for text in commands]
    assert {result["status"] for result in submission.results} == {"committed"}


async def test_a_rejected_command_does_not_hurt_its_neighbours(ledger: Ledger, command: Command) -> None:
    submission = await ledger.submit(
        [
            command("topUpAccount", prosumer="operator", amount="1"),
            command("topUpAccount", prosumer="nobody", amount="1"),
            command("topUpAccount", prosumer="operator", amount="1"),
        ]
    )
    assert [result["status"] for result in submission.results] == ["committed", "rejected", "committed"]
    assert submission.results[1]["code"] == "UNKNOWN_PROSUMER"


async def test_the_same_command_again_takes_no_effect_and_has_the_same_result(
    ledger: Ledger, game_command: GameCommand
) -> None:
    again = game_command()
    (first,) = (await ledger.submit([again])).results
    end = await ledger.end()
    second, third = (await ledger.submit([again, again])).results
    assert second == third == {**first, "duplicate": True}
    assert await ledger.end() == end


async def test_a_transaction_refused_as_a_whole_takes_no_effect(ledger: Ledger, game_command: GameCommand) -> None:
    good = game_command()
    with pytest.raises(TransactionFailed):
        await ledger.submit([good, '{"id": "1"} , {"id": "2"}'])
    (result,) = (await ledger.submit([good])).results
    assert result["duplicate"] is False


@pytest.mark.parametrize("text", ["", "{", "NaN", '{"a": 1, "a": 2}', '{"a": 1e99999999999999999999}', "[" * 100_000])
async def test_what_no_reader_could_read_does_not_come_onto_the_ledger(ledger: Ledger, text: str) -> None:
    height = await ledger.height()
    with pytest.raises(TransactionFailed, match="command 0"):
        await ledger.submit([text])
    assert await ledger.height() == height


async def test_commands_submitted_at_once_all_take_effect(ledger: Ledger, game_command: GameCommand) -> None:
    commands = [game_command() for _ in range(20)]
    submissions = await asyncio.gather(*(ledger.submit([text]) for text in commands))
    assert {submission.results[0]["result"]["game"] for submission in submissions} == {*map(game_of, commands)}
    assert len({submission.transaction_id for submission in submissions}) == len(commands)


async def test_a_ledger_that_commits_names_nothing_that_stands_in_its_way(ledger: Ledger, command: Command) -> None:
    await ledger.submit([command("topUpAccount", prosumer="operator", amount="1")])
    assert await ledger.obstacle() is None


# -- questions


async def test_a_query_sees_what_a_submit_before_it_committed(ledger: Ledger, game_command: GameCommand) -> None:
    opened = game_command()
    await ledger.submit([opened])
    assert read_exact_json(await ledger.query("game", game_of(opened)))["phase"] == "registration"


async def test_a_query_changes_nothing(ledger: Ledger, game_command: GameCommand) -> None:
    opened = game_command()
    height = await ledger.height()
    await ledger.query("submit", f"[{opened}]")
    assert await ledger.height() == height
    with pytest.raises(UnknownGame):
        await ledger.query("game", game_of(opened))


async def test_a_question_the_contract_refuses_raises_its_rejection(ledger: Ledger) -> None:
    with pytest.raises(UnknownProsumer):
        await ledger.query("prosumer", "nobody")
    with pytest.raises(UnknownFunction):
        await ledger.query("secrets")


async def test_a_moment_is_one_slot_that_takes_its_tariffs_from_the_table(ledger: Ledger, command: Command) -> None:
    """Whatever the spelling; a slot that began already has no registration, and is delivered."""
    now = datetime.now(UTC).replace(microsecond=0)
    tariffs = [{"from": iso(now - timedelta(days=1)), "retail": "-0.01", "feedIn": "-0.012"}]
    later = now + timedelta(hours=1)
    spellings = [f"{now:%Y-%m-%dT%H:%M:%S}Z", f"{now:%Y%m%dT%H%M%S}+00", f"{later:%Y-%m-%d %H:%M:%S}+01:00"]
    await ledger.submit([command("setTopology", edges=[["seller", "buyer"]])])
    told = [command("setTariffs", tariffs=tariffs), *(command("publishGame", deliverySlot=slot) for slot in spellings)]
    told += [command("publishGame", deliverySlot=f"{now:%Y-%m-%dT%H:%M:%S}"), command("setTariffs", tariffs=[])]
    results = (await ledger.submit(told)).results
    assert [result.get("code") for result in results] == [None, None, *["GAME_EXISTS"] * 2, "MALFORMED_COMMAND", None]
    shown = read_exact_json(await ledger.query("game", f"Game-{iso(now)}"))
    assert (shown["phase"], shown["stop"]["reason"]) == ("delivery", "no-trade")
    assert shown["parameters"]["retailTariff"] == Decimal("-0.01")
    assert shown["deliveryEndsAt"] == iso(now + timedelta(minutes=15))


# -- blocks


async def test_a_block_tells_what_went_in_and_what_came_out(ledger: Ledger, game_command: GameCommand) -> None:
    opened, wrong = game_command(), json.dumps({"topic": "nothing"})
    submission = await ledger.submit([opened, wrong])
    block = await ledger.block(submission.block)
    (transaction,) = (t for t in block.transactions if t.id == submission.transaction_id)
    assert transaction.commands == [json.loads(opened), json.loads(wrong)]
    assert transaction.results == submission.results
    assert [(event["name"], event["game"]) for event in transaction.events] == [("GameInitEvent", game_of(opened))]


async def test_every_block_names_the_hash_of_the_one_before(ledger: Ledger, game_command: GameCommand) -> None:
    for _ in range(3):
        await ledger.submit([game_command()])
    blocks = [await ledger.block(number) for number in range(await ledger.height())]
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(blocks))
    assert len({block.hash for block in blocks}) == len(blocks)
    assert all(len(bytes.fromhex(block.hash)) == 32 for block in blocks)


async def test_transactions_of_one_sender_have_rising_times(ledger: Ledger, game_command: GameCommand) -> None:
    times = []
    for _ in range(5):
        submission = await ledger.submit([game_command()])
        block = await ledger.block(submission.block)
        times += [t.at_ms for t in block.transactions if t.id == submission.transaction_id]
    assert times == sorted(set(times))


def digest(*parts: str) -> str:
    """Hash as the embedded ledger says it does."""
    data = [part.encode() for part in parts]
    return hashlib.sha256(b"".join(len(each).to_bytes(8, "big") + each for each in data)).hexdigest()


def der(tag: int, content: bytes) -> bytes:
    """Write an element shorter than 128 bytes."""
    return bytes((tag, len(content))) + content


def hash_of(evidence: block_views.BlockEvidence) -> str:
    """Recompute a block's hash from nothing but its evidence."""
    if isinstance(evidence, block_views.EmbeddedEvidence):
        digests = [digest(each.content, *each.events) for each in evidence.transactions]
        return digest(str(evidence.number), str(evidence.at_ms), evidence.previous_hash, *digests)
    data_hash = hashlib.sha256(b"".join(map(b64decode, evidence.data))).digest()
    number = evidence.number.to_bytes(evidence.number.bit_length() // 8 + 1, "big")
    parts = der(0x02, number) + der(0x04, bytes.fromhex(evidence.previous_hash)) + der(0x04, data_hash)
    return hashlib.sha256(der(0x30, parts)).hexdigest()


async def test_a_blocks_evidence_gives_its_hash_and_its_signatures_hold(
    ledger: Ledger, game_command: GameCommand
) -> None:
    submission = await ledger.submit([game_command()])
    evidence = await ledger.evidence(submission.block)
    assert hash_of(evidence) == (await ledger.block(submission.block)).hash
    if isinstance(evidence, block_views.FabricEvidence):
        assert {voucher.role for voucher in evidence.vouchers} == {"orderer", "client", "endorser"}
        for voucher in evidence.vouchers:
            key = load_pem_x509_certificate(voucher.certificate.encode()).public_key()
            assert isinstance(key, EllipticCurvePublicKey)
            key.verify(b64decode(voucher.signature), b64decode(voucher.signed), ECDSA(SHA256()))


async def test_a_block_that_is_not_there_is_unknown(ledger: Ledger) -> None:
    for number in (await ledger.height(), -1, 10**30):
        with pytest.raises(UnknownBlock):
            await ledger.block(number)
        with pytest.raises(UnknownBlock):
            await ledger.evidence(number)


# -- events


async def test_events_come_in_the_order_of_their_commands(ledger: Ledger, game_command: GameCommand) -> None:
    await ledger.submit([game_command()])
    start = await ledger.end()
    commands = [game_command() for _ in range(6)]
    await ledger.submit(commands[:3])
    await ledger.submit(commands[3:])
    events = await take(ledger, 6, start)
    assert [event.data["game"] for event in events] == [*map(game_of, commands)]
    assert all(earlier.cursor < later.cursor for earlier, later in pairwise(events))
    assert [event.cursor.index for event in events] == [0, 1, 2, 0, 1, 2]
    assert events[-1].cursor == await ledger.end()


async def test_an_event_carries_its_transactions_time_and_exact_decimals(
    ledger: Ledger, game_command: GameCommand
) -> None:
    await ledger.submit([game_command()])
    start = await ledger.end()
    submission = await ledger.submit([game_command()])
    (event,) = await take(ledger, 1, start)
    block = await ledger.block(submission.block)
    (transaction,) = (t for t in block.transactions if t.id == submission.transaction_id)
    assert event.cursor.block == submission.block
    assert event.at_ms == transaction.at_ms
    assert event.data == transaction.events[0]
    assert event.data["feePerHop"] == Decimal("0.02")
    assert isinstance(event.data["feePerHop"], Decimal)


async def test_after_every_cursor_the_stream_goes_on_without_gap_or_repeat(
    ledger: Ledger, game_command: GameCommand
) -> None:
    await ledger.submit([game_command()])
    start = await ledger.end()
    for number in (1, 3, 2):
        await ledger.submit([game_command() for _ in range(number)])
    events = await take(ledger, 6, start)
    for seen, event in enumerate(events[:-1], start=1):
        assert await take(ledger, 6 - seen, event.cursor) == events[seen:]


async def test_a_stream_without_cursor_begins_with_the_first_event(ledger: Ledger, game_command: GameCommand) -> None:
    await ledger.submit([game_command()])
    (first,) = await take(ledger, 1, None)
    height = await ledger.height()
    blocks = [await ledger.block(number) for number in range(height)]
    names = [event for block in blocks for transaction in block.transactions for event in transaction.events]
    assert first.data == names[0]


async def test_a_waiting_reader_is_woken_by_a_commit(ledger: Ledger, game_command: GameCommand) -> None:
    await ledger.submit([game_command()])
    waiting = asyncio.create_task(take(ledger, 1, await ledger.end()))
    submission = await ledger.submit([game_command()])
    (event,) = await waiting
    assert event.cursor.block == submission.block


async def test_commands_without_events_do_not_move_the_end(
    ledger: Ledger, game_command: GameCommand, command: Command
) -> None:
    await ledger.submit([game_command()])
    end = await ledger.end()
    await ledger.submit([command("topUpAccount", prosumer="operator", amount="1")])
    assert await ledger.end() == end


async def test_a_cursor_beyond_the_end_is_invalid(ledger: Ledger, game_command: GameCommand) -> None:
    await ledger.submit([game_command()])
    end = await ledger.end()
    assert end is not None
    for beyond in (Cursor(end.block, end.transaction, end.index + 1), Cursor(end.block + 1, 0, 0)):
        with pytest.raises(InvalidCursor):
            await take(ledger, 1, beyond)


async def test_readers_end_when_the_ledger_is_closed(ledger: Ledger, game_command: GameCommand) -> None:
    await ledger.submit([game_command()])
    start = await ledger.end()
    await ledger.submit([game_command()])
    has_read = asyncio.Event()

    async def read_on() -> int:
        seen = 0
        async for _ in ledger.events(start):
            seen += 1
            has_read.set()
        return seen

    reader = asyncio.create_task(read_on())
    await has_read.wait()
    await ledger.close()
    assert await reader == 1


# -- the ledger's id


async def test_a_ledger_is_called_after_the_transaction_that_began_it(ledger: Ledger, command: Command) -> None:
    await ledger.submit([command("topUpAccount", prosumer="operator", amount="1")])
    blocks = [await ledger.block(number) for number in range(await ledger.height())]
    first = next(transaction for block in blocks for transaction in block.transactions)
    assert await ledger_id(ledger) == first.id


async def test_a_command_counts_only_on_the_ledger_that_it_names(
    ledger: Ledger, command_for: Callable[..., str]
) -> None:
    ours, before = await ledger_id(ledger), await money(ledger)
    good, foreign, bare = (
        command_for(named, "topUpAccount", prosumer="operator", amount="1") for named in (ours, "x", None)
    )
    submission = await ledger.submit([good, foreign, bare])
    assert [result.get("code") for result in submission.results] == [None, "LEDGER_DIFFERS", None]
    assert await money(ledger) == before + 2
    assert await ledger.query("command", "operator", json.loads(foreign)["id"]) == b"null"


@pytest.mark.parametrize(
    ("ends_in", "said"),
    [
        (timedelta(hours=1), ["committed", "committed"]),
        (timedelta(minutes=-5), ["COMMAND_EXPIRED", "COMMAND_EXPIRED"]),
        (timedelta(hours=49), ["VALID_TOO_LONG", "VALID_TOO_LONG"]),
    ],
)
async def test_a_command_counts_once_until_its_end_which_is_near(
    ledger: Ledger, ending_command: Callable[..., str], ends_in: timedelta, said: list[str]
) -> None:
    command = ending_command(await ledger_id(ledger), datetime.now(UTC) + ends_in)
    before = await money(ledger)
    results = [(await ledger.submit([command])).results[0] for _ in said]
    assert [result.get("code", result["status"]) for result in results] == said
    assert [result["duplicate"] for result in results] == [False, said[0] == "committed"]
    assert await money(ledger) == before + (said[0] == "committed")


async def ledger_id(ledger: Ledger) -> str:
    return str(read_exact_json(await ledger.query("market"))["ledger"])


async def money(ledger: Ledger) -> Decimal:
    return Decimal(read_exact_json(await ledger.query("market"))["money"])


async def test_an_operator_begins_an_epoch_and_what_was_signed_for_the_one_before_counts_no_more(
    ledger: Ledger, command_for: Command
) -> None:
    before, end, now = await ledger_id(ledger), await ledger.end(), datetime.now(UTC)
    times = {"oldTime": iso(now + timedelta(days=400)), "newTime": iso(now)}
    (begun,) = (await ledger.submit([command_for(before, "setLedgerTime", **times)])).results
    assert begun["status"] == "committed"
    after = begun["result"]["ledger"]
    assert after == await ledger_id(ledger) == f"{before.partition('.')[0]}.{begun['result']['number']}"
    had = await money(ledger)
    top_up = {"prosumer": "operator", "amount": "1"}
    results = (await ledger.submit([command_for(of, "topUpAccount", **top_up) for of in (before, after)])).results
    assert [result.get("code", result["status"]) for result in results] == ["LEDGER_DIFFERS", "committed"]
    assert await money(ledger) == had + 1
    (told,) = await take(ledger, 1, end)
    assert (told.name, told.data["ledger"]) == ("LedgerTimeSetEvent", after)
